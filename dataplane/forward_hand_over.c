/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Rings between forwarding cores: a producer and a consumer each, bursts at a time. Messages
 * have rings of their own, so that no data is in their way.
 */

#include "dataplane/forward_core.h"

#include <errno.h>

#include "dataplane/forward_own.h"
#include "dataplane/forward_rings.h"

COUNTER_DEFINE(drop_inbox_full, "drop.inbox_full",
               "packets that another forwarding core was too slow to take")
COUNTER_DEFINE(hand_over_lan, "hand_over.lan",
               "LAN frames handed to another core, as the port has fewer queues than cores")
COUNTER_DEFINE(hand_over_wan, "hand_over.wan",
               "ESP packets that came in by another core than their SA's")

COUNTER_DEFINE(hand_over_clear, "hand_over.clear",
               "packets that came by the WAN in the clear, handed to another core by their flow")

#define MESSAGES 512
/* Packets that wait for a core, from all the others together; from each at least a burst. */
#define PACKETS 1024

static size_t ring_size(unsigned int producers)
{
	size_t size = PACKETS;

	while (size > FORWARD_BURST && size * producers > PACKETS)
		size /= 2;
	return size;
}

int forward_rings_create(struct forward *f, unsigned int core, struct err *err)
{
	const struct port *const *port = f->config.port;
	struct forward_core *c = f->core[core];
	int rc = 0;

	for (unsigned int from = 0; from < f->config.cores; from++) {
		struct forward_rings *in = &c->in[from];

		if (from == core)
			continue;
		rc |= spsc_init(&in->message, MESSAGES);
		if (from < f->readers)
			rc |= spsc_init(&in->frame, ring_size(f->readers));
		if (from < port[PORT_WAN]->rx_cores)
			rc |= spsc_init(&in->esp, ring_size(port[PORT_WAN]->rx_cores));
		if (from < f->wan_readers)
			rc |= spsc_init(&in->clear, ring_size(f->wan_readers));
		for (unsigned int role = 0; role < PORT_ROLES; role++)
			if (from >= port[role]->tx_cores && from % port[role]->tx_cores == core)
				rc |= spsc_init(&in->tx[role], ring_size(f->config.cores));
	}
	return rc == 0 ? 0 : err_set(err, ENOMEM, "forwarding: no memory for lcore %u", core);
}

void forward_rings_destroy(struct forward_core *c)
{
	for (unsigned int from = 0; from < TUNNEL_CORES_MAX; from++) {
		packet_ring_fini(&c->in[from].message);
		packet_ring_fini(&c->in[from].frame);
		packet_ring_fini(&c->in[from].esp);
		packet_ring_fini(&c->in[from].clear);
		for (unsigned int role = 0; role < PORT_ROLES; role++)
			packet_ring_fini(&c->in[from].tx[role]);
	}
}

void forward_hand_over(struct forward_core *c, unsigned int core, struct rte_mbuf *m)
{
	if (!spsc_push(&c->f->core[core]->in[c->index].message, m))
		forward_drop(c, m, &drop_inbox_full);
}

static struct spsc *ring_of(struct forward_rings *in, enum forward_ring kind)
{
	switch (kind) {
	case FORWARD_RING_FRAME:
		return &in->frame;
	case FORWARD_RING_ESP:
		return &in->esp;
	default:
		return &in->clear;
	}
}

void forward_stage_flush(struct forward_core *c, enum forward_ring kind)
{
	static const struct counter *const counters[] = {[FORWARD_RING_FRAME] = &hand_over_lan,
	                                                 [FORWARD_RING_ESP] = &hand_over_wan,
	                                                 [FORWARD_RING_CLEAR] = &hand_over_clear};
	unsigned int handed = 0;

	for (unsigned int core = 0; core < c->f->config.cores; core++) {
		struct forward_stage *out = &c->out[core];
		struct forward_rings *in = &c->f->core[core]->in[c->index];
		unsigned int n = out->n, pushed;

		if (n == 0)
			continue;
		pushed = (unsigned int)spsc_push_bulk(ring_of(in, kind), (void **)out->pkt, n);
		handed += pushed;
		out->n = 0;
		if (likely(pushed == n))
			continue;
		rte_pktmbuf_free_bulk(out->pkt + pushed, n - pushed);
		counter_add(c->cs, &drop_inbox_full, n - pushed);
	}
	if (handed > 0)
		counter_add(c->cs, counters[kind], handed);
}

static void take(struct forward_core *c, struct rte_mbuf *m)
{
	const struct packet_meta *meta = packet_meta(m);

	switch (meta->reason) {
	case PACKET_NEIGHBOUR:
		forward_neighbour_message(c, meta->next_hop.port, m);
		break;
	case PACKET_UNRESOLVED:
		neighbour_resolve(c->f->neighbours, c->cs, &meta->next_hop, m, c->now_ns);
		break;
	default:
		forward_drop(c, m, &drop_inbox_full);
	}
}

unsigned int forward_messages(struct forward_core *c)
{
	struct rte_mbuf *pkts[FORWARD_BURST];
	unsigned int total = 0, n;

	for (unsigned int from = 0; from < c->f->config.cores; from++) {
		n = forward_take(&c->in[from].message, pkts);
		for (unsigned int i = 0; i < n; i++)
			take(c, pkts[i]);
		total += n;
	}
	return total;
}
