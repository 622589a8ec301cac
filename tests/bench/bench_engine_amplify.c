/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Privacy amplification: rows amplify/LOG2N, N bits in.
 */

#include "bench_engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "qkd-engine/amplify.h"
#include "qkd-engine/gf2_mul.h"

static void bench(const struct bench_options *o, unsigned int log2n, const char *row)
{
	size_t n = (size_t)1 << log2n, m = n / 10 * 3;
	size_t seed_words = BITS_WORDS(amplify_seed_bits(n, m));
	uint64_t *key = malloc(n / 8), *seed = malloc(seed_words * 8);
	double best = 0, step = 0;
	uint64_t state = o->seed + log2n;

	for (size_t i = 0; i < n / 64; i++)
		key[i] = bench_random(&state);
	for (size_t i = 0; i < seed_words; i++)
		seed[i] = bench_random(&state);
	for (int run = 0; run < 5; run++) {
		double start = bench_cpu_s(), since = start, at;
		struct amplify *a = amplify_create(key, n, seed, m);
		bool done;

		if (a == NULL)
			bench_fail("amplify: %s", strerror(errno));
		do {
			done = amplify_step(a);
			at = bench_cpu_s();
			if (at - since > step)
				step = at - since;
			since = at;
		} while (!done);
		if (best == 0 || at - start < best)
			best = at - start;
		amplify_destroy(a);
	}
	bench_emit(row,
	           "\"mbps\": %.1f, \"ms\": %.2f, \"output_share\": 0.3, "
	           "\"provider\": \"%s\", \"longest_step_us\": %.0f",
	           (double)n / best / 1e6, best * 1e3, gf2_mul_best()->name, step * 1e6);
	free(key);
	free(seed);
}

void bench_engine_amplify(const struct bench_options *o)
{
	char row[32];

	for (unsigned int k = 16; k <= 22; k++) {
		snprintf(row, sizeof(row), "amplify/%u", k);
		if (bench_wanted(o, row))
			bench(o, k, row);
	}
}
