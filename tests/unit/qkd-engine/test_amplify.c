/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/amplify.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/secret.h"
#include "tests/unit/dice.h"

#define MAX_BYTES (64u << 20) /* what AMPLIFY_BITS_MAX takes */

static uint64_t *random_bits(size_t n)
{
	uint64_t *w = calloc(BITS_WORDS(n) + 1, 8);

	for (size_t i = 0; i < BITS_WORDS(n); i++)
		w[i] = (uint64_t)dice(0xffffffff) << 32 ^ dice(0xffffffff);
	if (n % 64 != 0)
		w[n / 64] &= ~0ULL >> (64 - n % 64);
	return w;
}

/* A workspace for keys of N bits. */
static void space_for(struct workspace *w, size_t n)
{
	struct workspace_size size;

	CU_ASSERT_EQUAL_FATAL(amplify_size(n, &size), 0);
	CU_ASSERT_EQUAL_FATAL(workspace_init(w, &size), 0);
}

/* The result of all steps; their number. */
static uint64_t *amplified(const struct gf2_fft *fft, const uint64_t *key, size_t n,
                           const uint64_t *seed, size_t m, size_t *steps)
{
	uint64_t *out = malloc(BITS_WORDS(m) * 8);
	struct amplify *a;
	struct workspace w;

	space_for(&w, n);
	a = amplify_create_in(&w, fft, key, n, seed, m, out);
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	for (*steps = 1; !amplify_step(a); (*steps)++)
		;
	CU_ASSERT_TRUE(amplify_step(a)); /* done once and for all */
	workspace_fini(&w);
	return out;
}

static void compare(size_t n, size_t m)
{
	const struct gf2_fft *const fft[] = {&gf2_fft_portable, gf2_fft_pclmul(), gf2_fft_vpclmul(),
	                                     gf2_fft_avx512()};
	uint64_t *key = random_bits(n), *seed = random_bits(amplify_seed_bits(n, m));
	uint64_t *expected = malloc(BITS_WORDS(m) * 8);

	amplify_reference(key, n, seed, m, expected);
	for (size_t k = 0; k < sizeof(fft) / sizeof(fft[0]); k++) {
		uint64_t *out;
		size_t steps;

		if (fft[k] == NULL)
			continue;
		out = amplified(fft[k], key, n, seed, m, &steps);
		CU_ASSERT_EQUAL(memcmp(out, expected, BITS_WORDS(m) * 8), 0);
		free(out);
	}
	free(key);
	free(seed);
	free(expected);
}

