/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/tail.h"

#include <math.h>

/* What terms that are left out may add, of the first one. */
#define NEGLIGIBLE 1e-16

static double binomial_log(uint64_t k, uint64_t n, double p)
{
	double x = (double)k, m = (double)n;

	return lgamma(m + 1) - lgamma(x + 1) - lgamma(m - x + 1) + x * log(p) + (m - x) * log1p(-p);
}

/* ln(1 - e^X), X <= 0; Maechler 2012. */
static double complement(double x)
{
	if (x >= 0)
		return -INFINITY;
	return x > -M_LN2 ? log(-expm1(x)) : log1p(-exp(x));
}

/* K at or above the mean: terms fall by the ratio (n - k) / (k + 1) p / (1 - p). */
static double binomial_far(uint64_t k, uint64_t n, double p)
{
	double term = 1, sum = 1, odds = p / (1 - p);

	for (uint64_t i = k; i < n && term > NEGLIGIBLE * sum; i++) {
		term *= (double)(n - i) / (double)(i + 1) * odds;
		sum += term;
	}
	return binomial_log(k, n, p) + log(sum);
}

double tail_binomial_above(uint64_t k, uint64_t n, double p)
{
	if (k == 0)
		return 0;
	if (k > n || p <= 0)
		return -INFINITY;
	if (p >= 1)
		return 0;
	if ((double)k >= (double)n * p)
		return binomial_far(k, n, p);
	return complement(binomial_far(n - k + 1, n, 1 - p));
}

double tail_binomial_below(uint64_t k, uint64_t n, double p)
{
	return k >= n ? 0 : tail_binomial_above(n - k, n, 1 - p);
}

/*
 * Abramowitz and Stegun 26.7.4: with x = 1 / (1 + t^2 / freedom), sqrt(1 - x) times the first
 * freedom / 2 terms of (1 - x)^(-1/2) = sum (2j over j) (x / 4)^j is P(|X| <= t); so times the
 * others, all of them positive, it is P(|X| >= t).
 */
double tail_student(double t, double freedom)
{
	double first = fmax(floor(freedom / 2), 1), x = 1 / (1 + t * t / (2 * first));
	double term = 1, sum = 0;

	if (!(t > 0))
		return -M_LN2;
	if (t < 1) { /* the rest has too many terms */
		for (double j = 0; j < first; j++) {
			sum += term;
			term *= (2 * j + 1) / (2 * j + 2) * x;
		}
		return log(0.5 * (1 - sqrt(1 - x) * sum));
	}
	for (double j = first; term > NEGLIGIBLE * sum; j++) {
		sum += term;
		term *= (2 * j + 1) / (2 * j + 2) * x;
	}
	return lgamma(2 * first + 1) - 2 * lgamma(first + 1) + first * log(x / 4) +
	       0.5 * log1p(-x) + log(sum) - M_LN2;
}

double tail_student_quantile(double ln_tail, double freedom)
{
	double low = 0, high = 1;

	while (high < 1e9 && tail_student(high, freedom) > ln_tail)
		high *= 2;
	for (unsigned int i = 0; i < 50; i++) {
		double t = (low + high) / 2;

		*(tail_student(t, freedom) > ln_tail ? &low : &high) = t;
	}
	return high;
}
