/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/alarm.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "control/alarm_shelf.h"

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

/* What subscribers are told. */
static struct alarm_change told[16];
static unsigned int told_count;

static void listen(const struct alarm_change *change)
{
	CU_ASSERT_FATAL(told_count < 16);
	told[told_count++] = *change;
}

static void start_listening(void)
{
	start();
	now = 100 * NS_PER_S;
	told_count = 0;
	alarm_listen(listen);
}

#define PORT "port/wan"

static void down(void)
{
	alarm_raise("link-down", PORT, ALARM_MAJOR, "no link");
}

static void up(void)
{
	alarm_clear("link-down", PORT, "it has link");
}

static void test_what_comes_and_goes_is_told_once(void)
{
	const struct alarm *a;
	struct alarm_counts counts;

	start_listening();
	CU_ASSERT_EQUAL_FATAL(alarm_kind_find("link-down")->hold_s, 30);
	for (unsigned int i = 1; i <= ALARM_FLAPS; i++) {
		now += NS_PER_S;
		down();
		CU_ASSERT_EQUAL(told_count, 2 * i - 1);
		up();
	}
	/* The third end within a minute is not believed. */
	a = alarm_find("link-down", PORT);
	CU_ASSERT_TRUE(a->active && a->over);
	CU_ASSERT_EQUAL(told_count, 5);
	for (unsigned int i = 0; i < 100; i++) {
		now += NS_PER_S;
		alarm_poll();
		down();
		now += NS_PER_S;
		up();
		alarm_poll();
	}
	CU_ASSERT_EQUAL(told_count, 5);
	CU_ASSERT_EQUAL(a->raised_count, 103);
	alarm_counts_read(&counts);
	CU_ASSERT_EQUAL(counts.held, 100);
	CU_ASSERT_EQUAL(counts.raised, 3);
	CU_ASSERT_EQUAL(counts.active[ALARM_MAJOR], 1);
	/* Its source repeats what it said: the time of the hold goes on. */
	now += 20 * NS_PER_S;
	up();
	now += 10 * NS_PER_S - 1;
	alarm_poll();
	CU_ASSERT_TRUE(a->active);
	now += 1;
	alarm_poll();
	CU_ASSERT_FALSE(a->active);
	CU_ASSERT_STRING_EQUAL(a->text, "it has link");
	CU_ASSERT_EQUAL(told_count, 6);
	CU_ASSERT_EQUAL(told[5].what, ALARM_ENDED);
	CU_ASSERT_EQUAL(told[5].severity, ALARM_CLEARED);
	/* After a quiet while it is as at first. */
	now += ALARM_FLAP_S * NS_PER_S;
	down();
	up();
	CU_ASSERT_FALSE(a->active);
	alarm_unlisten(listen);
}

static void test_worse_is_told_within_a_hold(void)
{
	start_listening();
	for (unsigned int i = 0; i < ALARM_FLAPS; i++) {
		down();
		up();
	}
	CU_ASSERT_TRUE(alarm_find("link-down", PORT)->over);
	alarm_raise("link-down", PORT, ALARM_CRITICAL, "both");
	CU_ASSERT_EQUAL(told_count, 6);
	CU_ASSERT_EQUAL(told[5].what, ALARM_CHANGED);
	CU_ASSERT_EQUAL(told[5].severity, ALARM_CRITICAL);
	CU_ASSERT_FALSE(alarm_find("link-down", PORT)->over);
	/* What has its own hysteresis has no hold. */
	for (unsigned int i = 0; i < 10; i++) {
		alarm_raise("fibre-bend", "link/x", ALARM_CRITICAL, "at 7 km");
		alarm_clear("fibre-bend", "link/x", "gone");
		CU_ASSERT_FALSE(alarm_find("fibre-bend", "link/x")->active);
		told_count = 0;
	}
	alarm_unlisten(listen);
}

