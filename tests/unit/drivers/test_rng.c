/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/rng.h"
#include "tests/unit/unit.h"

static void test_known_sequence(void)
{
	/* First outputs of the authors' program for the state 1, 2, 3, 4. */
	struct rng r = {.s = {1, 2, 3, 4}};

	CU_ASSERT_EQUAL(rng_next(&r), 41943041); /* rotl(1 + 4, 23) + 1 */
	CU_ASSERT_EQUAL(rng_next(&r), 58720359);
	CU_ASSERT_EQUAL(rng_next(&r), 3588806011781223);
}

static void test_seeds(void)
{
	struct rng a, b, c, d;

	rng_init_seed(&a, 7);
	rng_init_seed(&b, 7);
	rng_init_seed(&c, 8);
	CU_ASSERT_EQUAL(rng_next(&a), rng_next(&b));
	CU_ASSERT_NOT_EQUAL(rng_next(&a), rng_next(&c));
	rng_init(&a);
	rng_init(&d);
	CU_ASSERT_NOT_EQUAL(rng_next(&a), rng_next(&d));
}

static void test_moments(void)
{
	double sum = 0, squares = 0, fourth = 0, exps = 0, n = 1000000;
	struct rng r;

	rng_init_seed(&r, 9);
	for (int i = 0; i < (int)n; i++) {
		double g = rng_gauss(&r);

		sum += g;
		squares += g * g;
		fourth += g * g * g * g;
		exps += rng_exp(&r);
	}
	/* Standard deviations of the means: 1, sqrt(2), sqrt(96), 1 over sqrt(n). */
	CU_ASSERT(fabs(sum / n) < 4e-3);
	CU_ASSERT(fabs(squares / n - 1) < 4 * 1.42e-3);
	CU_ASSERT(fabs(fourth / n - 3) < 4 * 9.8e-3);
	CU_ASSERT(fabs(exps / n - 1) < 4e-3);
}

UNIT_MAIN(UNIT(test_known_sequence), UNIT(test_seeds), UNIT(test_moments))
