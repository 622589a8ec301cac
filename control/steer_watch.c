/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/steer_watch.h"

#include <math.h>
#include <stdio.h>

#include "control/alarm.h"
#include "control/card_json.h"

#define KIND "steering"

static void say(const char *resource, const char *loop, bool raised, const char *text)
{
	char at[96];

	snprintf(at, sizeof(at), "%s/%s", resource, loop);
	if (raised)
		alarm_raise(KIND, at, ALARM_MAJOR, text);
	else
		alarm_clear(KIND, at, text);
}

/* By how much the power differs from what it shall be, dB. */
static double off_db(const struct card_status *c)
{
	return c->target_fw > 0 && c->output_fw > 0
	               ? 10 * log10((double)c->output_fw / c->target_fw)
	               : 0;
}

static void text_of(const struct card_status *c, enum card_loop loop, enum steer_state state,
                    char *out, size_t n)
{
	double set = c->loop_set[loop] * 1e-3;

	switch (loop) {
	case CARD_LOOP_ATTENUATOR:
		if (state == STEER_REFUSED)
			snprintf(out, n,
			         "power behind the attenuator is %+.2f dB off at once: that is no "
			         "drift, and is not steered away",
			         off_db(c));
		else
			snprintf(out, n,
			         "the attenuator is at its limit of %.2f dB, power is %+.2f dB off",
			         set, off_db(c));
		break;
	case CARD_LOOP_BIAS:
		snprintf(out, n,
		         "the modulator's bias is at its limit of %.2f V, extinction %.1f dB", set,
		         c->extinction_mdb * 1e-3);
		break;
	default:
		snprintf(
		        out, n, "the %s do%s not get to %.1f C: now %.1f C",
		        loop == CARD_LOOP_LASER ? "laser" : "detectors",
		        loop == CARD_LOOP_LASER ? "es" : "", set,
		        1e-3 * c->analog_actual[loop == CARD_LOOP_LASER ? CARD_ANALOG_LASER_MC
		                                                        : CARD_ANALOG_DETECTOR_MC]);
	}
}

void steer_watch(const char *resource, const struct optics_status *s)
{
	const struct card_status *c = &s->card;
	char text[160];

	for (unsigned int k = 0; k < CARD_LOOPS; k++) {
		enum steer_state state = (enum steer_state)c->loop_state[k];
		bool raised = s->present && (state == STEER_LIMIT || state == STEER_REFUSED);

		if (raised)
			text_of(c, (enum card_loop)k, state, text, sizeof(text));
		say(resource, card_loop_name((enum card_loop)k), raised,
		    raised       ? text
		    : s->present ? "steered again"
		                 : "the card is closed");
	}
	/* Figures that change each time would be a new alarm each time. */
	say(resource, "gates", s->present && s->gate.s.state == STEER_LIMIT,
	    s->gate.s.state == STEER_LIMIT
	            ? "gates stay open: the cards' clocks differ by more than gates can follow"
	            : "gates can follow");
	say(resource, "peak", s->present && s->gate.s.state == STEER_REFUSED,
	    s->gate.s.state == STEER_REFUSED
	            ? "gates stay open: arrivals in the slot have no single peak"
	            : "arrivals have a peak");
}
