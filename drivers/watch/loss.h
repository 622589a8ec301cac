/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The link's loss, tracked continuously: clicks per slot in which the detectors were live, divided
 * by what the transmitter's power monitor read, in dB. Drifts of the laser divide out; what is left
 * moves as the fibre does. Where on the fibre a step is, is the OTDR's to say.
 *
 * A step is looked for by moving sums (MOSUM; Bauer and Hackl, Technometrics 20, 1978): the mean of
 * some windows less that of some before them. A fibre that moves like a random walk adds to the
 * variance in proportion to their width, statistics add in proportion to its inverse; so there are
 * several widths, of which one is near the best. What the difference of each width is when nothing
 * happens is learnt as its variance, never less than by statistics alone; the threshold is that
 * quantile of Student's t, for as many degrees of freedom as were learnt, which the budget of false
 * alarms asks for. How small a step that finds is known (watch_loss_finds()).
 *
 * While nobody looked (no key light, or no gateway) the fibre wandered on: such a gap adds to the
 * variance as a random walk that makes all of what was learnt.
 *
 * A loss that grows slowly is no step: at 0.5 dB against the reference WATCH_LOSS_DRIFT tells.
 */

#ifndef DRIVERS_WATCH_LOSS_H
#define DRIVERS_WATCH_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/watch/baseline.h"

#define WATCH_LOSS_SCALES   5
#define WATCH_LOSS_RING     40  /* windows of the widest */
#define WATCH_LOSS_WINDOW_S 5.0 /* of each */

struct watch_loss {
	struct baseline base; /* dB */
	double last;          /* dB, of the last window */
	struct watch_loss_window {
		double db, variance, seconds;
		double gap;      /* s before it, of which nothing is known */
	} ring[WATCH_LOSS_RING]; /* the newest first */
	unsigned int count;
	struct watch_loss_scale {
		double variance; /* of differences, learnt; 0: none yet */
		double seconds;  /* of learning */
		double most;     /* that it may become; 0: not known yet */
	} scale[WATCH_LOSS_SCALES];
	struct watch_loss_step {
		bool over;
		double db;    /* found */
		double level; /* before it */
		unsigned int width;
	} loss, gain;
	bool drifted;
	/* the window that fills */
	double clicks, exposure, seconds, gap;
};

void watch_loss_init(struct watch_loss *w);

/*
 * CLICKS in SECONDS, in so many live slots, at the transmitter's POWER in any unit; windows without
 * light or power are a gap. The result as watch_errors_add().
 */
uint32_t watch_loss_add(struct watch_loss *w, uint64_t clicks, double live_slots, double power,
                        double seconds);

/* Nobody looked for so long. */
void watch_loss_gap(struct watch_loss *w, double seconds);

/* The step that is known is no alarm any more; the reference stays. */
void watch_loss_clear(struct watch_loss *w);

/* What there is now is right: the reference is anew, what was learnt of the spread stays. */
void watch_loss_accept(struct watch_loss *w);

/* dB that a step must have to be found within 60 s with 99.9 %, now; 0: not known yet. */
double watch_loss_finds(const struct watch_loss *w);

#endif
