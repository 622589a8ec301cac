/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/forward_core.h"

#include <string.h>

#include <rte_ethdev.h>

#include "dataplane/esp.h"
#include "dataplane/forward_in.h"
#include "dataplane/forward_own.h"
#include "dataplane/forward_rings.h"
#include "dataplane/forward_way.h"
#include "dataplane/ip.h"

COUNTER_DEFINE(drop_wan_not_local, "drop.wan_not_local", "WAN packets to another host")
COUNTER_DEFINE(drop_wan_other, "drop.wan_other",
               "WAN packets that are neither ESP nor the channel's nor an echo request")

static void split(struct forward_core *c, struct packet_vector *v, unsigned int n)
{
	struct rte_mbuf *v4[FORWARD_BURST], *v6[FORWARD_BURST];
	uint16_t from4[FORWARD_BURST], from6[FORWARD_BURST];
	unsigned int n4 = 0, n6 = 0;

	/* What the peer sealed it has checked, and opening has checked the lengths. */
	for (unsigned int i = 0; i < n; i++) {
		uint8_t version = rte_pktmbuf_mtod(v->pkt[i], const uint8_t *)[0] >> 4;

		if (likely(version == 4)) {
			from4[n4] = v->sa[i]->tunnel;
			v4[n4++] = v->pkt[i];
		} else if (version == 1) {
			forward_probe_in(c, v->sa[i]->tunnel, v->pkt[i]);
		} else if (version != 6) {
			forward_wire_out(c, v->sa[i]->tunnel, v->pkt[i]);
		} else {
			from6[n6] = v->sa[i]->tunnel;
			v6[n6++] = v->pkt[i];
		}
	}
	forward_inner4(c, v4, from4, n4);
	forward_inner6(c, v6, from6, n6);
}

void forward_wan_open(struct forward_core *c)
{
	struct packet_vector *v = &c->open;
	unsigned int n = v->n;

	if (n == 0)
		return;
	v->n = 0;
	n = esp_open_burst(&c->esp, v->pkt, v->sa, n);
	split(c, v, n);
}

static inline void open_push(struct forward_core *c, struct rte_mbuf *m)
{
	struct packet_vector *v = &c->open;

	v->pkt[v->n++] = m;
	if (v->n == FORWARD_BURST)
		forward_wan_open(c);
}

/* To the core that owns the SA: the device may not have known where to send it. */
static inline void esp(struct forward_core *c, struct rte_mbuf *m, uint32_t header)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	unsigned int core = c->index;

	/* The low bits are in the last byte. */
	if (c->f->config.cores > 1 && rte_pktmbuf_data_len(m) >= header + 4)
		core = c->f->sub_core[ip[header + 3] % TUNNEL_SUBS_MAX];
	if (likely(core == c->index))
		open_push(c, m);
	else
		forward_stage(c, core, m);
}

/* Packets of a burst that came in the clear, for the policy. */
struct plaintext {
	unsigned int n4, n6;
	struct rte_mbuf *v4[FORWARD_BURST], *v6[FORWARD_BURST];
};

static void input(struct forward_core *c, struct rte_mbuf *m, bool ipv6, struct plaintext *clear)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	uint8_t proto = ip[ipv6 ? IPV6_NEXT : IPV4_PROTOCOL];
	struct rte_ether_addr to;
	uint32_t header;

	if (unlikely(!iface_owns(&c->f->config.iface[PORT_WAN], ipv6,
	                         ip + (ipv6 ? IPV6_DST : IPV4_DST)))) {
		if (!c->spd->from_wan)
			forward_drop(c, m, &drop_wan_not_local);
		else if (ipv6)
			clear->v6[clear->n6++] = m;
		else
			clear->v4[clear->n4++] = m;
		return;
	}
	if (unlikely(ipv6 ? proto == IPV6_FRAGMENT
	                  : (get_be16(ip + IPV4_FRAGMENT) & (IPV4_MF | IPV4_OFFSET)) != 0)) {
		m = forward_frag_in(c, m, ipv6);
		if (m == NULL)
			return;
		ip = rte_pktmbuf_mtod(m, const uint8_t *);
		proto = ip[ipv6 ? IPV6_NEXT : IPV4_PROTOCOL];
	}
	if (likely(proto == IP_PROTO_ESP)) {
		esp(c, m, ipv6 ? IPV6_HEADER : (ip[0] & 15U) * 4);
		return;
	}
	if (proto == IP_PROTO_UDP && c->nat != NULL && forward_nat_input(c, m, ipv6, &header)) {
		if (header != 0)
			esp(c, m, header);
		return;
	}
	/* What follows is short or, like an echo request, may be chained. */
	if (proto == IP_PROTO_UDP && c->f->config.mux != NULL && rte_pktmbuf_linearize(m) == 0 &&
	    channel_mux_input(c->f->config.mux, c->index, c->cs, m))
		return;
	to = forward_ether_source(m);
	if (ipv6 ? icmp6_echo(m) : icmp_echo(m)) {
		counter_add(c->cs, &icmp_echoes, 1);
		forward_reflect(c, PORT_WAN, m, &to);
	} else if (forward_pmtu_input(c, m, ipv6)) {
		return;
	} else if (!forward_exception_ip(c, PORT_WAN, EXCEPTION_HOST, m)) {
		forward_drop(c, m, &drop_wan_other);
	}
}

