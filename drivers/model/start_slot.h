/* SPDX-License-Identifier: BSD-3-Clause */

/* Where a card's slot counter begins: anywhere, so that no two ends agree by chance. */

#ifndef DRIVERS_MODEL_START_SLOT_H
#define DRIVERS_MODEL_START_SLOT_H

#include "drivers/model/rng.h"

#define START_SLOT_MIN (1ULL << 32)
#define START_SLOT_MAX (1ULL << 40)

static inline uint64_t start_slot(struct rng *rng)
{
	return START_SLOT_MIN +
	       (uint64_t)(rng_uniform(rng) * (double)(START_SLOT_MAX - START_SLOT_MIN));
}

#endif
