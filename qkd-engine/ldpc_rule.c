/* SPDX-License-Identifier: BSD-3-Clause */

#include <math.h>

#include "qkd-engine/ldpc_kernel.h"

#define SUMS_PER_UNIT 64.0

static double phi(double x)
{
	return -log(tanh(x / 2));
}

/* Of two next to each other on average, as a sum, rounded up where the fraction is above 1 - UP. */
static uint8_t phi_sum(unsigned int i, double up)
{
	double high = i == 0 ? 0.5 : 2 * i; /* what is rounded to zero */
	double low = i == 0 ? 0.5 : 2 * i - 1;
	double mean = (phi(low / LDPC_UNITS_PER_NAT) + phi(high / LDPC_UNITS_PER_NAT)) / 2;
	double sum = SUMS_PER_UNIT * mean + up;

	return sum < 255 ? (uint8_t)sum : 255;
}

static void fill(uint8_t table[16], double up)
{
	for (unsigned int i = 0; i < 16; i++)
		table[i] = phi_sum(i, up);
}

/*
 * Quarters of a unit for sums from FIRST on, WIDTH of them. Half a step more than their middle
 * costs nothing, and fewer frames diverge where nearly all is decoded.
 */
static uint8_t inverse(unsigned int first, unsigned int width)
{
	double sum = first + width / 2.0, quarters;

	if (first == 0)
		return 255; /* too small to be told */
	quarters = 4 * LDPC_UNITS_PER_NAT * phi(sum / SUMS_PER_UNIT) + 0.5;
	return quarters < 255 ? (uint8_t)quarters : 255;
}

void ldpc_rule_init(struct ldpc_rule *rule)
{
	static const double up[2] = {0.25, 0.75};

	for (unsigned int i = 0; i < 2; i++)
		fill(rule->phi[i], up[i]);
	fill(rule->phi_mid, 0.5);
	for (unsigned int i = 0; i < 16; i++) {
		rule->inverse[0][i] = inverse(i, 1);
		rule->inverse[1][i] = inverse(4 * i, 4);
		rule->inverse[2][i] = inverse(16 * i, 16);
	}
	rule->inverse[2][15] = 0; /* sums that overflow are here as well */
}
