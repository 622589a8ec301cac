/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/bytes.h"
#include "tests/unit/unit.h"

static void test_big_endian_round_trip(void)
{
	uint8_t b[9] = {0};

	put_be16(b + 1, 0x0102);
	CU_ASSERT_EQUAL(b[1], 1);
	CU_ASSERT_EQUAL(get_be16(b + 1), 0x0102);
	put_be32(b + 1, 0x01020304);
	CU_ASSERT_EQUAL(b[4], 4);
	CU_ASSERT_EQUAL(get_be32(b + 1), 0x01020304);
	put_be64(b + 1, 0x0102030405060708);
	CU_ASSERT_EQUAL(b[8], 8);
	CU_ASSERT_EQUAL(get_be64(b + 1), 0x0102030405060708);
}

static void test_bits(void)
{
	uint64_t w[BITS_WORDS(65)] = {0};

	CU_ASSERT_EQUAL(BITS_WORDS(64), 1);
	CU_ASSERT_EQUAL(BITS_WORDS(65), 2);
	bits_put(w, 64, true);
	CU_ASSERT_EQUAL(w[1], 1);
	CU_ASSERT_TRUE(bits_get(w, 64));
	bits_put(w, 64, false);
	CU_ASSERT_FALSE(bits_get(w, 64));
}

static void test_equal_ct(void)
{
	CU_ASSERT_TRUE(bytes_equal_ct("abcd", "abcd", 4));
	CU_ASSERT_FALSE(bytes_equal_ct("abcd", "abce", 4));
	CU_ASSERT_TRUE(bytes_equal_ct("x", "y", 0));
}

UNIT_MAIN(UNIT(test_big_endian_round_trip), UNIT(test_bits), UNIT(test_equal_ct))
