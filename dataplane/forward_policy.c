/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What becomes of an inner packet by policy and routes. Without rules, the routes to tunnels
 * are the policy (RFC 4301 section 4.4.1 with one implied entry a route): what they lead into a
 * tunnel is protected, and what comes out of a tunnel must come from behind it.
 *
 * With rules, each packet that crosses from one side to another is asked for:
 *
 *   LAN -> tunnel, WAN     the rules for the LAN
 *   tunnel -> LAN, us      they too, addresses and ports swapped: the answer would have to go
 *                          into the tunnel that the packet came from (section 5.2)
 *   tunnel -> tunnel       the rules for the first one; and swapped, those for the second
 *   WAN -> LAN             the rules for the WAN; and swapped, those for the LAN must not
 *                          protect the answer, but for tunnels without a key
 *   LAN VLAN -> another    the rules for the LAN, each direction for itself; without rules
 *                          nothing passes
 *
 * The LAN port without a tag is a network as a VLAN is. Packets that turn round within one cross
 * nothing.
 */

#include "dataplane/forward_core.h"

#include <string.h>

#include "dataplane/forward_way.h"
#include "dataplane/ip.h"

COUNTER_DEFINE(drop_policy, "drop.policy", "packets that the policy discards")
COUNTER_DEFINE(drop_discard, "drop.discard",
               "packets to broadcast, multicast and martian addresses")
COUNTER_DEFINE(drop_lan_source, "drop.lan_source",
               "LAN packets whose source is not on the LAN's side")
COUNTER_DEFINE(drop_reverse_path, "drop.reverse_path",
               "LAN packets in another VLAN than leads to their source")
COUNTER_DEFINE(drop_inner_source, "drop.inner_source",
               "opened packets whose source is not behind their tunnel")
COUNTER_DEFINE(drop_inner_policy, "drop.inner_policy",
               "opened packets that their tunnel may not carry or that would enter a tunnel")
COUNTER_DEFINE(drop_wan_source, "drop.wan_source",
               "plaintext from the WAN with a source of the LAN's side or a martian")
COUNTER_DEFINE(drop_wan_unprotected, "drop.wan_unprotected",
               "plaintext from the WAN whose answer the policy would protect")

#define PORTS_UNKNOWN UINT16_C(0x8000)

static uint16_t interface_of(uint16_t origin)
{
	return origin == ORIGIN_LAN ? SPD_LAN : origin == ORIGIN_WAN ? SPD_WAN : origin;
}

/* TCP, UDP, DCCP, SCTP and UDP-Lite have ports; a packet too short for them shows none. */
static bool ports_known(uint8_t proto, uint8_t fragment, const uint8_t *sport, const uint8_t *dport)
{
	bool has = proto == IP_PROTO_TCP || proto == IP_PROTO_UDP || proto == 33 || proto == 132 ||
	           proto == 136;

	return !fragment && (!has || (get_be16(sport) | get_be16(dport)) != 0);
}

static bool is_icmp(uint8_t proto)
{
	return proto == IP_PROTO_ICMP || proto == IP_PROTO_ICMPV6;
}

void forward_policy_key4(const struct flow4_key *f, uint16_t interface, uint16_t vlan, bool swapped,
                         struct spd4_key *out)
{
	bool known = ports_known(f->proto, f->fragment, f->sport, f->dport);
	bool swap_ports = swapped && !is_icmp(f->proto);

	*out = (struct spd4_key){.proto = f->proto};
	memcpy(out->src, swapped ? f->dst : f->src, 4);
	memcpy(out->dst, swapped ? f->src : f->dst, 4);
	memcpy(out->sport, swap_ports ? f->dport : f->sport, 2);
	memcpy(out->dport, swap_ports ? f->sport : f->dport, 2);
	put_be16(out->vlan, interface == SPD_LAN ? vlan : 0);
	put_be16(out->interface, known ? interface : interface | PORTS_UNKNOWN);
}

void forward_policy_key6(const struct flow6_key *f, uint16_t interface, uint16_t vlan, bool swapped,
                         struct spd6_key *out)
{
	bool known = ports_known(f->proto, f->fragment, f->sport, f->dport);
	bool swap_ports = swapped && !is_icmp(f->proto);

	*out = (struct spd6_key){.proto = f->proto};
	memcpy(out->src, swapped ? f->dst : f->src, 16);
	memcpy(out->dst, swapped ? f->src : f->dst, 16);
	memcpy(out->sport, swap_ports ? f->dport : f->sport, 2);
	memcpy(out->dport, swap_ports ? f->sport : f->dport, 2);
	put_be16(out->vlan, interface == SPD_LAN ? vlan : 0);
	put_be16(out->interface, known ? interface : interface | PORTS_UNKNOWN);
}

/* One that was not asked for with the burst's. */
static const struct spd_entry *ask(const struct forward_core *c, const struct forward_question *q,
                                   uint16_t interface, bool swapped)
{
	const struct spd_entry *e;

	if (q->key6 != NULL) {
		struct spd6_key key;

		forward_policy_key6(q->key6, interface, q->vlan, swapped, &key);
		spd_match6(c->spd, &key, &e, 1);
	} else {
		struct spd4_key key;

		forward_policy_key4(q->key4, interface, q->vlan, swapped, &key);
		spd_match4(c->spd, &key, &e, 1);
	}
	return e;
}

