/* SPDX-License-Identifier: BSD-3-Clause */

/* Against gf2x, which multiplies polynomials over GF(2) with code of others. */

#include "qkd-engine/amplify.h"
#include "tests/unit/unit.h"

#include <gf2x.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/secret.h"
#include "tests/unit/dice.h"

static uint64_t *random_bits(size_t n)
{
	uint64_t *w = calloc(BITS_WORDS(n), 8);

	for (size_t i = 0; i < BITS_WORDS(n); i++)
		w[i] = (uint64_t)dice(0xffffffff) << 32 ^ dice(0xffffffff);
	if (n % 64 != 0)
		w[n / 64] &= ~0ULL >> (64 - n % 64);
	return w;
}

/* Bits n - m - 1 on of the product of the seed and of the key's last n - m bits. */
static void compare(const struct gf2_fft *fft, size_t n, size_t m)
{
	size_t seed_words = BITS_WORDS(amplify_seed_bits(n, m)), words = BITS_WORDS(n - m);
	uint64_t *key = random_bits(n), *seed = random_bits(amplify_seed_bits(n, m));
	uint64_t *last = calloc(words, 8), *product = calloc(seed_words + words, 8);
	uint64_t *out = calloc(BITS_WORDS(m), 8);
	struct workspace_size size;
	struct workspace w;
	struct amplify *a;
	size_t wrong = 0;

	CU_ASSERT_EQUAL_FATAL(amplify_size(n, &size), 0);
	CU_ASSERT_EQUAL_FATAL(workspace_init(&w, &size), 0);
	a = amplify_create_in(&w, fft, key, n, seed, m, out);
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	while (!amplify_step(a))
		;
	for (size_t j = 0; j < n - m; j++)
		bits_put(last, j, bits_get(key, m + j));
	gf2x_mul(product, seed, seed_words, last, words);
	for (size_t i = 0; i < m; i++)
		wrong += bits_get(out, i) != (bits_get(key, i) != bits_get(product, n - m - 1 + i));
	CU_ASSERT_EQUAL(wrong, 0);
	workspace_fini(&w);
	free(out);
	free(key);
	free(seed);
	free(last);
	free(product);
}

static void test_against_gf2x(void)
{
	CU_ASSERT_EQUAL_FATAL(secret_init(8 << 20, NULL), 0);
	for (unsigned int k = 14; k <= 22; k++) {
		size_t n = (size_t)1 << k;

		compare(gf2_fft_best(), n, n / 10 * 3);
		if (k <= 20)
			compare(gf2_fft_best(), n - 1 - dice(1000), n / 4 + dice(1000));
		if (k <= 18)
			compare(&gf2_fft_portable, n + dice(1000), n / 2 + dice(1000));
	}
}

UNIT_MAIN(UNIT(test_against_gf2x))
