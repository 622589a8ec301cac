/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/plan_json.h"

#include <string.h>

#include "tests/unit/unit.h"

struct box {
	double top, inner;
};
static const struct plan_field fields[] = {
        {"", "top", offsetof(struct box, top), 0, 10},
        {"part", "inner", offsetof(struct box, inner), -1, 1},
};
static const char *const others[] = {"word", "part.word"};

static int read(const char *text, struct box *b, struct err *err)
{
	json_t *o = json_loads(text, 0, NULL);
	int rc;

	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	*b = (struct box){7, 8};
	*err = (struct err){0};
	rc = plan_json_fields(o, fields, 2, others, 2, b, err);
	json_decref(o);
	return rc;
}

static void test_fields(void)
{
	struct err err;
	struct box b;

	CU_ASSERT_EQUAL(
	        read("{\"top\":3,\"part\":{\"inner\":0.5,\"word\":\"x\"},\"word\":[]}", &b, &err),
	        0);
	CU_ASSERT(b.top == 3 && b.inner == 0.5);
	CU_ASSERT_EQUAL(read("{}", &b, &err), 0);
	CU_ASSERT(b.top == 7 && b.inner == 8);
	CU_ASSERT(read("{\"part\":{\"top\":1}}", &b, &err) < 0);
	CU_ASSERT_STRING_EQUAL(err.text, "part.top: there is no such field");
	CU_ASSERT(read("{\"top\":\"1\"}", &b, &err) < 0);
	CU_ASSERT_STRING_EQUAL(err.text, "top: is not a number");
	CU_ASSERT(read("{\"part\":{\"inner\":2}}", &b, &err) < 0);
	CU_ASSERT_STRING_EQUAL(err.text, "part.inner: 2 is outside -1 to 1");
}

static void test_words(void)
{
	static const char *const words[] = {"a", "b", "c"};
	json_t *o = json_loads("{\"w\":\"b\",\"x\":\"d\",\"y\":4}", 0, NULL);
	unsigned int which = 9;
	struct err err;

	CU_ASSERT_EQUAL(plan_json_word(o, "none", words, 3, &which, &err), 1);
	CU_ASSERT_EQUAL(which, 9);
	CU_ASSERT_EQUAL(plan_json_word(o, "w", words, 3, &which, &err), 0);
	CU_ASSERT_EQUAL(which, 1);
	CU_ASSERT(plan_json_word(o, "x", words, 3, &which, &err) < 0);
	CU_ASSERT_STRING_EQUAL(err.text, "x: is not a, b or c");
	CU_ASSERT(plan_json_word(o, "y", words, 3, &which, &err) < 0);
	json_decref(o);
}

static void test_load(void)
{
	char text[] = "{\"a\":1,\"a\":2}";
	FILE *f = fmemopen(text, strlen(text), "r");
	struct err err;
	json_t *o = NULL;

	CU_ASSERT(plan_json_load(f, "file", &o, &err) < 0);
	CU_ASSERT(strncmp(err.text, "file: line 1", 12) == 0);
	CU_ASSERT_PTR_NULL(o);
	fclose(f);
}

UNIT_MAIN(UNIT(test_fields), UNIT(test_words), UNIT(test_load))
