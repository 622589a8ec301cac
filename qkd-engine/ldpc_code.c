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

static double entropy(double qber)
{
	return -qber * log2(qber) - (1 - qber) * log2(1 - qber);
}

/* The deviation of a bit's information about its error, in units of the entropy. */
static double relative_deviation(double qber)
{
	return sqrt(qber * (1 - qber)) * log2((1 - qber) / qber) / entropy(qber);
}

double ldpc_f_floor(double qber, double frame_bits, double eps)
{
	return 1 + relative_deviation(qber) / sqrt(frame_bits) * normal_quantile(eps) -
	       log2(frame_bits) / (2 * frame_bits * entropy(qber));
}

/*
 * What a frame of 2^18 bits starts with, in units of the entropy: one frame in 30 to 100 fails
 * then and goes on to a blind round. By simulation with the decoder of ldpc_decoder.c.
 */
static const struct {
	double qber, excess;
} start[] = {
        {LDPC_QBER_MIN, 1.40}, {0.004, 1.28}, {0.005, 1.235}, {0.007, 1.19},         {0.01, 1.156},
        {0.014, 1.13},         {0.02, 1.115}, {0.03, 1.110},  {0.04, 1.107},         {0.05, 1.101},
        {0.065, 1.098},        {0.08, 1.097}, {0.1, 1.087},   {LDPC_QBER_MAX, 1.08},
};

/* Shorter frames spread more: so many more deviations of the mean start with them. */
#define SPREAD 1.9

/* Pairs to split in each round, as shares of the rows that the frame started with. */
static const double step[LDPC_BLIND_ROUNDS] = {0.0125, 0.025, 0.05};

/*
 * Of a code's rows: pairs that are merged at the start at least. Degrees are best with a tenth of
 * the rows merged, and the rounds need some to split, for shorter frames more.
 */
#define RESERVE      0.085
#define RESERVE_HALF 0.012 /* more with each halving */

static double excess(double qber, unsigned int frame_log2)
{
	unsigned int i = 1;
	double part, spread;

	while (qber > start[i].qber && i + 1 < sizeof(start) / sizeof(start[0]))
		i++;
	part = (qber - start[i - 1].qber) / (start[i].qber - start[i - 1].qber);
	spread = 1 / sqrt((double)(1 << frame_log2)) - 1 / sqrt(1 << LDPC_FRAME_LOG2_MAX);
	return start[i - 1].excess + part * (start[i].excess - start[i - 1].excess) +
	       SPREAD * relative_deviation(qber) * spread;
}

int ldpc_choose(struct ldpc_choice *choice, double qber, unsigned int frame_log2)
{
	const struct ldpc_code *code;
	double syndrome, rows, most;
	unsigned int c = 0, merged;

	if (frame_log2 < LDPC_FRAME_LOG2_MIN || frame_log2 > LDPC_FRAME_LOG2_MAX)
		return -EINVAL;
	if (!(qber >= 0 && qber <= LDPC_QBER_MAX))
		return -ERANGE;
	qber = fmax(qber, LDPC_QBER_MIN);
	syndrome = excess(qber, frame_log2) * entropy(qber);
	most = 1 - RESERVE - RESERVE_HALF * (LDPC_FRAME_LOG2_MAX - frame_log2);
	while (c + 1 < ldpc_code_count &&
	       ldpc_codes[c].rows * most < rint(syndrome * ldpc_codes[c].cols))
		c++;
	code = &ldpc_codes[c];
	rows = fmin(rint(syndrome * code->cols), code->rows);
	merged = (unsigned int)fmin(code->pairs, code->rows - rows);
	choice->code = c;
	choice->merged[0] = (uint16_t)merged;
	for (unsigned int r = 1; r <= LDPC_BLIND_ROUNDS; r++) {
		double split = rint(step[r - 1] * sqrt((double)(1 << (18 - frame_log2))) * rows);

		split = fmin(fmax(split, 1), merged);
		merged -= (unsigned int)split;
		choice->merged[r] = (uint16_t)merged;
	}
	return 0;
}
