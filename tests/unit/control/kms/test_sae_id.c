/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/sae_id.h"

#include <string.h>

#include "tests/unit/unit.h"

static void test_free_text(void)
{
	char longest[256];

	memset(longest, 'x', sizeof(longest));
	CU_ASSERT_PTR_NULL(http_identity_fault("a", 1));
	CU_ASSERT_PTR_NULL(http_identity_fault(" / ? # % & + \" \\ ", 17));
	CU_ASSERT_PTR_NULL(http_identity_fault("caf\xc3\xa9 \xf0\x9f\x94\x91", 10));
	CU_ASSERT_PTR_NULL(http_identity_fault(longest, 255));
	CU_ASSERT_STRING_EQUAL(http_identity_fault(longest, 256), "is longer than 255 bytes");
	CU_ASSERT_STRING_EQUAL(http_identity_fault("", 0), "is empty");
}

static void test_control_characters(void)
{
	for (int c = 0; c < 128; c++) {
		char id[3] = {'a', (char)c, 'b'};

		CU_ASSERT_EQUAL(http_identity_fault(id, 3) == NULL, c >= 0x20 && c != 0x7f);
	}
}

static void test_c1_control_characters(void)
{
	CU_ASSERT_STRING_EQUAL(http_identity_fault("a\xc2\x9b"
	                                           "31m",
	                                           6),
	                       "has a control character");
	CU_ASSERT_STRING_EQUAL(http_identity_fault("\xc2\x80", 2), "has a control character");
	CU_ASSERT_PTR_NULL(http_identity_fault("\xc2\xa0", 2));
	CU_ASSERT_STRING_EQUAL(http_identity_fault("\xc2(", 2), "is not UTF-8");
	CU_ASSERT_STRING_EQUAL(http_identity_fault("\xc2", 1), "is not UTF-8");
}

static void test_short_form(void)
{
	char out[KMS_SAE_SHORT], id[256];

	CU_ASSERT_STRING_EQUAL(kms_sae_id_short("alice", out), "alice");
	memset(id, 'x', sizeof(id));
	id[KMS_SAE_SHORT - 1] = '\0';
	CU_ASSERT_STRING_EQUAL(kms_sae_id_short(id, out), id);
	/* Longer, with a character of three bytes on the edge: whole or not at all. */
	for (int at = 40; at < KMS_SAE_SHORT; at++) {
		memset(id, 'x', sizeof(id));
		memcpy(id + at, "\xe2\x82\xac", 3);
		id[255] = '\0';
		kms_sae_id_short(id, out);
		CU_ASSERT(strlen(out) < KMS_SAE_SHORT);
		CU_ASSERT_STRING_EQUAL(out + strlen(out) - 3, "...");
		CU_ASSERT_PTR_NULL(http_identity_fault(out, strlen(out)));
	}
}

static void test_no_utf8(void)
{
	/* Alone, cut, overlong, a surrogate, beyond Unicode. */
	static const char *const bad[] = {
	        "\x80",     "\xff",         "\xc3",         "\xe2\x82",
	        "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80",
	        "a\xc3(b"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *wrong = http_identity_fault(bad[i], strlen(bad[i]));

		CU_ASSERT_PTR_NOT_NULL_FATAL(wrong);
		CU_ASSERT_STRING_EQUAL(wrong, "is not UTF-8");
	}
}

UNIT_MAIN(UNIT(test_free_text), UNIT(test_control_characters), UNIT(test_no_utf8),
          UNIT(test_c1_control_characters), UNIT(test_short_form))
