/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/gf2_mul.h"

/* Every fifth bit of 128, from bit 0. */
#define FIFTH_LOW  0x1084210842108421ULL
#define FIFTH_HIGH 0x2108421084210842ULL

typedef unsigned __int128 u128;

/*
 * Bits five apart leave room for the carries of an integer product: at most 13 terms meet in
 * one place, less than 2^5, and the lowest bit of their number is the sum over GF(2).
 * Integer multiplication takes constant time on the CPUs that this runs on.
 */
static u128 multiply(uint64_t a, uint64_t b)
{
	const u128 fifth = (u128)FIFTH_HIGH << 64 | FIFTH_LOW;
	uint64_t x[5], y[5];
	u128 sum = 0;

	for (unsigned int i = 0; i < 5; i++) {
		x[i] = a & (uint64_t)(fifth << i);
		y[i] = b & (uint64_t)(fifth << i);
	}
	for (unsigned int c = 0; c < 5; c++) {
		u128 s = 0;

		for (unsigned int i = 0; i < 5; i++)
			s ^= (u128)x[i] * y[(c + 5 - i) % 5];
		sum |= s & (fifth << c);
	}
	return sum;
}

static void toeplitz(uint64_t *out, const uint64_t *t, const uint64_t *v, size_t w)
{
	uint64_t high = 0;

	for (size_t q = 0; q <= w; q++) {
		u128 s = 0;

		for (size_t j = 0; j < w; j++)
			s ^= multiply(t[q + w - 1 - j], v[j]);
		if (q > 0)
			out[q - 1] = high ^ (uint64_t)s;
		high = (uint64_t)(s >> 64);
	}
}

const struct gf2_mul gf2_mul_portable = {"portable", toeplitz, 25};

const struct gf2_mul *gf2_mul_best(void)
{
	const struct gf2_mul *best = gf2_mul_vpclmul();

	if (best == NULL)
		best = gf2_mul_pclmul();
	return best != NULL ? best : &gf2_mul_portable;
}
