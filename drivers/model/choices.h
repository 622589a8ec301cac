/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The transmitter's memory: what it chose in each slot of the retention time. Choices of
 * slots in which Bob's detectors saw the pulse are stored as they were drawn with the click;
 * all others follow from a pseudorandom function of the slot, keyed anew at each reset, so
 * that a look-up may be repeated and tells nothing about clicks.
 */

#ifndef DRIVERS_MODEL_CHOICES_H
#define DRIVERS_MODEL_CHOICES_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/model/prf.h"
#include "drivers/model/rng.h"

#define CHOICES_PERIODS 256

struct choices_period {
	uint64_t from;
	bool random;         /* QKD mode */
	uint32_t p_mu1, p_z; /* probability * 2^16 */
	uint32_t p_mu2;      /* 0: all that is not mu1 is mu2 */
	bool three_states;
};

struct choices {
	struct prf prf;
	uint64_t retention; /* slots */
	uint64_t floor;     /* pulses before it are forgotten */

	/* seen pulses in a ring, ascending: n << CHOICE_BITS | choice */
	uint64_t *seen;
	uint64_t first, end, cursor; /* counts; a place is its count mod size */
	uint64_t size;               /* a power of two */

	/* since when what was sent: ascending, the oldest first */
	struct choices_period period[CHOICES_PERIODS];
	unsigned int periods;
};

/* RETENTION in slots. -ENOMEM. */
int choices_init(struct choices *c, uint64_t retention, struct rng *rng);
void choices_free(struct choices *c);

/* Forget everything before pulse N and take a new key. */
void choices_reset(struct choices *c, uint64_t n, struct rng *rng);

/* What is sent from pulse NEXT->from on, not before an earlier change. */
void choices_change(struct choices *c, const struct choices_period *next);

/* Pulse N, later than all before, was seen with CHOICE (CHOICE_* of outcomes.h). */
void choices_seen(struct choices *c, uint64_t n, unsigned int choice);

/* CHOICE_* of pulse N < END, or -1 when it is too old, or not random, or not before END. */
int choices_get(struct choices *c, uint64_t n, uint64_t end);

#endif
