/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Inner packets that the flow cache does not hold: those that start a flow, and all that is
 * answered, dropped or waits for a link address.
 */

#include "dataplane/forward_core.h"

#include <string.h>

#include "dataplane/frag.h"
#include "dataplane/ip.h"

COUNTER_DEFINE(drop_no_route, "drop.no_route", "packets to where no route leads")
COUNTER_DEFINE(drop_discard, "drop.discard",
               "packets to broadcast, multicast and martian addresses")
COUNTER_DEFINE(drop_lan_source, "drop.lan_source",
               "LAN packets whose source is not on the LAN's side")
COUNTER_DEFINE(drop_inner_source, "drop.inner_source",
               "opened packets whose source is not behind their tunnel")
COUNTER_DEFINE(drop_inner_policy, "drop.inner_policy", "opened packets that would enter a tunnel")
COUNTER_DEFINE(drop_ttl, "drop.ttl", "packets whose TTL or hop limit ended here")
COUNTER_DEFINE(drop_too_big, "drop.too_big", "packets beyond the MTU that must not be fragmented")
COUNTER_DEFINE(drop_fragmenting, "drop.fragmenting", "packets that could not be fragmented")
COUNTER_DEFINE(fragmented, "ip.fragmented", "packets sent in fragments")

void forward_deliver(struct forward_core *c, uint16_t origin, struct rte_mbuf *m,
                     const struct forward_way *way, bool ipv6)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	struct neighbour_key key;

	if (way->action == FLOW_SEAL) {
		forward_seal_push(c, way->tunnel, m);
		return;
	}
	if (way->action == FLOW_LAN) {
		if (forward_ether(c, PORT_LAN, m, (const struct rte_ether_addr *)&way->link))
			forward_tx(c, PORT_LAN, m);
		return;
	}
	switch (way->to->kind) {
	case ADJACENCY_TUNNEL:
		forward_seal_push(c, way->to->tunnel, m);
		return;
	case ADJACENCY_GATEWAY:
		key = way->to->next_hop;
		break;
	default:
		key = ipv6 ? neighbour_key6(PORT_LAN, ip + IPV6_DST)
		           : neighbour_key4(PORT_LAN, ip + IPV4_DST);
	}
	forward_to_lan(c, m, &key, origin);
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
	const struct adjacency *to = way->to, *from = way->from;
	bool from_lan = origin == ORIGIN_LAN;
	unsigned int mtu;

	/* RFC 4301 section 5.2: what comes out of a tunnel must be what may go into it. */
	if (unlikely(!from_lan && (from->kind != ADJACENCY_TUNNEL || from->tunnel != origin))) {
		forward_drop(c, m, &drop_inner_source);
		return;
	}
	switch (to->kind) {
	case ADJACENCY_NONE:
		forward_error(c, origin, m, ipv6, &no_route, 0, &drop_no_route);
		return;
	case ADJACENCY_DISCARD:
		forward_drop(c, m, &drop_discard);
		return;
	case ADJACENCY_LOCAL:
		forward_local(c, origin, m, ipv6);
		return;
	case ADJACENCY_TUNNEL:
		if (unlikely(!from_lan)) {
			forward_drop(c, m, &drop_inner_policy);
			return;
		}
		mtu = c->f->config.tunnel_mtu[to->tunnel];
		break;
	default:
		mtu = c->f->config.iface[PORT_LAN].mtu;
	}
	if (unlikely(from_lan && from->kind != ADJACENCY_CONNECTED &&
	             from->kind != ADJACENCY_GATEWAY)) {
		forward_drop(c, m, &drop_lan_source);
		return;
	}
	if (unlikely(*ttl <= 1)) {
		forward_ttl_ended(c, origin, m, ipv6);
		return;
	}
	if (unlikely(rte_pktmbuf_pkt_len(m) > mtu)) {
		forward_too_big(c, origin, m, way, ipv6, (uint16_t)mtu);
		return;
	}
	if (ipv6)
		--*ttl;
	else
		ipv4_ttl_decrement(ip);
	forward_deliver(c, origin, m, way, ipv6);
}
