/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/errors.h"

#include <math.h>
#include <string.h>

#include "drivers/watch/monitors.h"

#define WINDOW_MIN 50
#define UNSURE     2.0
#define ENVELOPE   12.0
/* Of sin^2(phi / 2) for a phase of 60 mrad: phi^2 / 4 has sqrt(2) times its mean. */
#define PHASE_SPREAD 1.3e-3
/* Long enough to tell what wanders for tens of seconds from chance. */
#define LEARN_WINDOW_S 5.0
#define RECENT_S       10.0
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

void watch_errors_clear(struct watch_errors *w)
{
	for (unsigned int b = 0; b < 2; b++) {
		cusum_init(&w->basis[b].weak, w->basis[b].weak.nats);
		cusum_init(&w->basis[b].strong, w->basis[b].strong.nats);
	}
}

void watch_errors_doubt(struct watch_errors *w)
{
	for (unsigned int b = 0; b < 2; b++)
		if (!w->basis[b].base.ready)
			w->basis[b].learn = (struct watch_errors_window){0};
}

void watch_errors_accept(struct watch_errors *w)
{
	for (unsigned int b = 0; b < 2; b++)
		baseline_accept(&w->basis[b].base);
	watch_errors_clear(w);
}

/* What the phase adds to an error rate Q, and what is left of a rate without it. */
static double with_phase(double q, double x)
{
	return q + (1 - 2 * q) * x;
}

static double without_phase(double rate, double x)
{
	return x < 0.4 ? (rate - x) / (1 - 2 * x) : 0;
}

static double explained_rate(const struct watch_errors_window *v)
{
	return v->explained / (double)v->n;
}

/* The honest rate is not above it. */
static double envelope(const struct watch_errors *w, unsigned int b)
{
	const struct baseline *base = &w->basis[b].base;
	double spread = base->spread, unsure = sqrt(base->expected / base->windows);

	if (b == 1 && !w->told)
		spread = fmax(spread, PHASE_SPREAD);
	return base->value + UNSURE * unsure + ENVELOPE * spread;
}

double watch_errors_recent(const struct watch_errors *w, unsigned int b)
{
	double n = w->basis[b].recent_n;

	return n > 0 ? w->basis[b].recent_e / n : 0;
}

static uint32_t test(struct watch_errors *w, unsigned int b)
{
	struct cusum *weak = &w->basis[b].weak, *strong = &w->basis[b].strong;
	const struct watch_errors_window *v = &w->basis[b].fill;
	double q0 = with_phase(envelope(w, b), explained_rate(v));
	uint32_t over = 0;

	/* Rates of 0 have no ratio; an envelope of a half has no attack above it. */
	q0 = fmin(fmax(q0, 1e-4), 0.5);
	w->basis[b].envelope = q0;
	if (cusum_add(weak, ratio_binomial(v->e, v->n, q0, q0 + WATCH_ERRORS_WEAK), (double)v->n))
		over |= 1u << (b == 0 ? WATCH_ERRORS_Z_WEAK : WATCH_ERRORS_X_WEAK);
	if (cusum_add(strong, ratio_binomial(v->e, v->n, q0, q0 + WATCH_ERRORS_STRONG),
	              (double)v->n))
		over |= 1u << (b == 0 ? WATCH_ERRORS_Z_STRONG : WATCH_ERRORS_X_STRONG);
	return over;
}

static void learn(struct watch_errors *w, unsigned int b)
{
	const struct watch_errors_window *v = &w->basis[b].learn;
	struct baseline *base = &w->basis[b].base;
	double n = (double)v->n, x = explained_rate(v);
	double rate = without_phase((double)v->e / n, x);
	/* By the value so far: by its own, a window would weigh the more the less it errs. */
	double q = with_phase(base->seconds > 0 ? base->value : rate, x);
	bool suspect = w->basis[b].weak.sum > SUSPECT * w->basis[b].weak.nats ||
	               w->basis[b].strong.sum > SUSPECT * w->basis[b].strong.nats;

	q = fmin(fmax(q, 1 / n), 0.5);
	baseline_take(base, rate, q * (1 - q) / n, v->seconds, suspect);
}

static void gather(struct watch_errors_window *v, uint64_t n, uint64_t e, double explained,
                   double seconds)
{
	v->n += n;
	v->e += e;
	v->explained += (double)n * explained;
	v->seconds += seconds;
}

uint32_t watch_errors_add(struct watch_errors *w, const uint64_t n[2], const uint64_t e[2],
                          double explained, double seconds)
{
	double keep = exp(-seconds / RECENT_S);
	uint32_t over = 0;

	w->told = explained >= 0;
	for (unsigned int b = 0; b < 2; b++) {
		struct watch_errors_window *fill = &w->basis[b].fill,
		                           *long_one = &w->basis[b].learn;
		double x = b == 1 && w->told ? explained : 0;

		if (e[b] > n[b])
			continue;
		gather(fill, n[b], e[b], x, seconds);
		w->basis[b].recent_n = w->basis[b].recent_n * keep + (double)n[b];
		w->basis[b].recent_e = w->basis[b].recent_e * keep + (double)e[b];
		gather(long_one, n[b], e[b], x, seconds);
		if (fill->n < WINDOW_MIN)
			continue;
		w->basis[b].rate = (double)fill->e / (double)fill->n;
		if (w->basis[b].base.ready)
			over |= test(w, b);
		*fill = (struct watch_errors_window){0};
		if (long_one->seconds < LEARN_WINDOW_S * (1 - 1e-9))
			continue;
		learn(w, b);
		*long_one = (struct watch_errors_window){0};
	}
	return over;
}
