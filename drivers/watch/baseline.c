/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/baseline.h"

#include <math.h>
#include <string.h>

/* A variance of so many windows is known to a share of sqrt(2 / n): this many of those. */
#define SURE     3.0
#define RECENT_S 60.0

void baseline_init(struct baseline *b, const struct baseline_params *params)
{
	memset(b, 0, sizeof(*b));
	b->params = params;
}

static double limited(double x, double low, double high)
{
	return x < low ? low : x > high ? high : x;
}

/* Beyond statistics, and beyond what statistics of that many windows may show by chance. */
static void learn_spread(struct baseline *b, double x, double variance, double keep)
{
	double away = x - b->value, more;

	b->variance = keep * b->variance + (1 - keep) * away * away;
	b->expected = keep * b->expected + (1 - keep) * variance;
	b->windows = keep * b->windows + 1;
	more = b->variance - b->expected * (1 + SURE * sqrt(2 / b->windows));
	b->spread = more > 0 ? sqrt(more) : 0;
	if (b->ready)
		b->spread = fmin(b->spread, b->spread_max);
}

static void learn(struct baseline *b, double x, double variance, double seconds)
{
	double w = variance > 0 ? 1 / variance : 1, part;

	b->weight += w;
	b->mean += (x - b->mean) * w / b->weight;
	b->value = b->mean;
	part = b->seconds > 0 ? seconds / b->seconds : 1;
	learn_spread(b, x, variance, 1 - limited(part, 0, 1));
	/* Windows add up to it but for rounding. */
	if (b->seconds < b->params->learn_s * (1 - 1e-9))
		return;
	b->ready = true;
	b->reference = b->value;
	b->spread_max = fmax(b->params->spread_floor, b->params->growth * b->spread);
}

void baseline_accept(struct baseline *b)
{
	if (b->ready)
		b->reference = b->value = b->recent;
	b->edge = false;
}

bool baseline_take(struct baseline *b, double x, double variance, double seconds, bool frozen)
{
	const struct baseline_params *p = b->params;
	double keep = exp(-seconds / p->time_s), step;

	b->recent += (x - b->recent) * (b->seconds > 0 ? -expm1(-seconds / RECENT_S) : 1);
	if (!b->ready) {
		b->seconds += seconds;
		learn(b, x, variance, seconds);
		return b->ready;
	}
	if (frozen)
		return true;
	learn_spread(b, x, variance, keep);
	step = (1 - keep) * (x - b->value);
	b->value += limited(step, -p->slope * seconds, p->slope * seconds);
	b->edge = fabs(b->value - b->reference) >= p->bound;
	b->value = limited(b->value, b->reference - p->bound, b->reference + p->bound);
	return true;
}
