/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * More comes in by the WAN port than this core forwards, and the channel's datagrams are among
 * it. A device drops whatever comes last, so its queue is read as far as it goes, what must not
 * be lost is taken out, and the drops hit the rest.
 *
 * What goes first: the channel's datagrams, and the neighbours' messages, without which these
 * would not find their way.
 */

#include "dataplane/forward_core.h"

#include "dataplane/forward_in.h"
#include "dataplane/forward_rings.h"
#include "dataplane/ip.h"

COUNTER_DEFINE(drop_overload, "drop.overload",
               "WAN packets beyond what this core forwards, dropped in favour of the channel's")

/* In a turn: as much as a device's queue holds. */
#define BURSTS_MAX 16

/* Router and neighbour discovery (RFC 4861 section 4): no echo goes before ESP. */
static bool is_nd(uint8_t type)
{
	return type >= 133 && type <= 137;
}

static bool goes_first(const struct forward_core *c, const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t len = rte_pktmbuf_data_len(m), header;
	uint16_t type;

	if (c->f->config.iface[PORT_WAN].vlan != 0) {
		/* What has no tag is not for us, but harmless here. */
		if (len < 4)
			return false;
		p += 4;
		len -= 4;
	}
	if (len < RTE_ETHER_HDR_LEN + IPV4_HEADER + 4)
		return false;
	type = get_be16(p + 12);
	p += RTE_ETHER_HDR_LEN;
	len -= RTE_ETHER_HDR_LEN;
	if (type == RTE_ETHER_TYPE_IPV4) {
		header = (p[0] & 15U) * 4;
		return p[IPV4_PROTOCOL] == IP_PROTO_UDP && len >= header + 4 &&
		       channel_mux_port(c->f->config.mux) == get_be16(p + header + 2);
	}
	if (type == RTE_ETHER_TYPE_IPV6 && len >= IPV6_HEADER + 4)
		return (p[IPV6_NEXT] == IP_PROTO_ICMPV6 && is_nd(p[IPV6_HEADER])) ||
		       (p[IPV6_NEXT] == IP_PROTO_UDP &&
		        channel_mux_port(c->f->config.mux) == get_be16(p + IPV6_HEADER + 2));
	return type == RTE_ETHER_TYPE_ARP;
}

static void sort(struct forward_core *c, struct rte_mbuf **pkts, unsigned int n)
{
	struct forward_backlog *b = c->backlog;
	struct rte_mbuf *first[FORWARD_BURST], *rest[FORWARD_BURST];
	unsigned int firsts = 0, drops = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (unlikely(goes_first(c, pkts[i])))
			first[firsts++] = pkts[i];
		else if (b->n < FORWARD_BACKLOG)
			b->pkt[(b->head + b->n++) % FORWARD_BACKLOG] = pkts[i];
		else
			rest[drops++] = pkts[i];
	}
	forward_wan_burst(c, first, firsts);
	if (drops > 0) {
		rte_pktmbuf_free_bulk(rest, drops);
		counter_add(c->cs, &drop_overload, drops);
	}
}

unsigned int forward_backlog(struct forward_core *c, struct rte_mbuf **pkts, unsigned int n)
{
	struct forward_backlog *b = c->backlog;

	for (unsigned int bursts = 1;; bursts++) {
		sort(c, pkts, n);
		if (n < FORWARD_BURST || bursts == BURSTS_MAX)
			break;
		n = forward_rx(c, PORT_WAN, pkts);
	}
	n = RTE_MIN(b->n, FORWARD_BURST);
	for (unsigned int i = 0; i < n; i++)
		pkts[i] = b->pkt[(b->head + i) % FORWARD_BACKLOG];
	b->head = (b->head + n) % FORWARD_BACKLOG;
	b->n -= n;
	forward_prefetch(pkts, n);
	return n;
}
