/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/toggle.h"

#include <math.h>
#include <string.h>

#include "drivers/watch/monitors.h"

#define CLICKS_MIN  25 /* of a window */
#define EMITTER_MIN 100
#define LIGHT_LEAST 4.0 /* over dark counts, where the efficiency is told by its clicks */
#define SUSPECT     (1 / 3.0)
#define UNSURE      3.0 /* deviations of what was learnt */
/* Envelope of the efficiency's ratio, and the change that the sums are for. */
#define MARGIN   1.15
#define CHANGE   1.4
#define MOST     0.8
#define MOST_FOR 0.95
/* Of what the emitter adds, and of dark counts: what an honest detector shows at least; and what
 * the sums are for. */
#define EMITTER_LEAST 0.6
#define EMITTER_FOR   0.1
#define DARK_LEAST    0.4
#define DARK_FOR      0.05
#define SAME_LIGHT    0.25 /* of the logarithm of the rate, from record to record */
#define SAME_K        3.0  /* detectors at one temperature, with what their coolers leave */
/* An emitter that adds a smaller part than this to the line's light says nothing. */
#define EMITTER_SEEN 0.1

static const struct baseline_params ratio_params = {.learn_s = 10,
                                                    .time_s = 600,
                                                    .slope = 1e-4,
                                                    .bound = 0.5,
                                                    .spread_floor = 0.01,
                                                    .growth = 1.5};
/* They grow with temperature, by a third in 5 K. */
static const struct baseline_params dark_params = {.learn_s = 20,
                                                   .time_s = 600,
                                                   .slope = 2e-4,
                                                   .bound = 1,
                                                   .spread_floor = 0.01,
                                                   .growth = 1.5};

static void ratio_init(struct watch_ratio *w, enum watch_monitor m)
{
	baseline_init(&w->base, &ratio_params);
	cusum_init(&w->high, watch_nats(m));
	cusum_init(&w->low, watch_nats(m));
}

void watch_toggle_init(struct watch_toggle *w)
{
	memset(w, 0, sizeof(*w));
	ratio_init(&w->efficiency, WATCH_EFFICIENCY);
	ratio_init(&w->emitter, WATCH_EMITTER);
	baseline_init(&w->dark.base, &dark_params);
	cusum_init(&w->dark.few, watch_nats(WATCH_DARK));
}

/* Dark counts a slot; one more than were seen while that is little. */
static double dark_rate(const struct watch_toggle *w)
{
	if (w->dark.base.ready)
		return exp(w->dark.base.value);
	return w->dark.all_live > 0 ? (double)(w->dark.all_clicks + 1) / (double)w->dark.all_live
	                            : INFINITY;
}

static double normal_rate(const struct watch_ratio *w)
{
	return (double)w->normal / (double)w->normal_live;
}

/* For the state's clicks, at ATTACK a slot rather than HONEST, given those of both states. */
static double rate_llr(const struct watch_ratio *w, double honest, double attack)
{
	double l = (double)w->live, n = (double)w->normal;

	return ratio_binomial(w->clicks, w->clicks + w->normal, honest * l / (honest * l + n),
	                      attack * l / (attack * l + n));
}

/* Until there are so many clicks of the state; with EXPECTED a slot, until they should be. */
static bool gather(struct watch_ratio *w, const struct card_rx_reading *r, enum card_rx_state s,
                   uint64_t least, double expected)
{
	w->clicks += card_rx_slots(r, s);
	w->live += r->live[s];
	w->normal += card_rx_slots(r, CARD_STATE_NORMAL);
	w->normal_live += r->live[CARD_STATE_NORMAL];
	w->seconds += r->seconds;
	return w->normal >= CLICKS_MIN && w->live > 0 && w->normal_live > 0 &&
	       (w->clicks >= least || expected * (double)w->live >= 2 * (double)least);
}

static void window_over(struct watch_ratio *w)
{
	w->clicks = w->live = w->normal = w->normal_live = 0;
	w->seconds = 0;
}

static bool suspect(const struct watch_ratio *w)
{
	return w->high.sum > SUSPECT * w->high.nats || w->low.sum > SUSPECT * w->low.nats;
}

static double unsure(const struct baseline *b)
{
	return UNSURE / sqrt(fmax(b->weight, 1));
}

static uint32_t efficiency(struct watch_ratio *w, double dark)
{
	double n = normal_rate(w), light = n - dark, rate = (double)w->clicks / (double)w->live;
	bool crossed = false;

	/* Clicks that are mostly dark counts do not follow the efficiency. */
	if (light < LIGHT_LEAST * dark)
		return 0;
	if (w->base.ready) {
		double sure = exp(unsure(&w->base)), ratio = exp(w->base.value);
		double most = fmin(MARGIN * sure * ratio, MOST);
		double most_for = fmin(CHANGE * sure * ratio, MOST_FOR);
		double least = ratio / sure / MARGIN, least_for = ratio / sure / CHANGE;

		if (most < most_for)
			crossed = cusum_add(
			        &w->high, rate_llr(w, most * light + dark, most_for * light + dark),
			        w->seconds);
		crossed |= cusum_add(&w->low,
		                     rate_llr(w, least * light + dark, least_for * light + dark),
		                     w->seconds);
	}
	w->last = fmax(rate - dark, 0.01 * light) / light;
	baseline_take(&w->base, log(w->last),
	              1 / fmax((double)w->clicks, 1) + 1 / (double)w->normal, w->seconds,
	              suspect(w));
	return crossed ? 1u << WATCH_EFFICIENCY : 0;
}

