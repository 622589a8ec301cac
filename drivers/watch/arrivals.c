/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/arrivals.h"

#include <math.h>
#include <string.h>

#include "drivers/watch/monitors.h"

#define BINS WATCH_ARRIVAL_BINS
#define FAR  WATCH_ARRIVAL_FAR
/* Near by: 3/16 of a slot either way; its edges are what is beyond 3/32. */
#define NEAR_FIRST 10
#define NEAR_LAST  21
#define EDGE       3

#define LEARN_S  10.0
#define TIME_S   600.0
#define NEAR_MIN 1000 /* clicks of a window */
#define SUSPECT  (1 / 3.0)
/* Of WIDE: envelope, and the rise that the sum is for. */
#define EDGE_TIMES  1.5
#define EDGE_MARGIN 0.03
#define EDGE_RISE   0.15
/* Clicks that lie evenly: of them so many are near by for each far one, with a margin. */
#define EVEN_NEAR (1.3 * (NEAR_LAST + 1 - NEAR_FIRST) / FAR)
#define EVEN_EDGE (2.0 * EDGE / (NEAR_LAST + 1 - NEAR_FIRST))
/*
 * Of FAR, the share of the clicks there that four neighbouring bins have: jitter of 40 ps leaves
 * nine in ten of a pulse's clicks in so much of a nanosecond. Envelope, with what the learnt share
 * may be wrong by; ceiling of what can be taught; and the shares that the sum is for: of a shift
 * both ways, and of one.
 */
#define SPAN    4
#define PLACES  (FAR - SPAN + 1)
#define TIMES   1.2
#define UNSURE  2.0
#define CEILING 0.42
static const double shifted[] = {0.45, 0.8};
#define STRENGTHS (sizeof(shifted) / sizeof(shifted[0]))

static const struct baseline_params edge_params = {.learn_s = LEARN_S,
                                                   .time_s = TIME_S,
                                                   .slope = 1e-5,
                                                   .bound = 0.05,
                                                   .spread_floor = 0.002,
                                                   .growth = 1.5};

void watch_arrivals_init(struct watch_arrivals *w)
{
	memset(w, 0, sizeof(*w));
	for (unsigned int d = 0; d < WATCH_ARRIVAL_SETS; d++) {
		baseline_init(&w->detector[d].edge, &edge_params);
		cusum_init(&w->detector[d].wide, watch_nats(WATCH_ARRIVALS_WIDE));
		cusum_init(&w->detector[d].far, watch_nats(WATCH_ARRIVALS_FAR));
	}
}

/* The far bins in a row, from behind the pulse around to in front of it. */
static unsigned int far_bin(unsigned int i)
{
	return (NEAR_LAST + 1 + i) % BINS;
}

static double span(const double *count, unsigned int i)
{
	return count[i] + count[i + 1] + count[i + 2] + count[i + 3];
}

/* The most of an honest link's N far clicks that are in the span from I on. */
static double honest_share(const double *count, const double *first, unsigned int i, double n)
{
	double even = (double)SPAN / FAR, share = fmax(even, n > 0 ? span(count, i) / n : 0);

	share = TIMES * share + UNSURE * sqrt(share * (1 - share) / (n + 4));
	return fmin(share, fmax(CEILING, TIMES * span(first, i)));
}

static double total(const double *count)
{
	double n = 0;

	for (unsigned int i = 0; i < FAR; i++)
		n += count[i];
	return n;
}

/* ln of the mean of the likelihood ratios of all places and strengths. */
static double far_llr(const struct watch_arrivals *w, unsigned int d, const double *k, double n)
{
	const double *count = w->detector[d].far_mean, *first = w->detector[d].far_first;
	double llr[PLACES * STRENGTHS], most = -INFINITY, sum = 0, all = total(count);
	unsigned int m = 0;

	for (unsigned int i = 0; i < PLACES; i++) {
		double p0 = honest_share(count, first, i, all);

		for (unsigned int s = 0; s < STRENGTHS; s++, m++) {
			/* Where an honest link may have as many there is nothing to tell. */
			llr[m] = p0 < shifted[s] ? ratio_binomial((uint64_t)span(k, i), (uint64_t)n,
			                                          p0, shifted[s])
			                         : 0;
			most = fmax(most, llr[m]);
		}
	}
	for (unsigned int i = 0; i < m; i++)
		sum += exp(llr[i] - most);
	return most + log(sum / m);
}

