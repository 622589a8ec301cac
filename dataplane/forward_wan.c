/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/forward_core.h"

#include <string.h>

#include <rte_prefetch.h>

#include "dataplane/esp.h"
#include "dataplane/ip.h"

COUNTER_DEFINE(drop_wan_not_local, "drop.wan_not_local", "WAN packets to another host")
COUNTER_DEFINE(drop_wan_other, "drop.wan_other",
               "WAN packets that are neither ESP nor the channel's nor an echo request")
COUNTER_DEFINE(drop_wan_fragment, "drop.wan_fragment", "fragments of outer packets")
COUNTER_DEFINE(drop_esp_peer, "drop.esp_peer", "ESP packets from no tunnel's peer")

#define PREFETCH 4

static void split(struct forward_core *c, unsigned int tunnel, struct rte_mbuf **pkts,
                  unsigned int n)
{
	struct rte_mbuf *v4[FORWARD_BURST], *v6[FORWARD_BURST];
	unsigned int n4 = 0, n6 = 0;

	/* What the peer sealed it has checked, and opening has checked the lengths. */
	for (unsigned int i = 0; i < n; i++) {
		if (rte_pktmbuf_mtod(pkts[i], const uint8_t *)[0] >> 4 == 4)
			v4[n4++] = pkts[i];
		else
			v6[n6++] = pkts[i];
	}
	forward_inner4(c, (uint16_t)tunnel, v4, n4);
	forward_inner6(c, (uint16_t)tunnel, v6, n6);
}

static void open_tunnel(struct forward_core *c, unsigned int tunnel)
{
	struct packet_vector *v = &c->open[tunnel];
	unsigned int n = v->n;

	v->n = 0;
	n = tunnel_open_burst(c->f->config.tunnel[tunnel], c->index, c->cs, v->pkt, n);
	split(c, tunnel, v->pkt, n);
}

void forward_wan_open(struct forward_core *c)
{
	for (unsigned int t = 0; t < c->f->config.tunnel_count; t++)
		if (c->open[t].n > 0)
			open_tunnel(c, t);
}

void forward_wan_esp(struct forward_core *c, unsigned int tunnel, struct rte_mbuf *m)
{
	struct packet_vector *v = &c->open[tunnel];

	v->pkt[v->n++] = m;
	if (v->n == FORWARD_BURST)
		open_tunnel(c, tunnel);
}

/* To the core that owns the SA: the device may not have known where to send it. */
static void esp(struct forward_core *c, struct rte_mbuf *m, bool ipv6)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	const uint8_t *src = ip + (ipv6 ? IPV6_SRC : IPV4_SRC);
	const uint8_t *dst = ip + (ipv6 ? IPV6_DST : IPV4_DST);
	uint32_t header = ipv6 ? IPV6_HEADER : (ip[0] & 15U) * 4;
	size_t size = ipv6 ? 16 : 4;
	unsigned int t, core = c->index;

	for (t = 0; t < c->f->config.tunnel_count; t++) {
		const struct tunnel_config *tc = tunnel_config(c->f->config.tunnel[t]);

		if (tc->ipv6 == ipv6 && memcmp(src, tc->remote, size) == 0 &&
		    memcmp(dst, tc->local, size) == 0)
			break;
	}
	if (t == c->f->config.tunnel_count) {
		forward_drop(c, m, &drop_esp_peer);
		return;
	}
	if (rte_pktmbuf_data_len(m) >= header + 4)
		core = get_be32(ip + header) % TUNNEL_CORES_MAX;
	if (core == c->index || core >= c->f->config.cores) {
		forward_wan_esp(c, t, m);
		return;
	}
	packet_meta(m)->reason = PACKET_ESP;
	packet_meta(m)->tunnel = (uint16_t)t;
	forward_hand_over(c, core, m);
}

static void input(struct forward_core *c, struct rte_mbuf *m, bool ipv6)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	uint8_t proto = ip[ipv6 ? IPV6_NEXT : IPV4_PROTOCOL];
	struct rte_ether_addr to;

	if (unlikely(!iface_owns(&c->f->config.iface[PORT_WAN], ipv6,
	                         ip + (ipv6 ? IPV6_DST : IPV4_DST)))) {
		forward_drop(c, m, &drop_wan_not_local);
		return;
	}
	if (unlikely(!ipv6 && (get_be16(ip + IPV4_FRAGMENT) & (IPV4_MF | IPV4_OFFSET)) != 0)) {
		forward_drop(c, m, &drop_wan_fragment);
		return;
	}
	if (likely(proto == IP_PROTO_ESP)) {
		esp(c, m, ipv6);
		return;
	}
	if (proto == IP_PROTO_UDP && c->f->config.mux != NULL &&
	    channel_mux_input(c->f->config.mux, c->index, c->cs, m))
		return;
	to = forward_ether_source(m);
	if (ipv6 ? icmp6_echo(m) : icmp_echo(m))
		forward_reflect(c, PORT_WAN, m, &to);
	else
		forward_drop(c, m, &drop_wan_other);
}

unsigned int forward_wan(struct forward_core *c)
{
	struct rte_mbuf *pkts[FORWARD_BURST];
	unsigned int n = forward_rx(c, PORT_WAN, pkts);

	for (unsigned int i = 0; i < n && i < PREFETCH; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	for (unsigned int i = 0; i < n; i++) {
		enum ether_class class;

		if (i + PREFETCH < n)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + PREFETCH], void *));
		class = forward_classify(c, PORT_WAN, pkts[i]);
		if (class != ETHER_DONE)
			input(c, pkts[i], class == ETHER_IPV6);
	}
	return n;
}
