/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/qrng_limits.h"
#include "tests/unit/unit.h"

#include <math.h>

/*
 * 1 + ceil(-log2(alpha) / H) and 1 + CRITBINOM(1024, 2^-H, 1 - alpha) of SP 800-90B, section 4.4,
 * for alpha 2^-20, 2^-30, 2^-40. 793 is the reset value of a maker's APT register for H 0.5.
 */
static const struct {
	double claim;
	uint32_t rct[3], apt[3];
} rows[] = {
        {0.1, {201, 301, 401}, {991, 999, 1005}}, {0.25, {81, 121, 161}, {915, 928, 938}},
        {0.5, {41, 61, 81}, {793, 810, 824}},     {0.9, {24, 35, 46}, {625, 645, 661}},
        {1.0, {21, 31, 41}, {589, 609, 625}},
};

static void test_rows(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned int a = 0; a < 3; a++) {
			struct qrng_limits l;

			qrng_limits_set(&l, rows[i].claim, 20 + 10 * a);
			CU_ASSERT_EQUAL(l.rct, rows[i].rct[a]);
			CU_ASSERT_EQUAL(l.apt, rows[i].apt[a]);
		}
}

/* Samples of bytes, W = 512: SP 800-90B's other window, and Go's cut-off for H 0.5. */
static void test_other_windows(void)
{
	CU_ASSERT_EQUAL(qrng_critical(512, exp2(-8), 20), 13);
	CU_ASSERT_EQUAL(qrng_critical(512, exp2(-8), 40), 19);
	CU_ASSERT_EQUAL(qrng_critical(512, exp2(-4), 20), 62);
	CU_ASSERT_EQUAL(qrng_critical(512, exp2(-7.5), 30), 19);
	CU_ASSERT_EQUAL(qrng_critical(512, exp2(-0.5), 20), 410);
}

/* Tails that can be counted: of 3 samples, 1/8 have three ones, 4/8 two or more. */
static void test_by_hand(void)
{
	CU_ASSERT_EQUAL(qrng_critical(3, 0.5, 0.99), 2);
	CU_ASSERT_EQUAL(qrng_critical(3, 0.5, 1.01), 3);
	CU_ASSERT_EQUAL(qrng_critical(3, 0.5, 3.01), 4); /* never */
	CU_ASSERT_EQUAL(qrng_critical(3, 0.5, 2.99), 3);
	CU_ASSERT_EQUAL(qrng_critical(3, 0.5, 0.5), 2);
	CU_ASSERT_EQUAL(qrng_critical(3, 0.5, 0.19), 1); /* 7/8 */
}

/* The tail at the critical value is below alpha, that one further in above: by log-gamma. */
static void test_long_window(void)
{
	static const double claims[] = {0.1, 0.5, 0.9, 1.0};
	const uint32_t n = QRNG_LONG_BITS;

	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		const double p = exp2(-claims[i]);
		uint32_t c = qrng_critical(n, p, 60);
		double tail[2] = {0, 0};

		for (uint32_t k = c - 1; k <= n && k < c + 20000; k++) {
			double t = exp(lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0) +
			               k * log(p) + (n - k) * log1p(-p));

			tail[0] += t;
			tail[1] += k >= c ? t : 0;
		}
		CU_ASSERT(log2(tail[0]) > -60);
		CU_ASSERT(log2(tail[1]) <= -60 + 1e-6);
		/* Nine deviations of sqrt(n p q): no more than 0.9 % of the samples. */
		CU_ASSERT_DOUBLE_EQUAL(c, n * p + 9 * sqrt(n * p * (1 - p)), 100);
	}
}

static void test_budget(void)
{
	struct qrng_limits l;

	qrng_limits_set(&l, 0.5, 60);
	CU_ASSERT_EQUAL(l.rct, 121);
	CU_ASSERT_EQUAL(l.repeat_bytes, 15);
	CU_ASSERT(l.lag > l.apt && l.lag < l.apt + 12);
	/* 10^9 bits a second: 3.156e16 bits a year, 1.127 decisions each, 2^-60. */
	CU_ASSERT_DOUBLE_EQUAL(qrng_false_a_year(&l, 1e9), 0.0309, 1e-4);
	CU_ASSERT_DOUBLE_EQUAL(qrng_false_a_year(&l, 3.3e7), 0.00102, 1e-5);
}

UNIT_MAIN(UNIT(test_rows), UNIT(test_other_windows), UNIT(test_by_hand), UNIT(test_long_window),
          UNIT(test_budget))
