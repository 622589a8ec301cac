/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/jsonrpc.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

static unsigned int calls;

/* "echo" returns its parameters, "fail" an error. */
static json_t *call(void *ctx, const char *method, const json_t *params,
                    struct jsonrpc_error *error)
{
	calls++;
	if (strcmp(method, "echo") == 0)
		return params != NULL ? json_deep_copy(params) : json_null();
	jsonrpc_fail(error, JSONRPC_METHOD_NOT_FOUND, "/method: there is no %s", method);
	return NULL;
}

static void check(const char *request, const char *expected)
{
	char *answer = jsonrpc_handle(request, strlen(request), call, NULL);

	if (expected == NULL) {
		CU_ASSERT_PTR_NULL(answer);
	} else {
		CU_ASSERT_PTR_NOT_NULL_FATAL(answer);
		CU_ASSERT_STRING_EQUAL(answer, expected);
		if (strcmp(answer, expected) != 0)
			printf("\n  got  %s\n  want %s\n", answer, expected);
	}
	free(answer);
}

#define ERROR_OF(code, message, path, reason, id)                                                  \
	"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":" code ",\"message\":\"" message                 \
	"\",\"data\":{\"path\":\"" path "\",\"reason\":\"" reason "\"}},\"id\":" id "}"
#define ERROR(code, path, reason, id) ERROR_OF(code, path ": " reason, path, reason, id)
/* Nowhere in particular. */
#define ERROR_ALL(code, reason, id) ERROR_OF(code, reason, "/", reason, id)

static void test_result_and_error(void)
{
	check("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":[1,2],\"id\":7}",
	      "{\"jsonrpc\":\"2.0\",\"result\":[1,2],\"id\":7}");
	check("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":\"x\"}",
	      "{\"jsonrpc\":\"2.0\",\"result\":null,\"id\":\"x\"}");
	check("{\"jsonrpc\":\"2.0\",\"method\":\"nope\",\"id\":1}",
	      ERROR("-32601", "/method", "there is no nope", "1"));
}

static void test_invalid_requests_name_the_field(void)
{
	check("{\"method\":\"echo\",\"id\":1}",
	      ERROR("-32600", "/jsonrpc", "must be \\\"2.0\\\"", "1"));
	check("{\"jsonrpc\":\"1.0\",\"method\":\"echo\",\"id\":1}",
	      ERROR("-32600", "/jsonrpc", "must be \\\"2.0\\\"", "1"));
	check("{\"jsonrpc\":\"2.0\",\"id\":1}",
	      ERROR("-32600", "/method", "must be a string", "1"));
	check("{\"jsonrpc\":\"2.0\",\"method\":5,\"id\":1}",
	      ERROR("-32600", "/method", "must be a string", "1"));
	check("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":3,\"id\":1}",
	      ERROR("-32600", "/params", "must be an object or an array", "1"));
	check("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":{}}",
	      ERROR("-32600", "/id", "must be a string, a number or null", "null"));
	check("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":1,\"extra\":1}",
	      ERROR("-32600", "/extra", "unknown field", "1"));
}

static void test_parse_error_keeps_the_request_to_itself(void)
{
	check("{\"jsonrpc\": secretsecret}",
	      ERROR_ALL("-32700", "line 1 column 24: invalid token", "null"));
	check("{\"a\":1,\"a\":2}",
	      ERROR_ALL("-32700", "line 1 column 10: duplicate object key", "null"));
	check("hello\n", ERROR_ALL("-32700", "line 1 column 5: '[' or '{' expected", "null"));
	check("{\"a\":\"\\u0000\"}",
	      ERROR_ALL("-32700",
	                "line 1 column 13: \\\\u0000 is not allowed without JSON_ALLOW_NUL",
	                "null"));
}

static void test_notification_runs_without_answer(void)
{
	calls = 0;
	check("{\"jsonrpc\":\"2.0\",\"method\":\"echo\"}", NULL);
	check("{\"jsonrpc\":\"2.0\",\"method\":\"nope\"}", NULL);
	CU_ASSERT_EQUAL(calls, 2);
}

static void test_batch(void)
{
	char many[8192] = "[";

	check("[{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":1},"
	      "{\"jsonrpc\":\"2.0\",\"method\":\"echo\"},5]",
	      "[{\"jsonrpc\":\"2.0\",\"result\":null,\"id\":1}," ERROR(
	              "-32600", "/", "a request is an object", "null") "]");
	check("[{\"jsonrpc\":\"2.0\",\"method\":\"echo\"}]", NULL);
	check("[]", ERROR("-32600", "/", "a batch has 1 to 64 requests", "null"));
	calls = 0;
	for (int i = 0; i < JSONRPC_BATCH_MAX + 1; i++)
		strcat(many, i == 0 ? "{\"jsonrpc\":\"2.0\",\"method\":\"echo\"}"
		                    : ",{\"jsonrpc\":\"2.0\",\"method\":\"echo\"}");
	strcat(many, "]");
	check(many, ERROR("-32600", "/", "a batch has 1 to 64 requests", "null"));
	CU_ASSERT_EQUAL(calls, 0);
}