/* Of N packets in the clear those of this core's flows, in order; the others are staged. */
static unsigned int spread(struct forward_core *c, struct rte_mbuf **pkts, unsigned int n,
                           bool ipv6)
{
	unsigned int own = 0;

	for (unsigned int i = 0; i < n; i++) {
		unsigned int core = spread_core_ip(&c->f->wan_spread, pkts[i], ipv6);

		if (core == c->index)
			pkts[own++] = pkts[i];
		else
			forward_stage(c, core, pkts[i]);
	}
	return own;
}

static void forward_clear(struct forward_core *c, struct plaintext *clear)
{
	uint16_t origin[FORWARD_BURST];

	for (unsigned int i = 0; i < RTE_MAX(clear->n4, clear->n6); i++)
		origin[i] = ORIGIN_WAN;
	forward_inner4(c, clear->v4, origin, clear->n4);
	forward_inner6(c, clear->v6, origin, clear->n6);
}

void forward_wan_burst(struct forward_core *c, struct rte_mbuf **pkts, unsigned int n)
{
	struct plaintext clear;

	if (unlikely(c->f->config.iface[PORT_WAN].vlan != 0))
		n = forward_wan_untag(c, pkts, n);
	clear.n4 = clear.n6 = 0;
	for (unsigned int i = 0; i < n; i++) {
		enum ether_class class = forward_classify(c, PORT_WAN, pkts[i]);

		if (class != ETHER_DONE)
			input(c, pkts[i], class == ETHER_IPV6, &clear);
	}
	if (c->f->config.cores > 1)
		forward_stage_flush(c, FORWARD_RING_ESP);
	if (likely(clear.n4 + clear.n6 == 0))
		return;
	/* The port has fewer queues than there are cores: as the LAN's frames (forward_lan.c). */
	if (c->f->wan_readers > 0) {
		clear.n4 = spread(c, clear.v4, clear.n4, false);
		clear.n6 = spread(c, clear.v6, clear.n6, true);
		forward_stage_flush(c, FORWARD_RING_CLEAR);
	}
	forward_clear(c, &clear);
}

/* What other cores read of this core's flows. */
static unsigned int take_clear(struct forward_core *c)
{
	struct rte_mbuf *pkts[FORWARD_BURST];
	struct plaintext clear;
	unsigned int total = 0;

	for (unsigned int from = 0; from < c->f->wan_readers; from++) {
		unsigned int n = forward_take(&c->in[from].clear, pkts);

		clear.n4 = clear.n6 = 0;
		for (unsigned int i = 0; i < n; i++) {
			if (rte_pktmbuf_mtod(pkts[i], const uint8_t *)[0] >> 4 == 4)
				clear.v4[clear.n4++] = pkts[i];
			else
				clear.v6[clear.n6++] = pkts[i];
		}
		forward_clear(c, &clear);
		total += n;
	}
	return total;
}

/* The queue to which the device steers the channel's datagrams comes before all others. */
static unsigned int channel_queue(struct forward_core *c)
{
	const struct port *port = c->f->config.port[PORT_WAN];
	struct rte_mbuf *pkts[FORWARD_BURST];
	unsigned int n;

	if (likely(port->channel_rx == PORT_NO_QUEUE) || c->index != FORWARD_OWNER)
		return 0;
	n = rte_eth_rx_burst(port->id, port->channel_rx, pkts, FORWARD_BURST);
	forward_prefetch(pkts, n);
	forward_wan_burst(c, pkts, n);
	return n;
}

unsigned int forward_wan(struct forward_core *c)
{
	struct rte_mbuf *pkts[FORWARD_BURST];
	unsigned int total = channel_queue(c), n = forward_rx(c, PORT_WAN, pkts);

	if (c->backlog != NULL && (n == FORWARD_BURST || c->backlog->n > 0))
		n = forward_backlog(c, pkts, n);
	forward_wan_burst(c, pkts, n);
	total += n;
	for (unsigned int from = 0; from < c->f->config.cores; from++) {
		n = forward_take(&c->in[from].esp, pkts);
		for (unsigned int i = 0; i < n; i++)
			open_push(c, pkts[i]);
		total += n;
	}
	return total + take_clear(c);
}
