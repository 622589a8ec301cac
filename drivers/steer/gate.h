/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The receiver's gates, laid around the place in the slot where the pulses arrive, and moved with
 * it: what arrives elsewhere is dark counts and other light.
 *
 * The place is known from the recovered clock (phase_track.h); how wide the gates must be, from a
 * histogram of arrivals around it. The card's registers count in its own slots, of which the place
 * wanders with the difference of the clocks: where that is more in a step than the gates have to
 * spare, they stay open. Cards that share a reference have gates; others have none.
 */

#ifndef DRIVERS_STEER_GATE_H
#define DRIVERS_STEER_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/steer/steer.h"

#define STEER_GATE_STEP_NS UINT64_C(50000000) /* 20 steps a second */
#define STEER_GATE_UNIT    256                /* of a slot */
#define STEER_GATE_BINS    64
#define STEER_GATE_CLICKS  5000 /* of a histogram */
#define STEER_GATE_MARGIN  16   /* on either side, 1/256 slot */
#define STEER_GATE_LEAST   64   /* narrower than this they are never */
#define STEER_GATE_MOST    192  /* nor wider: then they are open */

struct steer_gate {
	struct steer_status s; /* SET: width, 1/256 slot; STEER_UNIT is open */
	bool wanted;           /* else they stay open */
	unsigned int start;
	uint64_t next_ns;
	uint32_t bin[STEER_GATE_BINS], clicks;
	unsigned int width;  /* that the histogram asks for; 0: not known yet */
	bool known;          /* PLACE and SPEED are */
	double place, speed; /* slots, at the last step; slots a step, smoothed */
	uint64_t place_ns;
	unsigned int speeds; /* that SPEED is made of */
};

void steer_gate_init(struct steer_gate *g, bool wanted);

/* A click that arrived LATE slots (-1/2 to 1/2) behind the place that the clock predicts. */
void steer_gate_click(struct steer_gate *g, double late);

/*
 * The clock: LOCKED, and where pulses arrive in the present slot, in slots, counted on from turn to
 * turn. True: start and s.set are to be set. Gates open at once when the clock is lost.
 */
bool steer_gate_turn(struct steer_gate *g, bool locked, double place, uint64_t now_ns);

#endif
