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

/* Kinds of clicks by arrival time and brightness that one attack may make. */
#define OUTCOMES_CLASSES 4
#define OUTCOMES_MAX     (2 * 2 * 3 * OUTCOMES_CLASSES * 15)

struct outcome {
	uint8_t choice;
	uint8_t detectors : 4; /* mask, not 0 */
	uint8_t bright : 1;    /* far more light than a photon */
	int16_t shift;         /* of the arrival, 1/256 slot */
	float dark;            /* probability that no light was in it */
};

struct outcomes {
	double click; /* probability that a slot has a click */
	unsigned int count;
	struct {
		struct outcome own, other;
		uint64_t keep; /* of 2^64: take own below, other from here on */
	} cell[OUTCOMES_MAX];
};

/* What meets Bob's detectors in place of one pulse. */
struct arrival {
	unsigned int basis, bit;
	double light; /* mean of a Poisson number of photons that would be detected ... */
	/* ... or how likely 0, 1, ... NUMBERS - 1 photons at Bob's entrance are */
	const double *number;
	unsigned int numbers;
	const double *gain; /* of the detectors' efficiencies; NULL: 1 */
	int shift;          /* of the arrival, 1/256 slot */
	bool bright;
};

/* Outcomes in the making: what an attack does with a pulse goes in here, by its share P. */
struct outcomes_mix {
	const struct optics_link *link;
	unsigned int choice;
	double p; /* of the choice */
	struct {
		int shift;
		bool bright;
	} class[OUTCOMES_CLASSES];
	unsigned int classes;
	struct {
		double p, without_light;
	} cell[CHOICE_VALUES][OUTCOMES_CLASSES][16];
};

void outcomes_arrive(struct outcomes_mix *mix, double p, const struct arrival *arrival);
/* Blinded detectors: these fire, whatever a photon would do; 0: nothing does. */
void outcomes_force(struct outcomes_mix *mix, double p, unsigned int detectors, bool bright);

/*
 * Slots with pulses from SOURCE through ATTACK, the bit random or, with BIT_ZERO, always 0.
 * SOURCE NULL: slots without a pulse. ATTACK may be NULL.
 */
void outcomes_build(struct outcomes *o, const struct optics_link *link,
                    const struct optics_source *source, bool bit_zero, const struct attack *attack);
/* The same for a receiver that is NOW in a state other than the one that Eve counts on, LINK. */
void outcomes_build_state(struct outcomes *o, const struct optics_link *now,
                          const struct optics_link *link, const struct optics_source *source,
                          bool bit_zero, const struct attack *attack);

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