static bool on_lan(const struct adjacency *a)
{
	return a->kind == ADJACENCY_CONNECTED || a->kind == ADJACENCY_GATEWAY;
}

/* From one network of the LAN to another. */
static bool between_vlans(const struct forward_question *q)
{
	return q->origin == ORIGIN_LAN && on_lan(q->to) && q->to->next_hop.port != q->iface;
}

/* RFC 3704 section 2.2: the way back to its source is not the interface that it came in by. */
static bool strayed(const struct forward_core *c, const struct forward_question *q)
{
	return q->origin == ORIGIN_LAN && on_lan(q->from) && q->from->next_hop.port != q->iface &&
	       !c->f->config.iface[q->iface].loose_source;
}

/* No source that a packet from elsewhere may have. */
static bool ours(const struct adjacency *a)
{
	return on_lan(a) || a->kind == ADJACENCY_LOCAL || a->kind == ADJACENCY_DISCARD;
}

static bool behind(const struct adjacency *a, unsigned int tunnel)
{
	return a->kind == ADJACENCY_TUNNEL && a->tunnel == tunnel;
}

static void to_drop(struct forward_verdict *v, const struct counter *reason)
{
	v->outcome = FORWARD_DROP;
	v->drop = reason;
}

static void to_discard(struct forward_verdict *v, unsigned int rule)
{
	v->outcome = FORWARD_DISCARD;
	v->drop = &drop_policy;
	v->rule = (uint16_t)rule;
}

static void to_lan(struct forward_verdict *v, const struct forward_question *q)
{
	v->outcome = FORWARD_NEIGHBOUR;
	if (q->to->kind == ADJACENCY_GATEWAY)
		v->next_hop = q->to->next_hop;
	else
		v->next_hop = q->key6 != NULL ? neighbour_key6(q->to->next_hop.port, q->key6->dst)
		                              : neighbour_key4(q->to->next_hop.port, q->key4->dst);
}

static void to_wan(const struct forward_core *c, struct forward_verdict *v,
                   const struct forward_question *q)
{
	const uint8_t *dst = q->key6 != NULL ? q->key6->dst : q->key4->dst;

	v->outcome = spd_wan_next_hop(c->spd, q->key6 != NULL, dst, &v->next_hop)
	                     ? FORWARD_NEIGHBOUR
	                     : FORWARD_NO_ROUTE;
}

static void to_tunnel(struct forward_verdict *v, unsigned int tunnel)
{
	v->outcome = FORWARD_SEAL;
	v->tunnel = (uint16_t)tunnel;
}

/* No rules. */
static void by_routes(const struct forward_question *q, struct forward_verdict *v)
{
	bool from_lan = q->origin == ORIGIN_LAN;

	if (!from_lan && !behind(q->from, q->origin)) {
		to_drop(v, &drop_inner_source);
		return;
	}
	switch (q->to->kind) {
	case ADJACENCY_NONE:
		v->outcome = FORWARD_NO_ROUTE;
		return;
	case ADJACENCY_DISCARD:
		to_drop(v, &drop_discard);
		return;
	case ADJACENCY_LOCAL:
		v->outcome = FORWARD_LOCAL;
		return;
	default:
		break;
	}
	if (from_lan && !on_lan(q->from))
		to_drop(v, &drop_lan_source);
	else if (between_vlans(q))
		to_discard(v, SPD_UNCOUNTED);
	else if (on_lan(q->to))
		to_lan(v, q);
	else if (from_lan)
		to_tunnel(v, q->to->tunnel);
	else
		to_drop(v, &drop_inner_policy);
}

static void from_lan(const struct forward_core *c, const struct forward_question *q,
                     struct forward_verdict *v)
{
	const struct spd_entry *e = q->entry;

	if (q->to->kind == ADJACENCY_NONE && e->slot == 0) {
		v->outcome = FORWARD_NO_ROUTE;
		return;
	}
	if (!on_lan(q->from)) {
		to_drop(v, &drop_lan_source);
		return;
	}
	if (on_lan(q->to) && !between_vlans(q)) {
		to_lan(v, q);
		return;
	}
	v->rule = e->slot;
	if (e->action == SPD_DISCARD) {
		to_discard(v, e->slot);
	} else if (on_lan(q->to)) {
		/* No tunnel leads there: what a rule protects, none lets through. */
		if (e->action == SPD_BYPASS)
			to_lan(v, q);
		else
			to_discard(v, 0);
	} else if (e->action == SPD_BYPASS) {
		to_wan(c, v, q);
		v->flags = FLOW_CLEAR;
	} else if (e->tunnel != SPD_BY_ROUTE) {
		to_tunnel(v, e->tunnel);
		v->flags = e->clear_no_key ? FLOW_CLEAR_NO_KEY : 0;
	} else if (q->to->kind == ADJACENCY_TUNNEL) {
		to_tunnel(v, q->to->tunnel);
	} else {
		v->outcome = FORWARD_NO_ROUTE;
	}
}

