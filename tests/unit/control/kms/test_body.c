/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/body.h"

#include "tests/unit/control/http/check.h"

static struct http_fault f;

static int parse(const char *text, size_t n, json_t **out)
{
	int rc = kms_body_parse(text, n, out, &f);

	CU_ASSERT_EQUAL(rc == 0, *out != NULL);
	return rc;
}

static void refused(const char *text, const char *message)
{
	json_t *body;

	check_fault(parse(text, strlen(text), &body), &f, 400, message);
}

static void test_objects(void)
{
	static const char *const good[] = {"{}", " \r\n\t{ } ", "{\"a\":[1,{\"b\":\"[[[[{{{{\"}]}"};
	json_t *body;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CU_ASSERT_EQUAL(parse(good[i], strlen(good[i]), &body), 0);
		json_decref(body);
	}
}

static void test_no_object(void)
{
	refused("[]", "body: is no JSON object");
	refused("[{\"number\":1}]", "body: is no JSON object");
	refused("1", "body: is no JSON: line 1");
	refused("null", "body: is no JSON: line 1");
	refused(" ", "body: is no JSON: line 1");
	refused("{", "body: is no JSON: line 1");
	refused("{}{}", "body: is no JSON: line 1");
	refused("{\"number\":01}", "body: is no JSON: line 1");
	refused("{'number':1}", "body: is no JSON: line 1");
	refused("{\"number\":NaN}", "body: is no JSON: line 1");
	refused("{\"number\":9223372036854775808}", "body: is no JSON: line 1");
	refused("{\"number\":1e999}", "body: is no JSON: line 1");
	refused("{\"a\":\"\\u0000\"}", "body: is no JSON: line 1");
	refused("{\"a\":\"\xff\"}", "body: is no JSON: line 1");
	refused("{\"a\":\"\\", "body: is no JSON: line 1");
	refused("\xef\xbb\xbf{}", "body: is no JSON: line 1");
	refused("{\n\"number\":1,\n\"number\":2}", "body: is no JSON: line 3");
	refused("{\"a\":{\"b\":1,\"b\":1}}", "body: is no JSON: line 1");
}

/* Words of the client are not said again. */
static void test_error_has_none_of_the_body(void)
{
	refused("{\"number\": hunter2}", "body: is no JSON: line 1");
	CU_ASSERT_PTR_NULL(strstr(f.message, "hunter2"));
}

static void test_null_byte(void)
{
	json_t *body;

	check_fault(parse("{}\0", 3, &body), &f, 400, "body: is no JSON: line 1");
	check_fault(parse("{\"a\0b\":1}", 9, &body), &f, 400, "body: is no JSON: line 1");
}

static void test_depth(void)
{
	char text[200];
	json_t *body;

	for (int depth = 1; depth <= 32; depth++) {
		int n = sprintf(text, "{\"a\":");

		for (int i = 1; i < depth; i++)
			text[n++] = '[';
		text[n++] = '1';
		for (int i = 1; i < depth; i++)
			text[n++] = ']';
		text[n++] = '}';
		if (depth > KMS_BODY_DEPTH) {
			check_fault(parse(text, (size_t)n, &body), &f, 400,
			            "body: is nested more than 16 deep");
		} else {
			CU_ASSERT_EQUAL(parse(text, (size_t)n, &body), 0);
			json_decref(body);
		}
	}
}

/* As large as may be, of brackets alone; never closed. */
static void test_bombs(void)
{
	char *text = malloc(KMS_BODY_BYTES + 1);
	json_t *body;

	memset(text, '[', KMS_BODY_BYTES + 1);
	check_fault(parse(text, KMS_BODY_BYTES + 1, &body), &f, 413, "body: is longer than 262144");
	check_fault(parse(text, KMS_BODY_BYTES, &body), &f, 400, "body: is nested more than 16");
	memcpy(text, "{\"a\":[", 6);
	for (size_t i = 6; i + 3 <= KMS_BODY_BYTES; i += 3)
		memcpy(text + i, "{},", 3);
	check_fault(parse(text, KMS_BODY_BYTES, &body), &f, 400, "body: has more than 8192 parts");
	for (size_t i = 6; i + 2 <= KMS_BODY_BYTES; i += 2)
		memcpy(text + i, "1,", 2);
	check_fault(parse(text, KMS_BODY_BYTES, &body), &f, 400, "body: has more than 8192 parts");
	memset(text, ' ', KMS_BODY_BYTES);
	memcpy(text + KMS_BODY_BYTES - 2, "{}", 2);
	CU_ASSERT_EQUAL(parse(text, KMS_BODY_BYTES, &body), 0);
	json_decref(body);
	free(text);
}

static void test_numbers(void)
{
	static const char *const wrong[] = {"\"3\"", "1.5", "3.0", "true", "[]", "{}"};
	static const char *const outside[] = {
	        "0", "-1", "129", "4294967297", "9223372036854775807", "-9223372036854775808"};
	char text[64];
	uint32_t v = 77;
	json_t *body;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		sprintf(text, "{\"number\":%s}", wrong[i]);
		CU_ASSERT_EQUAL_FATAL(parse(text, strlen(text), &body), 0);
		check_fault(kms_body_number(body, "number", 1, 128, &v, &f), &f, 400,
		            "number: is not an integer");
		json_decref(body);
	}
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		sprintf(text, "{\"number\":%s}", outside[i]);
		CU_ASSERT_EQUAL_FATAL(parse(text, strlen(text), &body), 0);
		check_fault(kms_body_number(body, "number", 1, 128, &v, &f), &f, 400,
		            "number: is not from 1 to 128");
		json_decref(body);
	}
	CU_ASSERT_EQUAL(v, 77);
	CU_ASSERT_EQUAL_FATAL(parse("{\"number\":128}", 14, &body), 0);
	CU_ASSERT_EQUAL(kms_body_number(body, "size", 1, 2, &v, &f), 0);
	CU_ASSERT_EQUAL(v, 77);
	CU_ASSERT_EQUAL(kms_body_number(body, "number", 1, 128, &v, &f), 0);
	CU_ASSERT_EQUAL(v, 128);
	json_decref(body);
}

UNIT_MAIN(UNIT(test_objects), UNIT(test_no_object), UNIT(test_error_has_none_of_the_body),
          UNIT(test_null_byte), UNIT(test_depth), UNIT(test_bombs), UNIT(test_numbers))
