/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/cusum.h"

#include <math.h>
#include <string.h>

/* The end of what raised a sum must not have to work off all that came before. */
#define CEILING 2.0

double cusum_nats(double windows, double alarms)
{
	return windows > alarms ? log(windows / alarms) : 0;
}

void cusum_init(struct cusum *c, double nats)
{
	memset(c, 0, sizeof(*c));
	c->nats = nats;
}

bool cusum_add(struct cusum *c, double ratio, double weight)
{
	bool before = c->over;

	c->sum += ratio;
	c->since += weight;
	if (!(c->sum > 0)) {
		c->sum = 0;
		c->since = 0;
	}
	if (c->sum > CEILING * c->nats)
		c->sum = CEILING * c->nats;
	c->over = c->sum >= c->nats;
	if (!c->over || before)
		return false;
	c->crossed++;
	c->found_with = c->since;
	return true;
}

double ratio_binomial(uint64_t k, uint64_t n, double p0, double p1)
{
	return (double)k * log(p1 / p0) + (double)(n - k) * log((1 - p1) / (1 - p0));
}

double ratio_poisson(uint64_t k, double m0, double m1)
{
	return (double)k * log(m1 / m0) - (m1 - m0);
}

double ratio_normal(double x, double sd, double m0, double m1)
{
	return (m1 - m0) * (2 * x - m0 - m1) / (2 * sd * sd);
}
