/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/attacks/interval.h"

#include <math.h>

#include "common/tail.h"

#define HALF  0.025
#define STEPS 60

void interval_95(uint64_t k, uint64_t n, double *low, double *high)
{
	double a = 0, b = 1;

	for (int i = 0; k > 0 && i < STEPS; i++) {
		double p = (a + b) / 2;

		*(exp(tail_binomial_above(k, n, p)) < HALF ? &a : &b) = p;
	}
	*low = k > 0 ? a : 0;
	a = 0;
	b = 1;
	for (int i = 0; k < n && i < STEPS; i++) {
		double p = (a + b) / 2;

		*(exp(tail_binomial_below(k, n, p)) > HALF ? &a : &b) = p;
	}
	*high = k < n ? b : 1;
}

/* P(X <= K) of a Poisson number. */
static double poisson_below(uint64_t k, double mean)
{
	double sum = 0;

	for (uint64_t i = 0; i <= k; i++)
		sum += exp((double)i * log(mean) - mean - lgamma((double)i + 1));
	return sum;
}

double rate_most_95(uint64_t k, double time)
{
	double a = 0, b = (double)k + 10 * sqrt((double)k + 1) + 10;

	for (int i = 0; i < STEPS; i++) {
		double mean = (a + b) / 2;

		*(poisson_below(k, mean) > 2 * HALF ? &a : &b) = mean;
	}
	return b / time;
}
