/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/sae_meter.h"

#include "common/clock.h"
#include "tests/unit/control/http/check.h"

static const struct sae_allowance some = {.requests_per_s = 2,
                                          .requests_burst = 3,
                                          .bits_per_s = 1000,
                                          .bits_burst = 2000,
                                          .quota_bits = 5000,
                                          .quota_period_s = 3600};
static const uint64_t start = 77 * NS_PER_S;
static struct sae_meter m;
static struct http_fault f;

static void test_requests(void)
{
	sae_meter_init(&m, &some, start);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(sae_meter_request(&m, start, &f), 0);
	for (int i = 0; i < 10; i++) {
		check_fault(sae_meter_request(&m, start, &f), &f, 503, "too many requests");
		CU_ASSERT_EQUAL(f.retry_after_s, 1);
	}
	CU_ASSERT_EQUAL(sae_meter_request(&m, start + NS_PER_S / 2, &f), 0);
}

static void test_bits(void)
{
	sae_meter_init(&m, &some, start);
	CU_ASSERT_EQUAL(sae_meter_bits(&m, start, 2000, &f), 0);
	check_fault(sae_meter_bits(&m, start, 2000, &f), &f, 503, "too many key bits a second");
	CU_ASSERT_EQUAL(f.retry_after_s, 2);
	check_fault(sae_meter_bits(&m, start, 1, &f), &f, 503, "too many key bits a second");
	CU_ASSERT_EQUAL(f.retry_after_s, 1);
	CU_ASSERT_EQUAL(sae_meter_bits(&m, start + 2 * NS_PER_S, 2000, &f), 0);
	CU_ASSERT_EQUAL(m.period_bits, 4000);
	/* No waiting helps. */
	check_fault(sae_meter_bits(&m, start + 9 * NS_PER_S, 2001, &f), &f, 400,
	            "number: 2001 bits of key at once, the burst of this SAE is 2000");
}

/* Threads read the clock before they come to the meter: one may be late by some microseconds. */
static void test_now_before_the_period(void)
{
	struct sae_allowance a = {.quota_bits = 100, .quota_period_s = 60};

	sae_meter_init(&m, &a, start);
	CU_ASSERT_EQUAL(sae_meter_bits(&m, start, 100, &f), 0);
	check_fault(sae_meter_bits(&m, start - 1000, 1, &f), &f, 503, "the quota");
	CU_ASSERT_EQUAL(f.retry_after_s, 60);
	CU_ASSERT_EQUAL(m.period_start_ns, start);
	/* Begun before the machine was. */
	m.period_start_ns = start - 100 * NS_PER_S;
	CU_ASSERT(m.period_start_ns > start);
	CU_ASSERT_EQUAL(sae_meter_bits(&m, start, 100, &f), 0);
	check_fault(sae_meter_bits(&m, start, 1, &f), &f, 503, "the quota");
	CU_ASSERT_EQUAL(f.retry_after_s, 20);
}

static void test_given_back(void)
{
	sae_meter_init(&m, &some, start);
	CU_ASSERT_EQUAL(sae_meter_bits(&m, start, 2000, &f), 0);
	sae_meter_give_back(&m, 2000);
	CU_ASSERT_EQUAL(sae_meter_bits(&m, start, 2000, &f), 0);
	CU_ASSERT_EQUAL(m.period_bits, 2000);
	check_fault(sae_meter_bits(&m, start, 1, &f), &f, 503, "too many key bits a second");
}

static void test_quota(void)
{
	struct sae_allowance a = some;
	uint64_t now = start + 600 * NS_PER_S;

	a.bits_per_s = 0;
	sae_meter_init(&m, &a, start);
	CU_ASSERT_EQUAL(sae_meter_bits(&m, now, 4000, &f), 0);
	check_fault(sae_meter_bits(&m, now, 1001, &f), &f, 503, "the quota of this SAE is used up");
	CU_ASSERT_EQUAL(f.retry_after_s, 3000);
	/* What was refused took nothing. */
	CU_ASSERT_EQUAL(sae_meter_bits(&m, now, 1000, &f), 0);
	check_fault(sae_meter_bits(&m, now, 1, &f), &f, 503, "the quota");
	check_fault(sae_meter_bits(&m, start + 3600 * NS_PER_S - 1, 1, &f), &f, 503, "the quota");
	CU_ASSERT_EQUAL(f.retry_after_s, 1);
	CU_ASSERT_EQUAL(sae_meter_bits(&m, start + 3600 * NS_PER_S, 5000, &f), 0);
	/* Periods stay where they are, however many pass. */
	CU_ASSERT_EQUAL(sae_meter_bits(&m, start + (3600 * 5 + 10) * NS_PER_S, 5000, &f), 0);
	check_fault(sae_meter_bits(&m, start + (3600 * 5 + 10) * NS_PER_S, 1, &f), &f, 503, "the");
	CU_ASSERT_EQUAL(f.retry_after_s, 3590);
	check_fault(sae_meter_bits(&m, now, 5001, &f), &f, 400,
	            "number: 5001 bits of key at once, the quota of this SAE is 5000");
}

/* The rate refuses: the quota is not touched; the quota refuses: nor is the rate. */
static void test_both_or_none(void)
{
	struct sae_allowance a = some;

	a.quota_bits = 2500;
	sae_meter_init(&m, &a, start);
	CU_ASSERT_EQUAL(sae_meter_bits(&m, start, 2000, &f), 0);
	check_fault(sae_meter_bits(&m, start, 500, &f), &f, 503, "too many key bits");
	CU_ASSERT_EQUAL(m.period_bits, 2000);
	check_fault(sae_meter_bits(&m, start + 2 * NS_PER_S, 501, &f), &f, 503, "the quota");
	CU_ASSERT_EQUAL(rate_wait_ns(&m.bits, start + 2 * NS_PER_S, 2000), 0);
}

static void test_no_limits(void)
{
	struct sae_allowance none = {0};

	sae_meter_init(&m, &none, start);
	for (int i = 0; i < 1000; i++) {
		CU_ASSERT_EQUAL(sae_meter_request(&m, start, &f), 0);
		CU_ASSERT_EQUAL(sae_meter_bits(&m, start, 1 << 30, &f), 0);
	}
}

UNIT_MAIN(UNIT(test_requests), UNIT(test_bits), UNIT(test_now_before_the_period),
          UNIT(test_given_back), UNIT(test_quota), UNIT(test_both_or_none), UNIT(test_no_limits))
