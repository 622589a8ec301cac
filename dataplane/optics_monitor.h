/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the card's monitors tell, on its way from the role that owns the card to the control thread
 * that watches: records one by one, and where in the slots of the transmitter's grid clicks
 * arrive, which the card, that does not know that grid, cannot tell.
 */

#ifndef DATAPLANE_OPTICS_MONITOR_H
#define DATAPLANE_OPTICS_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/card.h"

#define OPTICS_MONITOR_LOG2 5 /* 3 s of records */
#define OPTICS_ARRIVAL_BINS 32
#define OPTICS_LIMITS       4 /* faults of the card's limits, from CARD_FAULT_BACK_REFLECTION on */

struct optics_monitor {
	/* role: rw, control: ro */
	_Alignas(64) uint32_t head;
	uint64_t dropped; /* records: control stood still */
	uint64_t arrivals[CARD_DETECTORS][OPTICS_ARRIVAL_BINS];
	uint64_t trips[OPTICS_LIMITS]; /* the card went dark by a limit of its own */
	/* control: rw, role: ro */
	_Alignas(64) uint32_t tail;
	/* role: wo, control: ro between tail and head */
	struct card_monitor record[1 << OPTICS_MONITOR_LOG2];
};

/* Role: its part of a turn; a click of these detectors at LATE, -1/2 to 1/2, of its slot. */
void optics_monitor_poll(struct optics_monitor *o, struct card *card);
void optics_monitor_arrival(struct optics_monitor *o, unsigned int detectors, double late);
/* The card is given up with this fault: whether it was one of its limits. */
bool optics_monitor_lost(struct optics_monitor *o, uint32_t fault_code);

/* Control thread: the next record, once; false when there is none. */
bool optics_monitor_take(struct optics_monitor *o, struct card_monitor *out);

/* Control thread: counts since the start. Bin 16 begins where the pulses of the grid arrive. */
struct optics_monitor_counts {
	uint64_t arrivals[CARD_DETECTORS][OPTICS_ARRIVAL_BINS];
	uint64_t trips[OPTICS_LIMITS];
	uint64_t dropped;
};
void optics_monitor_counts(const struct optics_monitor *o, struct optics_monitor_counts *out);

#endif
