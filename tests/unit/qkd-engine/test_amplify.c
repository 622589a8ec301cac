/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/amplify.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/secret.h"

static uint64_t state = 1;

static uint64_t next(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static uint64_t *random_bits(size_t n)
{
	uint64_t *w = malloc(BITS_WORDS(n) * 8);

	for (size_t i = 0; i < BITS_WORDS(n); i++)
		w[i] = next();
	if (n % 64 != 0)
		w[n / 64] &= ~0ULL >> (64 - n % 64);
	return w;
}

/* The result of all steps, copied; their number. */
static uint64_t *amplified(const uint64_t *key, size_t n, const uint64_t *seed, size_t m,
                           size_t *steps)
{
	struct amplify *a = amplify_create(key, n, seed, m);
	uint64_t *out = malloc(BITS_WORDS(m) * 8);

	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	for (*steps = 1; !amplify_step(a); (*steps)++)
		;
	memcpy(out, amplify_result(a), BITS_WORDS(m) * 8);
	amplify_destroy(a);
	return out;
}

static void compare(size_t n, size_t m)
{
	uint64_t *key = random_bits(n), *seed = random_bits(amplify_seed_bits(n, m));
	uint64_t *expected = malloc(BITS_WORDS(m) * 8), *out;
	size_t steps;

	out = amplified(key, n, seed, m, &steps);
	amplify_reference(key, n, seed, m, expected);
	CU_ASSERT_EQUAL(memcmp(out, expected, BITS_WORDS(m) * 8), 0);
	free(key);
	free(seed);
	free(expected);
	free(out);
}

static void test_against_reference(void)
{
	static const size_t edges[] = {1, 2, 63, 64, 65, 127, 128, 129, 191, 192, 193, 640, 1023};

	CU_ASSERT_EQUAL_FATAL(secret_init(8 << 20, NULL), 0);
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		for (size_t j = 0; j <= i; j++)
			compare(edges[i], edges[j]);
	for (int i = 0; i < 40; i++) {
		size_t n = 1 + next() % 6000;

		compare(n, 1 + next() % n);
	}
	compare(20000, 7001);
	compare(9001, 9001);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

/* A key of one bit picks out a part of the seed, at a size where all of the tiling is used. */
static void test_single_bits_at_full_size(void)
{
	const size_t n = 1000003, m = 300007;
	static const size_t at[] = {0, 1, 63, 64, 499999, 1000002};
	uint64_t *seed = random_bits(amplify_seed_bits(n, m)), *key = calloc(BITS_WORDS(n), 8);
	size_t steps, wrong = 0;

	for (size_t k = 0; k < sizeof(at) / sizeof(at[0]); k++) {
		uint64_t *out;

		bits_put(key, at[k], true);
		out = amplified(key, n, seed, m, &steps);
		bits_put(key, at[k], false);
		for (size_t i = 0; i < m; i++)
			wrong += bits_get(out, i) != bits_get(seed, i + n - 1 - at[k]);
		CU_ASSERT_TRUE(steps > 50); /* it does give way */
		free(out);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	free(seed);
	free(key);
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
		out[k] = amplified(key[k], n, seed, m, &steps);
	for (size_t i = 0; i < words; i++)
		wrong += out[2][i] != (out[0][i] ^ out[1][i]);
	for (int trial = 0; trial < 40; trial++) {
		size_t i = trial == 0 ? m - 1 : next() % m;
		bool sum = false;

		for (size_t j = 0; j < n; j++)
			sum ^= bits_get(seed, i + n - 1 - j) && bits_get(key[0], j);
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

static void test_bad_sizes(void)
{
	uint64_t w[4] = {0};

	CU_ASSERT_PTR_NULL(amplify_create(w, 10, w, 0));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NULL(amplify_create(w, 10, w, 11));
	CU_ASSERT_PTR_NULL(amplify_create(w, (size_t)AMPLIFY_BITS_MAX + 1, w, 1));
	/* more secret memory than the arena has */
	CU_ASSERT_PTR_NULL(amplify_create(w, AMPLIFY_BITS_MAX, w, AMPLIFY_BITS_MAX));
	CU_ASSERT_EQUAL(errno, ENOMEM);
}

UNIT_MAIN(UNIT(test_against_reference), UNIT(test_single_bits_at_full_size), UNIT(test_full_size),
          UNIT(test_bad_sizes))
