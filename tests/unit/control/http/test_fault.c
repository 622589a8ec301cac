/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/unit/control/http/check.h"

static void test_body_as_the_standard_has_it(void)
{
	struct http_fault f;
	char *body;

	CU_ASSERT_EQUAL(
	        http_fault_set(&f, 400, "not all extension_mandatory parameters are supported"),
	        -400);
	body = http_fault_body(&f);
	CU_ASSERT_STRING_EQUAL(
	        body, "{\"message\":\"not all extension_mandatory parameters are supported\"}");
	free(body);
	http_fault_add(&f, "extension_mandatory_unsupported", "%s is not supported",
	               "abc_route_type");
	body = http_fault_body(&f);
	CU_ASSERT_STRING_EQUAL(
	        body, "{\"message\":\"not all extension_mandatory parameters are supported\","
	              "\"details\":[{\"extension_mandatory_unsupported\":"
	              "\"abc_route_type is not supported\"}]}");
	free(body);
}

static void test_field(void)
{
	struct http_fault f;

	check_fault(http_fault_field(&f, 400, "number", "is not from %u to %u", 1, 128), &f, 400,
	            "number: is not from 1 to 128");
	CU_ASSERT_EQUAL(f.count, 1);
	CU_ASSERT_STRING_EQUAL(f.detail[0].name, "number");
}

static void test_unavailable(void)
{
	struct http_fault f;

	check_fault(http_fault_unavailable(&f, "no keys", 7), &f, 503, "no keys");
	CU_ASSERT_EQUAL(f.retry_after_s, 7);
}

static void test_more_details_than_are_kept(void)
{
	struct http_fault f;

	http_fault_set(&f, 400, "m");
	for (int i = 0; i < HTTP_DETAILS + 3; i++)
		http_fault_add(&f, "n", "%d", i);
	CU_ASSERT_EQUAL(f.count, HTTP_DETAILS);
	check_fault_body(&f);
}

/* A client's name of any length, cut at any place within a character of 2, 3 and 4 bytes. */
static void test_cut_within_a_character(void)
{
	static const char *const characters[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x94\x91"};

	for (size_t c = 0; c < 3; c++)
		for (int lead = 0; lead < 5; lead++) {
			struct http_fault f;
			char name[400] = "";

			for (int i = 0; i < lead; i++)
				strcat(name, "x");
			for (int i = 0; i < 90; i++)
				strcat(name, characters[c]);
			check_fault(http_fault_field(&f, 400, "n", "%s", name), &f, 400, "n: ");
		}
}

UNIT_MAIN(UNIT(test_body_as_the_standard_has_it), UNIT(test_field), UNIT(test_unavailable),
          UNIT(test_more_details_than_are_kept), UNIT(test_cut_within_a_character))