static void test_acknowledgement(void)
{
	const struct alarm *a;
	struct alarm_counts counts;
	struct err err = {0};

	start_listening();
	CU_ASSERT_EQUAL(alarm_acknowledge("link-down", PORT, "x", 1000, &err), -ENOENT);
	CU_ASSERT_STRING_EQUAL(err.text, "there is no active alarm link-down at port/wan");
	down();
	CU_ASSERT_EQUAL(alarm_acknowledge("link-down", PORT, "on my way", 1000, &err), 0);
	a = alarm_find("link-down", PORT);
	CU_ASSERT_TRUE(a->acknowledged && a->active);
	CU_ASSERT_EQUAL(a->ack_uid, 1000);
	CU_ASSERT_EQUAL(a->ack_ns, now);
	CU_ASSERT_EQUAL(told[1].what, ALARM_ACKNOWLEDGED);
	CU_ASSERT_TRUE(told[1].operated);
	CU_ASSERT_EQUAL(told[1].uid, 1000);
	CU_ASSERT_STRING_EQUAL(told[1].text, "on my way");
	CU_ASSERT_EQUAL(alarm_acknowledge("link-down", PORT, NULL, 0, &err), -EALREADY);
	alarm_counts_read(&counts);
	CU_ASSERT_EQUAL(counts.acknowledged, 1);
	/* It is as it was seen: the same, and less, is no news. */
	down();
	alarm_raise("link-down", PORT, ALARM_MINOR, "one of two");
	CU_ASSERT_TRUE(a->acknowledged);
	alarm_raise("link-down", PORT, ALARM_CRITICAL, "both");
	CU_ASSERT_FALSE(a->acknowledged);
	CU_ASSERT_EQUAL(alarm_acknowledge("link-down", PORT, NULL, 1000, &err), 0);
	CU_ASSERT_EQUAL(alarm_unacknowledge("link-down", PORT, "another's", 1001, &err), 0);
	CU_ASSERT_EQUAL(alarm_unacknowledge("link-down", PORT, NULL, 1001, &err), -EALREADY);
	CU_ASSERT_EQUAL(alarm_history_at(0)->what, ALARM_UNACKNOWLEDGED);
	CU_ASSERT_EQUAL(alarm_history_at(0)->uid, 1001);
	CU_ASSERT_EQUAL(alarm_history_at(0)->number, 6);
	CU_ASSERT_EQUAL(alarm_acknowledge("link-down", PORT, NULL, 1000, &err), 0);
	up();
	down();
	CU_ASSERT_FALSE(a->acknowledged);
	alarm_counts_read(&counts);
	CU_ASSERT_EQUAL(counts.acknowledged, 0);
	alarm_unlisten(listen);
}

static void shelve(const char *kind, const char *resource, uint64_t until_ns)
{
	struct alarm_shelf s = {.since_ns = now, .until_ns = until_ns, .uid = 1000};
	struct err err = {0};

	snprintf(s.kind, sizeof(s.kind), "%s", kind);
	snprintf(s.resource, sizeof(s.resource), "%s", resource);
	CU_ASSERT_EQUAL_FATAL(alarm_shelf_add(&s, &err), 0);
	alarm_shelves_changed(true, 1000, "works on the cable");
}

static void test_shelved_alarms_are_told_to_nobody(void)
{
	struct alarm_counts counts;
	struct err err = {0};

	start_listening();
	down();
	alarm_raise("no-key", "tunnel/dc", ALARM_CRITICAL, "none");
	shelve("link-down", "", 0);
	CU_ASSERT_EQUAL(told_count, 3);
	CU_ASSERT_EQUAL(told[2].what, ALARM_SHELVED);
	CU_ASSERT_STRING_EQUAL(told[2].kind, "link-down");
	alarm_counts_read(&counts);
	CU_ASSERT_EQUAL(counts.active[ALARM_MAJOR], 0);
	CU_ASSERT_EQUAL(counts.active[ALARM_CRITICAL], 1);
	CU_ASSERT_EQUAL(counts.shelved, 1);
	/* It goes on in the dark, for the history. */
	up();
	down();
	alarm_raise("link-down", "port/lan", ALARM_MAJOR, "no link");
	CU_ASSERT_EQUAL(told_count, 3);
	CU_ASSERT_TRUE(alarm_history_at(0)->shelved);
	alarm_counts_read(&counts);
	CU_ASSERT_EQUAL(counts.shelved, 2);
	/* What is active when it is taken out is told. */
	CU_ASSERT_EQUAL(alarm_shelf_remove("link-down", "port/wan", &err), -ENOENT);
	CU_ASSERT_STRING_EQUAL(err.text,
	                       "nothing is shelved by kind link-down and resource port/wan");
	CU_ASSERT_EQUAL(alarm_shelf_remove("link-down", "", &err), 0);
	alarm_shelves_changed(true, 1000, "");
	CU_ASSERT_EQUAL(told_count, 5);
	CU_ASSERT_EQUAL(told[4].what, ALARM_UNSHELVED);
	CU_ASSERT_EQUAL(told[4].severity, ALARM_MAJOR);
	alarm_counts_read(&counts);
	CU_ASSERT_EQUAL(counts.active[ALARM_MAJOR], 2);
	CU_ASSERT_EQUAL(counts.shelved, 0);
	alarm_unlisten(listen);
}

