/* SPDX-License-Identifier: BSD-3-Clause */

/* What the receiver counts besides tags: states, photocurrent, arrivals. */

#ifndef DRIVERS_MODEL_BOB_MONITOR_H
#define DRIVERS_MODEL_BOB_MONITOR_H

#include <stdint.h>

#include "drivers/card_regs.h"
#include "drivers/model/clicks.h"

struct bob;

struct bob_monitor {
	uint32_t clicks[CARD_RX_STATES][4], doubles[CARD_RX_STATES], bright[4];
	uint32_t histogram[4][CARD_HISTOGRAM_BINS];
	uint64_t fired[4];   /* avalanches, since the record before */
	uint64_t window_end; /* slot that the 10 us under way end before */
	uint32_t in_window[4], most[4];
	uint64_t since_ns;
};

void bob_monitor_reset(struct bob *b);
/* A click in the card's SLOT. */
void bob_monitor_click(struct bob *b, const struct click *k, uint64_t slot);
void bob_monitor_turn(struct bob *b);

/* Mean photocurrent of a detector that fires RATE times a second, nA, without other light. */
double bob_monitor_current(double rate);

#endif
