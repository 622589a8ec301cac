/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/rate.h"

#include "common/clock.h"

#define COST_MAX_NS ((uint64_t)1 << 61) /* 73 years: sums of a few stay within 64 bits */

/* Time that N tokens take, rounded up; saturates. */
static uint64_t cost_ns(const struct rate *r, uint64_t n)
{
	unsigned __int128 ns = ((unsigned __int128)n * NS_PER_S + r->per_s - 1) / r->per_s;

	return ns > COST_MAX_NS ? COST_MAX_NS : (uint64_t)ns;
}

static uint64_t full_at(const struct rate *r, uint64_t now_ns)
{
	return r->full_at_ns > now_ns ? r->full_at_ns : now_ns;
}

uint64_t rate_wait_ns(const struct rate *r, uint64_t now_ns, uint64_t n)
{
	uint64_t then, may;

	if (r->per_s == 0)
		return 0;
	if (n > r->burst)
		return RATE_NEVER;
	then = full_at(r, now_ns) + cost_ns(r, n);
	may = now_ns + cost_ns(r, r->burst);
	return then > may ? then - may : 0;
}

void rate_take(struct rate *r, uint64_t now_ns, uint64_t n)
{
	if (r->per_s != 0)
		r->full_at_ns = full_at(r, now_ns) + cost_ns(r, n);
}

void rate_give_back(struct rate *r, uint64_t n)
{
	if (r->per_s != 0)
		r->full_at_ns -= cost_ns(r, n);
}
