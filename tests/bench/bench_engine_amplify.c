/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Privacy amplification: rows amplify/LOG2N, N bits in, three tenths of them out; --block another
 * N. The seed is in memory: drawing and sending it is not counted.
 */

#include "bench_engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/secret.h"
#include "qkd-engine/amplify.h"
#include "qkd-engine/gf2_fft.h"

#define RUNS 7 /* at least */

/* One block: processor seconds, with what wiping takes, and the longest step. */
static double once(struct workspace *w, const struct gf2_fft *fft, const uint64_t *key, size_t n,
                   const uint64_t *seed, size_t m, uint64_t *out, double *longest)
{
	double start = bench_cpu_s(), since = start, at;
	struct amplify *a = amplify_create_in(w, fft, key, n, seed, m, out);
	bool done;

	if (a == NULL)
		bench_fail("amplify: %s", strerror(errno));
	do {
		done = amplify_step(a);
		at = bench_cpu_s();
		if (at - since > *longest)
			*longest = at - since;
		since = at;
	} while (!done);
	while (!workspace_wipe(w))
		;
	return bench_cpu_s() - start;
}

/* Blocks of secret memory are used again for the same size alone: a row starts with none. */
static void secret_restart(size_t bytes)
{
	struct err err;

	secret_fini();
	if (secret_init(bytes, &err) < 0)
		bench_fail("%s", err.text);
}

static void bench(const struct bench_options *o, size_t n, const char *row)
{
	size_t m = n / 10 * 3, seed_bits = amplify_seed_bits(n, m);
	/* The best, and beside it what a CPU with AVX2 alone would have. */
	const struct gf2_fft *fft[2] = {gf2_fft_best(), gf2_fft_vpclmul()};
	uint64_t *key = calloc(BITS_WORDS(n), 8), *seed = calloc(BITS_WORDS(seed_bits), 8);
	double s[2][RUNS], longest[2][RUNS] = {{0}};
	uint64_t *out = calloc(BITS_WORDS(m), 8), state = o->seed + n;
	size_t before = secret_size();
	struct workspace_size size;
	struct workspace w;

	secret_restart(n + (1 << 20));
	if (key == NULL || seed == NULL || out == NULL || amplify_size(n, &size) < 0 ||
	    workspace_init(&w, &size) < 0)
		bench_fail("amplify: no memory");
	for (size_t i = 0; i < n; i += 64) {
		key[i / 64] = bench_random(&state) & (n - i < 64 ? (1ULL << (n - i)) - 1 : ~0ULL);
		if (i / 64 < BITS_WORDS(seed_bits))
			seed[i / 64] = bench_random(&state);
	}
	if (seed_bits % 64 != 0)
		seed[seed_bits / 64] &= ~0ULL >> (64 - seed_bits % 64);
	if (fft[1] == NULL)
		fft[1] = fft[0];
	for (int run = 0; run < RUNS; run++)
		for (int k = 0; k < 2; k++)
			s[k][run] = once(&w, fft[k], key, n, seed, m, out, &longest[k][run]);
	bench_emit(row,
	           "\"mbps\": %.1f, \"ms\": %.3f, \"output_share\": 0.3, \"seed_bits\": %zu, "
	           "\"provider\": \"%s\", \"longest_step_us\": %.0f, \"mbps_256\": %.1f, "
	           "\"provider_256\": \"%s\"",
	           (double)n / bench_median(s[0], RUNS) / 1e6, bench_median(s[0], RUNS) * 1e3,
	           seed_bits, fft[0]->name, bench_median(longest[0], RUNS) * 1e6,
	           (double)n / bench_median(s[1], RUNS) / 1e6, fft[1]->name);
	workspace_fini(&w);
	free(key);
	free(seed);
	free(out);
	secret_restart(before);
}

void bench_engine_amplify(const struct bench_options *o)
{
	char row[32];

	if (o->block != 0 && o->only != NULL && strcmp(o->only, "amplify") == 0) {
		if (o->block < 10 || o->block > AMPLIFY_BITS_MAX)
			bench_fail("amplify: --block is 10 to 2^27 bits");
		bench(o, o->block, "amplify/block");
		return;
	}
	for (unsigned int k = 14; k <= 27; k++) {
		snprintf(row, sizeof(row), "amplify/%u", k);
		if (bench_wanted(o, row))
			bench(o, (size_t)1 << k, row);
	}
}
