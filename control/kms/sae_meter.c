/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/sae_meter.h"

#include <string.h>

#include "common/clock.h"

void sae_meter_init(struct sae_meter *m, const struct sae_allowance *allowance, uint64_t now_ns)
{
	memset(m, 0, sizeof(*m));
	m->allowance = *allowance;
	m->requests.per_s = allowance->requests_per_s;
	m->requests.burst = allowance->requests_burst;
	m->bits.per_s = allowance->bits_per_s;
	m->bits.burst = allowance->bits_burst;
	m->period_start_ns = now_ns;
}

/* Whole seconds, as Retry-After has them, never too few. */
static unsigned int seconds(uint64_t ns)
{
	uint64_t s = ns / NS_PER_S + (ns % NS_PER_S != 0);

	return s > UINT32_MAX ? UINT32_MAX : (unsigned int)s;
}

int sae_meter_request(struct sae_meter *m, uint64_t now_ns, struct http_fault *f)
{
	uint64_t wait = rate_wait_ns(&m->requests, now_ns, 1);

	if (wait > 0)
		return http_fault_unavailable(f, "too many requests of this SAE", seconds(wait));
	rate_take(&m->requests, now_ns, 1);
	return 0;
}

/* Nanoseconds until the quota has room for BITS, which are not more than it. */
static uint64_t quota_wait_ns(struct sae_meter *m, uint64_t now_ns, uint64_t bits)
{
	uint64_t period_ns = m->allowance.quota_period_s * NS_PER_S;
	uint64_t age = now_ns - m->period_start_ns; /* the start may lie before this clock's zero */

	if (period_ns == 0 || m->allowance.quota_bits == 0)
		return 0;
	/* Another thread's now may be a little before the one that began the period. */
	if ((int64_t)age < 0)
		age = 0;
	if (age >= period_ns) {
		m->period_start_ns += age / period_ns * period_ns;
		m->period_bits = 0;
		age %= period_ns;
	}
	/* A quota may have been made smaller than what was taken. */
	if (m->period_bits <= m->allowance.quota_bits &&
	    bits <= m->allowance.quota_bits - m->period_bits)
		return 0;
	return period_ns - age;
}

static int too_many(uint64_t bits, uint64_t most, const char *of, struct http_fault *f)
{
	return http_fault_field(f, 400, "number", "%llu bits of key at once, the %s is %llu",
	                        (unsigned long long)bits, of, (unsigned long long)most);
}

int sae_meter_bits(struct sae_meter *m, uint64_t now_ns, uint64_t bits, struct http_fault *f)
{
	const struct sae_allowance *a = &m->allowance;
	uint64_t wait = rate_wait_ns(&m->bits, now_ns, bits);

	if (wait == RATE_NEVER)
		return too_many(bits, a->bits_burst, "burst of this SAE", f);
	if (a->quota_bits != 0 && a->quota_period_s != 0 && bits > a->quota_bits)
		return too_many(bits, a->quota_bits, "quota of this SAE", f);
	if (wait > 0)
		return http_fault_unavailable(f, "too many key bits a second for this SAE",
		                              seconds(wait));
	wait = quota_wait_ns(m, now_ns, bits);
	if (wait > 0)
		return http_fault_unavailable(f, "the quota of this SAE is used up", seconds(wait));
	rate_take(&m->bits, now_ns, bits);
	m->period_bits += bits;
	return 0;
}

void sae_meter_give_back(struct sae_meter *m, uint64_t bits)
{
	rate_give_back(&m->bits, bits);
	m->period_bits -= bits < m->period_bits ? bits : m->period_bits;
}
