/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The receiver's states: does what clicks answer to them? A detector that counts photons counts
 * CARD_LOW_RATIO of them at reduced efficiency, its dark counts when it is cut off from the line,
 * and its own emitter's light besides when that is on. A blinded one, or one that gets bright
 * pulses where it expects photons, does not (Lim et al., IEEE JSTQE 21 6601305 (2015)). Eve cannot
 * know a block's state before its light has passed.
 *
 * States are compared by exact binomials: given how many clicks two states had together, how many
 * of them one had depends on the ratio of their rates alone, whatever the light did meanwhile.
 */

#ifndef DRIVERS_WATCH_TOGGLE_H
#define DRIVERS_WATCH_TOGGLE_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/card_reading.h"
#include "drivers/watch/baseline.h"
#include "drivers/watch/cusum.h"

/* A state beside NORMAL. */
struct watch_ratio {
	struct baseline base; /* of the logarithm of what is below */
	struct cusum high, low;
	double last;
	uint64_t clicks, live, normal, normal_live; /* of the window that fills */
	double seconds;
};

struct watch_toggle {
	/*
	 * The record before the last, until the next tells that the light was the same around it: a
	 * state's blocks of a time in which light goes or comes back have had another light.
	 */
	struct card_rx_reading waiting;
	bool waits;
	uint64_t before_clicks, before_live; /* of NORMAL in the one before that */
	struct watch_ratio efficiency;       /* light's clicks over those in NORMAL */
	struct watch_ratio emitter;          /* clicks a slot that the emitter adds */
	/* dark counts a slot while cut off */
	struct {
		struct baseline base; /* of the logarithm */
		struct cusum few;
		double last;
		double detectors_c; /* at which they are learnt */
		uint64_t clicks, live, all_clicks, all_live;
		double seconds;
	} dark;
};

void watch_toggle_init(struct watch_toggle *w);

/* The result as watch_errors_add(). */
uint32_t watch_toggle_add(struct watch_toggle *w, const struct card_rx_reading *r);

#endif
