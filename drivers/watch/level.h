/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The logarithm of an analog reading against what it was before: a photocurrent, a power. The
 * envelope is the baseline and MARGIN; the sum is for RISE beyond it, of a reading that scatters by
 * no more than SD (below it the test is only surer: the bound on false alarms holds for all that
 * is no wider than a normal one of SD).
 */

#ifndef DRIVERS_WATCH_LEVEL_H
#define DRIVERS_WATCH_LEVEL_H

#include <stdbool.h>

#include "drivers/watch/baseline.h"
#include "drivers/watch/cusum.h"

struct watch_level_params {
	struct baseline_params base;
	double margin, rise, sd;
};

struct watch_level {
	const struct watch_level_params *params;
	struct baseline base;
	struct cusum over;
	double last;
};

/* PARAMS must outlive W. */
void watch_level_init(struct watch_level *w, const struct watch_level_params *params, double nats);

/* The logarithm of a reading over SECONDS. True: the threshold was crossed by it. */
bool watch_level_add(struct watch_level *w, double x, double seconds);

#endif
