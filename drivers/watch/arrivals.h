/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Where in their slots clicks arrive, for each detector and all together: pulses come where the
 * grid has them, and who shifts them in time, or makes detectors click early, moves them (Qi et
 * al., Quant. Inf. Comput. 7 73 (2007)). Two tests, on counts alone and exact:
 *
 * WIDE: among clicks near the pulses' place, the share of those at its edges, against the baseline
 * and as much of the rest as lies there too.
 *
 * FAR: clicks further away. Dark counts and light of data channels lie there evenly, and a
 * detector's tail where it was learnt; more of them are no shift. Shifted pulses lie together. So
 * given their number, the share of four neighbouring bins is tested, and as nobody knows where Eve
 * shifts to, the likelihood ratio is the mean of those of all places.
 */

#ifndef DRIVERS_WATCH_ARRIVALS_H
#define DRIVERS_WATCH_ARRIVALS_H

#include <stdint.h>

#include "drivers/card_reading.h"
#include "drivers/watch/baseline.h"
#include "drivers/watch/cusum.h"

#define WATCH_ARRIVAL_BINS 32 /* of a slot; pulses arrive where bin 16 begins */
#define WATCH_ARRIVAL_FAR  20 /* of these are far away */

#define WATCH_ARRIVAL_SETS (CARD_DETECTORS + 1) /* the last one of all detectors */

struct watch_arrivals {
	struct {
		struct baseline edge; /* share of the clicks near by */
		struct cusum wide, far;
		double far_mean[WATCH_ARRIVAL_FAR];  /* counts, forgotten in time */
		double far_first[WATCH_ARRIVAL_FAR]; /* shares at the end of the learning time */
		uint64_t near_n, near_k, near_far;   /* of the window that fills */
		double seconds, near_s;              /* learnt; of the window */
		double far_share, edge_share;        /* last; of all clicks, of those near by */
	} detector[WATCH_ARRIVAL_SETS];
};

void watch_arrivals_init(struct watch_arrivals *w);

/* Clicks of SECONDS by detector and bin; the result as watch_errors_add(). */
uint32_t watch_arrivals_add(struct watch_arrivals *w,
                            const uint64_t counts[CARD_DETECTORS][WATCH_ARRIVAL_BINS],
                            double seconds);

#endif
