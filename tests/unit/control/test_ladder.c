/* SPDX-License-Identifier: BSD-3-Clause */

/* The light's start as each site sees it: rung by rung, late, undone. */

#include "control/ladder.h"
#include "tests/unit/unit.h"

#include <string.h>

#include "common/clock.h"

static struct ladder l;
static struct qkd_role_status s;
static uint64_t now;

static void start(bool site_a)
{
	memset(&s, 0, sizeof(s));
	now = 1000 * NS_PER_S;
	s.quantum = true;
	ladder_reset(&l, site_a, now);
}

static void pass(unsigned int ms)
{
	for (unsigned int i = 0; i < ms; i += 100) {
		now += 100 * NS_PER_MS;
		ladder_poll(&l, &s, "card /run/card: absent", now);
	}
}

static void at(const char *name, enum ladder_state state, const char *word)
{
	CU_ASSERT_STRING_EQUAL(ladder_rung_name(l.site_a, l.at), name);
	CU_ASSERT_EQUAL(ladder_rung_state(&l, l.at), state);
	CU_ASSERT_PTR_NOT_NULL(strstr(l.reason, word));
}

static void test_the_receiver_climbs(void)
{
	json_t *o, *rungs;

	start(false);
	pass(3000);
	at("card", LADDER_RUNNING, "card /run/card: absent");
	s.optics.present = s.optics.card.armed = true;
	s.optics.card.role = CARD_IS_BOB;
	s.optics.card.loop_state[CARD_LOOP_DETECTORS] = STEER_SETTLING;
	s.optics.card.analog_actual[CARD_ANALOG_DETECTOR_MC] = -21500;
	s.optics.card.analog_set[CARD_ANALOG_DETECTOR_MC] = -40000;
	pass(5000);
	at("temperature", LADDER_RUNNING, "-21.5 of -40.0 C");
	s.optics.card.loop_state[CARD_LOOP_DETECTORS] = STEER_HELD;
	pass(100);
	at("delay", LADDER_RUNNING, "no channel");
	s.channel.state = CHANNEL_UP;
	pass(100);
	at("delay", LADDER_RUNNING, "no click");
	s.optics.card.clicks = 5000;
	s.optics.coherence = 0.03;
	pass(100);
	at("delay", LADDER_RUNNING,
	   "5000 clicks have no common place in the slot (coherence 0.03)");
	s.optics.phase_locked = true;
	s.engine.unaligned = 120;
	pass(200);
	at("offset", LADDER_RUNNING, "120 detections");
	s.engine.aligned = true;
	s.optics.card.phase = true;
	s.optics.card.phase_mrad2 = 400 * 400;
	pass(200);
	at("phase", LADDER_RUNNING, "by 400 mrad");
	o = ladder_json(&l, now);
	rungs = json_object_get(o, "rungs");
	CU_ASSERT_TRUE(json_is_false(json_object_get(o, "done")));
	CU_ASSERT_EQUAL(json_array_size(rungs), LADDER_RUNGS);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(json_array_get(rungs, 1), "ms")), 5000);
	CU_ASSERT_STRING_EQUAL(
	        json_string_value(json_object_get(json_array_get(rungs, 1), "state")), "done");
	CU_ASSERT_STRING_EQUAL(
	        json_string_value(json_object_get(json_array_get(rungs, 4), "state")), "running");
	json_decref(o);
	s.optics.card.phase_mrad2 = 60 * 60;
	pass(100);
	CU_ASSERT_EQUAL(l.at, LADDER_RUNGS);
	CU_ASSERT_STRING_EQUAL(l.reason, "");
	CU_ASSERT_EQUAL(l.starts, 1);
	CU_ASSERT_EQUAL(l.lates, 0);
	o = ladder_json(&l, now);
	CU_ASSERT_TRUE(json_is_true(json_object_get(o, "done")));
	json_decref(o);
	/* The clock is lost: back to where it is found. */
	s.optics.phase_locked = s.engine.aligned = false;
	pass(100);
	at("delay", LADDER_RUNNING, "no click");
	CU_ASSERT_EQUAL(l.starts, 1);
	/* The card is lost: from the ground. */
	memset(&s.optics, 0, sizeof(s.optics));
	pass(100);
	at("card", LADDER_RUNNING, "absent");
	CU_ASSERT_EQUAL(l.starts, 2);
}

