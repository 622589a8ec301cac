/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Errors in X that the interferometer's phase explains: the receiver's card tells by how much it
 * misses its point, and a phase phi adds (1 - 2 e) sin^2(phi / 2). So a phase that wanders need not
 * make the envelope of X wide.
 *
 * Outcomes of samples are compared at once, those of a block when all its light is through: the
 * mean since the block before is theirs.
 *
 * Who forges the light that the card locks to could have her errors explained. So over GRANT_S no
 * more is granted than GRANT times the mean that the link has shown before (a phase that is normal
 * with a correlation of 20 s exceeds it with 10^-10), or GRANT_LEAST.
 */

#ifndef DRIVERS_WATCH_PHASE_H
#define DRIVERS_WATCH_PHASE_H

#include "drivers/watch/baseline.h"

#define WATCH_PHASE_GRANT_S     120.0
#define WATCH_PHASE_GRANT       8.0
#define WATCH_PHASE_GRANT_LEAST 0.002

struct watch_phase {
	struct baseline base; /* of the error that it explains */
	double recent;        /* mean of GRANT_S */
	double now;           /* granted in the last turn */
	/* since outcomes of a block came */
	double sum, seconds;
	double quiet, burst; /* seconds between the last two; and since the last began */
	double block;        /* theirs */
};

void watch_phase_init(struct watch_phase *p);

/*
 * A turn of SECONDS in which the phase missed its point by MEAN_SQUARE, rad^2; BLOCK: outcomes of
 * a block's bases came in it.
 */
void watch_phase_step(struct watch_phase *p, double mean_square, double seconds, bool block);

/* The error rate that is explained, for samples compared in the last turn and for a block's. */
double watch_phase_now(const struct watch_phase *p);
double watch_phase_block(const struct watch_phase *p);

#endif
