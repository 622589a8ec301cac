/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What is for a routing daemon, and what one sends. Daemons get only what is to an address of
 * the gateway or to all routers of a link, so that there is nothing that their kernel could
 * forward. What they send leaves by the port and with the tag of their interface alone; on the WAN,
 * moreover, only from the gateway's own addresses, and to nowhere that the policy protects.
 */

#include "dataplane/forward_core.h"

#include <string.h>

#include "dataplane/arp.h"
#include "dataplane/exception.h"
#include "dataplane/forward_key.h"
#include "dataplane/forward_out.h"
#include "dataplane/forward_own.h"
#include "dataplane/forward_way.h"
#include "dataplane/ip.h"

COUNTER_DEFINE(exception_sent, "exception.sent", "frames that routing daemons sent")
COUNTER_DEFINE(drop_exception_source, "drop.exception_source",
               "routing daemons' frames from another address than the gateway's")
COUNTER_DEFINE(drop_exception_destination, "drop.exception_destination",
               "routing daemons' frames to the WAN that belong on the LAN or into a tunnel")
COUNTER_DEFINE(drop_exception_type, "drop.exception_type",
               "routing daemons' frames to the WAN that are neither IP, ARP nor LLDP")

#define ETHERTYPE_LLDP 0x88cc

bool forward_exception(struct forward_core *c, unsigned int iface, enum exception_class class,
                       struct rte_mbuf *m)
{
	struct exception *e = c->f->config.exception[iface];

	if (e == NULL)
		return false;
	exception_up(e, c->index, c->cs, class, m, c->now_ns);
	return true;
}

bool forward_exception_ip(struct forward_core *c, unsigned int iface, enum exception_class class,
                          struct rte_mbuf *m)
{
	/* The received header is still in front. */
	if (c->f->config.exception[iface] == NULL ||
	    rte_pktmbuf_prepend(m, RTE_ETHER_HDR_LEN) == NULL)
		return false;
	return forward_exception(c, iface, class, m);
}

/* To the routers and hosts of one link: RFC 5771 section 4, RFC 4291 section 2.7. */
static bool link_group(const uint8_t *ip, bool ipv6)
{
	const uint8_t *dst = ip + (ipv6 ? IPV6_DST : IPV4_DST);

	if (ipv6)
		return dst[0] == 0xff && (dst[1] & 0x0f) == 2;
	return dst[0] == 224 && dst[1] == 0 && dst[2] == 0;
}

bool forward_exception_group(struct forward_core *c, unsigned int iface, struct rte_mbuf *m,
                             uint16_t type)
{
	bool ipv6 = type == RTE_ETHER_TYPE_IPV6;
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, RTE_ETHER_HDR_LEN);

	if (type == RTE_ETHER_TYPE_IPV4 || ipv6) {
		if (rte_pktmbuf_data_len(m) <
		            RTE_ETHER_HDR_LEN + (ipv6 ? IPV6_HEADER : IPV4_HEADER) ||
		    !link_group(ip, ipv6))
			return false;
	}
	return forward_exception(c, iface, EXCEPTION_LINK, m);
}

/* Is A, of 4 or 16 bytes, an address to speak from on the WAN's link? */
static bool own(const struct iface *iface, bool ipv6, const uint8_t *a)
{
	static const uint8_t unspecified[16];

	return iface_owns(iface, ipv6, a) || memcmp(a, unspecified, ipv6 ? 16 : 4) == 0;
}

static bool on_wan_link(const struct iface *iface, bool ipv6, const uint8_t *a)
{
	struct config_addr addr = {.ipv6 = ipv6};

	memcpy(addr.bytes, a, ipv6 ? 16 : 4);
	return iface_on_link(iface, &addr);
}

static const struct spd_entry *rule4(const struct forward_core *c, const uint8_t *ip, uint32_t n,
                                     uint16_t vlan)
{
	union flow4_words flow;
	const struct spd_entry *e;
	struct spd4_key key;

	forward_key4(ip, RTE_MIN((ip[0] & 15U) * 4, n), n, ORIGIN_LAN, &flow);
	forward_policy_key4(&flow.key, SPD_LAN, vlan, false, &key);
	spd_match4(c->spd, &key, &e, 1);
	return e;
}

static const struct spd_entry *rule6(const struct forward_core *c, const uint8_t *ip, uint32_t n,
                                     uint16_t vlan)
{
	union flow6_words flow;
	const struct spd_entry *e;
	struct spd6_key key;

	forward_key6(ip, n, ORIGIN_LAN, &flow);
	forward_policy_key6(&flow.key, SPD_LAN, vlan, false, &key);
	spd_match6(c->spd, &key, &e, 1);
	return e;
}

/* As for hosts of the LAN: what nobody can say of what it is, no rule would hold. */
static bool headers_whole(const uint8_t *ip, uint32_t n)
{
	struct ipv6_upper upper;

	return ipv6_upper_find(ip, n, &upper);
}

