/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/card_json.h"

#include <stdio.h>

#define U64(o, s, member)  json_object_set_new((o), #member, json_integer((json_int_t)(s)->member))
#define BOOL(o, s, member) json_object_set_new((o), #member, json_boolean((s)->member))

const char *card_loop_name(enum card_loop loop)
{
	static const char *const names[CARD_LOOPS] = {[CARD_LOOP_ATTENUATOR] = "attenuator",
	                                              [CARD_LOOP_BIAS] = "bias",
	                                              [CARD_LOOP_LASER] = "laser",
	                                              [CARD_LOOP_DETECTORS] = "detectors"};

	return loop < CARD_LOOPS ? names[loop] : "unknown";
}

static json_t *loop_json(const struct card_status *s, unsigned int k)
{
	json_t *o = json_object();

	json_object_set_new(o, "state",
	                    json_string(steer_state_name((enum steer_state)s->loop_state[k])));
	json_object_set_new(o, "set", json_integer(s->loop_set[k]));
	json_object_set_new(o, "moves", json_integer((json_int_t)s->loop_moves[k]));
	json_object_set_new(o, "limits", json_integer((json_int_t)s->loop_limits[k]));
	json_object_set_new(o, "refused", json_integer((json_int_t)s->loop_refused[k]));
	return o;
}

/* Those that this card has: the others are off for good. */
static json_t *loops_json(const struct card_status *s)
{
	json_t *o = json_object();

	for (unsigned int k = 0; k < CARD_LOOPS; k++)
		if (s->loop_state[k] != STEER_OFF)
			json_object_set_new(o, card_loop_name((enum card_loop)k), loop_json(s, k));
	return o;
}

/* Names end in the unit. */
static json_t *settings_json(const struct card_status *s)
{
	static const char *const names[CARD_ANALOG_COUNT] = {
	        "laser_bias_ua",   "laser_mc",       "attenuation_mdb", "modulator_mv",
	        "phase_mrad",      "detectors_mc",   "bias_z0_mv",      "bias_z1_mv",
	        "bias_x0_mv",      "bias_x1_mv",     "threshold_z0_mv", "threshold_z1_mv",
	        "threshold_x0_mv", "threshold_x1_mv"};
	json_t *o = json_object();

	for (unsigned int i = 0; i < CARD_ANALOG_COUNT; i++)
		if ((s->analog_present >> i & 1) != 0)
			json_object_set_new(
			        o, names[i],
			        json_pack("{s:i, s:i, s:i, s:i}", "set", (int)s->analog_set[i],
			                  "actual", (int)s->analog_actual[i], "min",
			                  (int)s->analog_min[i], "max", (int)s->analog_max[i]));
	return o;
}

json_t *card_json(const struct card_status *s)
{
	static const char *const modes[] = {"dark", "qkd", "sync"};
	json_t *o = json_object();

	BOOL(o, s, simulated);
	BOOL(o, s, armed);
	BOOL(o, s, lost);
	BOOL(o, s, qrng_ok);
	U64(o, s, abi);
	U64(o, s, build);
	U64(o, s, fault_code);
	U64(o, s, fault_arg);
	U64(o, s, slot_period_fs);
	U64(o, s, clicks);
	U64(o, s, doubles);
	U64(o, s, gaps);
	U64(o, s, gap_slots);
	U64(o, s, shut_slots);
	U64(o, s, lost_tags);
	U64(o, s, dropped_tags);
	U64(o, s, lookups);
	U64(o, s, stale_lookups);
	U64(o, s, sequence_errors);
	U64(o, s, temperature_mc);
	if (s->role == CARD_IS_ALICE) {
		json_object_set_new(
		        o, "tx_mode",
		        json_string(s->tx_mode <= CARD_TX_SYNC ? modes[s->tx_mode] : "unknown"));
		U64(o, s, tx_power_nw);
		BOOL(o, s, monitor);
		BOOL(o, s, protection);
		U64(o, s, monitor_records);
		U64(o, s, monitor_gaps);
		U64(o, s, output_fw);
		U64(o, s, target_fw);
		U64(o, s, bias_mv);
		U64(o, s, extinction_mdb);
	} else {
		U64(o, s, photocurrent_na);
		if (s->phase)
			U64(o, s, phase_mrad2);
	}
	json_object_set_new(o, "loops", loops_json(s));
	json_object_set_new(o, "settings", settings_json(s));
	return o;
}

json_t *card_gate_json(const struct steer_gate *g)
{
	json_t *o = json_object();

	json_object_set_new(o, "state", json_string(steer_state_name(g->s.state)));
	json_object_set_new(o, "start", json_integer((json_int_t)g->start));
	json_object_set_new(o, "width", json_integer(g->s.set));
	json_object_set_new(o, "moves", json_integer((json_int_t)g->s.moves));
	json_object_set_new(o, "limits", json_integer((json_int_t)g->s.limits));
	json_object_set_new(o, "refused", json_integer((json_int_t)g->s.refused));
	return o;
}
