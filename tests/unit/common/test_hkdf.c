/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/hkdf.h"
#include "tests/unit/unit.h"

#include <string.h>

/* RFC 5869, appendix A.1. */
static void test_rfc5869_case_1(void)
{
	static const uint8_t want[42] = {
	        0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a, 0x90, 0x43, 0x4f, 0x64, 0xd0, 0x36,
	        0x2f, 0x2a, 0x2d, 0x2d, 0x0a, 0x90, 0xcf, 0x1a, 0x5a, 0x4c, 0x5d, 0xb0, 0x2d, 0x56,
	        0xec, 0xc4, 0xc5, 0xbf, 0x34, 0x00, 0x72, 0x08, 0xd5, 0xb8, 0x87, 0x18, 0x58, 0x65};
	uint8_t ikm[22], salt[13], info[10], out[42];

	memset(ikm, 0x0b, sizeof(ikm));
	for (unsigned int i = 0; i < sizeof(salt); i++)
		salt[i] = (uint8_t)i;
	for (unsigned int i = 0; i < sizeof(info); i++)
		info[i] = (uint8_t)(0xf0 + i);
	CU_ASSERT_EQUAL(hkdf_sha256(ikm, 22, salt, 13, info, 10, out, 42), 0);
	CU_ASSERT_EQUAL(memcmp(out, want, 42), 0);
}

static void test_too_long_is_refused_and_zeroed(void)
{
	static uint8_t out[256 * 32], zero[256 * 32];

	memset(out, 1, sizeof(out));
	CU_ASSERT(hkdf_sha256("k", 1, "s", 1, "i", 1, out, sizeof(out)) < 0);
	CU_ASSERT_EQUAL(memcmp(out, zero, sizeof(out)), 0);
}

/* FIPS 180-2, appendix B.1. */
static void test_sha256_abc(void)
{
	static const uint8_t want[4] = {0xba, 0x78, 0x16, 0xbf};
	uint8_t digest[32];

	sha256("abc", 3, digest);
	CU_ASSERT_EQUAL(memcmp(digest, want, 4), 0);
}

UNIT_MAIN(UNIT(test_rfc5869_case_1), UNIT(test_too_long_is_refused_and_zeroed),
          UNIT(test_sha256_abc))
