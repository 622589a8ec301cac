/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/forward_core.h"

#include <string.h>

#include "dataplane/forward_out.h"
#include "dataplane/forward_own.h"
#include "dataplane/forward_way.h"
#include "dataplane/ip.h"
#include "dataplane/mbuf_chain.h"

COUNTER_DEFINE(drop_local, "drop.local", "packets to the gateway that are no echo requests")
COUNTER_DEFINE(drop_address, "drop.address", "packets to an address of ours that another has, too")
COUNTER_DEFINE(icmp_errors, "icmp.errors", "ICMP errors sent")
COUNTER_DEFINE(icmp_limited, "icmp.limited", "ICMP errors not sent, to keep to the rate")
COUNTER_DEFINE(icmp_echoes, "icmp.echoes", "echo requests answered")

struct rte_ether_addr forward_ether_source(const struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *) - 1;

	return eth->src_addr;
}

void forward_reflect(struct forward_core *c, unsigned int iface, struct rte_mbuf *m,
                     const struct rte_ether_addr *to)
{
	forward_send(c, iface, m, to);
}

/* Back to where a packet came from: its tunnel, or the LAN's station that sent it. */
static void give_back(struct forward_core *c, uint16_t origin, struct rte_mbuf *m,
                      const struct rte_ether_addr *to)
{
	if (origin == ORIGIN_LAN)
		forward_reflect(c, forward_lan_iface(c, m), m, to);
	else
		forward_seal_push(c, origin, m);
}

/* One segment of what an error may quote. */
static bool quotable(struct rte_mbuf *m)
{
	if (likely(m->nb_segs == 1))
		return true;
	if (m->pkt_len > ICMP_QUOTE_MAX)
		chain_trim(m, m->pkt_len - ICMP_QUOTE_MAX);
	return rte_pktmbuf_linearize(m) == 0;
}

void forward_error(struct forward_core *c, uint16_t origin, struct rte_mbuf *m, bool ipv6,
                   const struct icmp_reason *reason, uint16_t mtu, const struct counter *drop)
{
	unsigned int iface = origin == ORIGIN_LAN ? forward_lan_iface(c, m) : PORT_LAN;
	struct rte_ether_addr to = {{0}};
	const uint8_t *ip, *src;
	bool made;

	if (drop != NULL)
		counter_add(c->cs, drop, 1);
	/* The WAN is told nothing. */
	if (origin == ORIGIN_WAN) {
		rte_pktmbuf_free(m);
		return;
	}
	if (!icmp_limit_take(&c->limit, c->now_ns)) {
		counter_add(c->cs, &icmp_limited, 1);
		rte_pktmbuf_free(m);
		return;
	}
	if (!quotable(m)) {
		rte_pktmbuf_free(m);
		return;
	}
	ip = rte_pktmbuf_mtod(m, const uint8_t *);
	if (origin == ORIGIN_LAN)
		to = forward_ether_source(m);
	src = iface_source(&c->f->config.iface[iface], ipv6, ip + (ipv6 ? IPV6_SRC : IPV4_SRC));
	made = ipv6 ? icmp6_error(m, reason->type6, reason->code6, mtu, src)
	            : icmp_error(m, reason->type4, reason->code4, mtu, src);
	if (!made) {
		rte_pktmbuf_free(m);
		return;
	}
	counter_add(c->cs, &icmp_errors, 1);
	give_back(c, origin, m, &to);
}

/* By any interface. */
static bool owned(const struct forward_core *c, bool ipv6, const uint8_t *addr)
{
	unsigned int n = c->f->sub_of_vlan != NULL ? IFACES_MAX : IFACE_SUBS;

	for (unsigned int i = 0; i < n; i++)
		if (iface_owns(&c->f->config.iface[i], ipv6, addr))
			return true;
	return false;
}

void forward_local(struct forward_core *c, uint16_t origin, struct rte_mbuf *m, bool ipv6)
{
	static const struct icmp_reason port_unreachable = {ICMP_UNREACHABLE, ICMP_PORT,
	                                                    ICMP6_UNREACHABLE, ICMP6_PORT};
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	uint8_t proto = ip[ipv6 ? IPV6_NEXT : IPV4_PROTOCOL];
	struct rte_ether_addr to = {{0}};

	ip += ipv6 ? IPV6_DST : IPV4_DST;
	if (!owned(c, ipv6, ip)) {
		forward_drop(c, m, &drop_address);
		return;
	}
	if (origin == ORIGIN_LAN)
		to = forward_ether_source(m);
	if (ipv6 ? icmp6_echo(m) : icmp_echo(m)) {
		counter_add(c->cs, &icmp_echoes, 1);
		give_back(c, origin, m, &to);
	} else if (origin == ORIGIN_LAN &&
	           forward_exception_ip(c, forward_lan_iface(c, m), EXCEPTION_HOST, m)) {
		return;
	} else if (proto == IP_PROTO_UDP) {
		/* So that a traceroute to the gateway ends. */
		forward_error(c, origin, m, ipv6, &port_unreachable, 0, &drop_local);
	} else {
		forward_drop(c, m, &drop_local);
	}
}