/* Would an answer to the packet, to which E applies, go into tunnel T? */
static bool answer_enters(const struct forward_question *q, const struct spd_entry *e,
                          unsigned int t)
{
	return e->action == SPD_PROTECT &&
	       (e->tunnel == SPD_BY_ROUTE ? behind(q->from, t) : e->tunnel == t);
}

/* From one tunnel into another: both directions need a rule. */
static void through(const struct forward_core *c, const struct forward_question *q,
                    const struct spd_entry *e, struct forward_verdict *v)
{
	unsigned int next;

	if (e->action == SPD_PROTECT && e->tunnel != SPD_BY_ROUTE)
		next = e->tunnel;
	else if (e->action == SPD_PROTECT && q->to->kind == ADJACENCY_TUNNEL)
		next = q->to->tunnel;
	else
		next = q->origin;
	if (next == q->origin || ours(q->from) ||
	    !answer_enters(q, ask(c, q, (uint16_t)next, true), q->origin)) {
		to_drop(v, &drop_inner_policy);
		return;
	}
	to_tunnel(v, next);
	v->rule = e->slot;
}

static void from_tunnel(const struct forward_core *c, const struct forward_question *q,
                        struct forward_verdict *v)
{
	const struct spd_entry *onward = NULL;

	if (c->spd->from_tunnels)
		onward = ask(c, q, q->origin, false);
	if (onward != NULL && onward->slot != 0 && onward->action == SPD_DISCARD) {
		to_discard(v, onward->slot);
	} else if (!on_lan(q->to) && q->to->kind != ADJACENCY_LOCAL) {
		if (onward == NULL || onward->slot == 0)
			to_drop(v, &drop_inner_policy);
		else
			through(c, q, onward, v);
	} else if (ours(q->from)) {
		to_drop(v, &drop_inner_source);
	} else if (!answer_enters(q, q->entry, q->origin)) {
		to_drop(v, q->entry->action == SPD_PROTECT && q->entry->tunnel == SPD_BY_ROUTE
		                   ? &drop_inner_source
		                   : &drop_inner_policy);
	} else if (q->to->kind == ADJACENCY_LOCAL) {
		v->outcome = FORWARD_LOCAL;
	} else {
		to_lan(v, q);
		v->rule = q->entry->slot;
	}
}

static void from_wan(const struct forward_core *c, const struct forward_question *q,
                     struct forward_verdict *v)
{
	const struct spd_entry *e = q->entry, *answer;

	if (!on_lan(q->to)) {
		to_drop(v, &drop_wan_not_local);
		return;
	}
	if (ours(q->from)) {
		to_drop(v, &drop_wan_source);
		return;
	}
	if (e->slot != 0 && e->action == SPD_DISCARD) {
		to_discard(v, e->slot);
		return;
	}
	answer = ask(c, q, SPD_LAN, true);
	if (answer->action == SPD_PROTECT && answer->clear_no_key) {
		v->flags = FLOW_ONLY_NO_KEY;
		v->tunnel = answer->tunnel;
		e = answer;
	} else if (answer->action == SPD_PROTECT) {
		to_drop(v, e->slot != 0 ? &drop_wan_unprotected : &drop_wan_not_local);
		return;
	} else if (e->action != SPD_BYPASS) {
		to_drop(v, &drop_wan_not_local);
		return;
	}
	to_lan(v, q);
	v->rule = e->slot;
	v->flags |= FLOW_CLEAR;
}

void forward_decide(const struct forward_core *c, const struct forward_question *q,
                    struct forward_verdict *v)
{
	*v = (struct forward_verdict){.rule = SPD_UNCOUNTED};
	if (strayed(c, q))
		to_drop(v, &drop_reverse_path);
	else if (c->spd->count == 0)
		by_routes(q, v);
	else if (q->to->kind == ADJACENCY_DISCARD)
		to_drop(v, &drop_discard);
	else if (q->origin == ORIGIN_WAN)
		from_wan(c, q, v);
	else if (q->origin != ORIGIN_LAN)
		from_tunnel(c, q, v);
	else if (q->to->kind == ADJACENCY_LOCAL)
		v->outcome = FORWARD_LOCAL;
	else
		from_lan(c, q, v);
}

uint16_t forward_policy_interface(uint16_t origin, bool *swapped)
{
	/* Of opened packets, the answer is what most rules are about. */
	*swapped = origin != ORIGIN_LAN && origin != ORIGIN_WAN;
	return *swapped ? SPD_LAN : interface_of(origin);
}

uint16_t forward_policy_vlan(const struct forward_core *c, uint16_t origin, unsigned int iface,
                             const struct adjacency *to)
{
	if (origin == ORIGIN_LAN)
		return c->f->config.iface[iface].vlan;
	/* The WAN may be in a VLAN, too, which is none of the LAN's. */
	if ((!on_lan(to) && to->kind != ADJACENCY_LOCAL) || to->next_hop.port == PORT_WAN)
		return 0;
	return c->f->config.iface[to->next_hop.port].vlan;
}
