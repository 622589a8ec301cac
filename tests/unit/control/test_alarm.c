/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/alarm.h"
#include "tests/unit/unit.h"

#include <string.h>

#include "common/log.h"

static uint64_t now;

static uint64_t fake_clock(void)
{
	return now;
}

static void start(void)
{
	log_level_set("alarm", LOG_LEVEL_ERR - 1);
	now = 1000;
	alarm_reset(fake_clock);
}

static void test_raise_and_clear(void)
{
	const struct alarm *a;
	struct alarm_counts counts;

	start();
	alarm_raise("qber-z", "link/demo", ALARM_MAJOR, "12 %");
	a = alarm_find("qber-z", "link/demo");
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_TRUE(a->active);
	CU_ASSERT_EQUAL(a->raised_ns, 1000);
	CU_ASSERT_EQUAL(a->cleared_ns, 0);
	alarm_counts_read(&counts);
	CU_ASSERT_EQUAL(counts.active[ALARM_MAJOR], 1);

	now = 2000;
	alarm_clear("qber-z", "link/demo", "1 %");
	CU_ASSERT_FALSE(a->active);
	CU_ASSERT_EQUAL(a->cleared_ns, 2000);
	CU_ASSERT_EQUAL(a->severity, ALARM_MAJOR);
	CU_ASSERT_STRING_EQUAL(a->text, "1 %");
	alarm_counts_read(&counts);
	CU_ASSERT_EQUAL(counts.active[ALARM_MAJOR], 0);
	CU_ASSERT_EQUAL(counts.raised, 1);
	CU_ASSERT_EQUAL(counts.cleared, 1);

	CU_ASSERT_EQUAL(alarm_history_at(0)->severity, ALARM_CLEARED);
	CU_ASSERT_EQUAL(alarm_history_at(0)->time_ns, 2000);
	CU_ASSERT_EQUAL(alarm_history_at(1)->severity, ALARM_MAJOR);
	CU_ASSERT_STRING_EQUAL(alarm_history_at(1)->text, "12 %");
	CU_ASSERT_PTR_NULL(alarm_history_at(2));

	now = 3000;
	alarm_raise("qber-z", "link/demo", ALARM_MAJOR, "13 %");
	CU_ASSERT_EQUAL(a->raised_count, 2);
	CU_ASSERT_EQUAL(a->raised_ns, 3000);
	CU_ASSERT_PTR_NULL(alarm_at(1));
}

static void test_repetition_leaves_no_entry(void)
{
	start();
	alarm_raise("no-key", "tunnel/dc", ALARM_CRITICAL, "none left");
	for (int i = 0; i < 100; i++)
		alarm_raise("no-key", "tunnel/dc", ALARM_CRITICAL, "still none");
	CU_ASSERT_PTR_NULL(alarm_history_at(1));
	CU_ASSERT_STRING_EQUAL(alarm_find("no-key", "tunnel/dc")->text, "still none");
	alarm_clear("no-key", "tunnel/other", "x");
	alarm_clear("other", "tunnel/dc", "x");
	CU_ASSERT_TRUE(alarm_find("no-key", "tunnel/dc")->active);
}

static void test_severity_change_is_an_entry(void)
{
	struct alarm_counts counts;

	start();
	alarm_raise("low", "keystore", ALARM_WARNING, "50 keys");
	now = 5000;
	alarm_raise("low", "keystore", ALARM_MAJOR, "5 keys");
	alarm_counts_read(&counts);
	CU_ASSERT_EQUAL(counts.active[ALARM_WARNING], 0);
	CU_ASSERT_EQUAL(counts.active[ALARM_MAJOR], 1);
	CU_ASSERT_EQUAL(counts.raised, 1);
	CU_ASSERT_EQUAL(alarm_find("low", "keystore")->raised_ns, 1000);
	CU_ASSERT_EQUAL(alarm_find("low", "keystore")->changed_ns, 5000);
	CU_ASSERT_PTR_NOT_NULL(alarm_history_at(1));
}

static void test_history_is_a_ring(void)
{
	start();
	for (uint64_t i = 0; i < ALARM_HISTORY_MAX; i++) {
		now = i;
		alarm_raise("flap", "port/wan", ALARM_MINOR, "down");
		alarm_clear("flap", "port/wan", "up");
	}
	CU_ASSERT_EQUAL(alarm_history_at(0)->time_ns, ALARM_HISTORY_MAX - 1);
	CU_ASSERT_EQUAL(alarm_history_at(ALARM_HISTORY_MAX - 1)->time_ns, ALARM_HISTORY_MAX / 2);
	CU_ASSERT_PTR_NULL(alarm_history_at(ALARM_HISTORY_MAX));
}

static void test_full_table_forgets_cleared_ones_only(void)
{
	struct alarm_counts counts;
	char name[16];

	start();
	for (int i = 0; i < ALARM_TABLE_MAX; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		alarm_raise("kind", name, ALARM_MINOR, "x");
	}
	alarm_raise("kind", "one-more", ALARM_MINOR, "x");
	CU_ASSERT_PTR_NULL(alarm_find("kind", "one-more"));
	alarm_counts_read(&counts);
	CU_ASSERT_EQUAL(counts.lost, 1);
	CU_ASSERT_EQUAL(counts.active[ALARM_MINOR], ALARM_TABLE_MAX);

	now = 2000;
	alarm_clear("kind", "r7", "x");
	now = 3000;
	alarm_clear("kind", "r3", "x");
	alarm_raise("kind", "one-more", ALARM_MINOR, "x");
	CU_ASSERT_PTR_NOT_NULL(alarm_find("kind", "one-more"));
	CU_ASSERT_PTR_NULL(alarm_find("kind", "r7"));
	CU_ASSERT_PTR_NOT_NULL(alarm_find("kind", "r3"));
}

UNIT_MAIN(UNIT(test_raise_and_clear), UNIT(test_repetition_leaves_no_entry),
          UNIT(test_severity_change_is_an_entry), UNIT(test_history_is_a_ring),
          UNIT(test_full_table_forgets_cleared_ones_only))
