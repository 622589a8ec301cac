/* SPDX-License-Identifier: BSD-3-Clause */

/* How sure a share of K among N is: the exact interval of Clopper and Pearson (Biometrika 26,
 * 1934). */

#ifndef TESTS_BENCH_ATTACKS_INTERVAL_H
#define TESTS_BENCH_ATTACKS_INTERVAL_H

#include <stdint.h>

/* Both limits of 95 %; N above 0. */
void interval_95(uint64_t k, uint64_t n, double *low, double *high);
/* What a rate is at most, with 95 %, when K were counted in TIME: Garwood (Biometrika 28, 1936). */
double rate_most_95(uint64_t k, double time);

#endif