static uint32_t far_add(struct watch_arrivals *w, unsigned int d, const uint64_t *count,
                        double seconds)
{
	double keep = exp(-seconds / TIME_S), *mean = w->detector[d].far_mean, all;
	bool ready = w->detector[d].seconds >= LEARN_S, crossed = false;
	struct cusum *c = &w->detector[d].far;
	double k[FAR], n = 0;

	for (unsigned int i = 0; i < FAR; i++)
		n += k[i] = (double)count[far_bin(i)];
	/* Clicks of which none is far away: what was found is over. Less is always sound. */
	if (ready)
		crossed = cusum_add(c, n > 0 ? far_llr(w, d, k, n) : -1, seconds);
	if (!ready || c->sum <= SUSPECT * c->nats)
		for (unsigned int i = 0; i < FAR; i++)
			mean[i] = keep * mean[i] + k[i];
	w->detector[d].seconds += seconds;
	if (!ready && w->detector[d].seconds >= LEARN_S) {
		all = total(mean);
		for (unsigned int i = 0; i < FAR; i++)
			w->detector[d].far_first[i] = all > 0 ? mean[i] / all : 0;
	}
	return crossed ? 1u << WATCH_ARRIVALS_FAR : 0;
}

static uint32_t near_add(struct watch_arrivals *w, unsigned int d, const uint64_t *count,
                         double seconds)
{
	struct baseline *b = &w->detector[d].edge;
	struct cusum *c = &w->detector[d].wide;
	bool crossed = false;
	double n, k, p0, even;

	for (unsigned int i = 0; i < FAR; i++)
		w->detector[d].near_far += count[far_bin(i)];
	for (unsigned int i = NEAR_FIRST; i <= NEAR_LAST; i++) {
		w->detector[d].near_n += count[i];
		if (i < NEAR_FIRST + EDGE || i > NEAR_LAST - EDGE)
			w->detector[d].near_k += count[i];
	}
	w->detector[d].near_s += seconds;
	if (w->detector[d].near_n < NEAR_MIN)
		return 0;
	n = (double)w->detector[d].near_n;
	k = (double)w->detector[d].near_k;
	w->detector[d].edge_share = k / n;
	even = fmin(EVEN_NEAR * (double)w->detector[d].near_far / n, 1);
	p0 = (1 - even) * (EDGE_TIMES * b->value + EDGE_MARGIN) + even * EVEN_EDGE;
	p0 = fmin(p0, 0.8);
	if (b->ready)
		crossed = cusum_add(c,
		                    ratio_binomial(w->detector[d].near_k, w->detector[d].near_n, p0,
		                                   p0 + EDGE_RISE),
		                    w->detector[d].near_s);
	/* One more of each: a variance of 0 would end all learning. */
	baseline_take(b, k / n, (k + 1) / n * (n - k + 1) / n / n, w->detector[d].near_s,
	              c->sum > SUSPECT * c->nats);
	w->detector[d].near_n = w->detector[d].near_k = w->detector[d].near_far = 0;
	w->detector[d].near_s = 0;
	return crossed ? 1u << WATCH_ARRIVALS_WIDE : 0;
}

static uint32_t set_add(struct watch_arrivals *w, unsigned int d, const uint64_t *count,
                        double seconds)
{
	uint64_t n = 0, far = 0;

	for (unsigned int i = 0; i < BINS; i++)
		n += count[i];
	/* Without the transmitter's clock there is no place for a click. */
	if (n == 0)
		return 0;
	for (unsigned int i = 0; i < FAR; i++)
		far += count[far_bin(i)];
	w->detector[d].far_share = (double)far / (double)n;
	return far_add(w, d, count, seconds) | near_add(w, d, count, seconds);
}

uint32_t watch_arrivals_add(struct watch_arrivals *w, const uint64_t counts[CARD_DETECTORS][BINS],
                            double seconds)
{
	uint64_t all[BINS] = {0};
	uint32_t over = 0;

	for (unsigned int d = 0; d < CARD_DETECTORS; d++) {
		for (unsigned int i = 0; i < BINS; i++)
			all[i] += counts[d][i];
		over |= set_add(w, d, counts[d], seconds);
	}
	return over | set_add(w, CARD_DETECTORS, all, seconds);
}
