/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/card_watch.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void card_watch_relearn(struct card_watch *w)
{
	watch_photocurrent_init(&w->photocurrent, w->holdoff_s);
	watch_toggle_init(&w->toggle);
	watch_arrivals_init(&w->arrivals);
	watch_transmitter_init(&w->transmitter, w->output_fw);
	memset(w->tripped, 0, sizeof(w->tripped));
	w->counted = false;
	w->clicks = w->live = 0;
	w->seconds = 0;
}

void card_watch_init(struct card_watch *w, double holdoff_s, double output_fw)
{
	memset(w, 0, sizeof(*w));
	w->holdoff_s = holdoff_s;
	w->output_fw = output_fw;
	card_watch_relearn(w);
}

/* What was suspected is accepted. */
static void forget(struct cusum *c)
{
	cusum_init(c, c->nats);
}

void card_watch_clear(struct card_watch *w)
{
	for (unsigned int d = 0; d < CARD_DETECTORS; d++) {
		forget(&w->photocurrent.mean[d].over);
		forget(&w->photocurrent.peak[d]);
	}
	forget(&w->photocurrent.bright);
	forget(&w->toggle.efficiency.high);
	forget(&w->toggle.efficiency.low);
	forget(&w->toggle.emitter.high);
	forget(&w->toggle.emitter.low);
	forget(&w->toggle.dark.few);
	forget(&w->transmitter.reflection.over);
	forget(&w->transmitter.reflection_peak.over);
	forget(&w->transmitter.output.over);
	forget(&w->transmitter.output_most);
}

void card_watch_accept(struct card_watch *w)
{
	struct watch_learnt l = {.count = 0};

	card_watch_learnt(w, &l);
	for (unsigned int i = 0; i < l.count; i++)
		baseline_accept(l.base[i].base);
	watch_arrivals_init(&w->arrivals);
	card_watch_clear(w);
}

/* Logarithms of currents a click, of rates and of powers. */
void card_watch_learnt(struct card_watch *w, struct watch_learnt *out)
{
	const struct watch_learnt_baseline list[] = {
	        {"photocurrent_z0", &w->photocurrent.mean[0].base, -40, 40},
	        {"photocurrent_z1", &w->photocurrent.mean[1].base, -40, 40},
	        {"photocurrent_x0", &w->photocurrent.mean[2].base, -40, 40},
	        {"photocurrent_x1", &w->photocurrent.mean[3].base, -40, 40},
	        {"efficiency_ratio", &w->toggle.efficiency.base, -10, 10},
	        {"emitter", &w->toggle.emitter.base, -60, 0},
	        {"dark_counts", &w->toggle.dark.base, -60, 0},
	        {"back_reflection", &w->transmitter.reflection.base, 0, 60},
	        {"back_reflection_peak", &w->transmitter.reflection_peak.base, 0, 60},
	        {"output", &w->transmitter.output.base, -60, 60},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]) && out->count < WATCH_STORE_BASELINES;
	     i++)
		out->base[out->count++] = list[i];
}

uint32_t card_watch_record(struct card_watch *w, const struct card_monitor *m)
{
	w->records[m->of == CARD_IS_BOB]++;
	if (m->of == CARD_IS_ALICE)
		return watch_transmitter_add(&w->transmitter, &m->tx);
	w->clicks += card_rx_slots(&m->rx, CARD_STATE_NORMAL);
	w->live += m->rx.live[CARD_STATE_NORMAL];
	w->seconds += m->rx.seconds;
	return watch_toggle_add(&w->toggle, &m->rx) |
	       watch_photocurrent_add(&w->photocurrent, &m->rx);
}

/* The card went dark before anybody could compare anything. */
static uint32_t limits(struct card_watch *w, const struct optics_monitor_counts *c)
{
	static const enum watch_monitor monitor[OPTICS_LIMITS] = {
	        WATCH_REFLECTION_PEAK, WATCH_OUTPUT, WATCH_PHOTOCURRENT_PEAK, WATCH_TEMPERATURE};
	uint32_t over = 0;

	for (unsigned int i = 0; i < OPTICS_LIMITS; i++) {
		if (c->trips[i] <= w->last.trips[i])
			continue;
		w->tripped[i] += c->trips[i] - w->last.trips[i];
		over |= 1u << monitor[i];
	}
	return over;
}

