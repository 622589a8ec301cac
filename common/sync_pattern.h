/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The public light pattern by which the receiver finds the transmitter's slot numbers. In
 * SYNC mode the transmitter sends a pulse in slot s exactly when sync_pattern_on(s).
 *
 * Bits 64w ... 64w + 63 are the output of SplitMix64 (Steele, Lea, Flood, "Fast splittable
 * pseudorandom number generators", OOPSLA 2014) for the counter w: no period below 2^70
 * slots, any place computable on its own, half of the slots lit.
 */

#ifndef COMMON_SYNC_PATTERN_H
#define COMMON_SYNC_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

/* Slots 64 * word_index and on, slot i in bit i mod 64. */
static inline uint64_t sync_pattern_word(uint64_t word_index)
{
	uint64_t z = (word_index + 1) * 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static inline bool sync_pattern_on(uint64_t slot)
{
	return sync_pattern_word(slot / 64) >> (slot % 64) & 1;
}

#endif
