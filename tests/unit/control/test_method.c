/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/method.h"
#include "common/log.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

struct sample_params {
	const char *name;
	uint64_t count;
	bool flag;
	const json_t *tree;
	const char *key, *way;
	uint64_t most;
	const json_t *topics, *any;
};

static const struct method_param sample_params[] = {
        METHOD_PARAM(struct sample_params, name, PARAM_STRING, .max = 8, .help = "a name"),
        METHOD_PARAM(struct sample_params, count, PARAM_UINT, .optional = true, .max = 100),
        METHOD_PARAM(struct sample_params, flag, PARAM_BOOL, .optional = true),
        METHOD_PARAM(struct sample_params, tree, PARAM_OBJECT, .optional = true),
        METHOD_PARAM(struct sample_params, key, PARAM_STRING, .optional = true, .secret = true),
        METHOD_PARAM(struct sample_params, way, PARAM_STRING, .optional = true,
                     .choices = "in|out|both", .preset_text = "both"),
        METHOD_PARAM(struct sample_params, most, PARAM_UINT, .optional = true, .min = 1,
                     .preset = 7),
        METHOD_PARAM(struct sample_params, topics, PARAM_STRINGS, .optional = true,
                     .choices = "a|b"),
        METHOD_PARAM(struct sample_params, any, PARAM_ANY, .optional = true),
};

static struct sample_params seen;

static int sample(const void *params, json_t **result, struct err *err)
{
	seen = *(const struct sample_params *)params;
	if (strcmp(seen.name, "bad") == 0)
		return err_set(err, EINVAL, "/params/name: bad is not good");
	if (strcmp(seen.name, "gone") == 0)
		return err_set(err, ENOENT, "there is no gone");
	*result = json_integer(json_is_real(seen.any) ? 43 : 42);
	return 0;
}

static int nothing(const void *params, json_t **result, struct err *err)
{
	return 0;
}

METHOD_DEFINE(sample_run, .summary = "Run the sample", .fn = sample, .params = sample_params,
              .param_count = sizeof(sample_params) / sizeof(sample_params[0]),
              .right = METHOD_WRITE)
METHOD_DEFINE(sample_early, .summary = "Before start", .fn = nothing, .states = METHOD_STARTUP)
METHOD_DEFINE(sample_watch, .summary = "See plaintext", .fn = nothing, .right = METHOD_CAPTURE)
METHOD_DEFINE(sample_show, .summary = "Show nothing", .fn = nothing)

static json_t *run(enum method_right right, const char *name, const char *params,
                   struct jsonrpc_error *error)
{
	json_t *p = params == NULL ? NULL : json_loads(params, 0, NULL);
	json_t *result;

	*error = (struct jsonrpc_error){0};
	result = method_call(&right, name, p, error);
	if (seen.tree != NULL)
		CU_ASSERT_PTR_NOT_NULL(json_object_get(seen.tree, "a"));
	seen.tree = NULL;
	seen.name = NULL;
	json_decref(p);
	return result;
}

static void refused(const char *name, const char *params, int code, const char *text)
{
	struct jsonrpc_error error;

	CU_ASSERT_PTR_NULL(run(METHOD_WRITE, name, params, &error));
	CU_ASSERT_EQUAL(error.code, code);
	CU_ASSERT_STRING_EQUAL(error.text, text);
}