/* The batches of the specification's section 7 that do not depend on its methods. */
static void test_batches_of_the_specification(void)
{
#define NOT_AN_OBJECT ERROR("-32600", "/", "a request is an object", "null")
	check("[1]", "[" NOT_AN_OBJECT "]");
	check("[1,2,3]", "[" NOT_AN_OBJECT "," NOT_AN_OBJECT "," NOT_AN_OBJECT "]");
	check("[{\"jsonrpc\": \"2.0\", \"method\": \"sum\", \"params\": [1,2,4], \"id\": \"1\"},"
	      "{\"jsonrpc\": \"2.0\", \"method\"]",
	      ERROR_ALL("-32700", "line 1 column 95: ':' expected", "null"));
	check("[{\"jsonrpc\": \"2.0\", \"method\": \"echo\", \"params\": [1,2,4], \"id\": \"1\"},"
	      "{\"jsonrpc\": \"2.0\", \"method\": \"notify_hello\", \"params\": [7]},"
	      "{\"foo\": \"boo\"},"
	      "{\"jsonrpc\": \"2.0\", \"method\": \"foo.get\", \"params\": {\"name\": \"me\"}, "
	      "\"id\": \"5\"},"
	      "{\"jsonrpc\": \"2.0\", \"method\": \"echo\", \"id\": \"9\"}]",
	      "[{\"jsonrpc\":\"2.0\",\"result\":[1,2,4],\"id\":\"1\"}," ERROR(
	              "-32600", "/jsonrpc", "must be \\\"2.0\\\"",
	              "null") "," ERROR("-32601", "/method", "there is no foo.get",
	                                "\"5\"") ","
	                                         "{\"jsonrpc\":\"2.0\",\"result\":null,\"id\":"
	                                         "\"9\"}]");
}

/* Keys of lists are in the path whatever they hold; a sentence is no path. */
static void test_path_and_reason(void)
{
	static const struct {
		const char *text, *answer;
	} cases[] = {
	        {"/lumengate:gateway/tunnel[name='a: b']/mtu: too small",
	         ERROR("-32000", "/lumengate:gateway/tunnel[name='a: b']/mtu", "too small",
	               "null")},
	        {"/params/x: must be: so", ERROR("-32000", "/params/x", "must be: so", "null")},
	        {"the KMS: is not open", ERROR_ALL("-32000", "the KMS: is not open", "null")},
	        {"/etc/file", ERROR_ALL("-32000", "/etc/file", "null")},
	        {"/params/\xc3", ERROR_ALL("-32000", "refused", "null")},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = jsonrpc_error_text(JSONRPC_FAILED, cases[i].text);

		CU_ASSERT_STRING_EQUAL(text, cases[i].answer);
		free(text);
	}
}

static void test_deep_nesting_is_refused(void)
{
	size_t depth = 100000;
	char *text = malloc(2 * depth), *answer;

	memset(text, '[', depth);
	memset(text + depth, ']', depth);
	answer = jsonrpc_handle(text, 2 * depth, call, NULL);
	CU_ASSERT_PTR_NOT_NULL(strstr(answer, "-32700"));
	free(answer);
	free(text);
}

/* Cut STREAM into requests, CHUNK bytes at a time; the requests joined by '|'. */
static void scan(const char *stream, size_t chunk, char *out)
{
	struct jsonrpc_scanner s = {0};
	size_t n = strlen(stream), at = 0, used;
	bool end;

	*out = '\0';
	while (at < n) {
		size_t step = n - at < chunk ? n - at : chunk;

		used = jsonrpc_scan(&s, stream + at, step, &end);
		strncat(out, stream + at, used);
		if (end)
			strcat(out, "|");
		at += used;
	}
}

static void test_scan_any_cut(void)
{
	static const char stream[] = "{\"a\":\"}\\\"]{\"}{\"b\":[1,{}]}\n [2]\nnoise }{\n{}";
	static const char expected[] = "{\"a\":\"}\\\"]{\"}|{\"b\":[1,{}]}|\n [2]|\nnoise }{\n|{}|";
	char out[256];

	for (size_t chunk = 1; chunk < sizeof(stream); chunk++) {
		scan(stream, chunk, out);
		CU_ASSERT_STRING_EQUAL(out, expected);
	}
}

static void test_error_text(void)
{
	char *text = jsonrpc_error_text(JSONRPC_FAILED, "/: too many clients");

	CU_ASSERT_STRING_EQUAL(text, ERROR("-32000", "/", "too many clients", "null"));
	free(text);
}

UNIT_MAIN(UNIT(test_result_and_error), UNIT(test_invalid_requests_name_the_field),
          UNIT(test_parse_error_keeps_the_request_to_itself),
          UNIT(test_notification_runs_without_answer), UNIT(test_batch),
          UNIT(test_batches_of_the_specification), UNIT(test_path_and_reason),
          UNIT(test_deep_nesting_is_refused), UNIT(test_scan_any_cut), UNIT(test_error_text))