static void test_against_reference(void)
{
	static const size_t edges[] = {1,   2,   31,  32,  33,  63,  64,  65,
	                               127, 128, 129, 192, 193, 640, 1023};

	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		for (size_t j = 0; j <= i; j++)
			compare(edges[i], edges[j]);
	for (int i = 0; i < 40; i++) {
		size_t n = 1 + dice(12000);

		compare(n, 1 + dice((uint32_t)n));
	}
	/* around a full transform */
	for (size_t n = 8191; n <= 8194; n++)
		for (size_t m = 4095; m <= 4097; m++)
			compare(n, m);
	compare(16384, 4915);
	compare(20000, 7001);
	compare(9001, 9001);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

/*
 * A key of few bits picks out parts of the seed, at sizes where all passes are used: the largest
 * transform with all of its points among them.
 */
static void single_bits(size_t n, size_t m, size_t count)
{
	uint64_t *seed = random_bits(amplify_seed_bits(n, m)), *key = calloc(BITS_WORDS(n), 8);
	size_t at[4], steps, wrong = 0;
	uint64_t *out;

	at[0] = m;
	at[1] = n - 1;
	at[2] = dice((uint32_t)m);
	at[3] = m + dice((uint32_t)(n - m));
	for (size_t k = 0; k < count; k++)
		bits_put(key, at[k], true);
	out = amplified(gf2_fft_best(), key, n, seed, m, &steps);
	for (size_t i = 0; i < m; i++) {
		bool sum = bits_get(key, i);

		for (size_t k = 0; k < count; k++)
			if (at[k] >= m)
				sum ^= bits_get(seed, i + n - 1 - at[k]);
		wrong += bits_get(out, i) != sum;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(steps > n / 100000); /* it does give way */
	free(out);
	free(seed);
	free(key);
}

static void test_single_bits_at_full_size(void)
{
	for (size_t count = 1; count <= 4; count++)
		single_bits(1000003, 300007, count);
	single_bits(1 << 20, (1 << 20) / 10 * 3, 4);
	single_bits((3 << 20) + 5, 1 << 20, 4);
	if (secret_size() > MAX_BYTES)
		single_bits(AMPLIFY_BITS_MAX, AMPLIFY_BITS_MAX / 8 - 1, 4);
	else
		printf("not tried at 2^27 bits: 72 MiB cannot be locked\n");
}

/* The sum of two keys gives the sum of their results; single outputs by the definition. */
static void test_full_size(void)
{
	const size_t n = 999999, m = 310001, words = BITS_WORDS(m);
	uint64_t *seed = random_bits(amplify_seed_bits(n, m)), *key[3], *out[3];
	size_t steps, wrong = 0;

	key[0] = random_bits(n);
	key[1] = random_bits(n);
	key[2] = malloc(BITS_WORDS(n) * 8);
	for (size_t i = 0; i < BITS_WORDS(n); i++)
		key[2][i] = key[0][i] ^ key[1][i];
	for (int k = 0; k < 3; k++)
		out[k] = amplified(k == 1 ? &gf2_fft_portable : gf2_fft_best(), key[k], n, seed, m,
		                   &steps);
	for (size_t i = 0; i < words; i++)
		wrong += out[2][i] != (out[0][i] ^ out[1][i]);
	for (int trial = 0; trial < 40; trial++) {
		size_t i = trial == 0 ? m - 1 : dice((uint32_t)m);
		bool sum = bits_get(key[0], i);

		for (size_t j = 0; j < n - m; j++)
			sum ^= bits_get(seed, i + n - m - 1 - j) && bits_get(key[0], m + j);
		wrong += bits_get(out[0], i) != sum;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(out[0][words - 1] >> (m % 64), 0);
	for (int k = 0; k < 3; k++) {
		free(key[k]);
		free(out[k]);
	}
	free(seed);
}

/*
 * Universal_2, over all seeds: two keys whose last n - m bits differ agree in the result for a
 * share 2^-m of the seeds exactly; two that differ in the first bits alone, for none.
 */
static void test_universal(void)
{
	enum { N = 8, M = 3 };

	for (uint64_t difference = 1; difference < 1u << N; difference++) {
		unsigned int agree = 0;

		for (uint64_t seed = 0; seed < 1u << (N - 1); seed++) {
			uint64_t out;

			amplify_reference(&difference, N, &seed, M, &out);
			agree += out == 0;
		}
		CU_ASSERT_EQUAL(agree, difference >> M != 0 ? 1u << (N - 1 - M) : 0);
	}
}

/*
 * Keys far from uniform - one bit in 16 is set - give uniform bits: their number, their pairs at
 * distance 1, 32 and 64 and the counts of bytes. All statistics are normal to a good approximation;
 * each is more than 5 standard deviations off with probability 6e-7, one of the five with 3e-6.
 */
static void test_uniform_output(void)
{
	const size_t n = 1 << 20, m = 300000, distance[] = {1, 32, 64};
	uint64_t *seed = random_bits(amplify_seed_bits(n, m)), *key = calloc(BITS_WORDS(n), 8);
	size_t steps, ones = 0, bytes[256] = {0};
	double chi2 = 0, each = (double)(m / 8) / 256;
	uint64_t *out;

	for (size_t i = 0; i < n; i++)
		bits_put(key, i, dice(16) == 0);
	out = amplified(gf2_fft_best(), key, n, seed, m, &steps);
	for (size_t i = 0; i < m; i++)
		ones += bits_get(out, i);
	CU_ASSERT_TRUE(fabs((double)ones - (double)m / 2) < 5 * sqrt((double)m) / 2);
	for (size_t d = 0; d < sizeof(distance) / sizeof(distance[0]); d++) {
		size_t pairs = m - distance[d], equal = 0;

		for (size_t i = 0; i < pairs; i++)
			equal += bits_get(out, i) == bits_get(out, i + distance[d]);
		CU_ASSERT_TRUE(fabs((double)equal - (double)pairs / 2) <
		               5 * sqrt((double)pairs) / 2);
	}
	for (size_t i = 0; i < m / 8; i++)
		bytes[((const uint8_t *)out)[i]]++;
	for (size_t i = 0; i < 256; i++)
		chi2 += ((double)bytes[i] - each) * ((double)bytes[i] - each) / each;
	CU_ASSERT_TRUE(fabs(chi2 - 255) < 5 * sqrt(2 * 255.0));
	free(out);
	free(key);
	free(seed);
}

/* In the place of the key, and in a workspace that a longer key had before. */
static void test_in_place(void)
{
	static const size_t bits[] = {20000, 7000, 64, 12345};
	struct workspace w;

	space_for(&w, 20000);
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		size_t n = bits[i], m = n / 3 + 1;
		uint64_t *key = random_bits(n), *seed = random_bits(amplify_seed_bits(n, m));
		uint64_t *expected = malloc(BITS_WORDS(m) * 8);
		struct amplify *a;

		amplify_reference(key, n, seed, m, expected);
		a = amplify_create_in(&w, gf2_fft_best(), key, n, seed, m, key);
		CU_ASSERT_PTR_NOT_NULL_FATAL(a);
		while (!amplify_step(a))
			;
		CU_ASSERT_EQUAL(memcmp(key, expected, BITS_WORDS(m) * 8), 0);
		while (!workspace_wipe(&w))
			;
		free(key);
		free(seed);
		free(expected);
	}
	workspace_fini(&w);
}

static void test_bad_sizes(void)
{
	struct workspace_size size;
	struct workspace space;
	uint64_t w[4] = {0};

	CU_ASSERT_EQUAL(amplify_size(0, &size), -EINVAL);
	CU_ASSERT_EQUAL(amplify_size((size_t)AMPLIFY_BITS_MAX + 1, &size), -EINVAL);
	CU_ASSERT_EQUAL(amplify_size(AMPLIFY_BITS_MAX, &size), 0);
	CU_ASSERT_EQUAL(size.secret, MAX_BYTES);
	CU_ASSERT_EQUAL(amplify_size(1 << 20, &size), 0);
	CU_ASSERT_EQUAL(size.secret, 512 << 10);
	CU_ASSERT_EQUAL_FATAL(workspace_init(&space, &size), 0);
	CU_ASSERT_PTR_NULL(amplify_create_in(&space, gf2_fft_best(), w, 10, w, 0, w));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NULL(amplify_create_in(&space, gf2_fft_best(), w, 10, w, 11, w));
	CU_ASSERT_PTR_NULL(amplify_create_in(&space, gf2_fft_best(), w,
	                                     (size_t)AMPLIFY_BITS_MAX + 1, w, 1, w));
	/* more than the workspace has */
	CU_ASSERT_PTR_NULL(amplify_create_in(&space, gf2_fft_best(), w, (1 << 20) + 64, w, 1, w));
	CU_ASSERT_EQUAL(errno, ENOMEM);
	workspace_fini(&space);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

static void test_init(void)
{
	if (secret_init(MAX_BYTES + (8 << 20), NULL) < 0)
		CU_ASSERT_EQUAL_FATAL(secret_init(8 << 20, NULL), 0);
}

UNIT_MAIN(UNIT(test_init), UNIT(test_against_reference), UNIT(test_single_bits_at_full_size),
          UNIT(test_full_size), UNIT(test_universal), UNIT(test_uniform_output),
          UNIT(test_in_place), UNIT(test_bad_sizes))
