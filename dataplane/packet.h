/* SPDX-License-Identifier: BSD-3-Clause */

/* What travels with an mbuf between cores, in its private area. */

#ifndef DATAPLANE_PACKET_H
#define DATAPLANE_PACKET_H

#include <stdint.h>

#include <rte_mbuf.h>

/* Why a packet goes to another core. */
enum packet_reason {
	PACKET_NEIGHBOUR,  /* ARP or ND message, from Ethernet on */
	PACKET_UNRESOLVED, /* waits for the link address of `neighbour` */
	PACKET_ESP,        /* ESP of an SA that the receiving core owns, from the outer header on */
};

struct packet_meta {
	uint8_t reason;     /* enum packet_reason */
	uint8_t port;       /* enum port_role it came in by or goes out by */
	uint16_t tunnel;    /* index */
	uint32_t neighbour; /* index */
};

/* Mbufs of port_pool_create() only. */
static inline struct packet_meta *packet_meta(struct rte_mbuf *m)
{
	return rte_mbuf_to_priv(m);
}

#endif
