/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/error_cause.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "control/alarm.h"
#include "control/dwdm_watch.h"
#include "tests/unit/control/prediction_20km.h"
#include "tests/unit/unit.h"

#define LINK "link/demo"
#define SEEN "errors in both bases: 25.0 % of 900 outcomes in Z, 24.0 % of 80 in X"

static struct config config;
static struct card_ocm_scan scan;
static uint64_t now;

static void setup(bool planned)
{
	log_level_set("alarm", LOG_LEVEL_ERR - 1);
	alarm_reset(NULL);
	dwdm_watch_reset();
	error_cause_reset();
	now = 100 * NS_PER_S;
	config = (struct config){.link = "demo",
	                         .site = CONFIG_SITE_B,
	                         .qkd = {.mu1 = 0.3, .mu2 = 0.1, .p_mu1 = 0.3, .p_z = 0.8}};
	config.qkd.dwdm = (struct config_dwdm){.planned = planned,
	                                       .fibre_loss_db = 4,
	                                       .tolerance_db = 2,
	                                       .tolerance_ghz = 5,
	                                       .prediction = prediction_20km};
	scan = (struct card_ocm_scan){.floor_mdbm = -50000};
}

/* Half a second: a scan, in which C40 is seen at DBM unless that is 0, and a look at the errors. */
static void turn(double dbm, double qber)
{
	now += NS_PER_S / 2;
	scan.scan++;
	scan.count = dbm != 0;
	scan.channel[0] = (struct card_ocm_seen){.centre_mhz = 194000000,
	                                         .power_mdbm = (int32_t)(1000 * dbm)};
	dwdm_watch_poll(&config, 1e9, &scan, NULL, now);
	error_cause_poll(qber, qber, now);
}

static const struct alarm *shown(const char *kind)
{
	const struct alarm *a = alarm_find(kind, LINK);

	return a != NULL && a->active ? a : NULL;
}

static void test_percent(void)
{
	CU_ASSERT_EQUAL(error_cause_percent(0.02, 0.07, 0.12), 50);
	CU_ASSERT_EQUAL(error_cause_percent(0.02, 0.13, 0.12), 100);
	CU_ASSERT_EQUAL(error_cause_percent(0.02, 0.02, 0.12), 0);
	CU_ASSERT_EQUAL(error_cause_percent(0.02, 0.01, 0.12), 0);
	CU_ASSERT_EQUAL(error_cause_percent(0.02, 0.02, 0.01), 100);
}

/* No plan, no waiting; and alarms of other things are not taken. */
static void test_unwatched(void)
{
	setup(false);
	turn(-12, 0.25);
	CU_ASSERT_FALSE(error_cause_take(ENGINE_ALARM_SYNC, true, LINK, "no sync", now));
	CU_ASSERT_TRUE(error_cause_take(ENGINE_ALARM_INTERCEPT, true, LINK, SEEN, now));
	CU_ASSERT_PTR_NOT_NULL_FATAL(shown("intercept-resend"));
	CU_ASSERT_STRING_EQUAL(shown("intercept-resend")->text, SEEN);
	CU_ASSERT_TRUE(error_cause_take(ENGINE_ALARM_INTERCEPT, false, LINK, "over", now));
	CU_ASSERT_PTR_NULL(shown("intercept-resend"));
}

/* C40 at -2 dBm makes 10.9 % if it comes from Bob's side: its alarm is first, and is the cause. */
static void test_light_comes_first(void)
{
	const struct alarm *a;

	setup(true);
	turn(0, 0.015);
	error_cause_take(ENGINE_ALARM_INTERCEPT, true, LINK, SEEN, now);
	CU_ASSERT_PTR_NULL(shown("intercept-resend"));
	turn(-2, 0.11);
	CU_ASSERT_PTR_NULL(shown("intercept-resend"));
	CU_ASSERT_PTR_NOT_NULL(alarm_find("dwdm-new", "link/demo/C40"));
	turn(-2, 0.11);
	a = shown("intercept-resend");
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_EQUAL(a->severity, ALARM_CRITICAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(a->text, "light of C40 (dwdm-new) explains 9"));
	CU_ASSERT_PTR_NOT_NULL(strstr(a->text, "to 100 % of it; no key is made: " SEEN));
	CU_ASSERT_STRING_EQUAL(alarm_history_at(0)->kind, "intercept-resend");
	CU_ASSERT_STRING_EQUAL(alarm_history_at(1)->kind, "dwdm-new");
	/* It is taken off, the errors are still there for a moment. */
	turn(0, 0.08);
	CU_ASSERT_STRING_EQUAL(shown("intercept-resend")->text, SEEN);
}

