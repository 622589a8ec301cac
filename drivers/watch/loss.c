/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/loss.h"

#include <math.h>
#include <string.h>

#include "drivers/watch/monitors.h"

#define WINDOW_S   5.0
#define CLICKS_MIN 10000 /* so that a count is normal as far as it matters */
#define SPREADS    4.0
#define UNSURE     2.0
#define MARGIN     0.008 /* dB */
#define STEP       0.02
#define DB         (10 / M_LN10) /* of a relative change */
#define SUSPECT    (1 / 3.0)

static const struct baseline_params params = {.learn_s = 300,
                                              .time_s = 60,
                                              .slope = 4e-4,
                                              .bound = 0.5,
                                              .spread_floor = 0.002,
                                              .growth = 4};

void watch_loss_init(struct watch_loss *w)
{
	memset(w, 0, sizeof(*w));
	baseline_init(&w->base, &params);
	cusum_init(&w->loss, watch_nats(WATCH_LOSS));
	cusum_init(&w->gain, watch_nats(WATCH_GAIN));
}

static uint32_t window(struct watch_loss *w)
{
	double x = 10 * log10(w->clicks / w->exposure), variance = DB * DB / w->clicks;
	struct baseline *b = &w->base;
	bool suspect = w->loss.sum > SUSPECT * w->loss.nats || w->gain.sum > SUSPECT * w->gain.nats;
	uint32_t over = 0;

	w->last = x;
	if (b->ready) {
		double margin =
		        MARGIN + SPREADS * b->spread + UNSURE * sqrt(b->expected / b->windows);
		double low = b->value - margin, high = b->value + margin, sd = sqrt(variance);

		if (cusum_add(&w->loss, ratio_normal(x, sd, low, low - STEP), w->seconds))
			over |= 1u << WATCH_LOSS;
		if (cusum_add(&w->gain, ratio_normal(x, sd, high, high + STEP), w->seconds))
			over |= 1u << WATCH_GAIN;
	}
	baseline_take(b, x, variance, w->seconds, suspect);
	if (b->edge && !w->drifted)
		over |= 1u << WATCH_LOSS_DRIFT;
	w->drifted = b->edge;
	return over;
}

uint32_t watch_loss_add(struct watch_loss *w, uint64_t clicks, double live_slots, double power,
                        double seconds)
{
	uint32_t over = 0;

	if (!(live_slots > 0 && power > 0 && clicks > 0))
		return 0;
	w->clicks += (double)clicks;
	w->exposure += live_slots * power;
	w->seconds += seconds;
	if (w->seconds >= WINDOW_S * (1 - 1e-9) && w->clicks >= CLICKS_MIN) {
		over = window(w);
		w->clicks = w->exposure = w->seconds = 0;
	}
	return over;
}
