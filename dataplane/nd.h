/* SPDX-License-Identifier: BSD-3-Clause */

/* Neighbour solicitations and advertisements (RFC 4861), from Ethernet on. */

#ifndef DATAPLANE_ND_H
#define DATAPLANE_ND_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "dataplane/iface.h"

#define ND_SOLICIT        135
#define ND_ADVERTISE      136
#define ND_FLAG_ROUTER    0x80
#define ND_FLAG_SOLICITED 0x40
#define ND_FLAG_OVERRIDE  0x20

struct nd_message {
	uint8_t type;
	uint8_t flags; /* of an advertisement */
	uint8_t source[16], target[16];
	bool from_unspecified; /* duplicate address detection */
	bool has_link;         /* source or target link-layer address option */
	struct rte_ether_addr link;
};

/* Is an ICMPv6 message, from its IPv6 header on, one of neighbour discovery's (133 to 137)? */
bool nd_is_message(const struct rte_mbuf *m);

/* From its Ethernet header on: is it a router solicitation or advertisement? */
bool nd_of_router(const struct rte_mbuf *m);

/* The checks of RFC 4861 section 7.1; false: drop it. */
bool nd_parse(const struct rte_mbuf *m, struct nd_message *out);

/* Turn a solicitation for an address of ours into the advertisement. -ENOSPC: no room for it. */
int nd_make_advertisement(struct rte_mbuf *m, const struct iface *iface,
                          const struct nd_message *solicit);

/* Fill an empty mbuf with a solicitation; LINK: whom to ask, NULL for multicast. -ENOSPC;
 * -EADDRNOTAVAIL: we have no address to ask from, yet. */
int nd_make_solicitation(struct rte_mbuf *m, const struct iface *iface, const uint8_t target[16],
                         const struct rte_ether_addr *link);

/* A solicitation for ADDR from nobody (RFC 4862 section 5.4.2). -ENOSPC. */
int nd_make_probe(struct rte_mbuf *m, const struct iface *iface, const uint8_t addr[16]);

/* ADDR is here (RFC 4861 section 7.2.6): unsolicited, to all nodes. -ENOSPC. */
int nd_make_announcement(struct rte_mbuf *m, const struct iface *iface, const uint8_t addr[16]);

#endif
