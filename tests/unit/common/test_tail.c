/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/tail.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdbool.h>

static bool near(double a, double b, double relative)
{
	return fabs(a - b) <= relative * fabs(b);
}

/* By the definition, smallest terms first. */
static double binomial_sum(unsigned int from, unsigned int to, unsigned int n, double p)
{
	double sum = 0;

	for (unsigned int k = from; k <= to; k++)
		sum += exp(lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0)) * pow(p, k) *
		       pow(1 - p, n - k);
	return sum;
}

static void test_binomial(void)
{
	const unsigned int n = 60;

	for (unsigned int i = 1; i < 20; i++) {
		double p = i / 20.0;

		for (unsigned int k = 1; k < n; k++) {
			CU_ASSERT(near(exp(tail_binomial_above(k, n, p)), binomial_sum(k, n, n, p),
			               1e-9));
			CU_ASSERT(near(exp(tail_binomial_below(k, n, p)), binomial_sum(0, k, n, p),
			               1e-9));
		}
	}
}

static void test_edges(void)
{
	CU_ASSERT_EQUAL(tail_binomial_above(0, 10, 0.3), 0);
	CU_ASSERT_EQUAL(tail_binomial_below(10, 10, 0.3), 0);
	CU_ASSERT_EQUAL(tail_binomial_above(11, 10, 0.3), -INFINITY);
	CU_ASSERT_EQUAL(tail_binomial_above(1, 10, 0), -INFINITY);
	CU_ASSERT_EQUAL(tail_binomial_above(10, 10, 1), 0);
	CU_ASSERT(near(tail_binomial_above(10, 10, 0.5), -10 * M_LN2, 1e-12));
}

/* The cutoffs of SP 800-90B's adaptive proportion test are such tails: H 1, W 1024. */
static void test_critical_values(void)
{
	static const struct {
		double h, log2_alpha;
		unsigned int cutoff; /* 1 + CRITBINOM(1024, 2^-h, 1 - alpha) */
	} rows[] = {{1, 20, 589},   {1, 30, 609},   {1, 40, 625},
	            {0.5, 20, 793}, {0.5, 40, 824}, {0.1, 30, 999}};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double p = exp2(-rows[i].h), alpha = -rows[i].log2_alpha * M_LN2;

		/* The least c with P(X <= c - 1) >= 1 - alpha, so P(X >= c) <= alpha. */
		CU_ASSERT(tail_binomial_above(rows[i].cutoff, 1024, p) <= alpha);
		CU_ASSERT(tail_binomial_above(rows[i].cutoff - 1, 1024, p) > alpha);
	}
}

/* Quantiles as printed in tables (Abramowitz and Stegun 26.10), and two closed forms. */
static void test_student(void)
{
	static const struct {
		double freedom, t, tail;
	} rows[] = {{2, 9.925, 0.005},  {4, 4.604, 0.005},   {10, 4.144, 0.001},
	            {30, 3.385, 0.001}, {120, 3.160, 0.001}, {10, 0.700, 0.25}};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT(near(exp(tail_student(rows[i].t, rows[i].freedom)), rows[i].tail, 3e-3));
	for (double t = 0.1; t < 1e6; t *= 1.7) {
		double cauchy_like = 1 / (sqrt(2 + t * t) * (sqrt(2 + t * t) + t));

		CU_ASSERT(near(exp(tail_student(t, 2)), cauchy_like, 1e-9));
		CU_ASSERT(near(exp(tail_student(t, 3.9)), cauchy_like, 1e-9));
		CU_ASSERT(near(tail_student_quantile(tail_student(t, 24), 24), t, 1e-9));
	}
	/* Many degrees of freedom: the normal distribution. */
	CU_ASSERT(near(exp(tail_student(6, 1e6)), 0.5 * erfc(6 / M_SQRT2), 1e-3));
	CU_ASSERT(near(exp(tail_student(0.5, 1e6)), 0.5 * erfc(0.5 / M_SQRT2), 1e-5));
	CU_ASSERT_EQUAL(tail_student(0, 10), log(0.5));
}

/* Many trials: against the normal distribution where that is good, and far out. */
static void test_large(void)
{
	double n = 1e7, p = 0.2, sd = sqrt(n * p * (1 - p));
	double z = (n * p + round(3 * sd) - 0.5 - n * p) / sd;

	CU_ASSERT(near(exp(tail_binomial_above((uint64_t)(n * p + round(3 * sd)), (uint64_t)n, p)),
	               0.5 * erfc(z / M_SQRT2), 1e-2));
	/* Chernoff's bound holds and is not far from it: 0.6 of what is expected. */
	CU_ASSERT(tail_binomial_below(1200000, 10000000, p) < -100000);
	CU_ASSERT(tail_binomial_below(1200000, 10000000, p) >
	          -(n * (0.12 * log(0.12 / 0.2) + 0.88 * log(0.88 / 0.8))) - 20);
	/* Few of many are a Poisson number, here of mean 10: P(X >= 12) = 0.303224. */
	CU_ASSERT(near(exp(tail_binomial_above(12, 100000000, 1e-7)), 0.303224, 1e-5));
}

UNIT_MAIN(UNIT(test_binomial), UNIT(test_edges), UNIT(test_critical_values), UNIT(test_student),
          UNIT(test_large))