uint32_t card_watch_counts(struct card_watch *w, const struct optics_monitor_counts *c,
                           double seconds)
{
	uint64_t arrivals[CARD_DETECTORS][WATCH_ARRIVAL_BINS];
	uint32_t over = 0;

	_Static_assert(OPTICS_ARRIVAL_BINS == WATCH_ARRIVAL_BINS, "the same bins");
	if (w->counted) {
		for (unsigned int d = 0; d < CARD_DETECTORS; d++)
			for (unsigned int b = 0; b < WATCH_ARRIVAL_BINS; b++)
				arrivals[d][b] = c->arrivals[d][b] - w->last.arrivals[d][b];
		over = limits(w, c) |
		       watch_arrivals_add(&w->arrivals,
		                          (const uint64_t(*)[WATCH_ARRIVAL_BINS])arrivals, seconds);
	}
	w->last = *c;
	w->counted = true;
	return over;
}

bool card_watch_exposure(struct card_watch *w, uint64_t *clicks, double *live, double *seconds)
{
	bool any = w->live > 0;

	*clicks = w->clicks;
	*live = (double)w->live;
	*seconds = w->seconds;
	w->clicks = w->live = 0;
	w->seconds = 0;
	return any;
}

bool card_watch_above(const struct card_watch *w, enum watch_monitor m)
{
	bool over = false;

	for (unsigned int d = 0; d < CARD_DETECTORS; d++)
		over |= m == WATCH_PHOTOCURRENT
		                ? w->photocurrent.mean[d].over.over
		                : m == WATCH_PHOTOCURRENT_PEAK && w->photocurrent.peak[d].over;
	for (unsigned int d = 0; d < WATCH_ARRIVAL_SETS; d++)
		over |= m == WATCH_ARRIVALS_FAR
		                ? w->arrivals.detector[d].far.over
		                : m == WATCH_ARRIVALS_WIDE && w->arrivals.detector[d].wide.over;
	switch (m) {
	case WATCH_DARK:
		return w->toggle.dark.few.over;
	case WATCH_EMITTER:
		return w->toggle.emitter.low.over;
	case WATCH_EFFICIENCY:
		return w->toggle.efficiency.high.over || w->toggle.efficiency.low.over;
	case WATCH_BRIGHT:
		return w->photocurrent.bright.over;
	case WATCH_REFLECTION:
		return w->transmitter.reflection.over.over;
	case WATCH_REFLECTION_PEAK:
		return w->transmitter.reflection_peak.over.over;
	case WATCH_OUTPUT:
		return w->transmitter.output.over.over || w->transmitter.output_most.over;
	default:
		return over;
	}
}

static double highest(const double of[CARD_DETECTORS])
{
	double most = 0;

	for (unsigned int d = 0; d < CARD_DETECTORS; d++)
		most = fmax(most, of[d]);
	return most;
}

static void describe_arrivals(const struct watch_arrivals *a, char *text, size_t size)
{
	const unsigned int all = CARD_DETECTORS;

	snprintf(text, size,
	         "clicks arrive elsewhere in their slots: %.2f %% of them away from the pulses' "
	         "place, %.2f %% at its edge",
	         100 * a->detector[all].far_share, 100 * a->detector[all].edge_share);
}