static uint32_t emitter(struct watch_ratio *w)
{
	double n = normal_rate(w), rate = (double)w->clicks / (double)w->live, part;
	bool crossed = false;

	if (w->base.ready) {
		double added = exp(w->base.value - unsure(&w->base));

		if (added > EMITTER_SEEN * n)
			crossed = cusum_add(
			        &w->low,
			        rate_llr(w, n + EMITTER_LEAST * added, n + EMITTER_FOR * added),
			        w->seconds);
	}
	w->last = fmax(rate - n, 0.01 * rate);
	part = rate / w->last;
	baseline_take(&w->base, log(w->last), part * part / fmax((double)w->clicks, 1), w->seconds,
	              suspect(w));
	return crossed ? 1u << WATCH_EMITTER : 0;
}

/* At another temperature there are other dark counts: learnt anew. */
static void dark_temperature(struct watch_toggle *w, const struct card_rx_reading *r)
{
	double c = 0;

	for (unsigned int d = 0; d < CARD_DETECTORS; d++)
		c += 1e-3 * r->detector_mc[d] / CARD_DETECTORS;
	if (w->dark.all_live == 0)
		w->dark.detectors_c = c;
	if (fabs(c - w->dark.detectors_c) <= SAME_K)
		return;
	w->dark.detectors_c = c;
	baseline_init(&w->dark.base, &dark_params);
	cusum_init(&w->dark.few, w->dark.few.nats);
	w->dark.clicks = w->dark.live = w->dark.all_clicks = w->dark.all_live = 0;
	w->dark.seconds = 0;
}

static uint32_t dark(struct watch_toggle *w, const struct card_rx_reading *r)
{
	uint64_t clicks = card_rx_slots(r, CARD_STATE_SHUT), live = r->live[CARD_STATE_SHUT];
	double sure = w->dark.base.ready ? unsure(&w->dark.base) : 0;
	double expected = exp(w->dark.base.value - sure) * (double)live;
	bool crossed = false;

	dark_temperature(w, r);
	if (w->dark.base.ready && expected > 0)
		crossed =
		        cusum_add(&w->dark.few,
		                  ratio_poisson(clicks, DARK_LEAST * expected, DARK_FOR * expected),
		                  r->seconds);
	w->dark.all_clicks += clicks;
	w->dark.all_live += live;
	w->dark.clicks += clicks;
	w->dark.live += live;
	w->dark.seconds += r->seconds;
	if (w->dark.clicks >= CLICKS_MIN && w->dark.live > 0) {
		w->dark.last = (double)w->dark.clicks / (double)w->dark.live;
		baseline_take(&w->dark.base, log(w->dark.last), 1 / (double)w->dark.clicks,
		              w->dark.seconds, w->dark.few.sum > SUSPECT * w->dark.few.nats);
		w->dark.clicks = w->dark.live = 0;
		w->dark.seconds = 0;
	}
	return crossed ? 1u << WATCH_DARK : 0;
}

/* Rates of K clicks in L slots that are no further apart than light wanders, and statistics. */
static bool same_light(uint64_t k0, uint64_t l0, uint64_t k1, uint64_t l1)
{
	double a = (double)k0 + 0.5, b = (double)k1 + 0.5;

	if (l0 == 0 || l1 == 0)
		return false;
	return fabs(log(a / (double)l0 * (double)l1 / b)) < SAME_LIGHT + 4 * sqrt(1 / a + 1 / b);
}

static uint32_t compare(struct watch_toggle *w, const struct card_rx_reading *r)
{
	uint32_t over = 0;
	double expected;

	expected = w->efficiency.base.ready && w->efficiency.normal_live > 0
	                   ? exp(w->efficiency.base.value) * normal_rate(&w->efficiency)
	                   : 0;
	if (gather(&w->efficiency, r, CARD_STATE_LOW, CLICKS_MIN, expected)) {
		over |= efficiency(&w->efficiency, dark_rate(w));
		window_over(&w->efficiency);
	}
	expected = w->emitter.base.ready ? exp(w->emitter.base.value) : 0;
	if (gather(&w->emitter, r, CARD_STATE_EMIT, EMITTER_MIN, expected)) {
		over |= emitter(&w->emitter);
		window_over(&w->emitter);
	}
	return over;
}

uint32_t watch_toggle_add(struct watch_toggle *w, const struct card_rx_reading *r)
{
	const struct card_rx_reading *last = &w->waiting;
	uint64_t clicks = w->waits ? card_rx_slots(last, CARD_STATE_NORMAL) : 0;
	uint64_t live = w->waits ? last->live[CARD_STATE_NORMAL] : 0;
	uint32_t over = dark(w, r);

	if (same_light(w->before_clicks, w->before_live, clicks, live) &&
	    same_light(clicks, live, card_rx_slots(r, CARD_STATE_NORMAL),
	               r->live[CARD_STATE_NORMAL])) {
		over |= compare(w, last);
	} else {
		window_over(&w->efficiency);
		window_over(&w->emitter);
	}
	w->before_clicks = clicks;
	w->before_live = live;
	w->waiting = *r;
	w->waits = true;
	return over;
}
