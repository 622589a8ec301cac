/* SPDX-License-Identifier: BSD-3-Clause */

/* Editing and committing as clients do it, by the methods. */

#include <errno.h>

#include "control/method.h"
#include "tests/unit/control/commit_rig.h"

static json_t *run_as(uid_t uid, const char *name, const char *params, struct jsonrpc_error *error)
{
	const struct method_caller caller = {.uid = uid, .pid = 1};
	enum method_right right = METHOD_WRITE;
	json_t *p = params != NULL ? json_loads(params, 0, NULL) : NULL, *result;

	CU_ASSERT_TRUE(params == NULL || p != NULL);
	*error = (struct jsonrpc_error){0};
	method_state_set(METHOD_RUNTIME);
	method_caller_set(&caller);
	result = method_call(&right, name, p, error);
	json_decref(p);
	return result;
}

static void done(const char *name, const char *params)
{
	struct jsonrpc_error error;
	json_t *r = run_as(0, name, params, &error);

	CU_ASSERT_PTR_NOT_NULL(r);
	if (r == NULL)
		printf("\n  %s: %s\n", name, error.text);
	json_decref(r);
}

static void fails(uid_t uid, const char *name, const char *params, int code, const char *text)
{
	struct jsonrpc_error error;

	CU_ASSERT_PTR_NULL(run_as(uid, name, params, &error));
	CU_ASSERT_EQUAL(error.code, code);
	CU_ASSERT_STRING_EQUAL(error.text, text);
	if (strcmp(error.text, text) != 0)
		printf("\n  got  %s\n  want %s\n", error.text, text);
}

/* NAME's result with PARAMS, as compact JSON. */
static const char *result(const char *name, const char *params)
{
	static char out[8192];
	struct jsonrpc_error error;
	json_t *r = run_as(0, name, params, &error);
	char *text = json_dumps(r, JSON_COMPACT);

	snprintf(out, sizeof(out), "%s", text != NULL ? text : error.text);
	free(text);
	json_decref(r);
	return out;
}

#define HAS(name, params, text) CU_ASSERT_PTR_NOT_NULL(strstr(result(name, params), text))

static void test_edit_commit(void)
{
	rig_start();
	fails(0, "config_commit", NULL, JSONRPC_FAILED, "nobody edits: there is nothing to commit");
	HAS("config_candidate", NULL, "\"held\":false");
	done("config_edit", "{\"operation\":\"merge\",\"path\":\"tunnel[name='dc']/rekey/"
	                    "period-ms\",\"value\":500}");
	done("config_edit", "{\"operation\":\"merge\",\"path\":\"policy[name='all']\","
	                    "\"value\":{\"action\":\"protect\",\"tunnel\":\"dc\"}}");
	done("config_edit", "{\"operation\":\"replace\",\"path\":\"policy[name='no']\","
	                    "\"value\":{\"action\":\"discard\",\"destination\":\"10.9.0.0/16\"},"
	                    "\"insert\":\"before\",\"point\":\"policy[name='all']\"}");
	HAS("config_candidate", NULL, "\"edits\":3");
	HAS("config_diff", NULL, "\"total\":3");
	HAS("config_diff", NULL, "\"valid\":true");
	HAS("config_diff", NULL,
	    "{\"path\":\"/lumengate:gateway/tunnel[name='dc']/rekey/period-ms\",\"operation\":"
	    "\"replace\",\"old\":1000,\"new\":500,\"restart\":false}");
	HAS("config_validate", NULL, "\"live\":true");
	CU_ASSERT_EQUAL(rig.applied, 0);
	HAS("config_commit", "{\"comment\":\"quicker\"}", "{\"commit\":2,");
	CU_ASSERT_EQUAL(rig.running.tunnels[0].rekey_period_ms, 500);
	CU_ASSERT_STRING_EQUAL(rig.running.rules[0].name, "no");
	HAS("config_candidate", NULL, "\"held\":false");
	HAS("config_candidate", NULL, "\"saved\":false");
	HAS("config_history", NULL, "\"comment\":\"quicker\"");
	HAS("config_history", "{\"offset\":1}", "\"comment\":\"read at start\"");
	HAS("config_diff", "{\"from\":\"startup\"}", "period-ms");
	done("config_save", NULL);
	HAS("config_diff", "{\"from\":\"startup\",\"to\":\"running\"}", "\"total\":0");
	HAS("config_get", "{\"source\":\"startup\"}", "\"period-ms\":500");
	/* Back to what was read at start. */
	HAS("config_rollback", "{\"number\":1}", "{\"commit\":1}");
	HAS("config_diff", "{\"from\":1}", "\"total\":0");
	HAS("config_diff", "{\"from\":\"1\",\"to\":0}", "period-ms");
	HAS("config_commit", NULL, "{\"commit\":3,");
	CU_ASSERT_EQUAL(rig.running.tunnels[0].rekey_period_ms, 1000);
	rig_stop();
}

