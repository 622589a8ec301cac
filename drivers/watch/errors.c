/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/errors.h"

#include <math.h>
#include <string.h>

#include "drivers/watch/monitors.h"

#define WINDOW_MIN 50
#define UNSURE     2.0
#define ENVELOPE   12.0
/* For the weight of windows alone: the rate itself would favour those that err less. */
#define TYPICAL (0.02 * 0.98)
/* Learning waits while there is so much of a threshold. */
#define SUSPECT (1 / 3.0)

static const struct baseline_params params = {.learn_s = 600,
                                              .time_s = 1800,
                                              .slope = 1e-6,
                                              .bound = 0.01,
                                              .spread_floor = 1e-4,
                                              .growth = 1.5};

void watch_errors_init(struct watch_errors *w)
{
	memset(w, 0, sizeof(*w));
	for (unsigned int b = 0; b < 2; b++) {
		baseline_init(&w->basis[b].base, &params);
		cusum_init(&w->basis[b].weak,
		           watch_nats(b == 0 ? WATCH_ERRORS_Z_WEAK : WATCH_ERRORS_X_WEAK));
		cusum_init(&w->basis[b].strong,
		           watch_nats(b == 0 ? WATCH_ERRORS_Z_STRONG : WATCH_ERRORS_X_STRONG));
	}
}

static uint32_t window(struct watch_errors *w, unsigned int b)
{
	struct baseline *base = &w->basis[b].base;
	struct cusum *weak = &w->basis[b].weak, *strong = &w->basis[b].strong;
	uint64_t n = w->basis[b].n, e = w->basis[b].e;
	bool ready = base->ready, suspect = weak->sum > SUSPECT * weak->nats;
	double q0;
	uint32_t over = 0;

	w->basis[b].rate = (double)e / (double)n;
	if (ready) {
		q0 = base->value + UNSURE * sqrt(base->expected / base->windows) +
		     ENVELOPE * base->spread;
		/* Rates of 0 have no ratio; an envelope of a half has no attack above it. */
		q0 = fmin(fmax(q0, 1e-4), 0.5);
		w->basis[b].envelope = q0;
		if (cusum_add(weak, ratio_binomial(e, n, q0, q0 + WATCH_ERRORS_WEAK), (double)n))
			over |= 1u << (b == 0 ? WATCH_ERRORS_Z_WEAK : WATCH_ERRORS_X_WEAK);
		if (cusum_add(strong, ratio_binomial(e, n, q0, q0 + WATCH_ERRORS_STRONG),
		              (double)n))
			over |= 1u << (b == 0 ? WATCH_ERRORS_Z_STRONG : WATCH_ERRORS_X_STRONG);
	}
	baseline_take(base, w->basis[b].rate, TYPICAL / (double)n, w->basis[b].seconds, suspect);
	return over;
}

uint32_t watch_errors_add(struct watch_errors *w, const uint64_t n[2], const uint64_t e[2],
                          double seconds)
{
	uint32_t over = 0;

	for (unsigned int b = 0; b < 2; b++) {
		w->basis[b].n += n[b];
		w->basis[b].e += e[b];
		w->basis[b].seconds += seconds;
		if (w->basis[b].n < WINDOW_MIN || w->basis[b].e > w->basis[b].n)
			continue;
		over |= window(w, b);
		w->basis[b].n = w->basis[b].e = 0;
		w->basis[b].seconds = 0;
	}
	return over;
}
