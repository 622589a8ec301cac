/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/gf2_mul.h"
#include "tests/unit/unit.h"

#include <string.h>

#include "common/bytes.h"

static uint64_t state = 1;

static uint64_t next(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* The definition, bit by bit. */
static void by_bits(uint64_t *out, const uint64_t *t, const uint64_t *v, size_t w)
{
	memset(out, 0, w * 8);
	for (size_t i = 0; i < 64 * w; i++)
		for (size_t j = 0; j < 64 * w; j++)
			out[i / 64] ^= (uint64_t)(bits_get(t, i + 64 * w - j) && bits_get(v, j))
			               << (i % 64);
}

static void check(const struct gf2_mul *mul)
{
	uint64_t t[32], v[16], out[17], expected[16];

	for (size_t w = 1; w <= 16; w++)
		for (int fill = 0; fill < 4; fill++) {
			for (size_t i = 0; i < 2 * w; i++)
				t[i] = fill & 1 ? ~0ULL : next();
			for (size_t i = 0; i < w; i++)
				v[i] = fill & 2 ? ~0ULL : next();
			out[w] = 0x5a;
			mul->toeplitz(out, t, v, w);
			by_bits(expected, t, v, w);
			CU_ASSERT_EQUAL(memcmp(out, expected, w * 8), 0);
			CU_ASSERT_EQUAL(out[w], 0x5a);
		}
}

static void test_portable(void)
{
	check(&gf2_mul_portable);
}

static void test_pclmul(void)
{
	if (gf2_mul_pclmul() != NULL)
		check(gf2_mul_pclmul());
}

static void test_vpclmul(void)
{
	if (gf2_mul_vpclmul() != NULL)
		check(gf2_mul_vpclmul());
}

static void test_best_is_what_the_cpu_has(void)
{
	const struct gf2_mul *best = gf2_mul_best();

	if (gf2_mul_vpclmul() != NULL)
		CU_ASSERT_PTR_EQUAL(best, gf2_mul_vpclmul())
	else if (gf2_mul_pclmul() != NULL)
		CU_ASSERT_PTR_EQUAL(best, gf2_mul_pclmul())
	else
		CU_ASSERT_PTR_EQUAL(best, &gf2_mul_portable)
}

UNIT_MAIN(UNIT(test_portable), UNIT(test_pclmul), UNIT(test_vpclmul),
          UNIT(test_best_is_what_the_cpu_has))
