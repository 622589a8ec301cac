/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Slots in which several detectors click, as a share of all clicks. Light that a splitter divides
 * gives some; detectors that are blinded and made to click one at a time give none; brighter pulses
 * than were sent give more.
 */

#ifndef DRIVERS_WATCH_DOUBLES_H
#define DRIVERS_WATCH_DOUBLES_H

#include <stdint.h>

#include "drivers/watch/baseline.h"
#include "drivers/watch/cusum.h"

struct watch_doubles {
	struct baseline base; /* of the logarithm of the share over RATE */
	double rate;
	struct cusum few, many;
	uint64_t n, k; /* of the baseline's window that fills */
	double seconds;
};

void watch_doubles_init(struct watch_doubles *w);

/*
 * Clicks a live slot, where they are counted: light that a splitter divides makes doubles in
 * proportion, so less of it, or more, is no other share. From then on; 1 before.
 */
void watch_doubles_rate(struct watch_doubles *w, double rate);

/* K doubles among N clicks of SECONDS; the result as watch_errors_add(). */
uint32_t watch_doubles_add(struct watch_doubles *w, uint64_t n, uint64_t k, double seconds);

/* As watch_errors_clear(). */
void watch_doubles_clear(struct watch_doubles *w);

/* The share of the last minute is normal from now on. */
void watch_doubles_accept(struct watch_doubles *w);

#endif