/* An attacker who adds some light: it explains what it explains, and no more. */
static void test_light_that_hides_nothing(void)
{
	unsigned int least = 200, most = 200;
	const struct alarm *a;

	setup(true);
	turn(0, 0.015);
	error_cause_take(ENGINE_ALARM_INTERCEPT, true, LINK, SEEN, now);
	turn(-12, 0.25);
	turn(-12, 0.25);
	a = shown("intercept-resend");
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_EQUAL_FATAL(
	        sscanf(a->text, "light of C40 (dwdm-new) explains %u to %u %%", &least, &most), 2);
	CU_ASSERT(least >= 3 && least < most && most <= 13);
	config.qkd.dwdm.prediction.known = false;
	turn(-12, 0.25);
	CU_ASSERT_PTR_NOT_NULL(strstr(shown("intercept-resend")->text, "may explain it"));
}

/* No light, or no scan any more: shown after 1.5 s at the latest; a change of kind at once. */
static void test_nothing_to_explain(void)
{
	setup(true);
	turn(0, 0.015);
	error_cause_take(ENGINE_ALARM_QBER_Z, true, LINK, SEEN, now);
	error_cause_poll(0.25, 0.02, now + 1499 * NS_PER_MS);
	CU_ASSERT_PTR_NULL(shown("qber-z"));
	error_cause_poll(0.25, 0.02, now + 1500 * NS_PER_MS);
	CU_ASSERT_PTR_NOT_NULL_FATAL(shown("qber-z"));
	CU_ASSERT_STRING_EQUAL(shown("qber-z")->text, SEEN);
	error_cause_take(ENGINE_ALARM_INTERCEPT, true, LINK, SEEN, now + 1600 * NS_PER_MS);
	error_cause_take(ENGINE_ALARM_QBER_Z, false, LINK, "another", now + 1600 * NS_PER_MS);
	error_cause_poll(0.25, 0.25, now + 1600 * NS_PER_MS);
	CU_ASSERT_PTR_NULL(shown("qber-z"));
	CU_ASSERT_PTR_NOT_NULL(shown("intercept-resend"));
	/* The engine clears the old kind before or after. */
	error_cause_take(ENGINE_ALARM_INTERCEPT, false, LINK, "another", now + 2600 * NS_PER_MS);
	error_cause_take(ENGINE_ALARM_QBER_X, true, LINK, SEEN, now + 2600 * NS_PER_MS);
	error_cause_poll(0.02, 0.25, now + 2600 * NS_PER_MS);
	CU_ASSERT_PTR_NOT_NULL(shown("qber-x"));
}

/* Over before it was shown: the history has it nevertheless. */
static void test_a_short_one(void)
{
	setup(true);
	turn(0, 0.015);
	error_cause_take(ENGINE_ALARM_QBER_X, true, LINK, SEEN, now);
	error_cause_take(ENGINE_ALARM_QBER_X, false, LINK, "over", now + 1);
	CU_ASSERT_PTR_NULL(shown("qber-x"));
	CU_ASSERT_PTR_NOT_NULL_FATAL(alarm_find("qber-x", LINK));
	CU_ASSERT_EQUAL(alarm_find("qber-x", LINK)->raised_count, 1);
}

/* Of a small rise that a monitor found, the words alone. */
static void test_rise(void)
{
	char text[112];
	unsigned int least;

	setup(true);
	turn(0, 0.02);
	error_cause_of_rise(1, 0.01, now, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "");
	turn(-20, 0.02);
	turn(-20, 0.02);
	error_cause_of_rise(1, 0.5, now, text, sizeof(text));
	CU_ASSERT_EQUAL(strncmp(text, "light of C40", 12), 0);
	CU_ASSERT_EQUAL(sscanf(strstr(text, "explains"), "explains %u", &least), 1);
	CU_ASSERT(least < 100);
	/* All of one that is smaller than what the light makes; without scans nothing is said. */
	error_cause_of_rise(1, 1e-9, now, text, sizeof(text));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "explains 100 % of it: "));
	error_cause_of_rise(1, 0.01, now + 10 * NS_PER_S, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "");
	setup(false);
	turn(-20, 0.02);
	error_cause_of_rise(0, 0.01, now, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "");
}

UNIT_MAIN(UNIT(test_rise), UNIT(test_percent), UNIT(test_unwatched), UNIT(test_light_comes_first),
          UNIT(test_light_that_hides_nothing), UNIT(test_nothing_to_explain),
          UNIT(test_a_short_one))
