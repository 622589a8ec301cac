/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/cusum.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

#include <math.h>

static double uniform(void)
{
	return (dice(UINT32_MAX) + 0.5) / UINT32_MAX;
}

static unsigned int binomial(unsigned int n, double p)
{
	unsigned int k = 0;

	for (unsigned int i = 0; i < n; i++)
		k += uniform() < p;
	return k;
}

/* Crossings of a sum that starts anew after each, in so many windows of 20 outcomes. */
static unsigned int crossings(double nats, double p, double p0, double p1, unsigned int windows)
{
	unsigned int count = 0;
	struct cusum c;

	cusum_init(&c, nats);
	for (unsigned int i = 0; i < windows; i++) {
		if (!cusum_add(&c, ratio_binomial(binomial(20, p), 20, p0, p1), 20))
			continue;
		count++;
		cusum_init(&c, nats);
	}
	return count;
}

/* The stated bound, at thresholds low enough that there is something to count. */
static void test_false_alarms(void)
{
	const unsigned int windows = 100000;

	for (unsigned int alarms = 10; alarms <= 1000; alarms *= 10) {
		double nats = cusum_nats(windows, alarms);
		unsigned int at = crossings(nats, 0.02, 0.02, 0.04, windows);
		unsigned int below = crossings(nats, 0.015, 0.02, 0.04, windows);
		unsigned int few = crossings(nats, 0.3, 0.3, 0.2, windows);

		/* At most as many as stated, but for 4 deviations of a Poisson number. */
		CU_ASSERT(at <= alarms + 4 * sqrt(alarms));
		CU_ASSERT(below < at || at == 0);
		CU_ASSERT(few <= alarms + 4 * sqrt(alarms));
		/* And it is no empty promise: some come. */
		if (alarms >= 100)
			CU_ASSERT(at > 0);
	}
}

/* A change is found after about threshold / information outcomes. */
static void test_delay(void)
{
	double kl = 0.04 * log(0.04 / 0.02) + 0.96 * log(0.96 / 0.98), mean = 0;
	const unsigned int runs = 50;
	struct cusum c;

	for (unsigned int r = 0; r < runs; r++) {
		cusum_init(&c, 20);
		while (!cusum_add(&c, ratio_binomial(binomial(20, 0.04), 20, 0.02, 0.04), 20))
			;
		CU_ASSERT(c.over && c.crossed == 1);
		mean += c.found_with / runs;
	}
	CU_ASSERT(mean > 0.85 * 20 / kl);
	CU_ASSERT(mean < 1.3 * 20 / kl);
}

static void test_ends(void)
{
	struct cusum c;

	cusum_init(&c, 5);
	for (unsigned int i = 0; i < 1000; i++)
		cusum_add(&c, 1, 1);
	CU_ASSERT(c.over && c.crossed == 1);
	/* What went on for long is over as soon. */
	for (unsigned int i = 0; i < 6; i++)
		cusum_add(&c, -1, 1);
	CU_ASSERT(!c.over);
	for (unsigned int i = 0; i < 10; i++)
		cusum_add(&c, -1, 1);
	CU_ASSERT_EQUAL(c.sum, 0);
	CU_ASSERT_EQUAL(c.since, 0);
	CU_ASSERT_EQUAL(cusum_nats(1, 2), 0);
}

static void test_ratios(void)
{
	CU_ASSERT(fabs(ratio_poisson(3, 2, 4) - (3 * M_LN2 - 2)) < 1e-12);
	CU_ASSERT(fabs(ratio_normal(1, 0.5, 0, 2)) < 1e-12);
	CU_ASSERT(fabs(ratio_normal(2, 1, 0, 2) - 2) < 1e-12);
	CU_ASSERT(fabs(ratio_binomial(1, 3, 0.5, 0.25) - (log(0.5) + 2 * log(1.5))) < 1e-12);
}

UNIT_MAIN(UNIT(test_false_alarms), UNIT(test_delay), UNIT(test_ends), UNIT(test_ratios))
