/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/forward_core.h"

#include "dataplane/forward_in.h"
#include "dataplane/forward_rings.h"
#include "dataplane/forward_way.h"

static void burst(struct forward_core *c, struct rte_mbuf **pkts, unsigned int n)
{
	struct rte_mbuf *v4[FORWARD_BURST], *v6[FORWARD_BURST];
	uint16_t origin[FORWARD_BURST];
	unsigned int n4 = 0, n6 = 0;

	if (likely(c->f->config.wires == NULL && c->f->sub_of_vlan == NULL))
		n = forward_fast(c, pkts, n);
	for (unsigned int i = 0; i < n; i++) {
		switch (forward_classify(c, PORT_LAN, pkts[i])) {
		case ETHER_IPV4:
			v4[n4++] = pkts[i];
			break;
		case ETHER_IPV6:
			v6[n6++] = pkts[i];
			break;
		case ETHER_DONE:
			break;
		}
	}
	for (unsigned int i = 0; i < RTE_MAX(n4, n6); i++)
		origin[i] = ORIGIN_LAN;
	forward_inner4(c, v4, origin, n4);
	forward_inner6(c, v6, origin, n6);
}

/* Hand over what is for other cores; how many of PKTS are left for this one, in order. */
static unsigned int spread(struct forward_core *c, struct rte_mbuf **pkts, unsigned int n)
{
	unsigned int own = 0;

	for (unsigned int i = 0; i < n; i++) {
		unsigned int core = spread_core(&c->f->spread, pkts[i]);

		if (core == c->index)
			pkts[own++] = pkts[i];
		else
			forward_stage(c, core, pkts[i]);
	}
	forward_stage_flush(c, FORWARD_RING_FRAME);
	return own;
}

unsigned int forward_lan(struct forward_core *c)
{
	struct rte_mbuf *pkts[FORWARD_BURST];
	unsigned int n = forward_rx(c, PORT_LAN, pkts), total = n;

	if (c->f->readers > 0)
		n = spread(c, pkts, n);
	burst(c, pkts, n);
	for (unsigned int from = 0; from < c->f->readers; from++) {
		n = forward_take(&c->in[from].frame, pkts);
		burst(c, pkts, n);
		total += n;
	}
	return total;
}
