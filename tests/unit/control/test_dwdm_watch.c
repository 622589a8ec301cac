/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/dwdm_watch.h"

#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "control/alarm.h"
#include "tests/unit/unit.h"

static const struct config_dwdm plan = {
        .planned = true,
        .fibre_loss_db = 4,
        .tolerance_db = 2,
        .tolerance_ghz = 5,
        .count = 3,
        .channel = {{"C37", false, -15}, {"C38", true, -15}, {"C38", false, -11}},
};

static void see(struct card_ocm_scan *s, double thz, double dbm)
{
	s->channel[s->count++] = (struct card_ocm_seen){.centre_mhz = (uint32_t)(thz * 1e6 + 0.5),
	                                                .power_mdbm = (int32_t)(dbm * 1000)};
}

static struct card_ocm_scan scan(uint32_t number)
{
	return (struct card_ocm_scan){.scan = number, .floor_mdbm = -50000};
}

static bool raised(const char *kind, const char *resource)
{
	const struct alarm *a = alarm_find(kind, resource);

	return a != NULL && a->active;
}

/* At Bob's end: what comes through the fibre has lost 4 dB; two at one frequency add up to 3 dB
 * more. */
static void test_as_planned(void)
{
	struct dwdm_finding f[DWDM_FINDINGS_MAX];
	struct card_ocm_scan at_bob = scan(1), at_alice = scan(1);

	see(&at_bob, 193.7, -19);
	see(&at_bob, 193.8, -12);
	CU_ASSERT_EQUAL(dwdm_compare(&plan, true, &at_bob, f), 0);
	see(&at_alice, 193.7, -15);
	see(&at_alice, 193.8, -10.2);
	CU_ASSERT_EQUAL(dwdm_compare(&plan, false, &at_alice, f), 0);
	CU_ASSERT(dwdm_compare(&plan, false, &at_bob, f) > 0);
}

static void test_findings(void)
{
	struct dwdm_finding f[DWDM_FINDINGS_MAX];
	struct card_ocm_scan s = scan(1);

	see(&s, 193.7, -16);  /* 3 dB too strong */
	see(&s, 194.0, -12);  /* not planned */
	see(&s, 193.05, -30); /* nor that */
	CU_ASSERT_EQUAL_FATAL(dwdm_compare(&plan, true, &s, f), 4);
	CU_ASSERT(f[0].kind == DWDM_POWER && f[0].dbm == -16 && f[0].expected_dbm == -19);
	CU_ASSERT(f[1].kind == DWDM_NEW && f[1].ghz == 194000);
	CU_ASSERT(f[2].kind == DWDM_NEW && f[2].ghz == 193050);
	CU_ASSERT(f[3].kind == DWDM_MISSING && f[3].ghz == 193800);
	/* What the monitor could not see is not missed. */
	s.floor_mdbm = -10000;
	CU_ASSERT_EQUAL(dwdm_compare(&plan, true, &s, f), 3);
}

/* Off its frequency, but the same channel: half a slot of the finest grid away it is another. */
static void test_drift(void)
{
	struct dwdm_finding f[DWDM_FINDINGS_MAX];
	struct card_ocm_scan s = scan(1);

	see(&s, 193.704, -19);
	see(&s, 193.792, -15);
	CU_ASSERT_EQUAL_FATAL(dwdm_compare(&plan, true, &s, f), 2);
	CU_ASSERT(f[0].kind == DWDM_POWER && f[0].ghz == 193800);
	CU_ASSERT(f[1].kind == DWDM_DRIFT && f[1].ghz == 193800);
	CU_ASSERT_DOUBLE_EQUAL(f[1].off_ghz, -8, 1e-6);
	s = scan(2);
	see(&s, 193.7, -19);
	see(&s, 193.813, -12);
	CU_ASSERT_EQUAL_FATAL(dwdm_compare(&plan, true, &s, f), 2);
	CU_ASSERT(f[0].kind == DWDM_NEW && f[1].kind == DWDM_MISSING);
}

static void test_alarms(void)
{
	static struct config config = {.link = "demo", .site = CONFIG_SITE_B};
	struct card_ocm_scan s = scan(7);
	char light[40];

	config.qkd.dwdm = plan;

	log_level_set("alarm", LOG_LEVEL_ERR - 1);
	alarm_reset(NULL);
	dwdm_watch_reset();
	dwdm_watch_poll(&config, 1e9, NULL, NULL, 0);
	see(&s, 193.7, -19);
	see(&s, 193.8, -12);
	dwdm_watch_poll(&config, 1e9, &s, NULL, NS_PER_S);
	CU_ASSERT_FALSE(raised("dwdm-new", "link/demo/C40"));
	see(&s, 194.0, -12);
	dwdm_watch_poll(&config, 1e9, &s, NULL, NS_PER_S); /* the same scan: no news */
	CU_ASSERT_FALSE(raised("dwdm-new", "link/demo/C40"));
	s.scan++;
	dwdm_watch_poll(&config, 1e9, &s, NULL, NS_PER_S);
	CU_ASSERT_TRUE_FATAL(raised("dwdm-new", "link/demo/C40"));
	CU_ASSERT_PTR_NOT_NULL(
	        strstr(alarm_find("dwdm-new", "link/demo/C40")->text, "not an eavesdropper"));
	CU_ASSERT_EQUAL(dwdm_watch_unplanned(light, sizeof(light)), 1);
	CU_ASSERT_STRING_EQUAL(light, "C40 (dwdm-new)");
	CU_ASSERT_EQUAL(dwdm_watch_scans(4 * NS_PER_S), 2);
	CU_ASSERT_EQUAL(dwdm_watch_scans(5 * NS_PER_S), 0);
	CU_ASSERT_FALSE(raised("dwdm-power", "link/demo/C37"));
	s = scan(9);
	see(&s, 193.7, -25);
	dwdm_watch_poll(&config, 1e9, &s, NULL, NS_PER_S);
	CU_ASSERT_FALSE(raised("dwdm-new", "link/demo/C40"));
	CU_ASSERT_TRUE(raised("dwdm-missing", "link/demo/C38"));
	CU_ASSERT_TRUE(raised("dwdm-power", "link/demo/C37"));
	CU_ASSERT_EQUAL(dwdm_watch_unplanned(light, sizeof(light)), 0); /* it is too weak */
	s = scan(10);
	see(&s, 193.7063, -19);
	dwdm_watch_poll(&config, 1e9, &s, NULL, NS_PER_S);
	CU_ASSERT_FALSE(raised("dwdm-power", "link/demo/C37"));
	CU_ASSERT_TRUE_FATAL(raised("dwdm-drift", "link/demo/C37"));
	CU_ASSERT_PTR_NOT_NULL(strstr(alarm_find("dwdm-drift", "link/demo/C37")->text, "+6.3 GHz"));
	/* No plan, no alarm; those that there are end. */
	s.scan++;
	config.qkd.dwdm.planned = false;
	dwdm_watch_poll(&config, 1e9, &s, NULL, NS_PER_S);
	CU_ASSERT_FALSE(raised("dwdm-missing", "link/demo/C38"));
	CU_ASSERT_FALSE(raised("dwdm-drift", "link/demo/C37"));
	CU_ASSERT_EQUAL(dwdm_watch_scans(NS_PER_S), 0);
}

UNIT_MAIN(UNIT(test_as_planned), UNIT(test_findings), UNIT(test_drift), UNIT(test_alarms))
