/* SPDX-License-Identifier: BSD-3-Clause */

/* What travels with an mbuf between cores, in its private area. */

#ifndef DATAPLANE_PACKET_H
#define DATAPLANE_PACKET_H

#include <stdint.h>
#include <string.h>

#include <rte_mbuf.h>

#include "common/spsc.h"

/* A neighbour: an address on the link of an interface. IPv4 in the first 4 bytes, the rest zero. */
struct neighbour_key {
	_Alignas(4) uint8_t addr[16]; /* it is hashed by words */
	uint8_t port;                 /* index of the interface; of a port, enum port_role */
	uint8_t ipv6;
	uint8_t zero[2];
};

/* Why a packet goes to another core. */
enum packet_reason {
	PACKET_NEIGHBOUR,  /* ARP or ND message that came in by next_hop.port, from Ethernet on */
	PACKET_UNRESOLVED, /* from IP on, waits for the link address of next_hop */
};

#define PACKET_ORIGIN_OWN UINT16_MAX

struct packet_meta {
	struct neighbour_key next_hop;
	uint16_t tunnel; /* PACKET_UNRESOLVED: that it came from, or own */
	uint8_t reason;  /* enum packet_reason */
	uint8_t iface;   /* of the LAN port where it has VLANs: that it came in by */
};

/* Mbufs of port_pool_create() only. */
static inline struct packet_meta *packet_meta(struct rte_mbuf *m)
{
	return rte_mbuf_to_priv(m);
}

/* Free a ring of packets with what is in it; once both ends have stopped. */
static inline void packet_ring_fini(struct spsc *ring)
{
	struct rte_mbuf *m;

	if (ring->slot == NULL)
		return;
	while ((m = (struct rte_mbuf *)spsc_pop(ring)) != NULL)
		rte_pktmbuf_free(m);
	spsc_fini(ring);
}

static inline struct neighbour_key neighbour_key4(uint8_t port, const void *addr)
{
	struct neighbour_key key = {.port = port};

	memcpy(key.addr, addr, 4);
	return key;
}

static inline struct neighbour_key neighbour_key6(uint8_t port, const void *addr)
{
	struct neighbour_key key = {.port = port, .ipv6 = 1};

	memcpy(key.addr, addr, 16);
	return key;
}

#endif
