/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The optical channel monitor of a modelled card: a tap at its fibre connector, which sees each
 * data channel whichever way it goes.
 */

#ifndef DRIVERS_MODEL_OCM_CARD_H
#define DRIVERS_MODEL_OCM_CARD_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/model/lit.h"
#include "drivers/model/rng.h"

struct shm_card;

struct ocm_card {
	const struct lit *lit; /* NULL: no light but the quantum channel's */
	double fibre_db;       /* what data channels lose on their way through the fibre */
	bool bob;              /* at Bob's end */
	struct rng rng;
	uint32_t period_ms, scans;
	bool running;
	uint64_t start_ns, next_ns; /* of the scan under way; of the next one by the period */
};

void ocm_card_init(struct ocm_card *o, const struct lit *lit, bool bob, uint64_t seed);
void ocm_card_reset(struct shm_card *card);
/* A write to one of its registers: 0, or the offset of the register that is wrong. */
uint32_t ocm_card_write(struct shm_card *card, uint32_t offset, uint32_t value);
void ocm_card_turn(struct shm_card *card);

#endif
