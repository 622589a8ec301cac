/* SPDX-License-Identifier: BSD-3-Clause */

/* The shares follow what the store has: arrivals are dealt, losses are shared. */

#include <math.h>

#include "common/clock.h"
#include "control/kms/service_state.h"

#define RATE_S      10.0 /* over which the arrival of key is averaged */
#define RETRY_MAX_S 60
#define AWAY_S      30 /* to ask again when no key is being made */

static void arrive(struct key_share *share, uint64_t bits)
{
	for (; bits > KEY_SHARE_BITS; bits -= KEY_SHARE_BITS)
		key_share_arrive(share, KEY_SHARE_BITS);
	key_share_arrive(share, (uint32_t)bits);
}

static void lose(struct key_share *share, uint64_t bits)
{
	for (; bits > KEY_SHARE_BITS; bits -= KEY_SHARE_BITS)
		key_share_lose(share, KEY_SHARE_BITS);
	key_share_lose(share, (uint32_t)bits);
}

/* Exponential mean of what arrives. */
static void average(struct kms_service *s, uint64_t now_ns, uint64_t bits)
{
	double dt = (double)(now_ns - s->levelled_ns) / NS_PER_S;
	double keep = exp(-dt / RATE_S);

	if (s->levelled_ns != 0 && dt > 0)
		s->arrival_bits_per_s =
		        s->arrival_bits_per_s * keep + (double)bits / dt * (1 - keep);
}

void service_level(struct kms_service *s, uint64_t now_ns)
{
	struct key_share *share = kms_registry_share(s->registry);
	uint64_t stored = 0, dealt = key_share_total(share);

	if (s->linked)
		stored = kms_store_bytes(s->store, s->link_number, s->config.own) * 8;
	if (stored > dealt)
		arrive(share, stored - dealt);
	else
		lose(share, dealt - stored);
	average(s, now_ns, stored > dealt ? stored - dealt : 0);
	s->levelled_ns = now_ns;
}

unsigned int service_retry_s(const struct kms_service *s, uint64_t bits)
{
	double wait;

	if (s->arrival_bits_per_s < 1)
		return s->making ? 1 : AWAY_S;
	wait = ceil((double)bits / s->arrival_bits_per_s);
	return wait > RETRY_MAX_S ? RETRY_MAX_S : wait < 1 ? 1 : (unsigned int)wait;
}
