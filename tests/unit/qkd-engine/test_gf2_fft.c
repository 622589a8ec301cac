/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/gf2_fft.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/dice.h"

static uint64_t element(void)
{
	return (uint64_t)dice(0xffffffff) << 32 ^ dice(0xffffffff);
}

static uint64_t *elements(size_t n)
{
	uint64_t *x = malloc(n * sizeof(*x));

	for (size_t i = 0; i < n; i++)
		x[i] = element();
	return x;
}

static void forward(const struct gf2_fft_plan *p, uint64_t *x, enum gf2_fft_kind kind)
{
	for (unsigned int i = 0; i < gf2_fft_passes(p); i++)
		for (size_t j = gf2_fft_pieces(p, i); j-- > 0;) /* pieces: in any order */
			gf2_fft_piece(p, x, kind, i, j);
}

static void back(const struct gf2_fft_plan *p, uint64_t *x, enum gf2_fft_kind kind)
{
	for (unsigned int i = gf2_fft_passes(p); i-- > 0;)
		for (size_t j = 0; j < gf2_fft_pieces(p, i); j++)
			gf2_fft_piece_back(p, x, kind, i, j);
}

static void test_field(void)
{
	for (int trial = 0; trial < 1000; trial++) {
		uint64_t a = trial & 1 ? ~0ULL : element(), b = trial & 2 ? ~0ULL : element();
		uint64_t product = 0;

		for (int i = 63; i >= 0; i--) {
			product = product << 1 ^ (product >> 63 ? 0x1b : 0);
			product ^= a >> i & 1 ? b : 0;
		}
		CU_ASSERT_EQUAL(gf2_multiply(a, b), product);
	}
}

static void test_basis(void)
{
	struct gf2_fft_plan p;

	gf2_fft_plan_init(&p, &gf2_fft_portable, 8);
	CU_ASSERT_EQUAL(p.v[0], 1);
	for (unsigned int b = 1; b < GF2_FFT_LOG2_MAX; b++)
		CU_ASSERT_EQUAL(gf2_multiply(p.v[b], p.v[b]) ^ p.v[b], p.v[b - 1]);
}

/* By the definition: sums of coefficients times X_j at each point. */
static void test_values(void)
{
	enum { K = 9, N = 1 << K };
	struct gf2_fft_plan p;
	uint64_t *f = elements(N), *x = malloc(N * sizeof(*x));

	gf2_fft_plan_init(&p, &gf2_fft_portable, K);
	memcpy(x, f, N * sizeof(*x));
	forward(&p, x, GF2_FFT_VALUES);
	for (size_t j = 0; j < N; j += 7) {
		uint64_t s[K], at = 0, value = 0;

		for (unsigned int b = 0; b < K; b++)
			at ^= j >> b & 1 ? 0 : p.v[b]; /* shifted by the sum of all */
		for (unsigned int b = 0; b < K; b++) {
			s[b] = at;
			at ^= gf2_multiply(at, at);
		}
		for (size_t i = 0; i < N; i++) {
			uint64_t term = f[i];

			for (unsigned int b = 0; b < K; b++)
				term = i >> b & 1 ? gf2_multiply(term, s[b]) : term;
			value ^= term;
		}
		CU_ASSERT_EQUAL(x[j], value);
	}
	free(f);
	free(x);
}

/* Sum of f[i] g[i] = sum of (F f)[i] (F^-T g)[i]. */
static void test_transposed(void)
{
	for (unsigned int k = GF2_FFT_LOG2_MIN; k <= 12; k++) {
		size_t n = (size_t)1 << k;
		uint64_t *f = elements(n), *g = elements(n), before = 0, after = 0;
		struct gf2_fft_plan p;

		gf2_fft_plan_init(&p, &gf2_fft_portable, k);
		for (size_t i = 0; i < n; i++)
			before ^= gf2_multiply(f[i], g[n - 1 - i]);
		forward(&p, f, GF2_FFT_VALUES);
		forward(&p, g, GF2_FFT_TRANSPOSED);
		for (size_t i = 0; i < n; i++)
			after ^= gf2_multiply(f[i], g[i]);
		CU_ASSERT_EQUAL(before, after);
		free(f);
		free(g);
	}
}

/* Transforms of two arrays, multiplied, and back. */
static uint64_t *product(const struct gf2_fft *fft, unsigned int k, const uint64_t *f,
                         const uint64_t *g)
{
	size_t n = (size_t)1 << k;
	uint64_t *x = malloc(n * sizeof(*x)), *y = malloc(n * sizeof(*y));
	struct gf2_fft_plan p;

	gf2_fft_plan_init(&p, fft, k);
	memcpy(x, f, n * sizeof(*x));
	memcpy(y, g, n * sizeof(*y));
	forward(&p, x, GF2_FFT_VALUES);
	forward(&p, y, GF2_FFT_TRANSPOSED);
	fft->multiply(y, x, n);
	back(&p, y, GF2_FFT_TRANSPOSED);
	free(x);
	return y;
}

static void check(const struct gf2_fft *fft)
{
	for (unsigned int k = GF2_FFT_LOG2_MIN; k <= 15; k++) {
		size_t n = (size_t)1 << k;
		uint64_t *f = elements(n), *g = elements(n), *x, *y;
		struct gf2_fft_plan p;

		x = product(&gf2_fft_portable, k, f, g);
		y = product(fft, k, f, g);
		CU_ASSERT_EQUAL(memcmp(x, y, n * sizeof(*x)), 0);
		gf2_fft_plan_init(&p, fft, k);
		memcpy(x, f, n * sizeof(*x));
		forward(&p, x, GF2_FFT_VALUES);
		CU_ASSERT_NOT_EQUAL(memcmp(x, f, n * sizeof(*x)), 0);
		back(&p, x, GF2_FFT_VALUES);
		CU_ASSERT_EQUAL(memcmp(x, f, n * sizeof(*x)), 0);
		/* Rows, with all bits set among them. */
		memset(f, 0xff, n / 4);
		memcpy(x, f, n * sizeof(*x));
		memcpy(y, f, n * sizeof(*x));
		gf2_fft_portable.rows(x, x + n / 2, n / 2, g[0]);
		fft->rows(y, y + n / 2, n / 2, g[0]);
		CU_ASSERT_EQUAL(memcmp(x, y, n * sizeof(*x)), 0);
		fft->rows_back(y, y + n / 2, n / 2, g[0]);
		CU_ASSERT_EQUAL(memcmp(f, y, n * sizeof(*x)), 0);
		free(f);
		free(g);
		free(x);
		free(y);
	}
}

static void test_providers(void)
{
	check(&gf2_fft_portable);
	if (gf2_fft_pclmul() != NULL)
		check(gf2_fft_pclmul());
	if (gf2_fft_vpclmul() != NULL)
		check(gf2_fft_vpclmul());
	if (gf2_fft_avx512() != NULL)
		check(gf2_fft_avx512());
}

UNIT_MAIN(UNIT(test_field), UNIT(test_basis), UNIT(test_values), UNIT(test_transposed),
          UNIT(test_providers))
