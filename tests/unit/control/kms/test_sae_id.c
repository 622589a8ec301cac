/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/sae_id.h"

#include <string.h>

#include "tests/unit/unit.h"

static void test_free_text(void)
{
	char longest[256];

	memset(longest, 'x', sizeof(longest));
	CU_ASSERT_PTR_NULL(kms_sae_id_fault("a", 1));
	CU_ASSERT_PTR_NULL(kms_sae_id_fault(" / ? # % & + \" \\ ", 17));
	CU_ASSERT_PTR_NULL(kms_sae_id_fault("caf\xc3\xa9 \xf0\x9f\x94\x91", 10));
	CU_ASSERT_PTR_NULL(kms_sae_id_fault(longest, 255));
	CU_ASSERT_STRING_EQUAL(kms_sae_id_fault(longest, 256), "is longer than 255 bytes");
	CU_ASSERT_STRING_EQUAL(kms_sae_id_fault("", 0), "is empty");
}

static void test_control_characters(void)
{
	for (int c = 0; c < 128; c++) {
		char id[3] = {'a', (char)c, 'b'};

		CU_ASSERT_EQUAL(kms_sae_id_fault(id, 3) == NULL, c >= 0x20 && c != 0x7f);
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
		const char *wrong = kms_sae_id_fault(bad[i], strlen(bad[i]));

		CU_ASSERT_PTR_NOT_NULL_FATAL(wrong);
		CU_ASSERT_STRING_EQUAL(wrong, "is not UTF-8");
	}
}

UNIT_MAIN(UNIT(test_free_text), UNIT(test_control_characters), UNIT(test_no_utf8))
