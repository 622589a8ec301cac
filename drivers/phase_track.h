/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Symbol clock recovery. The transmitter's pulses arrive at the same place of each of its
 * own slots; measured in the receiver's slots that place wanders by the clocks' frequency
 * difference. A Kalman filter of phase and frequency on the mean arrival phase of the clicks
 * follows it and renumbers the clicks in slots of the transmitter's clock, up to a constant.
 *
 * Every click gets the nearest slot of that grid; none is discarded for its phase, because
 * a selection of detections in software is outside the security proof.
 */

#ifndef DRIVERS_PHASE_TRACK_H
#define DRIVERS_PHASE_TRACK_H

#include <stdbool.h>
#include <stdint.h>

#define PHASE_TRACK_RANGE   1.2e-6 /* largest frequency difference that is searched */
#define PHASE_TRACK_ACQUIRE 1024   /* clicks in an acquisition, at most */

enum phase_track_state { PHASE_TRACK_ACQUIRING, PHASE_TRACK_CONFIRMING, PHASE_TRACK_LOCKED };

struct phase_track {
	/* for all to read */
	double phase;     /* slots by which the transmitter's grid is late at ref, unwrapped */
	double frequency; /* change of phase per slot */
	double coherence; /* of the last window; 0: no common phase, 1: all clicks at one phase */
	bool locked;
	/*
	 * Counts the locks before which slots may have slipped: numbers of different epochs
	 * differ by an unknown constant. A lock that was regained in time keeps its epoch.
	 */
	unsigned int epoch;

	enum phase_track_state state;
	uint64_t ref;                /* receiver's slot to which phase belongs */
	double var_p, cov_pf, var_f; /* of phase and frequency at ref */
	uint64_t last_click;
	uint64_t last_good; /* last click of the last coherent window */
	uint64_t last_out;  /* the last number given out */
	unsigned int good;  /* coherent windows in a row while confirming */
	bool carry;         /* phase and frequency come from a lock and may be carried on */
	/* the window under way */
	double sum_cos, sum_sin, sum_slot;
	unsigned int count;
	uint64_t window; /* its first slot */
	/* acquisition: arrivals after window, slots and 1/256 */
	uint32_t acquire_slot[PHASE_TRACK_ACQUIRE];
	uint8_t acquire_sub[PHASE_TRACK_ACQUIRE];
};

void phase_track_init(struct phase_track *t);

/*
 * Feed one click (receiver's slot, sub-slot in 1/256), in order; *slot_out is its slot on the
 * transmitter's grid, up to a constant. Numbers never decrease; clicks of neighbouring
 * receiver's slots may share one. False while not locked: the click is not to be used.
 */
bool phase_track_click(struct phase_track *t, uint64_t slot, unsigned int sub, uint64_t *slot_out);

/*
 * How much later than the grid has it that click arrived, -1/2 to 1/2 slot; for a click that
 * phase_track_click() has just taken. False while the grid is not sure of itself: not locked, or
 * no coherent window lately.
 */
bool phase_track_late(const struct phase_track *t, uint64_t slot, unsigned int sub, double *late);

/* Time passed without a click up to SLOT (receiver's): gives the lock up when the light went. */
void phase_track_idle(struct phase_track *t, uint64_t slot);

/* Where in the receiver's SLOT pulses arrive, in slots and any whole number besides; while locked.
 */
double phase_track_place(const struct phase_track *t, uint64_t slot);

/* The transmitter's slot that begins nearest to the beginning of the receiver's SLOT. */
uint64_t phase_track_slot(const struct phase_track *t, uint64_t slot);

#endif