static void test_the_transmitter_climbs(void)
{
	start(true);
	s.channel.state = CHANNEL_UP;
	s.optics.present = true;
	pass(100);
	at("card", LADDER_RUNNING, "absent");
	s.optics.card.armed = true;
	s.optics.card.loop_state[CARD_LOOP_LASER] = STEER_HELD;
	s.optics.card.loop_state[CARD_LOOP_BIAS] = STEER_LIMIT;
	s.optics.card.loop_set[CARD_LOOP_BIAS] = 60;
	s.optics.card.extinction_mdb = 12300;
	pass(100);
	at("bias", LADDER_RUNNING, "12.3 dB at 60 mV");
	s.optics.card.loop_state[CARD_LOOP_BIAS] = STEER_HELD;
	s.optics.card.loop_state[CARD_LOOP_ATTENUATOR] = STEER_SETTLING;
	pass(100);
	at("offset", LADDER_RUNNING, "site b");
	s.engine.aligned = true;
	pass(100);
	at("power", LADDER_RUNNING, "no reading");
	s.optics.card.output_fw = 20000;
	s.optics.card.target_fw = 25179;
	s.optics.card.loop_set[CARD_LOOP_ATTENUATOR] = 49500;
	pass(100);
	at("power", LADDER_RUNNING, "-1.00 dB off, attenuator at 49.50 dB (settling)");
	s.optics.card.loop_state[CARD_LOOP_ATTENUATOR] = STEER_HELD;
	pass(100);
	CU_ASSERT_EQUAL(l.at, LADDER_RUNGS);
	/* A card without such settings has these rungs behind it. */
	start(true);
	s.optics.present = s.optics.card.armed = true;
	pass(100);
	at("offset", LADDER_RUNNING, "no channel");
}

static void test_late(void)
{
	start(false);
	s.channel.state = CHANNEL_UP;
	pass(10000);
	CU_ASSERT_FALSE(l.late);
	pass(200);
	at("card", LADDER_LATE, "absent");
	CU_ASSERT_FALSE(ladder_alarms(&l, &s)); /* there is one for it: no-card */
	s.optics.present = s.optics.card.armed = true;
	pass(11000);
	at("delay", LADDER_LATE, "no click");
	CU_ASSERT_FALSE(ladder_alarms(&l, &s)); /* no-light */
	CU_ASSERT_EQUAL(l.lates, 2);
	/* There is light, and nothing comes of it. */
	s.optics.card.clicks = 100000;
	pass(100);
	CU_ASSERT_TRUE(ladder_alarms(&l, &s));
	s.channel.state = CHANNEL_DOWN;
	CU_ASSERT_FALSE(ladder_alarms(&l, &s)); /* channel-down */
	s.channel.state = CHANNEL_UP;
	s.optics.phase_locked = true;
	pass(200);
	CU_ASSERT_FALSE(ladder_alarms(&l, &s));
	pass(31000);
	at("offset", LADDER_LATE, "detections");
	CU_ASSERT_TRUE(ladder_alarms(&l, &s));
	CU_ASSERT_PTR_NOT_NULL(strstr(l.late_reason, "offset: 0 detections"));
	/* The other site waits for this one, and says nothing. */
	start(true);
	s.channel.state = CHANNEL_UP;
	s.optics.present = s.optics.card.armed = true;
	pass(61000);
	at("offset", LADDER_LATE, "site b");
	CU_ASSERT_FALSE(ladder_alarms(&l, &s));
}

UNIT_MAIN(UNIT(test_the_receiver_climbs), UNIT(test_the_transmitter_climbs), UNIT(test_late))
