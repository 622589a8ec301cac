/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A card's analog settings, within the card's own safe limits, and the bias of the intensity
 * modulator: found at start-up and followed from then on.
 */

#ifndef DRIVERS_CARD_ANALOG_H
#define DRIVERS_CARD_ANALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct card;

struct card_setting {
	unsigned int i; /* CARD_ANALOG_* */
	int32_t value;  /* in the contract's units */
};

/*
 * Set N of them together. ENOTSUP: the card has no such setting; ERANGE: outside the limits, which
 * ERR names: nothing is written then. ETIMEDOUT, EIO. Waits for the card, at most 0.1 s a write.
 */
int card_analog_set(struct card *card, const struct card_setting *settings, unsigned int n,
                    struct err *err);
/* What setting I is now, not what it was set to; -ENOTSUP. */
int card_analog_actual(const struct card *card, unsigned int i, int32_t *value);

/*
 * The rung of the start-up ladder that needs light: search the modulator's bias for the best
 * extinction, coarse over the limits, then fine. The card is armed and shines the sync pattern
 * meanwhile, up to 3 s; it is dark afterwards. 0 as well where the card has no such setting.
 */
int card_bias_find(struct card *card, struct err *err);

/* Follow it: card_poll() calls this, which never waits. At least 10 steps a second while lit. */
#define CARD_BIAS_STEP_MS 40
struct card_bias {
	bool found;
	int32_t centre;    /* mV, the best so far */
	unsigned int step; /* of a cycle: above, below */
	uint32_t above_mdb;
	unsigned int pending; /* writes of this step that are still to be made */
	uint64_t next_ns;
	uint32_t steps; /* taken since the bias was found */
};
void card_bias_poll(struct card *card, uint64_t now_ns);

#endif
