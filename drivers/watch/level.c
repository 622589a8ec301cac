/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/level.h"

#include <math.h>
#include <string.h>

#define SUSPECT (1 / 3.0)

void watch_level_init(struct watch_level *w, const struct watch_level_params *params, double nats)
{
	memset(w, 0, sizeof(*w));
	w->params = params;
	baseline_init(&w->base, &params->base);
	cusum_init(&w->over, nats);
}

bool watch_level_add(struct watch_level *w, double x, double seconds)
{
	const struct watch_level_params *p = w->params;
	bool suspect, crossed = false;

	if (!isfinite(x) || !(seconds > 0))
		return false;
	w->last = x;
	if (w->base.ready) {
		double most = w->base.value + p->margin;

		crossed =
		        cusum_add(&w->over, ratio_normal(x, p->sd, most, most + p->rise), seconds);
	}
	suspect = w->over.sum > SUSPECT * w->over.nats;
	baseline_take(&w->base, x, p->sd * p->sd, seconds, suspect);
	return crossed;
}
