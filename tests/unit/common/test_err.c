/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/err.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

static void test_set_returns_negative_code(void)
{
	struct err err = {0};

	CU_ASSERT_EQUAL(err_set(&err, EINVAL, "mtu: %d is below 576", 10), -EINVAL);
	CU_ASSERT_EQUAL(err.code, EINVAL);
	CU_ASSERT_STRING_EQUAL(err.text, "mtu: 10 is below 576");
	CU_ASSERT_EQUAL(err_set(NULL, ENOENT, "nobody listens"), -ENOENT);
}

static void test_prefix_names_the_path(void)
{
	struct err err = {0};

	err_set(&err, ENODEV, "no such port");
	CU_ASSERT_EQUAL(err_prefix(&err, "ports[%d]", 1), -ENODEV);
	CU_ASSERT_STRING_EQUAL(err.text, "ports[1]: no such port");
}

static void test_long_text_is_cut(void)
{
	struct err err = {0};
	char text[600];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(&err, EIO, "%s", text);
	CU_ASSERT_EQUAL(strlen(err.text), sizeof(err.text) - 1);
	err_prefix(&err, "%s", text);
	CU_ASSERT_EQUAL(strlen(err.text), sizeof(err.text) - 1);
}

UNIT_MAIN(UNIT(test_set_returns_negative_code), UNIT(test_prefix_names_the_path),
          UNIT(test_long_text_is_cut))
