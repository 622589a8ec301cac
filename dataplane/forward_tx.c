/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/forward_core.h"

#include <string.h>

#include <rte_ethdev.h>

#include "common/bytes.h"
#include "dataplane/esp.h"
#include "dataplane/forward_in.h"
#include "dataplane/forward_out.h"
#include "dataplane/forward_own.h"
#include "dataplane/forward_way.h"
#include "dataplane/ip.h"

COUNTER_DEFINE(drop_lan_tx_full, "drop.lan_tx_full",
               "packets that the LAN port was too slow to take")
COUNTER_DEFINE(drop_wan_tx_full, "drop.wan_tx_full",
               "packets that the WAN port was too slow to take")
COUNTER_DEFINE(drop_tx_segments, "drop.tx_segments",
               "packets in several buffers to a port that sends single ones, too long for one")
COUNTER_DEFINE(drop_no_wan_route, "drop.no_wan_route",
               "packets to the WAN, sealed or in the clear for want of a key, without a route")

static void remove_sent(struct rte_mbuf **pkt, unsigned int *n, unsigned int sent)
{
	*n -= sent;
	/* What the device does not take now waits for the next turn: it smooths bursts. */
	if (*n > 0)
		memmove(pkt, pkt + sent, *n * sizeof(pkt[0]));
}

/* False: the device has no room for these, so what comes after them must wait. */
static bool flush_first(struct forward_core *c, enum port_role role)
{
	const struct port *port = c->f->config.port[role];
	bool own = role == PORT_WAN && port->channel_tx != PORT_NO_QUEUE;
	struct tx_queue *q = &c->tx[role];
	uint16_t sent;

	if (likely(q->first_n == 0))
		return true;
	sent = rte_eth_tx_burst(port->id, own ? port->channel_tx : (uint16_t)c->index, q->first,
	                        (uint16_t)q->first_n);
	remove_sent(q->first, &q->first_n, sent);
	return own || q->first_n == 0;
}

void forward_tx_flush(struct forward_core *c, enum port_role role)
{
	const struct port *port = c->f->config.port[role];
	struct tx_queue *q = &c->tx[role];
	struct spsc *ring;
	unsigned int sent;

	if (unlikely(!flush_first(c, role)) || q->n == 0)
		return;
	if (likely(c->index < port->tx_cores)) {
		sent = rte_eth_tx_burst(port->id, (uint16_t)c->index, q->pkt, (uint16_t)q->n);
	} else {
		ring = &c->f->core[c->index % port->tx_cores]->in[c->index].tx[role];
		sent = (unsigned int)spsc_push_bulk(ring, (void **)q->pkt, q->n);
	}
	remove_sent(q->pkt, &q->n, sent);
}

void forward_tx_collect(struct forward_core *c, enum port_role role)
{
	unsigned int step = c->f->config.port[role]->tx_cores;
	struct tx_queue *q = &c->tx[role];

	if (c->index >= step)
		return;
	/* To each its share of the room, so that none is kept out. */
	for (unsigned int from = c->index + step; from < c->f->config.cores; from += step) {
		unsigned int after = (c->f->config.cores - 1 - from) / step;
		unsigned int room = (FORWARD_TX - q->n) / (after + 2);

		q->n += (unsigned int)spsc_pop_bulk(&c->in[from].tx[role], (void **)&q->pkt[q->n],
		                                    room);
	}
}

void forward_tx(struct forward_core *c, enum port_role role, struct rte_mbuf *m)
{
	struct tx_queue *q = &c->tx[role];

	if (unlikely(m->nb_segs > 1) && !c->f->config.port[role]->tx_chains &&
	    rte_pktmbuf_linearize(m) < 0) {
		forward_drop(c, m, &drop_tx_segments);
		return;
	}
	if (q->n == FORWARD_TX)
		forward_tx_flush(c, role);
	if (q->n == FORWARD_TX)
		forward_drop(c, m, role == PORT_LAN ? &drop_lan_tx_full : &drop_wan_tx_full);
	else
		q->pkt[q->n++] = m;
}

