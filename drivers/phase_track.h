/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Symbol clock recovery. The transmitter's pulses arrive at the same place of each of its
 * own slots; measured in the receiver's slots that place wanders by the clocks' frequency
 * difference. A second-order loop on the mean arrival phase of the clicks follows it and
 * renumbers the clicks in slots of the transmitter's clock, up to a constant.
 */

#ifndef DRIVERS_PHASE_TRACK_H
#define DRIVERS_PHASE_TRACK_H

#include <stdbool.h>
#include <stdint.h>

struct phase_track {
	double phase;     /* slots by which the transmitter's grid is late, unwrapped */
	double frequency; /* slots per slot */
	double coherence; /* 0: no common phase, 1: all clicks at one phase */
	bool locked;
	/* the window under way */
	double sum_cos, sum_sin;
	unsigned int count;
	uint64_t window_slot; /* reference slot of the window */
	uint64_t last_slot;
	/* acquisition */
	int state;
	double acquire[64];
};

void phase_track_init(struct phase_track *t);

/*
 * Feed one click (receiver's slot, sub-slot in 1/256); *slot_out is its slot on the
 * transmitter's grid, up to a constant. False while not locked: the click is not to be used.
 */
bool phase_track_click(struct phase_track *t, uint64_t slot, unsigned int sub, uint64_t *slot_out);

#endif
