/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/samples.h"

#include <math.h>
#include <string.h>

#include "common/decoy_share.h"
#include "common/tail.h"
#include "drivers/watch/monitors.h"

#define FEWER      0.9
#define WINDOW_MIN 1000 /* decoys of the baseline's window */
#define SUSPECT    (1 / 3.0)

/* Envelope of the share that a name goes by. */
#define MARGIN  0.02
#define SPREADS 3.0
/* Probabilities, as logarithms, at which a word is said. */
#define LN_FEWER (-5.8)
#define LN_SAME  (-4.6)
#define EIGHTH   0.88 /* of the share: more than so is the same */

/* The ratio of intensities may be off by 3 % either way, and so moves by 6 % at the most. */
static const struct baseline_params params = {.learn_s = 300,
                                              .time_s = 600,
                                              .slope = 1e-4,
                                              .bound = 2 * DECOY_TOLERANCE,
                                              .spread_floor = 0.005,
                                              .growth = 1.5};

void watch_samples_init(struct watch_samples *w, double mu, double nu, double p_mu, double p_nu)
{
	memset(w, 0, sizeof(*w));
	w->p0 = decoy_share(mu, nu, p_mu, p_nu, 1);
	w->p1 = decoy_share(mu, nu, p_mu, p_nu, FEWER);
	baseline_init(&w->base, &params);
	cusum_init(&w->few, watch_nats(WATCH_DECOY_SAMPLES));
}

void watch_samples_clear(struct watch_samples *w)
{
	cusum_init(&w->few, w->few.nats);
}

void watch_samples_accept(struct watch_samples *w)
{
	baseline_accept(&w->base);
	watch_samples_clear(w);
}

static void keep(struct watch_samples *w, uint64_t n, uint64_t k, double seconds)
{
	struct watch_samples_second *now = &w->ring[0];

	/* Turns add up to it but for rounding. */
	if (now->seconds >= 1 - 1e-9) {
		memmove(&w->ring[1], now, sizeof(w->ring) - sizeof(w->ring[0]));
		memset(now, 0, sizeof(*now));
	}
	now->n += n;
	now->k += k;
	now->seconds += seconds;
}

static void learn(struct watch_samples *w, uint64_t n, uint64_t k, double seconds, bool frozen)
{
	w->n += n;
	w->k += k;
	w->seconds += seconds;
	if (w->k < WINDOW_MIN && !frozen)
		return;
	if (w->k > 0)
		baseline_take(&w->base, log((double)w->k / (double)w->n), 1 / (double)w->k,
		              w->seconds, frozen);
	w->n = w->k = 0;
	w->seconds = 0;
}

uint32_t watch_samples_add(struct watch_samples *w, uint64_t signal, uint64_t decoy, double seconds,
                           bool doubt)
{
	uint64_t n = signal + decoy;
	bool crossed;

	keep(w, n, decoy, seconds);
	/* A vacuum for a decoy has no least share. */
	if (w->p1 <= 0)
		return 0;
	crossed = n > 0 && cusum_add(&w->few, ratio_binomial(decoy, n, w->p0, w->p1), (double)n);
	learn(w, n, decoy, seconds, doubt || w->few.sum > SUSPECT * w->few.nats);
	return crossed ? 1u << WATCH_DECOY_SAMPLES : 0;
}

void watch_samples_recent(const struct watch_samples *w, double seconds, uint64_t *n, uint64_t *k)
{
	*n = *k = 0;
	for (unsigned int i = 0; i < WATCH_SAMPLES_S && seconds > 0; i++) {
		*n += w->ring[i].n;
		*k += w->ring[i].k;
		seconds -= w->ring[i].seconds;
		if (!(w->ring[i].seconds > 0))
			return;
	}
}

enum watch_samples_word watch_samples_say(const struct watch_samples *w, double seconds,
                                          bool more_light)
{
	double share = w->p0;
	uint64_t n, k;

	if (w->p0 <= 0)
		return WATCH_SAMPLES_SAME;
	if (w->base.ready && !more_light)
		share = fmax(share, exp(w->base.value - MARGIN - SPREADS * w->base.spread));
	watch_samples_recent(w, seconds, &n, &k);
	if (tail_binomial_below(k, n, share) < LN_FEWER)
		return WATCH_SAMPLES_FEWER;
	return tail_binomial_above(k, n, EIGHTH * share) < LN_SAME ? WATCH_SAMPLES_SAME
	                                                           : WATCH_SAMPLES_UNSETTLED;
}
