/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/rate.h"

#include "common/clock.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

static void test_burst_then_rate(void)
{
	struct rate r = {.per_s = 10, .burst = 5};
	uint64_t now = 1000 * NS_PER_S;

	for (int i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(rate_wait_ns(&r, now, 1), 0);
		rate_take(&r, now, 1);
	}
	CU_ASSERT_EQUAL(rate_wait_ns(&r, now, 1), 100 * NS_PER_MS);
	CU_ASSERT_EQUAL(rate_wait_ns(&r, now, 5), 500 * NS_PER_MS);
	CU_ASSERT_EQUAL(rate_wait_ns(&r, now + 100 * NS_PER_MS - 1, 1), 1);
	CU_ASSERT_EQUAL(rate_wait_ns(&r, now + 100 * NS_PER_MS, 1), 0);
	/* However long nothing was taken: no more than the burst. */
	now += 1000000 * NS_PER_S;
	CU_ASSERT_EQUAL(rate_wait_ns(&r, now, 5), 0);
	CU_ASSERT_EQUAL(rate_wait_ns(&r, now, 6), RATE_NEVER);
	rate_take(&r, now, 5);
	CU_ASSERT_EQUAL(rate_wait_ns(&r, now, 1), 100 * NS_PER_MS);
}

static void test_no_limit(void)
{
	struct rate r = {0};

	CU_ASSERT_EQUAL(rate_wait_ns(&r, 7, UINT64_MAX), 0);
	rate_take(&r, 7, UINT64_MAX);
	CU_ASSERT_EQUAL(rate_wait_ns(&r, 7, 1), 0);
}

/* Greedy at random times and amounts: in any stretch from the start, never above burst and rate. */
static void test_never_above(void)
{
	static const uint64_t rates[] = {1, 3, 7, 1000, 999983, 10000000};

	for (size_t i = 0; i < 6; i++) {
		struct rate r = {.per_s = rates[i], .burst = 100};
		uint64_t start = 5 * NS_PER_S, now = start, taken = 0;

		for (int step = 0; step < 20000; step++) {
			uint64_t n = 1 + dice(100);

			now += dice(3) == 0 ? rate_wait_ns(&r, now, n)
			                    : dice(2000000000 / rates[i] + 1);
			if (rate_wait_ns(&r, now, n) > 0)
				continue;
			rate_take(&r, now, n);
			taken += n;
			CU_ASSERT((double)taken <=
			          100 + (double)(now - start) / 1e9 * (double)rates[i] + 1e-3);
		}
	}
}

/* Who waits as told gets all of the rate. */
static void test_all_of_it(void)
{
	struct rate r = {.per_s = 1000, .burst = 1};
	uint64_t now = 0;

	for (int i = 0; i < 100000; i++) {
		now += rate_wait_ns(&r, now, 1);
		CU_ASSERT_EQUAL_FATAL(rate_wait_ns(&r, now, 1), 0);
		rate_take(&r, now, 1);
	}
	CU_ASSERT_EQUAL(now, 99999 * NS_PER_MS);
}

static void test_extremes(void)
{
	struct rate r = {.per_s = 1, .burst = UINT64_MAX};
	uint64_t now = UINT64_C(100) * 365 * 86400 * NS_PER_S;

	rate_take(&r, now, UINT64_MAX);
	CU_ASSERT(rate_wait_ns(&r, now, 1) > 0);
	CU_ASSERT(rate_wait_ns(&r, now, UINT64_MAX) < RATE_NEVER);
}

UNIT_MAIN(UNIT(test_burst_then_rate), UNIT(test_no_limit), UNIT(test_never_above),
          UNIT(test_all_of_it), UNIT(test_extremes))
