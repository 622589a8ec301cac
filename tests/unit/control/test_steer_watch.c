/* SPDX-License-Identifier: BSD-3-Clause */

/* Alarms of the card's loops, and the card's status as JSON. */

#include "control/steer_watch.h"
#include "tests/unit/unit.h"

#include <string.h>

#include "common/log.h"
#include "control/alarm.h"
#include "control/card_json.h"

static struct optics_status s;

static void start(void)
{
	log_level_set("alarm", LOG_LEVEL_ERR - 1);
	alarm_reset(NULL);
	memset(&s, 0, sizeof(s));
	s.present = true;
	s.gate.s.set = STEER_GATE_UNIT;
}

/* The alarm of LOOP is raised and has WORD in its text; NULL: it is not raised. */
static void raised(const char *loop, const char *word)
{
	const struct alarm *a;
	char at[64];

	snprintf(at, sizeof(at), "link/demo/%s", loop);
	steer_watch("link/demo", &s);
	a = alarm_find("steering", at);
	CU_ASSERT_EQUAL(a != NULL && a->active, word != NULL);
	if (a != NULL && word != NULL)
		CU_ASSERT_PTR_NOT_NULL(strstr(a->text, word));
}

static void test_alarms(void)
{
	struct alarm_counts counts;

	start();
	for (unsigned int k = 0; k < CARD_LOOPS; k++) {
		s.card.loop_state[k] = k % 2 ? STEER_HELD : STEER_SETTLING;
		raised(card_loop_name((enum card_loop)k), NULL);
	}
	s.card.output_fw = 22974;
	s.card.target_fw = 20476;
	s.card.loop_state[CARD_LOOP_ATTENUATOR] = STEER_REFUSED;
	raised("attenuator", "+0.50 dB off at once: that is no drift");
	s.card.loop_state[CARD_LOOP_ATTENUATOR] = STEER_LIMIT;
	s.card.loop_set[CARD_LOOP_ATTENUATOR] = 52000;
	raised("attenuator", "limit of 52.00 dB");
	s.card.loop_state[CARD_LOOP_ATTENUATOR] = STEER_HELD;
	raised("attenuator", NULL);
	s.card.loop_state[CARD_LOOP_BIAS] = STEER_LIMIT;
	s.card.loop_set[CARD_LOOP_BIAS] = 5940;
	s.card.extinction_mdb = 14200;
	raised("bias", "limit of 5.94 V, extinction 14.2 dB");
	s.card.loop_state[CARD_LOOP_DETECTORS] = STEER_LIMIT;
	s.card.loop_set[CARD_LOOP_DETECTORS] = -60000;
	s.card.analog_actual[CARD_ANALOG_DETECTOR_MC] = -52300;
	raised("detectors", "detectors do not get to -60.0 C: now -52.3 C");
	s.card.loop_state[CARD_LOOP_LASER] = STEER_LIMIT;
	s.card.loop_set[CARD_LOOP_LASER] = 25000;
	raised("laser", "laser does not get to 25.0 C");
	s.gate.s.state = STEER_LIMIT;
	raised("gates", "clocks differ");
	s.gate.s.state = STEER_REFUSED;
	raised("gates", NULL);
	raised("peak", "no single peak");
	/* What a card that is gone does is no matter. */
	s.present = false;
	raised("bias", NULL);
	raised("detectors", NULL);
	raised("laser", NULL);
	raised("peak", NULL);
	alarm_counts_read(&counts);
	CU_ASSERT_EQUAL(counts.active[ALARM_MAJOR], 0);
}

static json_int_t at(const json_t *o, const char *a, const char *b, const char *c)
{
	return json_integer_value(json_object_get(json_object_get(json_object_get(o, a), b), c));
}

static void test_json(void)
{
	json_t *o, *loop;

	start();
	s.card.role = CARD_IS_ALICE;
	s.card.analog_present = 1u << CARD_ANALOG_VOA | 1u << CARD_ANALOG_MODULATOR;
	s.card.analog_set[CARD_ANALOG_VOA] = 50120;
	s.card.analog_actual[CARD_ANALOG_VOA] = 50118;
	s.card.analog_min[CARD_ANALOG_VOA] = 40000;
	s.card.analog_max[CARD_ANALOG_VOA] = 60000;
	s.card.analog_actual[CARD_ANALOG_MODULATOR] = -12;
	s.card.loop_state[CARD_LOOP_ATTENUATOR] = STEER_HELD;
	s.card.loop_set[CARD_LOOP_ATTENUATOR] = 50120;
	s.card.loop_moves[CARD_LOOP_ATTENUATOR] = 7;
	s.card.loop_limits[CARD_LOOP_ATTENUATOR] = 1;
	s.card.loop_refused[CARD_LOOP_ATTENUATOR] = 3;
	s.card.bias_mv = 2510;
	s.card.extinction_mdb = 29900;
	s.card.output_fw = 20500;
	s.card.tx_mode = CARD_TX_QKD;
	o = card_json(&s.card);
	CU_ASSERT_EQUAL(at(o, "settings", "attenuation_mdb", "set"), 50120);
	CU_ASSERT_EQUAL(at(o, "settings", "attenuation_mdb", "actual"), 50118);
	CU_ASSERT_EQUAL(at(o, "settings", "attenuation_mdb", "max"), 60000);
	CU_ASSERT_EQUAL(at(o, "settings", "modulator_mv", "actual"), -12);
	CU_ASSERT_EQUAL(json_object_size(json_object_get(o, "settings")), 2);
	CU_ASSERT_EQUAL(json_object_size(json_object_get(o, "loops")), 1);
	loop = json_object_get(json_object_get(o, "loops"), "attenuator");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(loop, "state")), "held");
	CU_ASSERT_EQUAL(at(o, "loops", "attenuator", "moves"), 7);
	CU_ASSERT_EQUAL(at(o, "loops", "attenuator", "limits"), 1);
	CU_ASSERT_EQUAL(at(o, "loops", "attenuator", "refused"), 3);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "bias_mv")), 2510);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "extinction_mdb")), 29900);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "tx_mode")), "qkd");
	CU_ASSERT_PTR_NULL(json_object_get(o, "photocurrent_na"));
	json_decref(o);
	s.card.role = CARD_IS_BOB;
	o = card_json(&s.card);
	CU_ASSERT_PTR_NOT_NULL(json_object_get(o, "photocurrent_na"));
	CU_ASSERT_PTR_NULL(json_object_get(o, "bias_mv"));
	json_decref(o);
	s.gate.start = 40;
	s.gate.s.set = 104;
	s.gate.s.state = STEER_HELD;
	o = card_gate_json(&s.gate);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "start")), 40);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(o, "width")), 104);
	json_decref(o);
}

UNIT_MAIN(UNIT(test_alarms), UNIT(test_json))
