/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The card's control loops (drivers/steer/) on its registers: settings are read back ten times a
 * second, what the loops ask for is written as the card takes it, and nobody waits.
 */

#ifndef DRIVERS_CARD_STEER_H
#define DRIVERS_CARD_STEER_H

#include "drivers/card.h"
#include "drivers/steer/attenuator.h"
#include "drivers/steer/settle.h"

#define CARD_STEER_MS     100 /* each setting is read back so often */
#define CARD_STEER_WRITES 8

struct card_steer {
	uint32_t present; /* bit i: setting i */
	unsigned int next;
	uint64_t next_ns;
	struct steer_attenuator attenuator;
	struct steer_settle settle[CARD_LOOPS]; /* of temperatures */
	/* Writes that the card has not taken yet, in order. */
	struct {
		uint32_t offset, value;
	} write[CARD_STEER_WRITES];
	unsigned int writes;
};

/*
 * Read settings and limits, set what CONFIG asks for. ERANGE outside the card's safe limits, which
 * ERR names; ENOTSUP when it has no such setting; ETIMEDOUT, EIO.
 */
int card_steer_open(struct card *card, const struct card_config *config, struct err *err);
void card_steer_poll(struct card *card, uint64_t now_ns);

/* The power monitor's mean over SECONDS of key light. */
void card_steer_power(struct card *card, double output_fw, double seconds);

/* What a loop did: a change of state is counted, MOVED as well. */
void card_loop_set(struct card *card, enum card_loop loop, enum steer_state state, int32_t set,
                   bool moved);
void card_steer_status(const struct card *card, struct card_status *out);

#endif
