/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/gf2_basis.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "qkd-engine/gf2_fft.h"
#include "tests/unit/dice.h"

static uint32_t *random_words(size_t n)
{
	uint32_t *w = malloc(n * sizeof(*w));

	for (size_t i = 0; i < n; i++)
		w[i] = dice(0xffffffff);
	return w;
}

static void convert(unsigned int k, uint32_t *f, unsigned int words, enum gf2_basis_kind kind)
{
	struct gf2_basis_plan p;

	gf2_basis_plan_init(&p, k);
	CU_ASSERT_TRUE(p.passes <= GF2_BASIS_PASSES_MAX);
	for (size_t i = 0; i < gf2_basis_pieces(&p); i++)
		gf2_basis_piece(&p, f, words, kind, i);
}

/* The same polynomial before and after: its value somewhere. */
static void test_same_polynomial(void)
{
	for (unsigned int k = GF2_BASIS_LOG2_MIN; k <= 18; k++) {
		size_t n = (size_t)1 << k;
		uint64_t *f = (uint64_t *)random_words(2 * n), *g = malloc(n * sizeof(*g));
		uint64_t x = (uint64_t)dice(0xffffffff) << 32 ^ dice(0xffffffff);
		uint64_t s[18], value = 0, converted = 0;

		memcpy(g, f, n * sizeof(*g));
		convert(k, (uint32_t *)g, 2, GF2_BASIS_DIRECT);
		for (size_t i = n; i-- > 0;)
			value = gf2_multiply(value, x) ^ f[i];
		for (unsigned int b = 0; b < k; b++) {
			s[b] = x;
			x ^= gf2_multiply(x, x); /* s_(b+1) = s_b^2 + s_b in Cantor's basis */
		}
		/* X_j by halves: the sum over the highest bit last. */
		for (unsigned int b = 0; b < k; b++)
			for (size_t i = 0; i < n >> (b + 1); i++)
				g[i] = g[2 * i] ^ gf2_multiply(g[2 * i + 1], s[b]);
		converted = g[0];
		CU_ASSERT_EQUAL(value, converted);
		free(f);
		free(g);
	}
}

/* Elements of one word and of two are converted alike. */
static void test_element_sizes(void)
{
	static const enum gf2_basis_kind kinds[] = {GF2_BASIS_DIRECT, GF2_BASIS_TRANSPOSED,
	                                            GF2_BASIS_TRANSPOSED_BACK};

	for (unsigned int k = GF2_BASIS_LOG2_MIN; k <= 18; k++)
		for (size_t kind = 0; kind < 3; kind++) {
			size_t n = (size_t)1 << k, wrong = 0;
			uint32_t *f = random_words(n), *g = calloc(2 * n, sizeof(*g));

			for (size_t i = 0; i < n; i++)
				g[2 * i + 1] = f[i];
			convert(k, f, 1, kinds[kind]);
			convert(k, g, 2, kinds[kind]);
			for (size_t i = 0; i < n; i++)
				wrong += g[2 * i] != 0 || g[2 * i + 1] != f[i];
			CU_ASSERT_EQUAL(wrong, 0);
			free(f);
			free(g);
		}
}

/* Sum of f[i] & g[i] = sum of (C f)[i] & (C^-T g)[i], bit by bit; and the way back. */
static void test_transposed(void)
{
	for (unsigned int k = GF2_BASIS_LOG2_MIN; k <= GF2_BASIS_LOG2_MAX; k += k < 18 ? 1 : 2) {
		size_t n = (size_t)1 << k;
		uint32_t *f = random_words(n), *g = random_words(n), *h = malloc(n * sizeof(*h));
		uint32_t before = 0, after = 0;

		memcpy(h, g, n * sizeof(*h));
		for (size_t i = 0; i < n; i++)
			before ^= f[i] & g[n - 1 - i];
		convert(k, f, 1, GF2_BASIS_DIRECT);
		convert(k, g, 1, GF2_BASIS_TRANSPOSED);
		for (size_t i = 0; i < n; i++)
			after ^= f[i] & g[n - 1 - i];
		CU_ASSERT_EQUAL(before, after);
		CU_ASSERT_NOT_EQUAL(memcmp(g, h, n * sizeof(*h)), 0);
		convert(k, g, 1, GF2_BASIS_TRANSPOSED_BACK);
		CU_ASSERT_EQUAL(memcmp(g, h, n * sizeof(*h)), 0);
		free(f);
		free(g);
		free(h);
	}
}

UNIT_MAIN(UNIT(test_same_polynomial), UNIT(test_element_sizes), UNIT(test_transposed))
