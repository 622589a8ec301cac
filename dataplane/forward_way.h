/* SPDX-License-Identifier: BSD-3-Clause */

/* The stages that find an inner packet's way: flow cache, policy and routes, and what is rare. */

#ifndef DATAPLANE_FORWARD_WAY_H
#define DATAPLANE_FORWARD_WAY_H

#include "dataplane/forward_core.h"

/* forward_inner.c: up to FORWARD_BURST checked inner packets, pkts[i] of origin[i]. */
void forward_inner4(struct forward_core *c, struct rte_mbuf **pkts, const uint16_t *origin,
                    unsigned int n);
void forward_inner6(struct forward_core *c, struct rte_mbuf **pkts, const uint16_t *origin,
                    unsigned int n);

/* One of them, IPv4, that the flow cache has VALUE for. */
void forward_go4(struct forward_core *c, uint16_t origin, struct rte_mbuf *m,
                 const struct flow_value *value);

/*
 * forward_fast.c: of N frames of the LAN, those that it knows how to seal right away are sealed.
 * How many are left at PKTS for the other stages, in their order.
 */
unsigned int forward_fast(struct forward_core *c, struct rte_mbuf **pkts, unsigned int n);

/* The way of an inner packet. */
struct forward_way {
	uint8_t action; /* enum flow_action; FLOW_NONE: as the verdict says */
	uint8_t flags;
	uint16_t tunnel;
	uint16_t rule;
	uint64_t link;                         /* FLOW_LAN, FLOW_WAN: the link address as a word */
	struct sa *sa;                         /* FLOW_SEAL; NULL: no key */
	const struct forward_verdict *verdict; /* FLOW_NONE; it lasts for this turn */
};

/* forward_policy.c: by policy and routes. */
struct forward_question {
	uint16_t origin;
	uint8_t iface; /* ORIGIN_LAN: that it came in by */
	const struct flow4_key *key4;
	const struct flow6_key *key6;      /* or NULL */
	const struct adjacency *to, *from; /* the routes of destination and source */
	uint16_t vlan;                     /* of forward_policy_vlan() */
	const struct spd_entry *entry;     /* for the key of forward_policy_interface() */
};
void forward_decide(const struct forward_core *c, const struct forward_question *q,
                    struct forward_verdict *v);
/* Whose rules are asked first for packets of ORIGIN, and whether for the answer to them. */
uint16_t forward_policy_interface(uint16_t origin, bool *swapped);
/*
 * The VLAN of the LAN where a packet of ORIGIN came in by IFACE, or where the answer to it would,
 * TO being the route of its destination. 0: by the port itself, or not on the LAN.
 */
uint16_t forward_policy_vlan(const struct forward_core *c, uint16_t origin, unsigned int iface,
                             const struct adjacency *to);
void forward_policy_key4(const struct flow4_key *f, uint16_t interface, uint16_t vlan, bool swapped,
                         struct spd4_key *out);
void forward_policy_key6(const struct flow6_key *f, uint16_t interface, uint16_t vlan, bool swapped,
                         struct spd6_key *out);
extern struct counter drop_no_headroom, drop_no_key, icmp_echoes;
extern struct counter drop_policy, drop_wan_not_local, drop_wan_unprotected, drop_no_wan_route;

/* forward_mss.c: lower the MSS in a TCP packet that crosses TUNNEL, either way. */
void forward_mss(struct forward_core *c, struct rte_mbuf *m, unsigned int tunnel, bool ipv6);

/* forward_slow.c: for what the flow cache does not hold. */
void forward_slow(struct forward_core *c, uint16_t origin, struct rte_mbuf *m,
                  const struct forward_way *way, bool ipv6);
/* A packet beyond MTU of its way. */
void forward_too_big(struct forward_core *c, uint16_t origin, struct rte_mbuf *m,
                     const struct forward_way *way, bool ipv6, uint16_t mtu);
/* A packet that was checked, its TTL decremented. */
void forward_deliver(struct forward_core *c, uint16_t origin, struct rte_mbuf *m,
                     const struct forward_way *way, bool ipv6);
void forward_ttl_ended(struct forward_core *c, uint16_t origin, struct rte_mbuf *m, bool ipv6);

#endif
