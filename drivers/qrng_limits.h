/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Critical values of the health tests of a noise source: NIST SP 800-90B (2018) section 4.4 and
 * those beside it, from the min-entropy claimed for a sample (a bit) and a probability of false
 * alarm 2^-ALPHA_LOG2 for each decision at a source that has just what is claimed.
 */

#ifndef DRIVERS_QRNG_LIMITS_H
#define DRIVERS_QRNG_LIMITS_H

#include <stdint.h>

#define QRNG_WINDOW_LOG2 10 /* samples of a window: SP 800-90B's for binary sources */
#define QRNG_WINDOW_BITS (1 << QRNG_WINDOW_LOG2)
#define QRNG_LONG_LOG2   18 /* samples of a long window */
#define QRNG_LONG_BITS   (1 << QRNG_LONG_LOG2)
#define QRNG_LAGS        64 /* lags 1 to 64 are looked at */
#define QRNG_LAGS_LOG2   6
#define QRNG_REPEAT_MIN  8 /* bytes of a pattern that is looked for */
#define QRNG_REPEAT_MAX  104

#define QRNG_CLAIM_MIN 0.1 /* bits of min-entropy a sample */
#define QRNG_CLAIM_MAX 1.0
#define QRNG_ALPHA_MIN 20 /* SP 800-90B section 4.4: 2^-20 to 2^-40 is usual */
#define QRNG_ALPHA_MAX 80
/* What a sample of a good source has at the least, with room; for sources of Gb/s. */
#define QRNG_CLAIM_DEFAULT 0.5
#define QRNG_ALPHA_DEFAULT 60

struct qrng_limits {
	double claim;
	unsigned int alpha_log2;
	uint32_t rct;          /* equal samples in a row (4.4.1) */
	uint32_t apt;          /* equal samples of a window (4.4.2, for any first sample) */
	uint32_t bias_long;    /* equal samples of a long window */
	uint32_t lag;          /* agreements, or disagreements, with the sample so far back */
	uint32_t lag_long;     /* likewise, in a long window */
	uint32_t repeat_bytes; /* that do not come again */
};

/* CLAIM and ALPHA_LOG2 within the bounds above. */
void qrng_limits_set(struct qrng_limits *l, double claim, unsigned int alpha_log2);

/*
 * Smallest C with P(X >= C) <= 2^-ALPHA_LOG2 for X of binomial(N, P), which is 1 + CRITBINOM(N,
 * P, 1 - alpha) of SP 800-90B; N + 1 when there is none. 0 < P < 1, N to 2^20.
 */
uint32_t qrng_critical(uint32_t n, double p, double alpha_log2);

/*
 * Expected false latches in a year of 365.25 days of all tests together, at most, when SAMPLES_S
 * samples a second of a source with just the claimed min-entropy are tested.
 */
double qrng_false_a_year(const struct qrng_limits *l, double samples_s);

#endif
