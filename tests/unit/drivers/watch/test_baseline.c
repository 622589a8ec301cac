/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/baseline.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

#include <math.h>

static const struct baseline_params params = {.learn_s = 100,
                                              .time_s = 60,
                                              .slope = 0.002,
                                              .bound = 0.5,
                                              .spread_floor = 0.01,
                                              .growth = 2};

/* Sum of twelve uniform numbers: normal enough. */
static double gauss(void)
{
	double sum = -6;

	for (int i = 0; i < 12; i++)
		sum += (dice(UINT32_MAX) + 0.5) / UINT32_MAX;
	return sum;
}

static void learn(struct baseline *b, double mean, double sd)
{
	baseline_init(b, &params);
	for (int i = 0; i < 99; i++)
		CU_ASSERT_FALSE(baseline_take(b, mean + sd * gauss(), sd * sd, 1, false));
	CU_ASSERT_TRUE(baseline_take(b, mean + sd * gauss(), sd * sd, 1, false));
}

static void test_learns(void)
{
	struct baseline b;

	learn(&b, 5, 0.1);
	CU_ASSERT(fabs(b.reference - 5) < 4 * 0.1 / 10);
	CU_ASSERT_EQUAL(b.value, b.reference);
	for (int i = 0; i < 1000; i++)
		baseline_take(&b, 5 + 0.1 * gauss(), 0.01, 1, false);
	CU_ASSERT(fabs(b.value - 5) < 0.05);
	/* What strays no more than statistics say has no spread. */
	CU_ASSERT(b.spread < 0.04);
	CU_ASSERT_FALSE(b.edge);
}

static void test_follows(void)
{
	struct baseline b;

	learn(&b, 5, 0.01);
	for (int i = 0; i < 1000; i++)
		baseline_take(&b, 5 + 0.0003 * i, 1e-4, 1, false);
	/* It lags by slope times constant. */
	CU_ASSERT(fabs(b.value - (5.3 - 0.0003 * 60)) < 0.003);
}

/* Slowly or at once, there is a most that it can be taught. */
static void test_teaching(void)
{
	struct baseline b;

	learn(&b, 5, 0.01);
	for (int i = 0; i < 60; i++)
		baseline_take(&b, 100, 1e-4, 1, false);
	CU_ASSERT(b.value <= 5 + 60 * 0.002 + 0.01);
	CU_ASSERT(b.spread <= b.spread_max);
	CU_ASSERT(b.spread_max <= 0.05);
	for (int i = 0; i < 100000; i++)
		baseline_take(&b, 5 + 0.0001 * i, 1e-4, 1, false);
	CU_ASSERT(fabs(b.value - b.reference - 0.5) < 1e-9);
	CU_ASSERT_TRUE(b.edge);
	for (int i = 0; i < 100000; i++)
		baseline_take(&b, -100, 1e-4, 1, false);
	CU_ASSERT(fabs(b.value - b.reference + 0.5) < 1e-9);
}

static void test_frozen(void)
{
	struct baseline b;
	double value;

	learn(&b, 5, 0.01);
	value = b.value;
	for (int i = 0; i < 100; i++)
		CU_ASSERT_TRUE(baseline_take(&b, 6, 1e-4, 1, true));
	CU_ASSERT_EQUAL(b.value, value);
}

/* A link that wanders by itself teaches how much. */
static void test_spread(void)
{
	struct baseline b;

	baseline_init(&b, &params);
	for (int i = 0; i < 100; i++)
		baseline_take(&b, 5 + 0.3 * gauss(), 1e-4, 1, false);
	CU_ASSERT(b.spread > 0.2 && b.spread < 0.4);
}

UNIT_MAIN(UNIT(test_learns), UNIT(test_follows), UNIT(test_teaching), UNIT(test_frozen),
          UNIT(test_spread))
