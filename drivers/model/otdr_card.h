/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The OTDR of a modelled card: registers, the time that an acquisition takes, and the trace
 * into its ring. Its lasers are at 1625 and 1650 nm, out of the quantum band: OTDR_GATED has
 * nothing to do.
 */

#ifndef DRIVERS_MODEL_OTDR_CARD_H
#define DRIVERS_MODEL_OTDR_CARD_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/model/otdr_trace.h"
#include "drivers/physics/lit_fibre.h"

struct shm_card;

struct otdr_card {
	const struct otdr_fibre *fibre; /* NULL: none is connected, acquisitions fail */
	bool far_end;                   /* this card is at its other end */
	struct otdr_instrument instrument;
	struct rng rng;

	struct otdr_settings set; /* as registers stand */
	uint32_t wavelength_pm, range_m;
	uint32_t state, id;
	bool gated;

	/* the acquisition under way */
	struct otdr_settings taken;
	uint32_t taken_wavelength_pm;
	uint64_t start_ns, start_slot;
	double shot_ns;   /* from pulse to pulse */
	double shut_ns;   /* that gates are shut of it; 0: not GATED */
	int32_t *samples; /* NULL until it is complete */
	uint32_t sent, flags;
};

/* FIBRE may be NULL; it is read when an acquisition is complete. RNG seeds noise and drift. */
void otdr_card_init(struct otdr_card *o, const struct otdr_fibre *fibre, bool far_end,
                    uint64_t seed);
void otdr_card_free(struct otdr_card *o);

/* Function reset. */
void otdr_card_reset(struct otdr_card *o);
/* The card went dark. */
void otdr_card_dark(struct shm_card *card);

/* A write to one of its registers: 0, or the offset of the register that is wrong. */
uint32_t otdr_card_write(struct shm_card *card, uint32_t offset, uint32_t value);

/* Its pulses are on the fibre while gates are open, and what they are as a data channel. */
bool otdr_card_shines(const struct otdr_card *o);
struct lit_channel otdr_card_light(const struct otdr_card *o);

void otdr_card_turn(struct shm_card *card);

#endif
