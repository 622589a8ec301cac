/* SPDX-License-Identifier: BSD-3-Clause */

/* The stages for what is the gateway's own: its addresses, neighbours, daemons and answers. */

#ifndef DATAPLANE_FORWARD_OWN_H
#define DATAPLANE_FORWARD_OWN_H

#include "dataplane/forward_core.h"

/* forward_local.c: packets to us, and what goes back to where a packet came from. */
void forward_local(struct forward_core *c, uint16_t origin, struct rte_mbuf *m, bool ipv6);
struct icmp_reason {
	uint8_t type4, code4, type6, code6;
};
/* Count the packet as dropped and tell its source, if that may be told. */
void forward_error(struct forward_core *c, uint16_t origin, struct rte_mbuf *m, bool ipv6,
                   const struct icmp_reason *reason, uint16_t mtu, const struct counter *drop);
/* An answer made of a packet, back by the port that it came in by. */
void forward_reflect(struct forward_core *c, unsigned int iface, struct rte_mbuf *m,
                     const struct rte_ether_addr *to);
/* The source of the Ethernet header in front of a received packet. */
struct rte_ether_addr forward_ether_source(const struct rte_mbuf *m);

/*
 * forward_exception.c: M, from Ethernet on, or with _ip from IP on, to the routing daemons of its
 * interface. False: there are none, and M is still the caller's.
 */
bool forward_exception(struct forward_core *c, unsigned int iface, enum exception_class class,
                       struct rte_mbuf *m);
bool forward_exception_ip(struct forward_core *c, unsigned int iface, enum exception_class class,
                          struct rte_mbuf *m);
/* A frame to a group, or of another ethertype; false, too, when it is not for this link alone. */
bool forward_exception_group(struct forward_core *c, unsigned int iface, struct rte_mbuf *m,
                             uint16_t type);
/* Once, before the cores run: which interfaces have daemons. */
void forward_exception_init(struct forward *f);
/* What daemons send, and buffers that they are done with; frames sent. */
unsigned int forward_exception_poll(struct forward_core *c);

/* forward_neighbour.c */
extern const struct neighbour_ops forward_neighbour_ops;
/* From Ethernet on: handled by the owner, at once or through its ring. */
void forward_neighbour_message(struct forward_core *c, unsigned int iface, struct rte_mbuf *m);
void forward_unresolved(struct forward_core *c, struct rte_mbuf *m, const struct neighbour_key *key,
                        uint16_t origin);
/* The owner's timers, and resolution of the outer next hops ahead of need. */
void forward_neighbour_poll(struct forward_core *c);

/* forward_tunnels.c: what the cores read of a tunnel, by the configuration of F. */
void forward_tunnel_set(struct forward *f, unsigned int tunnel);

/* forward_address.c: the owner's. */
void forward_address_init(struct forward *f);
void forward_address_poll(struct forward_core *c);
/* On interface INDEX, LINK speaks of ADDR; true: it is one of ours, usable or not. */
bool forward_address_heard(struct forward_core *c, unsigned int index, bool ipv6,
                           const uint8_t *addr, enum address_evidence evidence,
                           const struct rte_ether_addr *link);

/* forward_probe.c: the owner's; and a probe that was opened. */
void forward_probe_poll(struct forward_core *c);
void forward_probe_in(struct forward_core *c, unsigned int tunnel, struct rte_mbuf *m);

#endif
