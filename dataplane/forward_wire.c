/* SPDX-License-Identifier: BSD-3-Clause */

/* Pseudowires: frames of the LAN into a tunnel and back, with no look at what they carry. */

#include "dataplane/forward_core.h"

#include "dataplane/forward_in.h"
#include "dataplane/forward_out.h"
#include "dataplane/wire.h"

COUNTER_DEFINE(drop_wire_too_big, "drop.wire_too_big",
               "frames of a pseudowire beyond what its tunnel carries")
COUNTER_DEFINE(drop_wire_unknown, "drop.wire_unknown",
               "frames from a tunnel with a key or a VLAN of no pseudowire of it")
COUNTER_DEFINE(drop_wire_no_room, "drop.wire_no_room",
               "frames of a pseudowire without room for its header")
COUNTER_DEFINE(wire_sent, "wire.sent", "frames put into pseudowires")
COUNTER_DEFINE(wire_received, "wire.received", "frames taken out of pseudowires")

/* control: relaxed reads */
static void count(uint64_t *n)
{
	__atomic_store_n(n, *n + 1, __ATOMIC_RELAXED);
}

void forward_wire_counts(const struct forward *f, unsigned int wire, struct forward_wire_count *out)
{
	*out = (struct forward_wire_count){0};
	for (unsigned int i = 0; i < f->config.cores; i++) {
		const struct forward_wire_count *c = &f->core[i]->wires[wire];

		out->sent += __atomic_load_n(&c->sent, __ATOMIC_RELAXED);
		out->received += __atomic_load_n(&c->received, __ATOMIC_RELAXED);
	}
}

bool forward_wire_in(struct forward_core *c, struct rte_mbuf *m)
{
	const struct wire *w = wire_of_frame(c->f->config.wires, rte_pktmbuf_mtod(m, uint8_t *),
	                                     rte_pktmbuf_data_len(m));
	uint8_t *h;

	if (w == NULL)
		return false;
	if (unlikely(rte_pktmbuf_pkt_len(m) + WIRE_HEADER > c->f->tunnel[w->tunnel].wire_mtu)) {
		forward_drop(c, m, &drop_wire_too_big);
		return true;
	}
	h = (uint8_t *)rte_pktmbuf_prepend(m, WIRE_HEADER);
	if (unlikely(h == NULL)) {
		forward_drop(c, m, &drop_wire_no_room);
		return true;
	}
	wire_put_header(h, w);
	counter_add(c->cs, &wire_sent, 1);
	count(&c->wires[w - c->f->config.wires->wire].sent);
	forward_seal_push(c, w->tunnel, m);
	return true;
}

void forward_wire_out(struct forward_core *c, uint16_t tunnel, struct rte_mbuf *m)
{
	const struct wire_table *t = c->f->config.wires;
	const struct wire *w = NULL;

	if (likely(t != NULL && rte_pktmbuf_data_len(m) >= WIRE_HEADER + WIRE_FRAME_MIN))
		w = wire_of_packet(t, tunnel, rte_pktmbuf_mtod(m, const uint8_t *),
		                   rte_pktmbuf_data_len(m));
	if (unlikely(w == NULL)) {
		forward_drop(c, m, &drop_wire_unknown);
		return;
	}
	rte_pktmbuf_adj(m, WIRE_HEADER);
	counter_add(c->cs, &wire_received, 1);
	count(&c->wires[w - t->wire].received);
	forward_tx(c, PORT_LAN, m);
}
