/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/doubles.h"

#include <math.h>
#include <string.h>

#include "drivers/watch/monitors.h"

#define WINDOW_MIN 100 /* doubles that say something of their share */
/* Envelope: intensities drift by 3 %, and the share with them. */
#define MARGIN  0.1
#define SPREADS 6.0
#define FEW     0.25
#define MANY    2.0
#define SUSPECT (1 / 3.0)

static const struct baseline_params params = {.learn_s = 60,
                                              .time_s = 600,
                                              .slope = 1e-4,
                                              .bound = 0.5,
                                              .spread_floor = 0.01,
                                              .growth = 1.5};

void watch_doubles_init(struct watch_doubles *w)
{
	memset(w, 0, sizeof(*w));
	w->rate = 1;
	baseline_init(&w->base, &params);
	cusum_init(&w->few, watch_nats(WATCH_DOUBLES_FEW));
	cusum_init(&w->many, watch_nats(WATCH_DOUBLES_MANY));
}

void watch_doubles_clear(struct watch_doubles *w)
{
	cusum_init(&w->few, w->few.nats);
	cusum_init(&w->many, w->many.nats);
}

void watch_doubles_accept(struct watch_doubles *w)
{
	baseline_accept(&w->base);
	watch_doubles_clear(w);
}

void watch_doubles_rate(struct watch_doubles *w, double rate)
{
	w->rate = rate > 0 ? fmin(rate, 1) : 1;
}

static uint32_t test(struct watch_doubles *w, uint64_t n, uint64_t k)
{
	double margin = MARGIN + SPREADS * w->base.spread,
	       share = fmin(exp(w->base.value) * w->rate, 0.3);
	double least = share * exp(-margin), most = fmin(share * exp(margin), 0.4);
	uint32_t over = 0;

	if (cusum_add(&w->few, ratio_binomial(k, n, least, FEW * least), (double)n))
		over |= 1u << WATCH_DOUBLES_FEW;
	if (cusum_add(&w->many, ratio_binomial(k, n, most, MANY * most), (double)n))
		over |= 1u << WATCH_DOUBLES_MANY;
	return over;
}

uint32_t watch_doubles_add(struct watch_doubles *w, uint64_t n, uint64_t k, double seconds)
{
	bool suspect;
	uint32_t over = 0;

	if (k > n || n == 0)
		return 0;
	if (w->base.ready)
		over = test(w, n, k);
	suspect = w->few.sum > SUSPECT * w->few.nats || w->many.sum > SUSPECT * w->many.nats;
	w->n += n;
	w->k += k;
	w->seconds += seconds;
	if (w->k >= WINDOW_MIN || suspect) {
		if (w->k > 0)
			baseline_take(&w->base, log((double)w->k / (double)w->n / w->rate),
			              1 / (double)w->k, w->seconds, suspect);
		w->n = w->k = 0;
		w->seconds = 0;
	}
	return over;
}
