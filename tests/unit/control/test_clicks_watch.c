/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/clicks_watch.h"

#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "control/alarm.h"
#include "tests/unit/unit.h"

static bool raised(void)
{
	const struct alarm *a = alarm_find("clicks-lost", "link/demo");

	return a != NULL && a->active;
}

static void test_the_alarm_follows_the_gaps(void)
{
	struct optics_status s = {.present = true,
	                          .simulated = true,
	                          .card = {.slot_period_fs = 1000000, .gaps = 3, .gap_slots = 9}};
	uint64_t now = 100 * NS_PER_S;

	log_level_set("alarm", LOG_LEVEL_ERR - 1);
	alarm_reset(NULL);
	clicks_watch_reset();
	/* What was before is no news. */
	clicks_watch_poll("demo", &s, now);
	clicks_watch_poll("demo", &s, now += NS_PER_S);
	CU_ASSERT_FALSE(raised());
	s.card.gaps++;
	s.card.gap_slots += 750000000; /* of the second */
	clicks_watch_poll("demo", &s, now += NS_PER_S);
	CU_ASSERT_TRUE_FATAL(raised());
	CU_ASSERT_PTR_NOT_NULL(strstr(alarm_find("clicks-lost", "link/demo")->text, "7.5 %"));
	CU_ASSERT_PTR_NOT_NULL(
	        strstr(alarm_find("clicks-lost", "link/demo")->text, "slower than real time"));
	for (int i = 0; i < 29; i++)
		clicks_watch_poll("demo", &s, now += NS_PER_S);
	CU_ASSERT_TRUE(raised());
	clicks_watch_poll("demo", &s, now += NS_PER_S);
	CU_ASSERT_FALSE(raised());
}

/* Another card counts from 0, and none counts nothing. */
static void test_other_cards(void)
{
	struct optics_status s = {.present = true,
	                          .card = {.slot_period_fs = 1000000, .gaps = 5, .gap_slots = 500}};
	uint64_t now = 100 * NS_PER_S;

	alarm_reset(NULL);
	clicks_watch_reset();
	clicks_watch_poll("demo", &s, now);
	s.card.gaps = s.card.gap_slots = 0;
	clicks_watch_poll("demo", &s, now += NS_PER_S);
	s.present = false;
	clicks_watch_poll("demo", &s, now += NS_PER_S);
	s.present = true;
	s.card.gaps = 2;
	clicks_watch_poll("demo", &s, now += NS_PER_S);
	CU_ASSERT_FALSE(raised());
	s.card.gaps = 3;
	s.card.gap_slots = 900000000;
	clicks_watch_poll("demo", &s, now += NS_PER_S / 2); /* not yet */
	CU_ASSERT_FALSE(raised());
	clicks_watch_poll("demo", &s, now += NS_PER_S);
	CU_ASSERT_TRUE(raised());
	CU_ASSERT_PTR_NULL(strstr(alarm_find("clicks-lost", "link/demo")->text, "simulated"));
}

/* Moments are no alarm, at once or now and then; more than a twentieth of ten seconds is. */
static void test_moments(void)
{
	struct optics_status s = {.present = true,
	                          .simulated = true,
	                          .card = {.slot_period_fs = 1000000, .clicks = 1000000}};
	uint64_t now = 100 * NS_PER_S;

	alarm_reset(NULL);
	clicks_watch_reset();
	clicks_watch_poll("demo", &s, now);
	for (int i = 0; i < 50; i++) {
		s.card.gaps++;
		s.card.gap_slots += 25000000; /* 25 ms each second */
		s.card.dropped_tags += 4000;
		s.card.clicks += 862000;
		s.clicks_too_old += 100;
		s.held_ns += 500 * NS_PER_MS;
		clicks_watch_poll("demo", &s, now += NS_PER_S);
	}
	CU_ASSERT_FALSE(raised());
	for (int i = 0; i < 10; i++) {
		s.clicks_too_old += 100000; /* a tenth */
		s.card.clicks += 900000;
		clicks_watch_poll("demo", &s, now += NS_PER_S);
	}
	CU_ASSERT_TRUE_FATAL(raised());
	CU_ASSERT_PTR_NOT_NULL(
	        strstr(alarm_find("clicks-lost", "link/demo")->text, "10 % of the last ten"));
}

/* The engine has no room, so the card's ring is full: which it is, and how many that cost. */
static void test_post_processing_behind(void)
{
	struct optics_status s = {
	        .present = true, .simulated = true, .card = {.slot_period_fs = 1000000}};
	uint64_t now = 100 * NS_PER_S;

	alarm_reset(NULL);
	clicks_watch_reset();
	clicks_watch_poll("demo", &s, now);
	/* They wait at the card, which has room. */
	s.held = true;
	s.holds = 1;
	s.held_ns = 400 * NS_PER_MS;
	clicks_watch_poll("demo", &s, now += NS_PER_S);
	CU_ASSERT_FALSE(raised());
	/* The GAP is told when the ring is read again. */
	s.held_ns += NS_PER_S;
	s.card.dropped_tags = 120000;
	s.clicks_too_old = 3456;
	clicks_watch_poll("demo", &s, now += NS_PER_S);
	CU_ASSERT_TRUE_FATAL(raised());
	CU_ASSERT_PTR_NOT_NULL(
	        strstr(alarm_find("clicks-lost", "link/demo")->text, "post-processing is behind"));
	CU_ASSERT_PTR_NOT_NULL(strstr(alarm_find("clicks-lost", "link/demo")->text,
	                              "123456 clicks were not taken"));
	s.held = false;
	for (int i = 0; i < 30; i++)
		clicks_watch_poll("demo", &s, now += NS_PER_S);
	CU_ASSERT_FALSE(raised());
}

UNIT_MAIN(UNIT(test_the_alarm_follows_the_gaps), UNIT(test_other_cards), UNIT(test_moments),
          UNIT(test_post_processing_behind))
