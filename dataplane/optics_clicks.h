/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Bob's clicks on their way from the card to the engine, as detections on the transmitter's slot
 * grid; for optics.c. When the engine has no room they stay at the card: its ring fills, what it
 * has no room for it drops, and a GAP record in the stream says so and where.
 */

#ifndef DATAPLANE_OPTICS_CLICKS_H
#define DATAPLANE_OPTICS_CLICKS_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/optics_coins.h"
#include "dataplane/optics_gate.h"
#include "dataplane/optics_monitor.h"
#include "drivers/card.h"
#include "drivers/phase_track.h"
#include "qkd-engine/engine.h"

struct optics_clicks {
	struct phase_track track;
	unsigned int epoch; /* of the track's numbers; 0: none yet */
	uint64_t last_click_ns;
	uint64_t last_slot;        /* handed on, on the transmitter's grid */
	struct optics_coins coins; /* decide double clicks */
	/* not handed on: see struct optics_status */
	uint64_t no_phase, same_slot, too_old;
	/* left at the card: now, so often, so long; when last looked */
	bool held;
	uint64_t holds, held_ns, looked_ns;
	/* a run of clicks that are too old, on the transmitter's grid */
	bool old;
	uint64_t old_first, old_last;
};

/* One that is all zero; wiped by its owner. And the card is given up: numbers start anew. */
void optics_clicks_lost(struct optics_clicks *c);

/* Where clicks come from, and who besides the engine is to know where they arrive. */
struct optics_clicks_ends {
	struct card *card;
	struct optics_monitor *monitor;
	struct optics_gate *gate;
};

/* A turn: clicks that were read. */
unsigned int optics_clicks_poll(struct optics_clicks *c, const struct optics_clicks_ends *ends,
                                struct engine *engine, uint64_t now_ns);

#endif
