/* SPDX-License-Identifier: BSD-3-Clause */

#include <math.h>

#include "qkd-engine/ldpc_kernel.h"

#define SUMS_PER_UNIT 64.0

static double phi(double x)
{
	return -log(tanh(x / 2));
}

/* Of A units, as a sum, rounded up where the fraction is above 1 - UP. */
static unsigned int phi_sum(unsigned int a, double up)
{
	double x = a == 0 ? 0.5 : a; /* what is rounded to zero */
	double sum = SUMS_PER_UNIT * phi(x / LDPC_UNITS_PER_NAT) + up;

	return sum < 255 ? (unsigned int)sum : 255;
}

static void fill(uint8_t near[16], uint8_t far[16], double up)
{
	for (unsigned int i = 0; i < 16; i++) {
		far[i] = (uint8_t)phi_sum(16 + i, up);
		near[i] = (uint8_t)(phi_sum(i, up) - far[i]);
	}
}

/* Quarters of a unit for sums from FIRST on, WIDTH of them. */
static uint8_t inverse(unsigned int first, unsigned int width)
{
	double sum = first + (width - 1) / 2.0, quarters;

	if (first < 2)
		return 255; /* too small to be told */
	quarters = 4 * LDPC_UNITS_PER_NAT * phi(sum / SUMS_PER_UNIT) + 0.5;
	return quarters < 255 ? (uint8_t)quarters : 255;
}

void ldpc_rule_init(struct ldpc_rule *rule)
{
	static const double up[2] = {0.25, 0.75};

	for (unsigned int i = 0; i < 2; i++)
		fill(rule->phi_near[i], rule->phi_far[i], up[i]);
	fill(rule->phi_near_mid, rule->phi_far_mid, 0.5);
	for (unsigned int i = 0; i < 16; i++) {
		rule->inverse[0][i] = inverse(i, 1);
		rule->inverse[1][i] = inverse(4 * i, 4);
		rule->inverse[2][i] = inverse(16 * i, 16);
	}
	rule->inverse[2][15] = 0; /* sums that overflow are here as well */
}
