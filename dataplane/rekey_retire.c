/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Receive generations. One lives while the peer may seal with it, and then through a grace for
 * packets under way; after that the tunnel frees it by QSBR. Time alone retires nothing: a
 * word of the peer does. At most three die at once, because the period is at least a third
 * of the grace; when a fourth comes early, it waits.
 */

#include "dataplane/rekey_state.h"

#define WAN_FLOOR_NS (2 * NS_PER_S)
#define LAN_FLOOR_NS (100 * NS_PER_MS)

uint64_t rekey_grace_ns(const struct rekey *r)
{
	uint64_t path = 2 * rekey_rtt_ns(r) + r->config.lives.queue_delay_ms * NS_PER_MS;

	if (r->config.lives.profile == REKEY_LAN)
		return LAN_FLOOR_NS + path;
	return path > WAN_FLOOR_NS ? path : WAN_FLOOR_NS;
}

static struct rekey_rx *find(struct rekey *r, uint64_t generation)
{
	for (unsigned int i = 0; generation != 0 && i < TUNNEL_RX_GENERATIONS; i++)
		if (r->rx[i].generation == generation)
			return &r->rx[i];
	return NULL;
}

bool rekey_rx_full(const struct rekey *r)
{
	for (unsigned int i = 0; i < TUNNEL_RX_GENERATIONS; i++)
		if (r->rx[i].generation == 0)
			return false;
	return true;
}

bool rekey_rx_has_base(const struct rekey *r, uint32_t spi_base)
{
	for (unsigned int i = 0; i < TUNNEL_RX_GENERATIONS; i++)
		if (r->rx[i].generation != 0 && r->rx[i].spi_base == spi_base)
			return true;
	return false;
}

void rekey_rx_add(struct rekey *r, uint64_t generation, uint32_t spi_base)
{
	for (unsigned int i = 0; i < TUNNEL_RX_GENERATIONS; i++) {
		if (r->rx[i].generation != 0)
			continue;
		r->rx[i] = (struct rekey_rx){.generation = generation,
		                             .order = ++r->rx_order,
		                             .retire_ns = UINT64_MAX,
		                             .spi_base = spi_base};
		return;
	}
}

static void retire(const struct rekey *r, struct rekey_rx *rx, uint64_t now)
{
	if (rx->generation != 0 && rx->retire_ns == UINT64_MAX)
		rx->retire_ns = now + rekey_grace_ns(r);
}

void rekey_rx_retire(struct rekey *r, uint64_t generation, uint64_t now)
{
	struct rekey_rx *rx = find(r, generation);

	if (rx != NULL)
		retire(r, rx, now);
}

void rekey_rx_drop(struct rekey *r, uint64_t generation)
{
	struct rekey_rx *rx = find(r, generation);

	if (rx == NULL)
		return;
	rx->generation = 0;
	r->ops.rx_retire(r->ctx, generation);
}

void rekey_rx_peer_at(struct rekey *r, uint64_t generation, uint64_t now)
{
	struct rekey_rx *at = find(r, generation);

	/* A late message names one that the peer has left. */
	if (at == NULL || at->retire_ns != UINT64_MAX)
		return;
	r->stats.peer_generation = generation;
	for (unsigned int i = 0; i < TUNNEL_RX_GENERATIONS; i++)
		if (r->rx[i].order < at->order)
			retire(r, &r->rx[i], now);
}

void rekey_rx_only(struct rekey *r, uint64_t generation, uint64_t now)
{
	for (unsigned int i = 0; i < TUNNEL_RX_GENERATIONS; i++)
		if (r->rx[i].generation != generation)
			retire(r, &r->rx[i], now);
	if (generation == 0)
		r->stats.peer_generation = 0;
}

void rekey_rx_due(struct rekey *r, uint64_t now)
{
	for (unsigned int i = 0; i < TUNNEL_RX_GENERATIONS; i++)
		if (r->rx[i].generation != 0 && now >= r->rx[i].retire_ns)
			rekey_rx_drop(r, r->rx[i].generation);
}

uint64_t rekey_rx_next(const struct rekey *r)
{
	uint64_t at = UINT64_MAX;

	for (unsigned int i = 0; i < TUNNEL_RX_GENERATIONS; i++)
		if (r->rx[i].generation != 0 && r->rx[i].retire_ns < at)
			at = r->rx[i].retire_ns;
	return at;
}
