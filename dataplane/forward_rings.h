/* SPDX-License-Identifier: BSD-3-Clause */

/* Between the cores. Implemented in forward_hand_over.c. */

#ifndef DATAPLANE_FORWARD_RINGS_H
#define DATAPLANE_FORWARD_RINGS_H

#include "dataplane/forward_core.h"

int forward_rings_create(struct forward *f, unsigned int core, struct err *err);
/* Frees what is in them, too. */
void forward_rings_destroy(struct forward_core *c);
/* A message with its reason; drops when CORE is too slow. */
void forward_hand_over(struct forward_core *c, unsigned int core, struct rte_mbuf *m);
/* A burst for other cores: at most FORWARD_BURST packets between two flushes. */
static inline void forward_stage(struct forward_core *c, unsigned int core, struct rte_mbuf *m)
{
	struct forward_stage *out = &c->out[core];

	out->pkt[out->n++] = m;
}
enum forward_ring { FORWARD_RING_FRAME, FORWARD_RING_ESP, FORWARD_RING_CLEAR };
void forward_stage_flush(struct forward_core *c, enum forward_ring kind);
unsigned int forward_messages(struct forward_core *c);
/* Up to FORWARD_BURST packets of RING. */
static inline unsigned int forward_take(struct spsc *ring, struct rte_mbuf **pkts)
{
	unsigned int n;

	if (ring->slot == NULL)
		return 0;
	n = (unsigned int)spsc_pop_bulk(ring, (void **)pkts, FORWARD_BURST);
	forward_prefetch(pkts, n);
	return n;
}

#endif
