/* SPDX-License-Identifier: BSD-3-Clause */

/* Inner packets: from the LAN into a tunnel, or from a tunnel to the LAN. */

#include "dataplane/forward_core.h"

#include <string.h>

#include <rte_ip_frag.h>

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

/* 65535 bytes in pieces of IPv4's least MTU would be more; such are dropped. */
#define FRAGMENTS_MAX 8

static void deliver(struct forward_core *c, uint16_t origin, struct rte_mbuf *m,
                    const struct adjacency *to, bool ipv6)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	struct neighbour_key key;

	switch (to->kind) {
	case ADJACENCY_TUNNEL:
		forward_seal_push(c, to->tunnel, m);
		return;
	case ADJACENCY_GATEWAY:
		key = to->next_hop;
		break;
	default:
		key = ipv6 ? neighbour_key6(PORT_LAN, ip + IPV6_DST)
		           : neighbour_key4(PORT_LAN, ip + IPV4_DST);
	}
	forward_to_lan(c, m, &key, origin);
}

static void fragment(struct forward_core *c, struct rte_mbuf *m, const struct adjacency *to,
                     uint16_t mtu)
{
	struct rte_mbuf *part[FRAGMENTS_MAX];
	int n = rte_ipv4_fragment_copy_nonseg_packet(m, part, FRAGMENTS_MAX, mtu,
	                                             c->f->config.pool);

	if (n < 0) {
		forward_drop(c, m, &drop_fragmenting);
		return;
	}
	counter_add(c->cs, &fragmented, 1);
	for (int i = 0; i < n; i++) {
		ipv4_checksum_set(rte_pktmbuf_mtod(part[i], uint8_t *));
		/* A copy has no Ethernet header in front that would tell its station. */
		deliver(c, ORIGIN_OWN, part[i], to, false);
	}
	rte_pktmbuf_free(m);
}

/* Over the MTU of the way that it takes. */
static void too_big(struct forward_core *c, uint16_t origin, struct rte_mbuf *m,
                    const struct adjacency *to, bool ipv6, uint16_t mtu)
{
	static const struct icmp_reason reason = {ICMP_UNREACHABLE, ICMP_FRAG_NEEDED, ICMP6_TOO_BIG,
	                                          0};
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);

	if (ipv6 || (get_be16(ip + IPV4_FRAGMENT) & IPV4_DF) != 0) {
		forward_error(c, origin, m, ipv6, &reason, mtu, &drop_too_big);
		return;
	}
	ipv4_ttl_decrement(ip);
	fragment(c, m, to, mtu);
}

static void forward_one(struct forward_core *c, uint16_t origin, struct rte_mbuf *m,
                        const struct adjacency *to, const struct adjacency *from, bool ipv6)
{
	static const struct icmp_reason no_route = {ICMP_UNREACHABLE, ICMP_NET, ICMP6_UNREACHABLE,
	                                            ICMP6_NO_ROUTE};
	static const struct icmp_reason time = {ICMP_TIME_EXCEEDED, 0, ICMP6_TIME_EXCEEDED, 0};
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
	uint8_t *ttl = ip + (ipv6 ? IPV6_HOP_LIMIT : IPV4_TTL);
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
		mtu = c->f->tunnel_mtu[to->tunnel];
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
		forward_error(c, origin, m, ipv6, &time, 0, &drop_ttl);
		return;
	}
	if (unlikely(rte_pktmbuf_pkt_len(m) > mtu)) {
		too_big(c, origin, m, to, ipv6, (uint16_t)mtu);
		return;
	}
	if (ipv6)
		--*ttl;
	else
		ipv4_ttl_decrement(ip);
	deliver(c, origin, m, to, ipv6);
}

void forward_inner4(struct forward_core *c, uint16_t origin, struct rte_mbuf **pkts, unsigned int n)
{
	uint32_t dst[FORWARD_BURST], src[FORWARD_BURST];
	uint64_t to[FORWARD_BURST], from[FORWARD_BURST];
	const struct adjacency *a = c->fib->adjacency;

	if (n == 0)
		return;
	for (unsigned int i = 0; i < n; i++) {
		const uint8_t *ip = rte_pktmbuf_mtod(pkts[i], const uint8_t *);

		dst[i] = get_be32(ip + IPV4_DST);
		src[i] = get_be32(ip + IPV4_SRC);
	}
	fib_lookup4(c->fib, dst, to, n);
	fib_lookup4(c->fib, src, from, n);
	for (unsigned int i = 0; i < n; i++)
		forward_one(c, origin, pkts[i], &a[to[i]], &a[from[i]], false);
}

void forward_inner6(struct forward_core *c, uint16_t origin, struct rte_mbuf **pkts, unsigned int n)
{
	uint8_t dst[FORWARD_BURST][16], src[FORWARD_BURST][16];
	uint64_t to[FORWARD_BURST], from[FORWARD_BURST];
	const struct adjacency *a = c->fib->adjacency;

	if (n == 0)
		return;
	for (unsigned int i = 0; i < n; i++) {
		const uint8_t *ip = rte_pktmbuf_mtod(pkts[i], const uint8_t *);

		memcpy(dst[i], ip + IPV6_DST, 16);
		memcpy(src[i], ip + IPV6_SRC, 16);
	}
	fib_lookup6(c->fib, dst, to, n);
	fib_lookup6(c->fib, src, from, n);
	for (unsigned int i = 0; i < n; i++)
		forward_one(c, origin, pkts[i], &a[to[i]], &a[from[i]], true);
}
