/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/webhook_body.h"
#include "control/alarm_kinds.h"
#include "tests/unit/control/web/alarm_sample.h"
#include "tests/unit/unit.h"

#include <string.h>

static const char *text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s != NULL ? s : "?";
}

static void test_body(void)
{
	struct web_alarm a =
	        alarm_sample("major", "{\"change\": \"acknowledged\", \"number\": 12, \"uid\": 7}");
	char out[WEBHOOK_BODY_MAX];
	size_t n = webhook_body(&a, "run-1", out);
	json_t *o = json_loadb(out, n, 0, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "version")), 1);
	CU_ASSERT_STRING_EQUAL(text(o, "id"), "run-1");
	CU_ASSERT_STRING_EQUAL(text(o, "program"), "lumengate");
	CU_ASSERT_STRING_EQUAL(text(o, "host"), "gw-a");
	CU_ASSERT_STRING_EQUAL(text(o, "kind"), "no-light");
	CU_ASSERT_STRING_EQUAL(text(o, "resource"), "link/demo");
	CU_ASSERT_STRING_EQUAL(text(o, "severity"), "major");
	CU_ASSERT_STRING_EQUAL(text(o, "change"), "acknowledged");
	CU_ASSERT_STRING_EQUAL(text(o, "time"), "2026-01-31T08:00:00.000Z");
	CU_ASSERT_STRING_EQUAL(text(o, "text"), "no detection for 2 s");
	CU_ASSERT_STRING_EQUAL(text(o, "action"), alarm_kind_find("no-light")->action);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "number")), 12);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "uid")), 7);
	CU_ASSERT_TRUE(json_is_false(json_object_get(o, "standing")));
	json_decref(o);
	alarm_release(&a);
}

static void test_what_is_over_asks_for_nothing(void)
{
	struct web_alarm a = alarm_sample("cleared", "{}");
	char out[WEBHOOK_BODY_MAX];
	json_t *o = json_loadb(out, webhook_body(&a, "x", out), 0, NULL);

	CU_ASSERT_PTR_NULL(json_object_get(o, "action"));
	CU_ASSERT_PTR_NULL(json_object_get(o, "uid"));
	json_decref(o);
	/* Not UTF-8: nobody could read it. */
	a.text = "\xff";
	CU_ASSERT_EQUAL(webhook_body(&a, "x", out), 0);
	alarm_release(&a);
}

/* RFC 4231, test cases 1 and 2. */
static void test_signature(void)
{
	char out[WEBHOOK_SIGNATURE_MAX];
	uint8_t key[20];

	memset(key, 0x0b, sizeof(key));
	webhook_sign(key, sizeof(key), "Hi There", 8, out);
	CU_ASSERT_STRING_EQUAL(out, "sha256=b0344c61d8db38535ca8afceaf0bf12b"
	                            "881dc200c9833da726e9376c2e32cff7");
	webhook_sign((const uint8_t *)"Jefe", 4, "what do ya want for nothing?", 28, out);
	CU_ASSERT_STRING_EQUAL(out, "sha256=5bdcc146bf60754e6a042426089575c7"
	                            "5a003f089d2739839dec58b964ec3843");
}

UNIT_MAIN(UNIT(test_body), UNIT(test_what_is_over_asks_for_nothing), UNIT(test_signature))
