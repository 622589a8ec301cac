/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One detection of whatever detectors fired in a slot, so that nothing is discarded. Within a
 * basis two clicks are a random bit. Clicks in both bases, which a splitter makes of several
 * photons, get a basis by a fair coin, however uneven the splitter is, and in it the bit that
 * they would have without the others; in the test basis they are marked. docs/security.md,
 * "Clicks in both bases", says why that is right, and test_squash.c counts it out.
 */

#ifndef DATAPLANE_SQUASH_H
#define DATAPLANE_SQUASH_H

#include <stdbool.h>
#include <stdint.h>

struct squashed {
	uint8_t basis, bit; /* 0 Z, 1 X */
	bool cross;         /* clicks in both bases */
};

/* With one detector the coins decide nothing. */
static inline bool squash_needs_coins(unsigned int detectors)
{
	return (detectors & (detectors - 1)) != 0;
}

/* DETECTORS: mask of CARD_DETECTOR_*, not 0. COINS: two fair bits. */
static inline struct squashed squash(unsigned int detectors, unsigned int coins)
{
	unsigned int z = detectors & 3, x = detectors >> 2 & 3, pair;
	struct squashed s = {.cross = z != 0 && x != 0};

	s.basis = s.cross ? coins & 1 : x != 0;
	pair = s.basis == 0 ? z : x;
	s.bit = (uint8_t)(pair == 3 ? coins >> 1 & 1 : pair >> 1);
	return s;
}

#endif