void card_watch_describe(const struct card_watch *w, enum watch_monitor m, char *text, size_t size)
{
	const struct watch_transmitter *t = &w->transmitter;

	switch (m) {
	case WATCH_PHOTOCURRENT:
	case WATCH_PHOTOCURRENT_PEAK:
		snprintf(text, size,
		         "photocurrent up to %.4g nA (%.4g nA in 10 us): more than clicks make%s",
		         highest(w->photocurrent.mean_na), highest(w->photocurrent.peak_na),
		         w->tripped[2] > 0 ? "; the card went dark by its limit" : "");
		break;
	case WATCH_DARK:
		snprintf(text, size,
		         "detectors that are cut off from the line show no dark counts");
		break;
	case WATCH_EMITTER:
		snprintf(text, size, "detectors do not see the light of the card's own emitter");
		break;
	case WATCH_EFFICIENCY:
		snprintf(
		        text, size,
		        "at an efficiency of %.2f detectors click %.2f times as often, %.2f before",
		        CARD_LOW_RATIO, w->toggle.efficiency.last,
		        exp(w->toggle.efficiency.base.value));
		break;
	case WATCH_BRIGHT:
		snprintf(text, size,
		         "%.2f %% of the clicks are of pulses far brighter than a photon",
		         100 * w->photocurrent.bright_share);
		break;
	case WATCH_ARRIVALS_FAR:
	case WATCH_ARRIVALS_WIDE:
		describe_arrivals(&w->arrivals, text, size);
		break;
	case WATCH_REFLECTION:
	case WATCH_REFLECTION_PEAK:
		snprintf(text, size,
		         "light comes in by the fibre: %.4g pW (%.4g pW in a microsecond), %.4g pW "
		         "before%s",
		         t->reflection_pw, t->reflection_peak_pw, expm1(t->reflection.base.value),
		         w->tripped[0] > 0 ? "; the card went dark by its limit" : "");
		break;
	case WATCH_OUTPUT:
		snprintf(text, size,
		         "%.4g fW leave the transmitter, %.4g are configured; %+.2f dB against the "
		         "baseline%s",
		         t->output_fw, t->expected_fw,
		         10 / M_LN10 * (t->output.last - t->output.base.value),
		         w->tripped[1] > 0 ? "; the card went dark by its limit" : "");
		break;
	default:
		snprintf(text, size, "the card went dark: its board is too hot");
	}
}

static json_t *learnt_json(const struct baseline *b, double now)
{
	return json_pack("{s:b, s:f, s:f}", "learnt", b->ready, "value", now, "baseline",
	                 exp(b->value));
}

static json_t *receiver_json(const struct card_watch *w)
{
	json_t *o = json_object(), *currents = json_array(), *arrivals = json_array();

	for (unsigned int d = 0; d < CARD_DETECTORS; d++)
		json_array_append_new(currents,
		                      json_pack("{s:f, s:f}", "mean_na", w->photocurrent.mean_na[d],
		                                "peak_na", w->photocurrent.peak_na[d]));
	for (unsigned int d = 0; d < WATCH_ARRIVAL_SETS; d++)
		json_array_append_new(arrivals,
		                      json_pack("{s:f, s:f}", "far_share",
		                                w->arrivals.detector[d].far_share, "edge_share",
		                                w->arrivals.detector[d].edge_share));
	json_object_set_new(o, "photocurrent", currents);
	json_object_set_new(o, "arrivals", arrivals);
	json_object_set_new(o, "bright_share", json_real(w->photocurrent.bright_share));
	json_object_set_new(o, "efficiency_ratio",
	                    learnt_json(&w->toggle.efficiency.base, w->toggle.efficiency.last));
	json_object_set_new(o, "emitter_clicks_a_slot",
	                    learnt_json(&w->toggle.emitter.base, w->toggle.emitter.last));
	json_object_set_new(o, "dark_counts_a_slot",
	                    learnt_json(&w->toggle.dark.base, w->toggle.dark.last));
	return o;
}

json_t *card_watch_json(const struct card_watch *w)
{
	static const char *const names[OPTICS_LIMITS] = {"back_reflection", "output",
	                                                 "photocurrent", "temperature"};
	const struct watch_transmitter *t = &w->transmitter;
	json_t *o = json_object(), *tripped = json_object();

	for (unsigned int i = 0; i < OPTICS_LIMITS; i++)
		json_object_set_new(tripped, names[i], json_integer((json_int_t)w->tripped[i]));
	json_object_set_new(o, "records",
	                    json_integer((json_int_t)(w->records[0] + w->records[1])));
	json_object_set_new(o, "records_dropped", json_integer((json_int_t)w->last.dropped));
	json_object_set_new(o, "limits_tripped", tripped);
	if (w->records[0] > 0)
		json_object_set_new(o, "transmitter",
		                    json_pack("{s:f, s:f, s:f, s:f, s:b}", "output_fw",
		                              t->output_fw, "configured_fw", t->expected_fw,
		                              "back_reflection_pw", t->reflection_pw,
		                              "back_reflection_peak_pw", t->reflection_peak_pw,
		                              "learnt",
		                              t->output.base.ready && t->reflection.base.ready));
	if (w->records[1] > 0)
		json_object_set_new(o, "receiver", receiver_json(w));
	return o;
}
