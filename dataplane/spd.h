/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The security policy database (RFC 4301 section 4.4.1): an ordered list of rules, the first
 * that matches decides, and what none matches is discarded. A rule without an address stands
 * in both IP versions' tables.
 *
 * Compiled for rte_acl by the control thread, IPv4 and IPv6 apart, and never changed: an
 * update builds another one and swaps the pointer, the old one is freed when all cores have
 * passed a quiescent state. The cores ask for the first packet of a flow only.
 *
 * What a rule counts is kept per core in a slot that goes with its name, so that it goes on
 * over an update.
 */

#ifndef DATAPLANE_SPD_H
#define DATAPLANE_SPD_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/err.h"
#include "config/config.h"
#include "dataplane/packet.h"

#define SPD_RULES_MAX CONFIG_RULES_MAX
/* Twice as many as rules: names that went do not share theirs with those that came. */
#define SPD_SLOTS     (2 * SPD_RULES_MAX + 4)
#define SPD_UNCOUNTED (SPD_SLOTS - 1) /* what is no matter of a rule */
#define SPD_BURST     64

struct rte_rcu_qsbr;

/* Where a packet came in; below: the index of the tunnel that it was opened from. */
#define SPD_WAN UINT16_C(0x7ffe)
#define SPD_LAN UINT16_C(0x7fff)

#define SPD_ANY_VLAN  UINT16_MAX
#define SPD_BY_ROUTE  UINT16_MAX /* the tunnel that the route names */
#define SPD_NO_TUNNEL UINT16_C(0xfffe)

enum spd_action { SPD_DISCARD, SPD_PROTECT, SPD_BYPASS };

struct spd_rule {
	char name[32];
	uint8_t action;     /* enum spd_action */
	bool clear_no_key;  /* protect: in the clear while the tunnel has no key */
	uint16_t tunnel;    /* protect: index, or SPD_BY_ROUTE */
	uint16_t interface; /* SPD_LAN, SPD_WAN or a tunnel's index */
	uint16_t vlan;      /* 0: untagged; or SPD_ANY_VLAN */
	bool any_protocol;
	uint8_t protocol;
	/* Of the IP versions that both are of; length 0 and no other: any. */
	bool ipv4, ipv6;
	struct config_prefix source, destination;
	/*
	 * Only packets whose ports can be seen: never fragments but the first (RFC 4301 section
	 * 7.1). ICMP: destination port is type * 256 + code.
	 */
	bool ports;
	uint16_t sport_min, sport_max, dport_min, dport_max;
};

/* What is compared, in the order and grouping that rte_acl wants; all in network order. */
struct spd4_key {
	uint8_t proto;
	uint8_t zero[3];
	uint8_t src[4], dst[4];
	uint8_t sport[2], dport[2];
	uint8_t vlan[2];
	uint8_t interface[2]; /* the highest bit: ports are not known */
};

struct spd6_key {
	uint8_t proto;
	uint8_t zero[3];
	uint8_t src[16], dst[16];
	uint8_t sport[2], dport[2];
	uint8_t vlan[2];
	uint8_t interface[2];
};

/* The decision of a rule; 8 bytes. */
struct spd_entry {
	uint8_t action; /* enum spd_action */
	uint8_t clear_no_key;
	uint16_t tunnel; /* protect: index, or SPD_BY_ROUTE */
	uint16_t slot;   /* that it counts in; 0: no rule matched */
	uint16_t spare;
};

/* Where packets that a rule lets through in the clear go; no other packet does. */
struct spd_wan_route {
	struct config_prefix prefix;
	bool connected; /* the destination is the neighbour */
	struct neighbour_key next_hop;
};

struct spd_acl {
	struct rte_acl_ctx *v4, *v6; /* NULL: no rule */
};

/* Read by forwarding cores between two quiescent states. */
struct spd {
	struct spd_acl acl;
	unsigned int count; /* 0: the routes to tunnels are the policy */
	bool from_wan;      /* a rule may let plaintext in from the WAN */
	bool from_tunnels;  /* a rule is for opened packets that go on */
	bool clear_no_key;
	unsigned int wan_count;
	struct spd_wan_route *wan; /* the longest prefixes first */
	struct spd *retired;
	uint64_t token;
	struct spd_entry entry[]; /* entry[0]: none matched */
};

/* A core's count of a slot; on lines that no other core writes. */
struct spd_hit {
	uint64_t packets, bytes; /* of inner packets; the core: rw, control: ro */
};

_Static_assert(SPD_SLOTS * sizeof(struct spd_hit) % 64 == 0, "whole cache lines");

struct spd_table;

/* Empty. NULL with the reason in ERR. */
struct spd_table *spd_table_create(unsigned int cores, struct rte_rcu_qsbr *qsbr, struct err *err);

/* Once the cores have stopped. */
void spd_table_destroy(struct spd_table *t);

/*
 * Replace rules and routes of the WAN; names must differ. On failure the old ones stay: -E2BIG,
 * -EEXIST, -ENOMEM, or what rte_acl says, with the reason in ERR.
 */
int spd_update(struct spd_table *t, const struct spd_rule *rules, unsigned int count,
               const struct spd_wan_route *wan, unsigned int wan_count, struct err *err);

/* Free what no core can read any more; call it a few times a second. */
void spd_reclaim(struct spd_table *t);

/* The current rules; never NULL. */
const struct spd *spd_current(const struct spd_table *t);

/* SPD_SLOTS of core CORE. */
struct spd_hit *spd_hits(const struct spd_table *t, unsigned int core);

/* The decisions for N keys, at most SPD_BURST. */
void spd_match4(const struct spd *spd, const struct spd4_key *keys, const struct spd_entry **out,
                unsigned int n);
void spd_match6(const struct spd *spd, const struct spd6_key *keys, const struct spd_entry **out,
                unsigned int n);

/* The neighbour on the WAN that leads to ADDR; false: there is none. */
bool spd_wan_next_hop(const struct spd *spd, bool ipv6, const uint8_t *addr,
                      struct neighbour_key *out);

/* By the only writer, the core. */
static inline void spd_count(struct spd_hit *hits, unsigned int slot, uint32_t bytes)
{
	struct spd_hit *h = &hits[slot];

	__atomic_store_n(&h->packets, h->packets + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&h->bytes, h->bytes + bytes, __ATOMIC_RELAXED);
}

/* For policy_list: the rules in order, then what none matched, under the name "". */
struct spd_info {
	char name[32];
	uint8_t action;
	uint16_t interface, vlan; /* of the rule */
	uint64_t packets, bytes;  /* since the rule is there */
};
/* Up to MAX entries; the number there are. */
unsigned int spd_list(const struct spd_table *t, struct spd_info *out, unsigned int max);

#endif