static void test_refusals(void)
{
	rig_start();
	fails(0, "config_edit", "{\"operation\":\"merge\",\"path\":\"port/lan/mtu\",\"value\":1}",
	      JSONRPC_INVALID_PARAMS,
	      "/lumengate:gateway/port/lan/mtu: out of range: must be 576 to 9600");
	fails(0, "config_edit", "{\"operation\":\"eat\",\"path\":\"name\"}", JSONRPC_INVALID_PARAMS,
	      "/params/operation: eat is not one of merge, replace, remove");
	fails(0, "config_edit",
	      "{\"operation\":\"merge\",\"path\":\"name\",\"value\":\"a\",\"text\":\"a\"}",
	      JSONRPC_INVALID_PARAMS, "/params/text: there is a value, too");
	HAS("config_candidate", NULL, "\"held\":false");
	fails(0, "config_rollback", "{\"number\":7}", JSONRPC_FAILED,
	      "there is no commit 7 before the newest");
	fails(0, "config_diff", "{\"from\":\"yesterday\"}", JSONRPC_INVALID_PARAMS,
	      "/params/from: yesterday is not running, startup, candidate, or a number");
	fails(0, "config_diff", "{\"to\":{}}", JSONRPC_INVALID_PARAMS,
	      "/params/to: must be a name or a number");
	fails(0, "config_confirm", NULL, JSONRPC_FAILED, "no commit waits to be confirmed");
	/* What needs a restart says so before. */
	done("config_edit",
	     "{\"operation\":\"merge\",\"path\":\"port/lan/mtu\",\"text\":\"1400\"}");
	HAS("config_diff", NULL, "\"restart\":true");
	HAS("config_validate", NULL, "\"restart\":[\"/lumengate:gateway/port/lan/mtu\"]");
	fails(0, "config_commit", NULL, JSONRPC_FAILED,
	      "/lumengate:gateway/port/lan/mtu: cannot change live, restart the gateway");
	/* So does what is not whole. */
	done("config_edit", "{\"operation\":\"remove\",\"path\":\"site\"}");
	HAS("config_diff", NULL, "\"valid\":false,\"reason\":\"/lumengate:gateway/site: ");
	HAS("config_diff", NULL, "\"restart\":null");
	HAS("config_commit", NULL, "/lumengate:gateway/site: ");
	done("config_discard", NULL);
	CU_ASSERT_EQUAL(rig.applied, 0);
	rig_stop();
}

static void test_one_user_at_a_time(void)
{
	struct jsonrpc_error error;
	json_t *r;

	rig_start();
	done("config_edit", "{\"operation\":\"merge\",\"path\":\"name\",\"text\":\"x\"}");
	CU_ASSERT_PTR_NULL(run_as(7, "config_commit", NULL, &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "user 0 edits the configuration since "));
	CU_ASSERT_PTR_NULL(run_as(7, "config_rollback", "{\"number\":0}", &error));
	CU_ASSERT_PTR_NULL(run_as(7, "config_discard", NULL, &error));
	CU_ASSERT_PTR_NULL(run_as(0, "config_set", "{\"config\":{}}", &error));
	CU_ASSERT_STRING_EQUAL(error.text,
	                       "a candidate is edited: config_commit or config_discard before");
	r = run_as(7, "config_discard", "{\"force\":true}", &error);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(r, "edits")), 1);
	json_decref(r);
	rig_stop();
}

static void test_confirm(void)
{
	rig_start();
	done("config_edit", "{\"operation\":\"merge\",\"path\":\"tunnel[name='dc']/rekey/"
	                    "period-ms\",\"value\":500}");
	done("config_commit", "{\"confirm_timeout\":600}");
	HAS("config_candidate", NULL, "\"unconfirmed\":2,\"confirm_left_s\":600");
	HAS("config_history", NULL, "\"unconfirmed\":true");
	fails(0, "config_save", NULL, JSONRPC_FAILED, "commit 2 is to be confirmed before");
	done("config_confirm", NULL);
	HAS("config_candidate", NULL, "\"unconfirmed\":null,\"confirm_left_s\":0");
	done("config_save", NULL);
	rig_stop();
}

/* NAME with the whole configuration, changed at PATH. */
static char *whole(const char *path, const char *value)
{
	char *text = rig_text(path, value), *params;
	json_t *o = json_pack("{s:o}", "config", json_loads(text, 0, NULL));

	free(text);
	params = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return params;
}

static void test_whole(void)
{
	static const struct {
		const char *method, *path, *value;
		int code;
		const char *error;
	} bad[] = {
	        {"config_validate", "port/lan/mtu", "1", JSONRPC_INVALID_PARAMS,
	         "/lumengate:gateway/port/lan/mtu: out of range: must be 576 to 9600"},
	        {"config_set", "name", "\"gw-x\"", JSONRPC_FAILED,
	         "/lumengate:gateway/name: cannot change live, restart the gateway"},
	};
	char *p;

	rig_start();
	fails(0, "config_validate", NULL, JSONRPC_FAILED, "nobody edits: there is no candidate");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		p = whole(bad[i].path, bad[i].value);
		fails(0, bad[i].method, p, bad[i].code, bad[i].error);
		free(p);
	}
	p = whole("tunnel/0/rekey/period-ms", "500");
	HAS("config_validate", p, "\"live\":true");
	free(p);
	p = whole("name", "\"gw-x\"");
	HAS("config_validate", p, "\"valid\":true,\"live\":false");
	free(p);
	/* What the gateway could not apply is not what runs. */
	rig.refuse = true;
	p = whole("route", NULL);
	fails(0, "config_set", p, JSONRPC_FAILED, "told to fail");
	free(p);
	CU_ASSERT_EQUAL(gateway_config()->route_count, 2);
	rig.refuse = false;
	p = whole("tunnel/0/rekey/period-ms", "500");
	done("config_set", p);
	free(p);
	CU_ASSERT_EQUAL(rig.applied, 1);
	CU_ASSERT_EQUAL(rig.running.tunnels[0].rekey_period_ms, 500);
	HAS("config_get", NULL, "\"period-ms\":500");
	HAS("config_get", NULL, "\"mss-clamp\":true");
	HAS("config_history", NULL, "\"comment\":\"config_set\"");
	rig_stop();
}

UNIT_MAIN(UNIT(test_edit_commit), UNIT(test_refusals), UNIT(test_one_user_at_a_time),
          UNIT(test_confirm), UNIT(test_whole))
