/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Inner packets that the flow cache does not hold: those that start a flow, and all that is
 * answered, dropped or waits for a link address.
 */

#include "dataplane/forward_core.h"

#include <string.h>

#include "dataplane/forward_out.h"
#include "dataplane/forward_own.h"
#include "dataplane/forward_way.h"
#include "dataplane/frag.h"
#include "dataplane/ip.h"

COUNTER_DEFINE(drop_no_route, "drop.no_route", "packets to where no route leads")
COUNTER_DEFINE(bypassed, "policy.bypassed",
               "packets passed in the clear by a rule, both directions")
COUNTER_DEFINE(bypassed_no_key, "policy.bypassed_no_key",
               "packets sent in the clear for want of a key")
COUNTER_DEFINE(accepted_no_key, "policy.accepted_no_key",
               "packets accepted in the clear for want of a key")
COUNTER_DEFINE(drop_ttl, "drop.ttl", "packets whose TTL or hop limit ended here")
COUNTER_DEFINE(drop_too_big, "drop.too_big", "packets beyond the MTU that must not be fragmented")
COUNTER_DEFINE(drop_fragmenting, "drop.fragmenting", "packets that could not be fragmented")
COUNTER_DEFINE(fragmented, "ip.fragmented", "packets sent in fragments")

static bool has_key(const struct forward_core *c, unsigned int tunnel)
{
	return sad_transmit(c->esp.sad, tunnel, 0) != NULL;
}

/* The tunnel has no key, and a rule names this traffic for that case. */
static void clear_no_key(struct forward_core *c, uint16_t origin, struct rte_mbuf *m,
                         unsigned int tunnel, bool ipv6)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	uint64_t *count = &c->cleared_no_key[tunnel];
	struct neighbour_key key;

	if (!spd_wan_next_hop(c->spd, ipv6, ip + (ipv6 ? IPV6_DST : IPV4_DST), &key)) {
		forward_drop(c, m, &drop_no_wan_route);
		return;
	}
	counter_add(c->cs, &bypassed_no_key, 1);
	__atomic_store_n(count, *count + 1, __ATOMIC_RELAXED);
	forward_to_neighbour(c, m, &key, origin);
}

void forward_deliver(struct forward_core *c, uint16_t origin, struct rte_mbuf *m,
                     const struct forward_way *way, bool ipv6)
{
	enum port_role role = way->action == FLOW_WAN ? PORT_WAN : PORT_LAN;

	if (way->action == FLOW_SEAL) {
		if ((way->flags & FLOW_CLEAR_NO_KEY) != 0 && !has_key(c, way->tunnel))
			clear_no_key(c, origin, m, way->tunnel, ipv6);
		else
			forward_seal_push(c, way->tunnel, m);
		return;
	}
	if ((way->flags & FLOW_ONLY_NO_KEY) != 0) {
		if (has_key(c, way->tunnel)) {
			forward_drop(c, m, &drop_wan_unprotected);
			return;
		}
		counter_add(c->cs, &accepted_no_key, 1);
	} else if ((way->flags & FLOW_CLEAR) != 0) {
		counter_add(c->cs, &bypassed, 1);
	}
	if (way->action == FLOW_NONE)
		forward_to_neighbour(c, m, &way->verdict->next_hop, origin);
	else if ((way->flags & FLOW_SUB) != 0)
		forward_send(c, way->tunnel, m, (const struct rte_ether_addr *)&way->link);
	else if (forward_ether(c, role, m, (const struct rte_ether_addr *)&way->link))
		forward_tx(c, role, m);
}

static void fragment(struct forward_core *c, struct rte_mbuf *m, const struct forward_way *way,
                     uint16_t mtu)
{
	struct rte_mbuf *part[FRAG_MAX];
	int n = frag_ipv4(m, mtu, c->f->config.pool, part);

	if (n < 0) {
		forward_drop(c, m, &drop_fragmenting);
		return;
	}
	counter_add(c->cs, &fragmented, 1);
	/* A copy has no Ethernet header in front that would tell its station. */
	for (int i = 0; i < n; i++)
		forward_deliver(c, ORIGIN_OWN, part[i], way, false);
	rte_pktmbuf_free(m);
}

void forward_too_big(struct forward_core *c, uint16_t origin, struct rte_mbuf *m,
                     const struct forward_way *way, bool ipv6, uint16_t mtu)
{
	static const struct icmp_reason reason = {ICMP_UNREACHABLE, ICMP_FRAG_NEEDED, ICMP6_TOO_BIG,
	                                          0};
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);

	if (ipv6 || (get_be16(ip + IPV4_FRAGMENT) & IPV4_DF) != 0) {
		forward_error(c, origin, m, ipv6, &reason, mtu, &drop_too_big);
		return;
	}
	ipv4_ttl_decrement(ip);
	fragment(c, m, way, mtu);
}

void forward_ttl_ended(struct forward_core *c, uint16_t origin, struct rte_mbuf *m, bool ipv6)
{
	static const struct icmp_reason time = {ICMP_TIME_EXCEEDED, 0, ICMP6_TIME_EXCEEDED, 0};

	forward_error(c, origin, m, ipv6, &time, 0, &drop_ttl);
}

void forward_slow(struct forward_core *c, uint16_t origin, struct rte_mbuf *m,
                  const struct forward_way *way, bool ipv6)
{
	static const struct icmp_reason no_route = {ICMP_UNREACHABLE, ICMP_NET, ICMP6_UNREACHABLE,
	                                            ICMP6_NO_ROUTE};
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
	uint8_t *ttl = ip + (ipv6 ? IPV6_HOP_LIMIT : IPV4_TTL);
	unsigned int mtu;

	if (way->action == FLOW_DISCARD) {
		forward_drop(c, m, &drop_policy);
		return;
	}
	switch ((enum forward_outcome)way->verdict->outcome) {
	case FORWARD_NO_ROUTE:
		forward_error(c, origin, m, ipv6, &no_route, 0, &drop_no_route);
		return;
	case FORWARD_LOCAL:
		forward_local(c, origin, m, ipv6);
		return;
	case FORWARD_NEIGHBOUR:
		break;
	default:
		forward_drop(c, m, way->verdict->drop);
		return;
	}
	/* Its link address is not known yet. */
	if (unlikely(*ttl <= 1)) {
		forward_ttl_ended(c, origin, m, ipv6);
		return;
	}
	mtu = c->f->config.iface[way->verdict->next_hop.port].mtu;
	if (unlikely(rte_pktmbuf_pkt_len(m) > mtu)) {
		forward_too_big(c, origin, m, way, ipv6, (uint16_t)mtu);
		return;
	}
	if (ipv6)
		--*ttl;
	else
		ipv4_ttl_decrement(ip);
	if (ip[ipv6 ? IPV6_NEXT : IPV4_PROTOCOL] == IP_PROTO_TCP && origin < SAD_TUNNELS_MAX)
		forward_mss(c, m, origin, ipv6);
	forward_deliver(c, origin, m, way, ipv6);
}
