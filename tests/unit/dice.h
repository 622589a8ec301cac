/* SPDX-License-Identifier: BSD-3-Clause */

/* Numbers for tests, the same in each run: Knuth's generator of MMIX, its high bits. */

#ifndef TESTS_UNIT_DICE_H
#define TESTS_UNIT_DICE_H

#include <stdint.h>

static uint64_t dice_state = 1;

/* Below N, which is not 0. */
static inline uint32_t dice(uint32_t n)
{
	dice_state = dice_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(((dice_state >> 32) * n) >> 32);
}

#endif
