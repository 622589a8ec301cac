/* SPDX-License-Identifier: BSD-3-Clause */

/* Random counts for the monitors' tests, the same in each run. */

#ifndef TESTS_WATCH_NUMBERS_H
#define TESTS_WATCH_NUMBERS_H

#include "tests/unit/dice.h"

#include <math.h>

static inline double number_uniform(void)
{
	return (dice(UINT32_MAX) + 0.5) / UINT32_MAX;
}

/* Box and Muller 1958. */
static inline double number_normal(void)
{
	return sqrt(-2 * log(number_uniform())) * cos(2 * M_PI * number_uniform());
}

/* Exact where few events are expected, else normal with the right mean and variance. */
static inline uint64_t number_binomial(uint64_t n, double p)
{
	double mean = (double)n * p, x;
	uint64_t k = 0;

	if (mean > 200) {
		x = round(mean + sqrt(mean * (1 - p)) * number_normal());
		return x < 0 ? 0 : x > (double)n ? n : (uint64_t)x;
	}
	/* Gaps between events are geometric. */
	for (double at = 0;; k++) {
		at += floor(log(number_uniform()) / log1p(-p)) + 1;
		if (at > (double)n)
			return k;
	}
}

/* A step of a mean-reverting walk of deviation 1. */
static inline double number_walk(double value, double seconds, double time_s)
{
	double keep = exp(-seconds / time_s);

	return value * keep + sqrt(1 - keep * keep) * number_normal();
}

#endif