static void test_parameters_are_decoded(void)
{
	struct jsonrpc_error error;
	json_t *r;

	method_state_set(METHOD_RUNTIME);
	r = run(METHOD_WRITE, "sample_run",
	        "{\"name\":\"x\",\"count\":100,\"flag\":true,\"tree\":{\"a\":1}}", &error);
	CU_ASSERT_EQUAL(json_integer_value(r), 42);
	json_decref(r);
	CU_ASSERT_EQUAL(seen.count, 100);
	CU_ASSERT_TRUE(seen.flag);
	r = run(METHOD_WRITE, "sample_run", "{\"name\":\"x\"}", &error);
	json_decref(r);
	CU_ASSERT_EQUAL(seen.count, 0);
	CU_ASSERT_FALSE(seen.flag);
	CU_ASSERT_STRING_EQUAL(seen.way, "both");
	CU_ASSERT_EQUAL(seen.most, 7);
	r = run(METHOD_WRITE, "sample_run",
	        "{\"name\":\"x\",\"way\":\"in\",\"most\":9,\"topics\":[\"b\",\"a\"],"
	        "\"any\":1.5}",
	        &error);
	CU_ASSERT_EQUAL(json_integer_value(r), 43);
	json_decref(r);
	CU_ASSERT_EQUAL(seen.most, 9);
}

static void test_bad_parameters_name_path_and_reason(void)
{
	method_state_set(METHOD_RUNTIME);
	refused("sample_run", NULL, JSONRPC_INVALID_PARAMS, "/params/name: missing");
	refused("sample_run", "[1]", JSONRPC_INVALID_PARAMS, "/params: must be an object");
	refused("sample_run", "{\"name\":1}", JSONRPC_INVALID_PARAMS,
	        "/params/name: must be of type string");
	refused("sample_run", "{\"name\":\"123456789\"}", JSONRPC_INVALID_PARAMS,
	        "/params/name: longer than 8 bytes");
	refused("sample_run", "{\"name\":\"x\",\"count\":-1}", JSONRPC_INVALID_PARAMS,
	        "/params/count: must be of type unsigned integer");
	refused("sample_run", "{\"name\":\"x\",\"count\":101}", JSONRPC_INVALID_PARAMS,
	        "/params/count: out of range: must be 0 to 100");
	refused("sample_run", "{\"name\":\"x\",\"flag\":1}", JSONRPC_INVALID_PARAMS,
	        "/params/flag: must be of type boolean");
	refused("sample_run", "{\"name\":\"x\",\"tree\":[]}", JSONRPC_INVALID_PARAMS,
	        "/params/tree: must be of type object");
	refused("sample_run", "{\"name\":\"x\",\"way\":\"up\"}", JSONRPC_INVALID_PARAMS,
	        "/params/way: up is not one of in, out, both");
	refused("sample_run", "{\"name\":\"x\",\"way\":\"\"}", JSONRPC_INVALID_PARAMS,
	        "/params/way:  is not one of in, out, both");
	refused("sample_run", "{\"name\":\"x\",\"way\":\"ou\"}", JSONRPC_INVALID_PARAMS,
	        "/params/way: ou is not one of in, out, both");
	refused("sample_run", "{\"name\":\"x\",\"way\":\"in|out\"}", JSONRPC_INVALID_PARAMS,
	        "/params/way: in|out is not one of in, out, both");
	refused("sample_run", "{\"name\":\"x\",\"topics\":[\"b\",\"c\"]}", JSONRPC_INVALID_PARAMS,
	        "/params/topics/1: c is not one of a, b");
	refused("sample_run", "{\"name\":\"x\",\"colour\":1}", JSONRPC_INVALID_PARAMS,
	        "/params/colour: unknown field");
	refused("sample_run", "{\"name\":\"bad\"}", JSONRPC_INVALID_PARAMS,
	        "/params/name: bad is not good");
	refused("sample_run", "{\"name\":\"gone\"}", JSONRPC_FAILED, "there is no gone");
	refused("nope", NULL, JSONRPC_METHOD_NOT_FOUND, "/method: there is no nope");
}

