/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The receiver's gates, steered by the optics role: from the recovered clock and the clicks to the
 * card. Each by the role's core alone.
 */

#ifndef DATAPLANE_OPTICS_GATE_H
#define DATAPLANE_OPTICS_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/card.h"
#include "drivers/phase_track.h"
#include "drivers/steer/gate.h"

struct optics_gate {
	struct steer_gate gate;
	bool unsaid; /* the card has not taken the last setting yet */
};

/* A card that was opened: its gates are open. */
void optics_gate_init(struct optics_gate *o, bool follow);
void optics_gate_poll(struct optics_gate *o, struct card *card, const struct phase_track *track,
                      uint64_t now_ns);

#endif