/*
 * Does a rule lead N bytes of a packet into a tunnel that it names, whatever the routes? From any
 * VLAN of the LAN: what hosts of one of them send protected is not to be seen here.
 */
static bool ruled_into_tunnel(const struct forward_core *c, bool ipv6, const uint8_t *ip,
                              uint32_t n)
{
	unsigned int ifaces = c->f->sub_of_vlan != NULL ? IFACES_MAX : 1;

	if (c->spd->count > 0 && ipv6 && !headers_whole(ip, n))
		return true;
	for (unsigned int i = 0; c->spd->count > 0 && i < ifaces; i++) {
		uint16_t vlan = c->f->config.iface[i].vlan;
		const struct spd_entry *e = ipv6 ? rule6(c, ip, n, vlan) : rule4(c, ip, n, vlan);

		if (e->action == SPD_PROTECT && e->tunnel != SPD_BY_ROUTE)
			return true;
	}
	return false;
}

/* Where the LAN and what the tunnels protect are not; IP: N bytes. */
static bool may_reach(const struct forward_core *c, bool ipv6, const uint8_t *ip, uint32_t n)
{
	const uint8_t *dst = ip + (ipv6 ? IPV6_DST : IPV4_DST);
	uint64_t index = 0;
	uint32_t dst4;
	uint8_t dst6[1][16];

	if (link_group(ip, ipv6) || on_wan_link(&c->f->config.iface[PORT_WAN], ipv6, dst))
		return true;
	if (ipv6) {
		memcpy(dst6[0], dst, 16);
		fib_lookup6(c->fib, dst6, &index, 1);
	} else {
		dst4 = get_be32(dst);
		fib_lookup4(c->fib, &dst4, &index, 1);
	}
	return c->fib->adjacency[index].kind == ADJACENCY_NONE &&
	       !ruled_into_tunnel(c, ipv6, ip, n);
}

/* Why a daemon's frame may not leave by the WAN; NULL: it may. */
static const struct counter *refuse(const struct forward_core *c, const struct rte_mbuf *m)
{
	const struct iface *iface = &c->f->config.iface[PORT_WAN];
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *), *ip = p + RTE_ETHER_HDR_LEN;
	uint16_t len = rte_pktmbuf_data_len(m), type = get_be16(p + 12);
	struct arp_message arp;
	bool ipv6 = type == RTE_ETHER_TYPE_IPV6;

	switch (type) {
	case ETHERTYPE_LLDP:
		return NULL;
	case RTE_ETHER_TYPE_ARP:
		return arp_parse(m, &arp) && own(iface, false, arp.sender) ? NULL
		                                                           : &drop_exception_source;
	case RTE_ETHER_TYPE_IPV4:
	case RTE_ETHER_TYPE_IPV6:
		if (len < RTE_ETHER_HDR_LEN + (ipv6 ? IPV6_HEADER : IPV4_HEADER) ||
		    ip[0] >> 4 != (ipv6 ? 6 : 4) ||
		    !own(iface, ipv6, ip + (ipv6 ? IPV6_SRC : IPV4_SRC)))
			return &drop_exception_source;
		return may_reach(c, ipv6, ip, len - RTE_ETHER_HDR_LEN)
		               ? NULL
		               : &drop_exception_destination;
	default:
		return &drop_exception_type;
	}
}

/* A virtual router's first words come before its addresses are there. */
static bool speaks_as(const struct iface *iface, const struct rte_ether_addr *mac)
{
	return rte_is_same_ether_addr(mac, &iface->mac) || iface_is_virtual_mac(mac);
}

static void from_daemon(struct forward_core *c, unsigned int index, struct rte_mbuf *m)
{
	const struct iface *iface = &c->f->config.iface[index];
	const struct counter *reason = NULL;

	if (rte_pktmbuf_data_len(m) < RTE_ETHER_HDR_LEN ||
	    !speaks_as(iface, &rte_pktmbuf_mtod(m, const struct rte_ether_hdr *)->src_addr))
		reason = &drop_exception_source;
	else if (index == PORT_WAN)
		reason = refuse(c, m);
	if (reason != NULL) {
		forward_drop(c, m, reason);
		return;
	}
	counter_add(c->cs, &exception_sent, 1);
	forward_send_first(c, index, m);
}

void forward_exception_init(struct forward *f)
{
	for (unsigned int i = 0; i < IFACES_MAX; i++)
		if (f->config.exception[i] != NULL)
			f->exceptions = i + 1;
}

unsigned int forward_exception_poll(struct forward_core *c)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < c->f->exceptions; i++) {
		struct exception *e = c->f->config.exception[i];
		const struct tx_queue *tx = &c->tx[c->f->config.iface[i].role];
		struct rte_mbuf *m;

		if (e == NULL)
			continue;
		exception_reap(e, c->index);
		if (c->index != FORWARD_OWNER)
			continue;
		/* Room is kept for neighbours and the channel. */
		while (tx->first_n < FORWARD_FIRST / 4 && (m = spsc_pop(&e->down)) != NULL) {
			from_daemon(c, i, m);
			n++;
		}
	}
	return n;
}
