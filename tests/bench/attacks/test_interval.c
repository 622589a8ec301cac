/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/attacks/interval.h"

#include <math.h>
#include <stdbool.h>

#include "tests/unit/unit.h"

static bool limits(uint64_t k, uint64_t n, double want_low, double want_high)
{
	double low, high;

	interval_95(k, n, &low, &high);
	return fabs(low - want_low) < 5e-5 && fabs(high - want_high) < 5e-5;
}

/* By scipy.stats.beta: ppf(0.025, k, n - k + 1), ppf(0.975, k + 1, n - k). */
static void test_clopper_pearson(void)
{
	CU_ASSERT(limits(0, 10, 0, 0.30850));
	CU_ASSERT(limits(5, 10, 0.18709, 0.81291));
	CU_ASSERT(limits(9, 10, 0.55498, 0.99747));
	CU_ASSERT(limits(10, 10, 0.69150, 1));
	CU_ASSERT(limits(0, 1, 0, 0.97500));
	CU_ASSERT(limits(97, 100, 0.91482, 0.99377));
}

/* By scipy.stats.chi2: ppf(0.95, 2 (k + 1)) / 2. */
static void test_rate(void)
{
	CU_ASSERT(fabs(rate_most_95(0, 1) - 2.99573) < 1e-4);
	CU_ASSERT(fabs(rate_most_95(3, 24) - 7.75366 / 24) < 1e-4);
}

UNIT_MAIN(UNIT(test_clopper_pearson), UNIT(test_rate))
