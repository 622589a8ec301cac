/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/percent.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

static void test_every_byte(void)
{
	char text[4], out[2];

	for (int c = 0; c < 256; c++)
		for (int upper = 0; upper < 2; upper++) {
			snprintf(text, sizeof(text), upper ? "%%%02X" : "%%%02x", c);
			CU_ASSERT_EQUAL(percent_decode(text, 3, out, 1), 1);
			CU_ASSERT_EQUAL((unsigned char)out[0], c);
			CU_ASSERT_EQUAL(out[1], '\0');
		}
}

static void test_plain(void)
{
	char out[16];

	CU_ASSERT_EQUAL(percent_decode("", 0, out, 0), 0);
	CU_ASSERT_STRING_EQUAL(out, "");
	CU_ASSERT_EQUAL(percent_decode("a+b%2fc", 7, out, 15), 5);
	CU_ASSERT_STRING_EQUAL(out, "a+b/c");
	/* Once is enough. */
	CU_ASSERT_EQUAL(percent_decode("%2541", 5, out, 15), 3);
	CU_ASSERT_STRING_EQUAL(out, "%41");
}

static void test_malformed(void)
{
	static const char *const bad[] = {"%", "%4", "a%", "%%", "%g1", "%1g", "%-1", "% 1", "%0x"};
	char out[16];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_EQUAL(percent_decode(bad[i], strlen(bad[i]), out, 15), -EINVAL);
	/* The digits behind the end are not the text's. */
	CU_ASSERT_EQUAL(percent_decode("%41", 2, out, 15), -EINVAL);
}

static void test_room(void)
{
	char out[5] = "zzzz";

	CU_ASSERT_EQUAL(percent_decode("%41%42%43", 9, out, 3), 3);
	CU_ASSERT_EQUAL(percent_decode("%41%42%43%44", 12, out, 3), -E2BIG);
	CU_ASSERT_EQUAL(out[4], '\0');
}

UNIT_MAIN(UNIT(test_every_byte), UNIT(test_plain), UNIT(test_malformed), UNIT(test_room))
