/* SPDX-License-Identifier: BSD-3-Clause */

/* The methods of the random source, over a source and a role that are the test's. */

#include "common/base64.h"
#include "control/method.h"
#include "control/methods_qrng.h"
#include "control/qrng_watch.h"
#include "control/site.h"
#include "control/status.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/random.h"
#include "common/secret.h"

static struct optics_qrng source;
static struct qkd_role_status role;
static bool linked = true;
static struct jsonrpc_error error;

struct link *site_link(void)
{
	return linked ? (struct link *)&source : NULL;
}

struct qkd_role *link_role(struct link *l)
{
	return (struct qkd_role *)l;
}

struct optics_qrng *__wrap_qkd_role_qrng(struct qkd_role *q);
void __wrap_qkd_role_status_read(const struct qkd_role *q, struct qkd_role_status *out);

struct optics_qrng *__wrap_qkd_role_qrng(struct qkd_role *q)
{
	return (struct optics_qrng *)q;
}

void __wrap_qkd_role_status_read(const struct qkd_role *q, struct qkd_role_status *out)
{
	*out = role;
	qrng_status_read(source.qrng, &out->optics.qrng);
}

static json_t *call(const char *name, json_t *params)
{
	enum method_right right = METHOD_WRITE;
	json_t *result;

	error = (struct jsonrpc_error){0};
	result = method_call(&right, name, params, &error);
	json_decref(params);
	return result;
}

static void refuses(const char *name, json_t *params, const char *why)
{
	CU_ASSERT_PTR_NULL(call(name, params));
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, why));
	if (strstr(error.text, why) == NULL)
		printf("\n  got  %s\n", error.text);
}

static void works(const char *name, json_t *params)
{
	json_t *result = call(name, params);

	CU_ASSERT_PTR_NOT_NULL(result);
	if (result == NULL)
		printf("\n  got  %s\n", error.text);
	json_decref(result);
}

static void test_setup(void)
{
	struct err err = {0};

	log_level_set("*", LOG_LEVEL_ERR);
	method_state_set(METHOD_RUNTIME);
	method_caller_set(&(struct method_caller){.uid = 1234, .pid = 5678});
	CU_ASSERT_EQUAL_FATAL(secret_init(1 << 20, &err), 0);
	CU_ASSERT_EQUAL_FATAL(qrng_create(0.5, 60, &source.qrng, &err), 0);
	qrng_begin(source.qrng, 4);
	role.optics.qrng_present = role.optics.simulated = true;
	role.engine.role = ENGINE_ALICE;
	role.engine.random_card = 1000;
	role.engine.random_kernel = 24;
	role.optics.coins_card = 16;
}

static const char *use(json_t *shown, size_t i, const char *member)
{
	json_t *u = json_array_get(json_object_get(shown, "uses"), i);

	return json_string_value(json_object_get(u, member));
}

static json_int_t bytes(json_t *shown, size_t i)
{
	json_t *u = json_array_get(json_object_get(shown, "uses"), i);

	return json_integer_value(json_object_get(u, "bytes"));
}

/* Each use says which source it had. */
static void test_show(void)
{
	uint8_t taken[8];
	json_t *o;

	random_bytes(taken, sizeof(taken));
	o = call("qrng_show", NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "state")), "start-up");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "lanes")), 4);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "uses")), 4);
	CU_ASSERT_STRING_EQUAL(use(o, 0, "source"), "card QRNG, SHA-256");
	CU_ASSERT_EQUAL(bytes(o, 0), 1000);
	CU_ASSERT_STRING_EQUAL(use(o, 1, "source"), "getrandom");
	CU_ASSERT_EQUAL(bytes(o, 1), 24);
	CU_ASSERT_STRING_EQUAL(use(o, 2, "use"), "basis, bit, intensity");
	CU_ASSERT_STRING_EQUAL(use(o, 3, "use"), "channel, rekeying, storage");
	CU_ASSERT_EQUAL((uint64_t)bytes(o, 3), random_bytes_given() - 24);
	json_decref(o);

	role.engine.role = ENGINE_BOB;
	o = call("qrng_show", NULL);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "uses")), 5);
	CU_ASSERT_STRING_EQUAL(use(o, 2, "use"), "double clicks");
	CU_ASSERT_EQUAL(bytes(o, 2), 16);
	json_decref(o);
	linked = false;
	refuses("qrng_show", NULL, "the gateway has no quantum link");
	CU_ASSERT_PTR_NULL(status_section_read("qrng"));
	linked = true;
}

static void test_fault(void)
{
	json_t *o;

	refuses("qrng_rearm", NULL, "no fault is latched");
	qrng_fail(source.qrng, QRNG_FAULT_PERIODIC, 3, "a pattern came again");
	o = status_section_read("qrng");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "state")), "failed");
	CU_ASSERT_TRUE(json_is_true(json_object_get(o, "latched")));
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "fault")), "periodic");
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "failures")), 1);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "key_bytes_card")), 1016);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "key_bytes_kernel")), 24);
	json_decref(o);
	o = call("qrng_show", NULL);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "fault_lane")), 3);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "fault_text")),
	                       "a pattern came again");
	json_decref(o);
	works("qrng_rearm", NULL);
	CU_ASSERT_TRUE(qrng_take_restart(source.qrng));
	CU_ASSERT_EQUAL(qrng_state(source.qrng), QRNG_STARTUP);
}

static json_t *want(const char *stream, int n)
{
	return json_pack("{s:s, s:i}", "stream", stream, "bytes", n);
}

static json_t *with(json_t *params, const char *name, json_t *value)
{
	json_object_set_new(params, name, value);
	return params;
}