void forward_tx_first(struct forward_core *c, enum port_role role, struct rte_mbuf *m)
{
	struct tx_queue *q = &c->tx[role];

	if (q->first_n == FORWARD_FIRST)
		flush_first(c, role);
	if (q->first_n == FORWARD_FIRST)
		forward_drop(c, m, role == PORT_LAN ? &drop_lan_tx_full : &drop_wan_tx_full);
	else
		q->first[q->first_n++] = m;
}

bool forward_ether(struct forward_core *c, enum port_role role, struct rte_mbuf *m,
                   const struct rte_ether_addr *to)
{
	uint8_t version = rte_pktmbuf_mtod(m, const uint8_t *)[0] >> 4;
	struct rte_ether_hdr *eth;

	if (unlikely(c->f->config.iface[role].vlan != 0))
		return forward_sub_ether(c, role, m, to);
	eth = (void *)rte_pktmbuf_prepend(m, sizeof(*eth));

	if (eth == NULL) {
		forward_drop(c, m, &drop_no_headroom);
		return false;
	}
	eth->dst_addr = *to;
	eth->src_addr = c->f->config.iface[role].mac;
	put_be16(&eth->ether_type, version == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
	return true;
}

void forward_to_neighbour(struct forward_core *c, struct rte_mbuf *m,
                          const struct neighbour_key *key, uint16_t origin)
{
	struct rte_ether_addr link;

	if (!neighbour_lookup(c->f->neighbours, key, &link))
		forward_unresolved(c, m, key, origin);
	else
		forward_send(c, key->port, m, &link);
}

/* Where outer packets of index OUTER go now. */
static const struct neighbour_key *outer_key(const struct forward_core *c, unsigned int outer)
{
	const struct fib_outer *o = &c->fib->outer[outer];

	return o->has_backup && __atomic_load_n(&c->f->outer_hop[outer], __ATOMIC_RELAXED) != 0
	               ? &o->backup
	               : &o->next_hop;
}

/* The link address of an outer next hop as a word; 0: not known. */
static uint64_t wan_link(struct forward_core *c, unsigned int outer)
{
	struct wan_hop *h = &c->hop[outer];
	uint64_t word = 0;

	if (likely(h->generation == c->generation))
		word = neighbour_link(c->links, &h->ref);
	if (likely((word & NEIGHBOUR_LINK_VALID) != 0))
		return word;
	if (!c->fib->outer[outer].valid ||
	    !neighbour_refer(c->f->neighbours, outer_key(c, outer), &h->ref))
		return 0;
	h->generation = c->generation;
	return neighbour_link(c->links, &h->ref);
}

static inline void to_wan(struct forward_core *c, struct rte_mbuf *m, unsigned int outer,
                          bool first)
{
	uint64_t link = wan_link(c, outer);

	if (likely((link & NEIGHBOUR_LINK_VALID) != 0)) {
		if (unlikely(!forward_ether(c, PORT_WAN, m, (const struct rte_ether_addr *)&link)))
			return;
		if (first)
			forward_tx_first(c, PORT_WAN, m);
		else
			forward_tx(c, PORT_WAN, m);
	} else if (c->fib->outer[outer].valid) {
		forward_unresolved(c, m, outer_key(c, outer), ORIGIN_OWN);
	} else {
		forward_drop(c, m, &drop_no_wan_route);
	}
}

void forward_to_wan(struct forward_core *c, struct rte_mbuf **pkts, unsigned int n,
                    unsigned int outer)
{
	for (unsigned int i = 0; i < n; i++)
		to_wan(c, pkts[i], outer, false);
}

/* A datagram to a peer that moved: by the WAN's routes, of which it takes the first next hop. */
static void channel_elsewhere(struct forward_core *c, struct rte_mbuf *m)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	bool ipv6 = ip[0] >> 4 == 6;
	struct rte_ether_addr link;
	struct neighbour_key key;

	if (!spd_wan_next_hop(c->spd, ipv6, ip + (ipv6 ? IPV6_DST : IPV4_DST), &key))
		forward_drop(c, m, &drop_no_wan_route);
	else if (!neighbour_lookup(c->f->neighbours, &key, &link))
		forward_unresolved(c, m, &key, ORIGIN_OWN);
	else if (forward_ether(c, PORT_WAN, m, &link))
		forward_tx_first(c, PORT_WAN, m);
}

