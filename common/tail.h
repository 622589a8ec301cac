/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Exact tails, as natural logarithms: probabilities of 10^-300 and less stay numbers, and nothing
 * is a normal approximation. Of counts, sums of the probabilities themselves, term by term from the
 * value asked for away from the mean, where they fall at least as fast as a geometric series. Of
 * Student's t, the integral of its density as a series in 1 / (1 + t^2 / freedom), all terms
 * positive.
 */

#ifndef COMMON_TAIL_H
#define COMMON_TAIL_H

#include <stdint.h>

/* ln P(X >= K), ln P(X <= K) of N trials that each succeed with probability P, 0 to 1. */
double tail_binomial_above(uint64_t k, uint64_t n, double p);
double tail_binomial_below(uint64_t k, uint64_t n, double p);

/*
 * ln P(X >= T), T >= 0, of Student's t with so many degrees of freedom, rounded down to an even
 * number, 2 at least; and the least T for which it is at most LN_TAIL.
 */
double tail_student(double t, double freedom);
double tail_student_quantile(double ln_tail, double freedom);

#endif