static void test_refuses_recordings(void)
{
	role.optics.qrng_present = false;
	refuses("qrng_record", want("raw", 1), "there is no card with a random source now");
	role.optics.qrng_present = true;
	refuses("qrng_record", want("best", 1), "best is not one of raw, conditioned");
	refuses("qrng_record", want("raw", 0), "bytes");
	refuses("qrng_record", with(want("raw", 1), "lane", json_string("4")),
	        "lane: 4 is not one of the 4");
	refuses("qrng_record", with(want("raw", 1), "lane", json_string("-1")), "lane: -1");
	refuses("qrng_record", with(want("raw", 1), "lane", json_string("two")), "lane: two");
	refuses("qrng_record", with(want("conditioned", 1), "lane", json_string("0")),
	        "lane: of the raw stream alone");
	refuses("qrng_record", with(want("conditioned", 1), "restarts", json_integer(2)),
	        "restarts: of the raw stream alone");
	refuses("qrng_record", with(want("raw", 5000), "restarts", json_integer(1000)),
	        "bytes: 5000000 in all, but 4194304 at most");
	refuses("qrng_recorded", NULL, "nothing is being recorded");
	refuses("qrng_record_stop", NULL, "nothing is being recorded");
	CU_ASSERT_EQUAL(source.state, OPTICS_TAPE_IDLE);
}

/* The role's part. */
static void ends(int state, size_t used, int why)
{
	source.used = used;
	source.error = why;
	source.state = state;
}

static void test_records(void)
{
	uint8_t decoded[12];
	const char *data;
	json_t *o;

	works("qrng_record",
	      with(with(want("raw", 4), "lane", json_string("3")), "restarts", json_integer(2)));
	CU_ASSERT_EQUAL(source.state, OPTICS_TAPE_ASKED);
	CU_ASSERT_EQUAL(source.tape.size, 8);
	CU_ASSERT_EQUAL(source.tape.lane, 3);
	CU_ASSERT_EQUAL(source.tape.restarts, 2);
	CU_ASSERT_TRUE(source.tape.raw);
	refuses("qrng_record", want("raw", 1), "a recording is under way");
	memcpy(source.tape.buf, "restart!", 8);
	ends(OPTICS_TAPE_RUNNING, 5, 0);
	o = call("qrng_recorded", NULL);
	CU_ASSERT_TRUE(json_is_false(json_object_get(o, "ready")));
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "done")), 5);
	CU_ASSERT_PTR_NULL(json_object_get(o, "data"));
	json_decref(o);
	ends(OPTICS_TAPE_READY, 8, 0);
	o = call("qrng_recorded", NULL);
	data = json_string_value(json_object_get(o, "data"));
	CU_ASSERT_PTR_NOT_NULL_FATAL(data);
	CU_ASSERT_EQUAL(base64_decode(data, strlen(data), decoded), 8);
	CU_ASSERT_EQUAL(memcmp(decoded, "restart!", 8), 0);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "restarts")), 2);
	CU_ASSERT_EQUAL(json_real_value(json_object_get(o, "min_entropy")), 0.5);
	json_decref(o);
	/* Once. */
	refuses("qrng_recorded", NULL, "nothing is being recorded");
	CU_ASSERT_EQUAL(source.state, OPTICS_TAPE_IDLE);

	/* Of conditioned bytes nothing is claimed; one that nobody took makes room for the next. */
	works("qrng_record", want("conditioned", 100));
	CU_ASSERT_EQUAL(source.tape.lane, -1);
	ends(OPTICS_TAPE_READY, 100, 0);
	works("qrng_record", want("conditioned", 3));
	CU_ASSERT_EQUAL(source.tape.size, 3);
	ends(OPTICS_TAPE_READY, 3, 0);
	o = call("qrng_recorded", NULL);
	CU_ASSERT_PTR_NULL(json_object_get(o, "min_entropy"));
	json_decref(o);
}

static void test_recordings_that_fail(void)
{
	static const struct {
		int code;
		const char *text;
	} ways[] = {{-ENOTSUP, "cannot restart it"},
	            {-ENODEV, "the card was lost"},
	            {-EIO, "the card's own tests failed after a restart"},
	            {-ECANCELED, "given up"}};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		works("qrng_record", want("raw", 10));
		works("qrng_record_stop", NULL);
		CU_ASSERT_TRUE(source.abort);
		ends(OPTICS_TAPE_FAILED, 2, ways[i].code);
		refuses("qrng_recorded", NULL, ways[i].text);
		refuses("qrng_recorded", NULL, "nothing is being recorded");
	}
}

/* False latches a year follow from the rate that is measured. */
static void test_rate(void)
{
	struct optics_status s = {0};
	double year = 365.25 * 86400, want;
	json_t *o;

	s.qrng.samples = 0;
	qrng_watch("test", &s, 1000 * NS_PER_S);
	s.qrng.samples = 20000000;
	qrng_watch("test", &s, 1002 * NS_PER_S);
	CU_ASSERT_DOUBLE_EQUAL(qrng_watch_rate(), 1e7, 1);
	o = call("qrng_show", NULL);
	want = 1e7 * year * (1 + 3 / 1024.0 + 2 / 262144.0 + 0.125) * 0x1p-60;
	CU_ASSERT_DOUBLE_EQUAL(json_real_value(json_object_get(o, "false_latches_a_year")), want,
	                       1e-9);
	json_decref(o);
	qrng_destroy(source.qrng);
	CU_ASSERT_EQUAL(secret_used(), 0);
	secret_fini();
}

UNIT_MAIN(UNIT(test_setup), UNIT(test_show), UNIT(test_fault), UNIT(test_refuses_recordings),
          UNIT(test_records), UNIT(test_recordings_that_fail), UNIT(test_rate))
