/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/ldpc_code.h"

#include <errno.h>
#include <math.h>

/* The quantile of the normal distribution that is exceeded with probability EPS, by bisection. */
static double normal_quantile(double eps)
{
	double low = -40, high = 40;

	for (int i = 0; i < 100; i++) {
		double x = (low + high) / 2;

		if (erfc(x / M_SQRT2) / 2 > eps)
			low = x;
		else
			high = x;
	}
	return low;
}

double ldpc_f_floor(double qber, double frame_bits, double eps)
{
	double log_ratio = log2((1 - qber) / qber);
	double h = -qber * log2(qber) - (1 - qber) * log2(1 - qber);
	double v = qber * (1 - qber) * log_ratio * log_ratio;

	return 1 + sqrt(v / frame_bits) * normal_quantile(eps) / h -
	       log2(frame_bits) / (2 * frame_bits * h);
}

int ldpc_choose(struct ldpc_choice *choice, double qber, unsigned int frame_log2)
{
	const struct ldpc_code *code = &ldpc_codes[0];

	if (frame_log2 < LDPC_FRAME_LOG2_MIN || frame_log2 > LDPC_FRAME_LOG2_MAX)
		return -EINVAL;
	if (!(qber >= 0 && qber <= 0.04))
		return -ERANGE;
	choice->code = 0;
	for (unsigned int r = 0; r <= LDPC_BLIND_ROUNDS; r++)
		choice->merged[r] =
		        (uint16_t)(code->pairs * (LDPC_BLIND_ROUNDS - r) / LDPC_BLIND_ROUNDS);
	return 0;
}