static void test_shelving_ends_with_its_time(void)
{
	start_listening();
	shelve("", "tunnel/*", now + 60 * NS_PER_S);
	alarm_raise("no-key", "tunnel/dc", ALARM_CRITICAL, "none");
	alarm_poll();
	CU_ASSERT_EQUAL(told_count, 0);
	now += 60 * NS_PER_S;
	alarm_poll();
	CU_ASSERT_EQUAL(told_count, 1);
	CU_ASSERT_EQUAL(told[0].what, ALARM_UNSHELVED);
	CU_ASSERT_EQUAL(told[0].severity, ALARM_CRITICAL);
	CU_ASSERT_FALSE(told[0].operated);
	CU_ASSERT_PTR_NULL(alarm_shelf_at(0));
	alarm_unlisten(listen);
}

/* What is counted is what is there, whatever happens. */
static void test_counts_hold_in_any_order(void)
{
	static const char *const kinds[] = {"link-down", "no-key", "fibre-bend"};
	struct alarm_counts counts;
	struct err err = {0};

	dice_state = 8632;
	start();
	for (unsigned int i = 0; i < 20000; i++) {
		unsigned int active[ALARM_CRITICAL + 1] = {0}, shelved = 0, acknowledged = 0;
		const char *kind = kinds[dice(3)];
		char resource[16];
		const struct alarm *a;

		snprintf(resource, sizeof(resource), "r/%u", (unsigned int)dice(4));
		now += dice(2) * NS_PER_S;
		switch (dice(8)) {
		case 0:
		case 1:
			alarm_raise(kind, resource, (enum alarm_severity)(1 + dice(4)), "x");
			break;
		case 2:
		case 3:
			alarm_clear(kind, resource, "y");
			break;
		case 4:
			alarm_acknowledge(kind, resource, NULL, 0, &err);
			break;
		case 5:
			alarm_unacknowledge(kind, resource, NULL, 0, &err);
			break;
		case 6:
			shelve(kind, dice(2) == 0 ? resource : "r/*",
			       dice(2) == 0 ? 0 : now + 10 * NS_PER_S);
			break;
		default:
			if (alarm_shelf_remove(kind, resource, &err) == 0 ||
			    alarm_shelf_remove(kind, "r/*", &err) == 0)
				alarm_shelves_changed(true, 0, "");
			alarm_poll();
		}
		for (size_t k = 0; (a = alarm_at(k)) != NULL; k++) {
			CU_ASSERT_EQUAL(a->shelved, alarm_shelf_holds(a->kind, a->resource));
			CU_ASSERT_FALSE(!a->active && (a->over || a->acknowledged));
			if (a->active && a->shelved)
				shelved++;
			else if (a->active)
				active[a->severity]++;
			acknowledged += a->active && !a->shelved && a->acknowledged;
		}
		alarm_counts_read(&counts);
		CU_ASSERT_FATAL(memcmp(active, counts.active, sizeof(active)) == 0 &&
		                shelved == counts.shelved && acknowledged == counts.acknowledged);
	}
	CU_ASSERT(counts.held > 100);
}

UNIT_MAIN(UNIT(test_what_comes_and_goes_is_told_once), UNIT(test_worse_is_told_within_a_hold),
          UNIT(test_acknowledgement), UNIT(test_shelved_alarms_are_told_to_nobody),
          UNIT(test_shelving_ends_with_its_time), UNIT(test_counts_hold_in_any_order),
          UNIT(test_raise_and_clear), UNIT(test_repetition_leaves_no_entry),
          UNIT(test_severity_change_is_an_entry), UNIT(test_history_is_a_ring),
          UNIT(test_full_table_forgets_cleared_ones_only))
