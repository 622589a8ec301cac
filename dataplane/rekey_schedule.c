/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * When the next rekey is due: by time, by volume sealed, and later than that while the store
 * has few keys, so that they last longer.
 */

#include "dataplane/rekey_state.h"

#include <stdlib.h>

#include "common/log.h"

LOG_COMPONENT_DEFINE(rekey_schedule)

/* At 10^7 packets a second a limit by volume is overrun by 5 * 10^4 packets at most. */
#define VOLUME_LOOK_NS (5 * NS_PER_MS)

uint64_t rekey_rtt_ns(const struct rekey *r)
{
	return r->config.conditions == NULL ? 0 : r->config.conditions->rtt_ns;
}

/* The least period: a grace may be survived by as many generations as have a place. */
static uint64_t least_ns(const struct rekey *r)
{
	return rekey_grace_ns(r) / (TUNNEL_RX_GENERATIONS - 1);
}

/*
 * Below the mark the period grows as the store shrinks, so that what is left of it is spent
 * ever more slowly, up to STRETCH times and to half of the hard life: the other half is for
 * the rekey itself.
 */
static uint64_t stretched_ns(const struct rekey *r)
{
	const struct rekey_conditions *c = r->config.conditions;
	uint64_t period = r->config.lives.period_ms * NS_PER_MS;
	uint64_t most = r->config.lives.hard_life_ms * NS_PER_MS / 2, stretched;

	if (c == NULL || c->keys >= c->low_water || r->config.lives.stretch <= 1 || most <= period)
		return period;
	stretched = c->keys * r->config.lives.stretch <= c->low_water
	                    ? period * r->config.lives.stretch
	                    : period * c->low_water / c->keys;
	return stretched < most ? stretched : most;
}

uint64_t rekey_period_ns(const struct rekey *r)
{
	uint64_t period = stretched_ns(r), least = least_ns(r);

	return period < least ? least : period;
}

/* A quarter more or less is the same: the round trip moves all the time. */
static bool near(uint32_t a, uint32_t b)
{
	return labs((long)a - (long)b) * 4 <= (long)b;
}

void rekey_log_clamp(struct rekey *r)
{
	uint32_t least = (uint32_t)((least_ns(r) + NS_PER_MS - 1) / NS_PER_MS);

	if (r->config.lives.period_ms >= least) {
		r->clamped_ms = 0;
		return;
	}
	if (near(least, r->clamped_ms))
		return;
	r->clamped_ms = least;
	log_warn("tunnel %s: rekey period of %u ms raised to %u ms, a third of the grace of %llu "
	         "ms in which replaced keys still receive",
	         r->config.tunnel, r->config.lives.period_ms, least,
	         (unsigned long long)(rekey_grace_ns(r) / NS_PER_MS));
}

/*
 * A session keys all tunnels at once. From then on they are spread over half a period: the
 * bits of the place in reverse fill an interval evenly, however many tunnels there are.
 */
static uint64_t spread(const struct rekey *r, uint64_t period)
{
	uint32_t fraction = 0;

	for (unsigned int bit = 1; bit < REKEY_PLACES_MAX; bit <<= 1)
		fraction = fraction << 1 | ((r->config.place & bit) != 0);
	return period / 2 / REKEY_PLACES_MAX * fraction;
}

uint64_t rekey_next_ns(const struct rekey *r)
{
	uint64_t period = rekey_period_ns(r), least = least_ns(r), early;

	if (!r->first_of_session)
		return r->started_ns + period;
	early = period - spread(r, period);
	return r->started_ns + (early < least ? least : early);
}

void rekey_volume_restart(struct rekey *r)
{
	if (r->ops.tx_usage != NULL)
		r->ops.tx_usage(r->ctx, &r->packets_base, &r->bytes_base);
}

static bool limited(const struct rekey *r)
{
	return r->ops.tx_usage != NULL &&
	       (r->config.lives.bytes != 0 || r->config.lives.packets != 0);
}

void rekey_volume_check(struct rekey *r, uint64_t now)
{
	const struct rekey_lives *l = &r->config.lives;
	uint64_t packets, bytes;

	if (!limited(r) || r->stats.stopped || now < r->volume_ns)
		return;
	r->volume_ns = now + VOLUME_LOOK_NS;
	if (r->wanted != REKEY_BY_NONE || r->x.phase != REKEY_IDLE)
		return;
	r->ops.tx_usage(r->ctx, &packets, &bytes);
	if (l->bytes != 0 && bytes - r->bytes_base >= l->bytes)
		r->wanted = REKEY_BY_BYTES;
	else if (l->packets != 0 && packets - r->packets_base >= l->packets)
		r->wanted = REKEY_BY_PACKETS;
}

uint64_t rekey_volume_wake(const struct rekey *r)
{
	return limited(r) && !r->stats.stopped ? r->volume_ns : UINT64_MAX;
}
