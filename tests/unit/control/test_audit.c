/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/audit.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

struct change_params {
	const char *name, *key;
	const json_t *tree;
};

static const struct method_param change_params[] = {
        METHOD_PARAM(struct change_params, name, PARAM_STRING, .optional = true),
        METHOD_PARAM(struct change_params, key, PARAM_STRING, .optional = true, .secret = true),
        METHOD_PARAM(struct change_params, tree, PARAM_OBJECT, .optional = true),
};

static int change(const void *params, json_t **result, struct err *err)
{
	const struct change_params *p = params;

	return p->name != NULL && strcmp(p->name, "bad") == 0
	               ? err_set(err, EINVAL, "/params/name: is \"bad\"\x1b[31m")
	               : 0;
}

METHOD_DEFINE(demo_change, .summary = "Change", .fn = change, .params = change_params,
              .param_count = 3, .right = METHOD_WRITE)
METHOD_DEFINE(demo_look, .summary = "See plaintext", .fn = change, .right = METHOD_CAPTURE)
METHOD_DEFINE(demo_read, .summary = "Read", .fn = change)

static uint64_t now;

static uint64_t wall(void)
{
	return now;
}

/* Run METHOD as uid 7, pid 70, with RIGHT; what is logged meanwhile. */
static const char *call(const char *method, const char *params, enum method_right right)
{
	char path[] = "/tmp/lumengate-test-XXXXXX";
	int fd = mkstemp(path), kept = dup(STDERR_FILENO);
	struct jsonrpc_error error = {0};
	json_t *p = params != NULL ? json_loads(params, 0, NULL) : NULL;
	static char line[1024];
	ssize_t n;

	CU_ASSERT_FATAL(fd >= 0 && kept >= 0);
	unlink(path);
	method_caller_set(&(struct method_caller){.uid = 7, .pid = 70});
	method_state_set(METHOD_RUNTIME);
	dup2(fd, STDERR_FILENO);
	json_decref(method_call(&right, method, p, &error));
	dup2(kept, STDERR_FILENO);
	json_decref(p);
	n = pread(fd, line, sizeof(line) - 1, 0);
	line[n > 0 ? n : 0] = '\0';
	close(fd);
	close(kept);
	return line;
}

static json_t *list(const char *params)
{
	struct jsonrpc_error error = {0};
	enum method_right right = METHOD_READ;
	json_t *p = json_loads(params, 0, NULL), *r;

	r = method_call(&right, "audit_list", p, &error);
	json_decref(p);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	return r;
}

static void start(void)
{
	now = UINT64_C(1790000000) * NS_PER_S;
	audit_reset(wall);
}

