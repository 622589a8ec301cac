/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/qrng_limits.h"

#include <math.h>

#define YEAR_S (365.25 * 86400)

uint32_t qrng_critical(uint32_t n, double p, double alpha_log2)
{
	/* P(X = k) / P(X = k + 1), from the top down; terms in units of 2^SCALE as they grow. */
	const long double odds = (1 - (long double)p) / (long double)p;
	long double term = 1, sum = 0, scale = n * log2l((long double)p);

	for (uint32_t k = n;; k--) {
		sum += term;
		if (scale + log2l(sum) > -(long double)alpha_log2)
			return k + 1;
		if (k == 0)
			return 0;
		term *= odds * k / (n - k + 1);
		if (term > 0x1p8000L) {
			term *= 0x1p-8000L;
			sum *= 0x1p-8000L;
			scale += 8000;
		}
	}
}

void qrng_limits_set(struct qrng_limits *l, double claim, unsigned int alpha_log2)
{
	/* Nothing predicts a sample more often, as its most likely value does at most. */
	const double p = exp2(-claim);
	const double lags = alpha_log2 + QRNG_LAGS_LOG2 + 1; /* of each lag, either way */

	*l = (struct qrng_limits){
	        .claim = claim,
	        .alpha_log2 = alpha_log2,
	        .rct = 1 + (uint32_t)ceil(alpha_log2 / claim),
	        .apt = qrng_critical(QRNG_WINDOW_BITS, p, alpha_log2),
	        .bias_long = qrng_critical(QRNG_LONG_BITS, p, alpha_log2 + 1),
	        .lag = qrng_critical(QRNG_WINDOW_BITS, p, lags),
	        .lag_long = qrng_critical(QRNG_LONG_BITS, p, lags),
	        .repeat_bytes = (uint32_t)fmax(ceil(alpha_log2 / claim / 8), QRNG_REPEAT_MIN),
	};
}

double qrng_false_a_year(const struct qrng_limits *l, double samples_s)
{
	/* Decisions: of each sample, three of each window (APT either way), and at each byte. */
	double decisions = 1 + 3.0 / QRNG_WINDOW_BITS + 2.0 / QRNG_LONG_BITS + 1 / 8.0;

	return samples_s * YEAR_S * decisions * exp2(-(double)l->alpha_log2);
}
