/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/forward_core.h"

#include <rte_ethdev.h>
#include <rte_prefetch.h>

#include "dataplane/forward_in.h"
#include "dataplane/forward_own.h"
#include "dataplane/forward_rings.h"
#include "dataplane/ip.h"
#include "dataplane/ipv6_upper.h"
#include "dataplane/mbuf_chain.h"
#include "dataplane/nd.h"

COUNTER_DEFINE(drop_segments, "drop.segments",
               "packets in several buffers whose headers do not fit into the first one")
COUNTER_DEFINE(drop_not_our_mac, "drop.not_our_mac", "frames to another host")
COUNTER_DEFINE(drop_ethertype, "drop.ethertype", "frames that are neither IP nor ARP")
COUNTER_DEFINE(drop_ip_malformed, "drop.ip_malformed", "IP packets with a wrong header")
COUNTER_DEFINE(drop_multicast, "drop.multicast", "multicast and broadcast packets")

unsigned int forward_rx(struct forward_core *c, enum port_role role, struct rte_mbuf **pkts)
{
	const struct port *port = c->f->config.port[role];
	uint16_t queue = port_rx_queue(port, c->index);
	unsigned int n;

	if (queue == PORT_NO_QUEUE)
		return 0;
	n = rte_eth_rx_burst(port->id, queue, pkts, FORWARD_BURST);
	forward_prefetch(pkts, n);
	return n;
}

static bool checksum_verified(const struct rte_mbuf *m)
{
	return (m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD;
}

/*
 * Headers in the first segment. Neighbours' messages are shorter than that; one that is not is
 * malformed to its parser.
 */
static bool gather(struct rte_mbuf *m)
{
	return chain_pull(m, RTE_MIN(m->pkt_len, RTE_ETHER_HDR_LEN + CHAIN_HEADERS)) ||
	       rte_pktmbuf_linearize(m) == 0;
}

/*
 * Nobody could say what a packet is whose headers are not all there (RFC 7112), so that no rule
 * would hold it.
 */
static bool headers_whole(const struct rte_mbuf *m)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	struct ipv6_upper upper;

	return likely(!ipv6_is_extension(ip[IPV6_NEXT])) ||
	       ipv6_upper_find(ip, rte_pktmbuf_data_len(m), &upper);
}

/* To all of a link there is only what neighbours and routers say (RFC 1812 section 5.3.4). */
static enum ether_class to_group(struct forward_core *c, unsigned int iface, struct rte_mbuf *m,
                                 uint16_t type)
{
	if (type == RTE_ETHER_TYPE_IPV6) {
		rte_pktmbuf_adj(m, RTE_ETHER_HDR_LEN);
		if (ipv6_check(m) && nd_is_message(m)) {
			rte_pktmbuf_prepend(m, RTE_ETHER_HDR_LEN);
			forward_neighbour_message(c, iface, m);
			return ETHER_DONE;
		}
		rte_pktmbuf_prepend(m, RTE_ETHER_HDR_LEN);
	}
	if (!forward_exception_group(c, iface, m, type))
		forward_drop(c, m, &drop_multicast);
	return ETHER_DONE;
}

enum ether_class forward_classify(struct forward_core *c, enum port_role role, struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	unsigned int iface = role;
	uint16_t type;

	if (unlikely(m->nb_segs > 1 && !gather(m))) {
		forward_drop(c, m, &drop_segments);
		return ETHER_DONE;
	}
	if (unlikely(rte_pktmbuf_data_len(m) < RTE_ETHER_HDR_LEN)) {
		forward_drop(c, m, &drop_ethertype);
		return ETHER_DONE;
	}
	if (unlikely(role == PORT_LAN && c->f->config.wires != NULL) && forward_wire_in(c, m))
		return ETHER_DONE;
	type = get_be16(&eth->ether_type);
	if (unlikely(c->f->sub_of_vlan != NULL) && role == PORT_LAN) {
		if (type == RTE_ETHER_TYPE_VLAN && (iface = forward_sub_in(c, m)) != 0) {
			eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
			type = get_be16(&eth->ether_type);
		}
		packet_meta(m)->iface = (uint8_t)iface;
	}
	/* A virtual router's MAC address is ours in the VLAN in which we are its master. */
	if (unlikely(!rte_is_same_ether_addr(&eth->dst_addr, &c->f->config.iface[role].mac)) &&
	    !rte_is_multicast_ether_addr(&eth->dst_addr) &&
	    !iface_has_mac(&c->f->config.iface[iface], &eth->dst_addr)) {
		forward_drop(c, m, &drop_not_our_mac);
		return ETHER_DONE;
	}
	if (type == RTE_ETHER_TYPE_ARP) {
		forward_neighbour_message(c, iface, m);
		return ETHER_DONE;
	}
	if (unlikely(rte_is_multicast_ether_addr(&eth->dst_addr)))
		return to_group(c, iface, m, type);
	switch (type) {
	case RTE_ETHER_TYPE_IPV4:
		rte_pktmbuf_adj(m, RTE_ETHER_HDR_LEN);
		if (likely(ipv4_check(m, !checksum_verified(m))))
			return ETHER_IPV4;
		break;
	case RTE_ETHER_TYPE_IPV6:
		rte_pktmbuf_adj(m, RTE_ETHER_HDR_LEN);
		if (unlikely(!ipv6_check(m)) || unlikely(!headers_whole(m)))
			break;
		if (likely(!nd_is_message(m)))
			return ETHER_IPV6;
		rte_pktmbuf_prepend(m, RTE_ETHER_HDR_LEN);
		forward_neighbour_message(c, iface, m);
		return ETHER_DONE;
	default:
		if (!forward_exception(c, iface, EXCEPTION_LINK, m))
			forward_drop(c, m, &drop_ethertype);
		return ETHER_DONE;
	}
	forward_drop(c, m, &drop_ip_malformed);
	return ETHER_DONE;
}