static void test_changes_and_captures_are_recorded_reads_are_not(void)
{
	const struct audit_entry *e;

	start();
	CU_ASSERT_STRING_EQUAL(call("demo_read", NULL, METHOD_READ), "");
	CU_ASSERT_PTR_NULL(audit_at(0));
	CU_ASSERT_STRING_EQUAL(call("demo_change", "{\"name\":\"x\"}", METHOD_WRITE),
	                       "<6>audit: uid=7 pid=70 method=demo_change code=0 "
	                       "params={\"name\":\"x\"}\n");
	now += NS_PER_S;
	call("demo_look", NULL, METHOD_CAPTURE);
	e = audit_at(0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_STRING_EQUAL(e->method, "demo_look");
	CU_ASSERT_EQUAL(e->number, 2);
	CU_ASSERT_EQUAL(e->time_ns, now);
	e = audit_at(1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_STRING_EQUAL(e->params, "{\"name\":\"x\"}");
	CU_ASSERT(e->uid == 7 && e->pid == 70 && e->code == 0);
	CU_ASSERT_PTR_NULL(audit_at(2));
}

static void test_no_secret_anywhere(void)
{
	start();
	CU_ASSERT_STRING_EQUAL(
	        call("demo_change", "{\"name\":\"x\",\"key\":\"hunter2\"}", METHOD_WRITE),
	        "<6>audit: uid=7 pid=70 method=demo_change code=0 "
	        "params={\"name\":\"x\",\"key\":\"(secret)\"}\n");
	/* Of the wrong type, and under a name that the method has not. */
	CU_ASSERT_PTR_NULL(
	        strstr(call("demo_change", "{\"key\":[\"hunter2\"]}", METHOD_WRITE), "hunter2"));
	CU_ASSERT_PTR_NULL(
	        strstr(call("demo_change", "{\"kee\":\"hunter2\"}", METHOD_WRITE), "hunter2"));
	for (size_t i = 0; i < 3; i++)
		CU_ASSERT_PTR_NULL(strstr(audit_at(i)->params, "hunter2"));
}

static void test_failures_and_refusals_have_their_reason_in_one_line(void)
{
	const char *line;

	start();
	line = call("demo_change", "{\"name\":\"bad\"}", METHOD_WRITE);
	CU_ASSERT_STRING_EQUAL(line, "<4>audit: uid=7 pid=70 method=demo_change code=-32602 "
	                             "reason=\"/params/name: is \"bad\"?[31m\" "
	                             "params={\"name\":\"bad\"}\n");
	line = call("demo_change", "{\"name\":\"a\\nb\\u202e\"}", METHOD_READ);
	CU_ASSERT_PTR_NOT_NULL(strstr(line, "code=-32001"));
	CU_ASSERT_PTR_NOT_NULL(strstr(line, "params={\"name\":\"a\\nb\\u202E\"}\n"));
	CU_ASSERT_STRING_EQUAL(audit_at(1)->reason, "/params/name: is \"bad\"?[31m");
	/* No level hides it. */
	log_level_set("*", LOG_LEVEL_ERR - 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(call("demo_change", NULL, METHOD_WRITE), "code=0"));
	log_level_set("*", LOG_LEVEL_INFO);
}

static void test_long_values_are_sizes(void)
{
	char params[2048];

	start();
	snprintf(params, sizeof(params), "{\"name\":\"%0600d\",\"tree\":{\"a\":\"%0300d\"}}", 1, 2);
	call("demo_change", params, METHOD_WRITE);
	CU_ASSERT_STRING_EQUAL(audit_at(0)->params, "{\"name\":\"(string of 600 bytes)\","
	                                            "\"tree\":\"(object of 308 bytes)\"}");
	call("demo_change", "{\"tree\":{\"a\":1}}", METHOD_WRITE);
	CU_ASSERT_STRING_EQUAL(audit_at(0)->params, "{\"tree\":{\"a\":1}}");
}

/* Who may only read cannot push the others' entries out. */
static void test_a_flood_of_refusals_is_held_back(void)
{
	struct audit_counts counts;

	start();
	call("demo_change", NULL, METHOD_WRITE);
	for (int i = 0; i < 200; i++)
		call("demo_change", NULL, METHOD_READ);
	audit_counts_read(&counts);
	CU_ASSERT_EQUAL(counts.recorded, 1 + AUDIT_REFUSALS_MAX);
	CU_ASSERT_EQUAL(counts.suppressed, 200 - AUDIT_REFUSALS_MAX);
	CU_ASSERT_EQUAL(audit_at(AUDIT_REFUSALS_MAX)->code, 0);
	call("demo_change", NULL, METHOD_WRITE);
	CU_ASSERT_EQUAL(audit_at(0)->code, 0);
	now += NS_PER_S;
	call("demo_change", NULL, METHOD_READ);
	CU_ASSERT_EQUAL(audit_at(0)->code, JSONRPC_FORBIDDEN);
}

static json_int_t member(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

static void test_pages(void)
{
	struct method m = {.name = "demo_change"};
	struct jsonrpc_error done = {0};
	json_t *r, *e;

	start();
	for (int i = 0; i < 9; i++)
		call("demo_change", "{\"name\":\"x\"}", METHOD_WRITE);
	r = list("{\"limit\":4}");
	CU_ASSERT_EQUAL(member(r, "total"), 9);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "entries")), 4);
	e = json_array_get(json_object_get(r, "entries"), 3);
	CU_ASSERT_EQUAL(member(e, "number"), 6);
	CU_ASSERT_EQUAL(member(e, "uid"), 7);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(e, "result")), "done");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(e, "time")),
	                       "2026-09-21T14:13:20.000Z");
	json_decref(r);
	/* The next page by number, whatever came meanwhile; by offset. */
	call("demo_change", NULL, METHOD_WRITE);
	r = list("{\"before\":6,\"limit\":3,\"offset\":1}");
	CU_ASSERT_EQUAL(member(r, "total"), 5);
	CU_ASSERT_EQUAL(member(json_array_get(json_object_get(r, "entries"), 0), "number"), 4);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "entries")), 3);
	json_decref(r);
	/* Beyond what is kept. */
	freopen("/dev/null", "w", stderr);
	for (int i = 0; i < AUDIT_ENTRIES_MAX; i++)
		audit_record(&m, NULL, &done);
	r = list("{\"offset\":1023}");
	CU_ASSERT_EQUAL(member(r, "total"), AUDIT_ENTRIES_MAX);
	CU_ASSERT_EQUAL(member(r, "recorded"), AUDIT_ENTRIES_MAX + 10);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(r, "entries")), 1);
	CU_ASSERT_EQUAL(member(json_array_get(json_object_get(r, "entries"), 0), "number"), 11);
	json_decref(r);
	audit_reset(NULL);
}

UNIT_MAIN(UNIT(test_changes_and_captures_are_recorded_reads_are_not), UNIT(test_no_secret_anywhere),
          UNIT(test_failures_and_refusals_have_their_reason_in_one_line),
          UNIT(test_long_values_are_sizes), UNIT(test_a_flood_of_refusals_is_held_back),
          UNIT(test_pages))
