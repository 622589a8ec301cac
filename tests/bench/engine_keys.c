/* SPDX-License-Identifier: BSD-3-Clause */

#include "bench_engine.h"

#include "common/bytes.h"

size_t bench_keys(uint64_t *state, size_t bits, double qber, uint64_t *alice, uint64_t *bob)
{
	size_t errors = 0;

	for (size_t i = 0; i < BITS_WORDS(bits); i++)
		alice[i] = bob[i] = bench_random(state);
	/* Distances between errors are geometrically distributed. */
	for (size_t i = 0; qber > 0; i++, errors++) {
		double skip = log(bench_uniform(state)) / log1p(-qber);

		if (skip >= (double)(bits - i))
			break;
		i += (size_t)skip;
		bob[i / 64] ^= 1ULL << (i % 64);
	}
	return errors;
}
