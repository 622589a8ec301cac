/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/phase.h"

#include <math.h>
#include <string.h>

/* Parts of one block come within a second of each other. */
#define BURST_S 1.0

static const struct baseline_params params = {.learn_s = 600,
                                              .time_s = 3600,
                                              .slope = 1e-7,
                                              .bound = 0.002,
                                              .spread_floor = 1e-4,
                                              .growth = 2};

void watch_phase_init(struct watch_phase *p)
{
	memset(p, 0, sizeof(*p));
	baseline_init(&p->base, &params);
}

static double granted(const struct watch_phase *p, double x)
{
	double most = fmax(WATCH_PHASE_GRANT * p->base.value, WATCH_PHASE_GRANT_LEAST);

	return p->recent > most ? x * most / p->recent : x;
}

void watch_phase_step(struct watch_phase *p, double mean_square, double seconds, bool block)
{
	double s = sin(fmin(sqrt(mean_square), M_PI) / 2), x = s * s;
	double keep = exp(-seconds / WATCH_PHASE_GRANT_S);

	p->recent = keep * p->recent + (1 - keep) * x;
	p->now = granted(p, x);
	baseline_take(&p->base, x, 0, seconds, p->now < x);
	p->sum += p->now * seconds;
	p->seconds += seconds;
	p->burst += seconds;
	if (!block)
		return;
	/* More of the block that began to come, unless blocks come as fast as this. */
	if (p->seconds <= BURST_S && p->burst < p->quiet) {
		p->sum = p->seconds = 0;
		return;
	}
	p->block = p->sum / p->seconds;
	p->quiet = p->seconds;
	p->sum = p->seconds = p->burst = 0;
}

double watch_phase_now(const struct watch_phase *p)
{
	return p->now;
}

double watch_phase_block(const struct watch_phase *p)
{
	return p->block;
}