/*
 * As many datagrams as find room, and at once to the device: nothing of this turn is before
 * them. The rest stays in the ring of the QKD core, which sees when it is full.
 */
unsigned int forward_channel(struct forward_core *c)
{
	const struct tx_queue *q = &c->tx[PORT_WAN];
	struct rte_mbuf *pkts[FORWARD_FIRST];
	unsigned int n;

	if (c->f->config.mux == NULL)
		return 0;
	/* Room is kept for neighbours. */
	if (q->first_n >= FORWARD_FIRST / 2)
		flush_first(c, PORT_WAN);
	if (q->first_n >= FORWARD_FIRST / 2)
		return 0;
	n = channel_mux_output(c->f->config.mux, pkts, FORWARD_FIRST / 2 - q->first_n);
	for (unsigned int i = 0; i < n; i++) {
		if (unlikely(channel_mux_elsewhere(c->f->config.mux, pkts[i])))
			channel_elsewhere(c, pkts[i]);
		else
			to_wan(c, pkts[i], FIB_OUTER_CHANNEL, true);
	}
	flush_first(c, PORT_WAN);
	return n;
}

static void in_fragments(struct forward_core *c, struct rte_mbuf *m, unsigned int tunnel)
{
	struct rte_mbuf *part[FRAG_MAX];
	unsigned int n = forward_frag_out(c, m, part);

	forward_to_wan(c, part, n, tunnel);
}

void forward_seal_other(struct forward_core *c, struct sa *sa, struct rte_mbuf *m)
{
	struct seal_vector *v = &c->seal;
	const struct counter *drop =
	        sa == NULL ? &drop_no_key : esp_seal_prepare(sa, m, &v->job[v->n]);

	if (unlikely(drop != NULL))
		forward_drop(c, m, drop);
	else if (++v->n == FORWARD_BURST)
		forward_seal_flush(c);
}

void forward_frame(struct forward_core *c, unsigned int tunnel, bool ipv6,
                   struct forward_frame *out)
{
	const struct iface *wan = &c->f->config.iface[PORT_WAN];
	uint64_t link = wan_link(c, tunnel), from = 0;
	uint64_t type = ipv6 ? RTE_BE16(RTE_ETHER_TYPE_IPV6) : RTE_BE16(RTE_ETHER_TYPE_IPV4);

	memcpy(&from, &wan->mac, RTE_ETHER_ADDR_LEN);
	out->tunnel = tunnel;
	/* With a tag the header has other words, and packets may have to be cut. */
	out->known = (link & NEIGHBOUR_LINK_VALID) != 0 && wan->vlan == 0 && c->frag == NULL;
	out->first = (link & (NEIGHBOUR_LINK_VALID - 1)) | from << 48;
	out->other = from >> 16 | type << 32;
}

/* A sealed packet from the outer IP header on. */
static void to_wan_sealed(struct forward_core *c, struct rte_mbuf *m, unsigned int tunnel)
{
	/* The inner MTU is above what the WAN takes where fragments are the policy. */
	if (unlikely(c->frag != NULL && rte_pktmbuf_pkt_len(m) > c->f->config.iface[PORT_WAN].mtu))
		in_fragments(c, m, tunnel);
	else
		to_wan(c, m, tunnel, false);
}

void forward_seal_flush(struct forward_core *c)
{
	struct tx_queue *q = &c->tx[PORT_WAN];
	struct seal_vector *v = &c->seal;
	unsigned int n = v->n;

	if (n == 0)
		return;
	n = esp_seal_run(&c->esp, v->job, n);
	v->n = 0;
	if (q->n + n > FORWARD_TX)
		forward_tx_flush(c, PORT_WAN);
	for (unsigned int i = 0; i < n; i++) {
		const struct esp_job *job = &v->job[i];

		if (unlikely(job->before == 0))
			to_wan_sealed(c, job->m, job->sa->tunnel);
		else if (likely(q->n < FORWARD_TX))
			q->pkt[q->n++] = job->m;
		else
			forward_tx(c, PORT_WAN, job->m);
	}
}
