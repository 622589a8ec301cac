/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a click says of basis and bit. Several detectors in one slot are squashed by fair coins
 * (squash.h), from the card's random source where it gives any. They are bits of key.
 */

#ifndef DATAPLANE_OPTICS_COINS_H
#define DATAPLANE_OPTICS_COINS_H

#include <stdint.h>

#include "drivers/card.h"
#include "qkd-engine/engine.h"

struct optics_coins {
	uint64_t state;
	unsigned int bits;               /* of STATE that are not spent */
	uint64_t from_card, from_kernel; /* bytes, by source */
};

/* Basis, bit and whether both bases clicked, into D, of a click of these detectors. */
void optics_coins_detect(struct optics_coins *o, struct card *card, unsigned int detectors,
                         struct detection *d);

#endif
