/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/photocurrent.h"

#include <math.h>
#include <string.h>

#include "drivers/watch/monitors.h"

#define DARK_CLICKS 2000.0 /* a second: what a dark current stands for */
#define WINDOW_S    1e-5
#define DEAD_S      5e-9 /* of the fastest detector, where there is no hold-off */
/* Of the peak: its envelope over the most that clicks can make, what the sum is for, its scatter.
 */
#define PEAK_MARGIN M_LN2
#define PEAK_RISE   M_LN2
#define PEAK_SD     0.1
#define BRIGHT      1e-3
#define BRIGHT_FOR  0.05

static const struct watch_level_params params = {
        .base = {.learn_s = 10,
                 .time_s = 600,
                 .slope = 1e-4,
                 .bound = 0.5,
                 .spread_floor = 0.01,
                 .growth = 1.5},
        .margin = 0.5,
        .rise = 0.5,
        .sd = 0.1,
};

void watch_photocurrent_init(struct watch_photocurrent *w, double holdoff_s)
{
	memset(w, 0, sizeof(*w));
	w->peak_clicks = (WINDOW_S / fmax(holdoff_s, DEAD_S) + 1) / WINDOW_S;
	for (unsigned int d = 0; d < CARD_DETECTORS; d++) {
		watch_level_init(&w->mean[d], &params, watch_nats(WATCH_PHOTOCURRENT));
		cusum_init(&w->peak[d], watch_nats(WATCH_PHOTOCURRENT_PEAK));
	}
	cusum_init(&w->bright, watch_nats(WATCH_BRIGHT));
}

static bool peak(struct watch_photocurrent *w, unsigned int d, double na, double seconds)
{
	const struct baseline *b = &w->mean[d].base;
	double most = b->value + log(w->peak_clicks + DARK_CLICKS) + PEAK_MARGIN;

	if (!b->ready || !(na > 0))
		return false;
	return cusum_add(&w->peak[d], ratio_normal(log(na), PEAK_SD, most, most + PEAK_RISE),
	                 seconds);
}

uint32_t watch_photocurrent_add(struct watch_photocurrent *w, const struct card_rx_reading *r)
{
	uint64_t all = 0, bright = 0;
	uint32_t over = 0;

	if (!(r->seconds > 0))
		return 0;
	for (unsigned int d = 0; d < CARD_DETECTORS; d++) {
		uint64_t clicks = 0;

		for (unsigned int s = 0; s < CARD_STATES; s++)
			clicks += r->clicks[s][d];
		all += clicks;
		bright += r->bright[d];
		w->mean_na[d] = r->current_na[d];
		w->peak_na[d] = r->peak_na[d];
		if (watch_level_add(
		            &w->mean[d],
		            log(w->mean_na[d] / ((double)clicks / r->seconds + DARK_CLICKS)),
		            r->seconds))
			over |= 1u << WATCH_PHOTOCURRENT;
		if (peak(w, d, w->peak_na[d], r->seconds))
			over |= 1u << WATCH_PHOTOCURRENT_PEAK;
	}
	if (all == 0 || bright > all)
		return over;
	w->bright_share = (double)bright / (double)all;
	if (cusum_add(&w->bright, ratio_binomial(bright, all, BRIGHT, BRIGHT_FOR), (double)all))
		over |= 1u << WATCH_BRIGHT;
	return over;
}
