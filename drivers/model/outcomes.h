/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a slot in which something clicked looked like: the joint distribution of Alice's
 * choice and the detectors that fired, given that one did. Bayes' rule is in the joint
 * weights; Walker's alias method draws from them in constant time.
 */

#ifndef DRIVERS_MODEL_OUTCOMES_H
#define DRIVERS_MODEL_OUTCOMES_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/model/attack.h"
#include "drivers/model/physics.h"
#include "drivers/model/rng.h"

/* Alice's choice in a slot, four bits. */
#define CHOICE_BASIS_X 1u
#define CHOICE_BIT     2u
#define CHOICE_MU2     4u
#define CHOICE_MU3     8u
#define CHOICE_BITS    4
#define CHOICE_VALUES  16u
/* 0 mu1, 1 mu2, 2 mu3, as in the card's replies. */
#define CHOICE_INTENSITY(choice) ((choice) >> 2 & 3)

#define OUTCOMES_MAX (2 * 2 * 3 * 4 * 15)

struct outcome {
	uint8_t choice;
	uint8_t detectors; /* mask, not 0 */
	float dark;        /* probability that no light was in it */
};

struct outcomes {
	double click; /* probability that a slot has a click */
	unsigned int count;
	struct {
		struct outcome own, other;
		uint64_t keep; /* of 2^64: take own below, other from here on */
	} cell[OUTCOMES_MAX];
};

/*
 * Slots with pulses from SOURCE through ATTACK, the bit random or, with BIT_ZERO, always 0.
 * SOURCE NULL: slots without a pulse.
 */
void outcomes_build(struct outcomes *o, const struct optics_link *link,
                    const struct optics_source *source, bool bit_zero, const struct attack *attack);

/* Mean detected photons of each detector for a pulse of LIGHT in state (basis, bit). */
void outcomes_illuminate(const struct optics_link *link, double light, unsigned int basis,
                         unsigned int bit, double mean[4]);

static inline struct outcome outcomes_draw(const struct outcomes *o, struct rng *rng)
{
	unsigned __int128 x = (unsigned __int128)rng_next(rng) * o->count;
	unsigned int cell = (unsigned int)(x >> 64);

	return (uint64_t)x < o->cell[cell].keep ? o->cell[cell].own : o->cell[cell].other;
}

#endif