static void test_rights(void)
{
	struct jsonrpc_error error;
	json_t *r;

	method_state_set(METHOD_RUNTIME);
	CU_ASSERT_PTR_NULL(run(METHOD_READ, "sample_run", "{\"name\":\"x\"}", &error));
	CU_ASSERT_EQUAL(error.code, JSONRPC_FORBIDDEN);
	r = run(METHOD_READ, "sample_show", NULL, &error);
	CU_ASSERT(json_is_object(r));
	json_decref(r);
	/* Those who may change everything do not therefore see plaintext. */
	CU_ASSERT_PTR_NULL(run(METHOD_WRITE, "sample_watch", NULL, &error));
	CU_ASSERT_EQUAL(error.code, JSONRPC_FORBIDDEN);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "capture-group"));
	r = run(METHOD_CAPTURE, "sample_watch", NULL, &error);
	CU_ASSERT(json_is_object(r));
	json_decref(r);
}

static void test_states(void)
{
	struct jsonrpc_error error;
	json_t *r;

	method_state_set(METHOD_STARTUP);
	refused("sample_show", NULL, JSONRPC_WRONG_STATE,
	        "/method: sample_show cannot be called during start-up");
	r = run(METHOD_WRITE, "sample_early", NULL, &error);
	CU_ASSERT_PTR_NOT_NULL(r);
	json_decref(r);
	method_state_set(METHOD_RUNTIME);
	refused("sample_early", NULL, JSONRPC_WRONG_STATE,
	        "/method: sample_early cannot be called after start-up");
}

/* The method NAME of get_methods' answer R; NULL: it is not there. */
static const json_t *described(const json_t *r, const char *name)
{
	const json_t *m;
	size_t i;

	json_array_foreach (r, i, m)
		if (strcmp(json_string_value(json_object_get(m, "name")), name) == 0)
			return m;
	return NULL;
}

static void same(const json_t *o, const char *member, const char *expected)
{
	json_t *want = json_loads(expected, JSON_DECODE_ANY, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(want);
	CU_ASSERT_TRUE(json_equal(json_object_get(o, member), want));
	json_decref(want);
}

static void test_get_methods(void)
{
	struct jsonrpc_error error;
	json_t *r = run(METHOD_READ, "get_methods", NULL, &error);
	const json_t *m;
	const char *last = "";
	size_t i;

	json_array_foreach (r, i, m) {
		const char *name = json_string_value(json_object_get(m, "name"));

		CU_ASSERT(strcmp(last, name) < 0);
		last = name;
	}
	m = described(r, "sample_run");
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	same(m, "summary", "\"Run the sample\"");
	same(m, "right", "\"write\"");
	same(m, "states", "[\"runtime\"]");
	same(m, "params",
	     "{\"type\": \"object\", \"properties\": {"
	     "\"name\": {\"type\": \"string\", \"maxLength\": 8, \"description\": \"a name\"},"
	     "\"count\": {\"type\": \"integer\", \"minimum\": 0, \"maximum\": 100},"
	     "\"flag\": {\"type\": \"boolean\"},"
	     "\"tree\": {\"type\": \"object\"},"
	     "\"key\": {\"type\": \"string\", \"writeOnly\": true},"
	     "\"way\": {\"type\": \"string\", \"enum\": [\"in\", \"out\", \"both\"],"
	     " \"default\": \"both\"},"
	     "\"most\": {\"type\": \"integer\", \"minimum\": 1,"
	     " \"maximum\": 9223372036854775807, \"default\": 7},"
	     "\"topics\": {\"type\": \"array\","
	     " \"items\": {\"type\": \"string\", \"enum\": [\"a\", \"b\"]}},"
	     "\"any\": {}},"
	     "\"required\": [\"name\"], \"additionalProperties\": false}");
	same(described(r, "sample_early"), "states", "[\"startup\"]");
	same(described(r, "sample_watch"), "right", "\"capture\"");
	same(described(r, "sample_show"), "params",
	     "{\"type\": \"object\", \"properties\": {}, \"required\": [],"
	     "\"additionalProperties\": false}");
	same(described(r, "get_methods"), "states", "[\"startup\", \"runtime\"]");
	json_decref(r);
}

UNIT_MAIN(UNIT(test_parameters_are_decoded), UNIT(test_bad_parameters_name_path_and_reason),
          UNIT(test_rights), UNIT(test_states), UNIT(test_get_methods))
