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

void forward_to_lan(struct forward_core *c, struct rte_mbuf *m, const struct neighbour_key *key,
                    uint16_t origin)
{
	if (!c->memo_valid || memcmp(&c->memo_key, key, sizeof(*key)) != 0) {
		c->memo_valid = neighbour_lookup(c->f->neighbours, key, &c->memo_link);
		c->memo_key = *key;
	}
	if (!c->memo_valid)
		forward_unresolved(c, m, key, origin);
	else if (forward_ether(c, PORT_LAN, m, &c->memo_link))
		forward_tx(c, PORT_LAN, m);
}

void forward_to_wan(struct forward_core *c, struct rte_mbuf **pkts, unsigned int n,
                    unsigned int outer)
{
	const struct fib_outer *hop = &c->fib->outer[outer];
	struct rte_ether_addr link;
	bool resolved;

	if (n == 0)
		return;
	if (!hop->valid) {
		counter_add(c->cs, &drop_no_wan_route, n);
		rte_pktmbuf_free_bulk(pkts, n);
		return;
	}
	resolved = neighbour_lookup(c->f->neighbours, &hop->next_hop, &link);
	for (unsigned int i = 0; i < n; i++) {
		if (!resolved)
			forward_unresolved(c, pkts[i], &hop->next_hop, ORIGIN_OWN);
		else if (forward_ether(c, PORT_WAN, pkts[i], &link))
			forward_tx(c, PORT_WAN, pkts[i]);
	}
}

static void seal(struct forward_core *c, unsigned int tunnel)
{
	struct packet_vector *v = &c->seal[tunnel];
	unsigned int n = v->n;

	v->n = 0;
	n = tunnel_seal_burst(c->f->config.tunnel[tunnel], c->index, c->cs, v->pkt, n);
	forward_to_wan(c, v->pkt, n, tunnel);
}

void forward_seal_push(struct forward_core *c, unsigned int tunnel, struct rte_mbuf *m)
{
	struct packet_vector *v = &c->seal[tunnel];

	v->pkt[v->n++] = m;
	if (v->n == FORWARD_BURST)
		seal(c, tunnel);
}

void forward_seal_flush(struct forward_core *c)
{
	for (unsigned int t = 0; t < c->f->config.tunnel_count; t++)
		if (c->seal[t].n > 0)
			seal(c, t);
}
