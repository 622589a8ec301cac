/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/forward_core.h"

#include <string.h>

#include <rte_ethdev.h>

#include "common/bytes.h"
#include "dataplane/esp.h"

COUNTER_DEFINE(drop_lan_tx_full, "drop.lan_tx_full",
               "packets that the LAN port was too slow to take")
COUNTER_DEFINE(drop_wan_tx_full, "drop.wan_tx_full",
               "packets that the WAN port was too slow to take")
COUNTER_DEFINE(drop_tx_segments, "drop.tx_segments",
               "packets in several buffers to a port that sends single ones, too long for one")
COUNTER_DEFINE(drop_no_headroom, "drop.no_headroom", "packets without room for an Ethernet header")
COUNTER_DEFINE(drop_no_wan_route, "drop.no_wan_route",
               "outer packets dropped as no route leads to the peer")

void forward_tx_flush(struct forward_core *c, enum port_role role)
{
	struct tx_queue *q = &c->tx[role];
	uint16_t sent;

	if (q->n == 0)
		return;
	sent = rte_eth_tx_burst(c->f->config.port[role]->id, (uint16_t)c->index, q->pkt,
	                        (uint16_t)q->n);
	q->n -= sent;
	/* What the device does not take now waits for the next turn: it smooths bursts. */
	if (q->n > 0)
		memmove(q->pkt, q->pkt + sent, q->n * sizeof(q->pkt[0]));
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

bool forward_ether(struct forward_core *c, enum port_role role, struct rte_mbuf *m,
                   const struct rte_ether_addr *to)
{
	uint8_t version = rte_pktmbuf_mtod(m, const uint8_t *)[0] >> 4;
	struct rte_ether_hdr *eth = (void *)rte_pktmbuf_prepend(m, sizeof(*eth));

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
	enum port_role role = (enum port_role)key->port;
	struct rte_ether_addr link;

	if (!neighbour_lookup(c->f->neighbours, key, &link))
		forward_unresolved(c, m, key, origin);
	else if (forward_ether(c, role, m, &link))
		forward_tx(c, role, m);
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
	    !neighbour_refer(c->f->neighbours, &c->fib->outer[outer].next_hop, &h->ref))
		return 0;
	h->generation = c->generation;
	return neighbour_link(c->links, &h->ref);
}

static void to_wan(struct forward_core *c, struct rte_mbuf *m, unsigned int outer)
{
	uint64_t link = wan_link(c, outer);

	if (likely((link & NEIGHBOUR_LINK_VALID) != 0)) {
		if (likely(forward_ether(c, PORT_WAN, m, (const struct rte_ether_addr *)&link)))
			forward_tx(c, PORT_WAN, m);
	} else if (c->fib->outer[outer].valid) {
		forward_unresolved(c, m, &c->fib->outer[outer].next_hop, ORIGIN_OWN);
	} else {
		forward_drop(c, m, &drop_no_wan_route);
	}
}

void forward_to_wan(struct forward_core *c, struct rte_mbuf **pkts, unsigned int n,
                    unsigned int outer)
{
	for (unsigned int i = 0; i < n; i++)
		to_wan(c, pkts[i], outer);
}

void forward_seal_flush(struct forward_core *c)
{
	struct packet_vector *v = &c->seal;
	unsigned int n = v->n;

	if (n == 0)
		return;
	v->n = 0;
	n = esp_seal_burst(&c->esp, v->pkt, v->sa, n);
	for (unsigned int i = 0; i < n; i++)
		to_wan(c, v->pkt[i], v->sa[i]->tunnel);
}
