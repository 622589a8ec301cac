/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/query.h"

#include "tests/unit/control/http/check.h"

static struct http_fault f;

static struct query over(const char *text)
{
	return (struct query){.p = text, .left = strlen(text)};
}

static void test_parameters(void)
{
	struct query q = over("number=3&&si%7ae=5%31&flag&empty=&a=b=c");
	static const char *const want[][2] = {
	        {"number", "3"}, {"size", "51"}, {"flag", ""}, {"empty", ""}, {"a", "b=c"}};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		CU_ASSERT_EQUAL(query_next(&q, &f), 1);
		CU_ASSERT_STRING_EQUAL(q.name, want[i][0]);
		CU_ASSERT_STRING_EQUAL(q.value, want[i][1]);
	}
	CU_ASSERT_EQUAL(query_next(&q, &f), 0);
	q = over("&&&");
	CU_ASSERT_EQUAL(query_next(&q, &f), 0);
}

static void test_malformed(void)
{
	char text[300] = "a=";
	struct query q = over("a=%");

	check_fault(query_next(&q, &f), &f, 400, "query: has a % without");
	q = over("%4=1");
	check_fault(query_next(&q, &f), &f, 400, "query: has a % without");
	q = over("a=1%002");
	check_fault(query_next(&q, &f), &f, 400, "query: has a null");
	memset(text + 2, 'x', 256);
	q = over(text);
	check_fault(query_next(&q, &f), &f, 400, "query: a name or a value is longer");
	text[257] = '\0';
	q = over(text);
	CU_ASSERT_EQUAL(query_next(&q, &f), 1);
}

static void test_numbers(void)
{
	static const char *const none[] = {"",     "-",  "x",  "1.5", "1e2",
	                                   "0x10", "+1", " 1", "1 ",  "--1"};
	static const char *const outside[] = {"0",
	                                      "-1",
	                                      "129",
	                                      "-0",
	                                      "256",
	                                      "4294967297",
	                                      "9223372036854775808",
	                                      "18446744073709551617",
	                                      "99999999999999999999999999999999999999999999"};
	uint32_t v = 77;

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		check_fault(query_number("number", none[i], 1, 128, &v, &f), &f, 400,
		            "number: is not an integer");
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
		check_fault(query_number("number", outside[i], 1, 128, &v, &f), &f, 400,
		            "number: is not from 1 to 128");
	CU_ASSERT_EQUAL(v, 77);
	CU_ASSERT_EQUAL(query_number("number", "1", 1, 128, &v, &f), 0);
	CU_ASSERT_EQUAL(v, 1);
	CU_ASSERT_EQUAL(query_number("number", "128", 1, 128, &v, &f), 0);
	CU_ASSERT_EQUAL(v, 128);
	CU_ASSERT_EQUAL(query_number("number", "4294967295", 1, UINT32_MAX, &v, &f), 0);
	CU_ASSERT_EQUAL(v, UINT32_MAX);
}

UNIT_MAIN(UNIT(test_parameters), UNIT(test_malformed), UNIT(test_numbers))
