/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * open/SIZE: packets that another gateway sealed, untimed, from the tunnel to the LAN. They
 * come through a ring; all bodies receive from it.
 */

#include "tests/bench/dataplane/row.h"

#include <errno.h>

#include <rte_ring.h>

#include "tests/bench/dataplane/frames.h"

#define FRESH  4096
#define BURSTS (1024 / MEASURE_BURST)
#define POOL   16383
#define TURNS  256

struct wire {
	const struct row_options *options;
	struct site *a, *b;
	struct rte_mempool *pool;
	struct rte_ring *lan, *wan;
	unsigned int next; /* frame */
};

static void settle(void *ctx)
{
	struct wire *w = ctx;

	site_settle(w->b);
	site_turn(w->a);
}

static int seal_burst(struct wire *w, struct err *err)
{
	struct rte_mbuf *pkts[MEASURE_BURST];

	if (rte_pktmbuf_alloc_bulk(w->pool, pkts, MEASURE_BURST) != 0)
		return err_set(err, ENOMEM, "no buffers for fresh packets");
	for (unsigned int i = 0; i < MEASURE_BURST; i++, w->next++) {
		struct frame_flow where = {.flow = w->next % FRAMES_FLOWS};
		unsigned int n = frames_bytes(w->options->size, w->next);

		frames_write((uint8_t *)rte_pktmbuf_append(pkts[i], (uint16_t)n), n,
		             &w->a->port[PORT_LAN].mac, where);
	}
	if (rte_ring_enqueue_bulk(w->lan, (void **)pkts, MEASURE_BURST, NULL) == 0)
		return err_set(err, EIO, "the LAN ring is full");
	site_turn(w->a);
	return 0;
}

/* FRESH packets under new sequence numbers into the WAN ring. */
static int prepare(void *ctx, struct err *err)
{
	struct wire *w = ctx;
	const char *why = "?";

	for (unsigned int i = 0; i < FRESH / MEASURE_BURST; i++)
		if (seal_burst(w, err) < 0)
			return -1;
	if (rte_ring_count(w->wan) < FRESH) {
		site_drops(w->a, &why);
		return err_set(err, EIO, "%u of %u packets were sealed: %s", rte_ring_count(w->wan),
		               FRESH, why);
	}
	return 0;
}

static struct site *make_site(const struct wire *w, enum site_side side, struct err *err)
{
	struct site_config sc = {.side = side,
	                         .worker = side == SITE_B ? 0 : 1,
	                         .mtu = row_mtu(w->options->size),
	                         .pool = w->pool,
	                         .tunnels = 1,
	                         .networks = 1,
	                         .routes = ROW_ROUTES,
	                         .rules = ROW_RULES,
	                         .window = w->options->window};

	sc.device[PORT_LAN] = side == SITE_A ? "net_ring_lan_a" : "net_null_lan_b";
	sc.device[PORT_WAN] = side == SITE_A ? "net_ring_wan_a" : "net_ring_wan_b";
	return site_create(&sc, err);
}

static int connect_sites(struct wire *w, struct err *err)
{
	struct rte_ring *nowhere = row_ring("lan_a_out", 1024, err);
	struct rte_ring *back = row_ring("wan_back", 1024, err);

	w->lan = row_ring("lan_a_in", 1024, err);
	w->wan = row_ring("wan", 4 * FRESH, err);
	w->pool = row_pool(w->options->size, POOL, err);
	if (nowhere == NULL || back == NULL || w->lan == NULL || w->wan == NULL ||
	    w->pool == NULL || row_device_ring("lan_a", w->lan, nowhere, err) < 0 ||
	    row_device_ring("wan_a", back, w->wan, err) < 0 ||
	    row_device_ring("wan_b", w->wan, back, err) < 0 ||
	    row_device_null("net_null_lan_b", err) < 0)
		return -1;
	w->a = make_site(w, SITE_A, err);
	w->b = w->a == NULL ? NULL : make_site(w, SITE_B, err);
	return w->b == NULL ? -1 : site_key(w->a, w->b, 0, 1, err);
}

static int run(const struct row_options *o, struct err *err)
{
	struct wire w = {.options = o};
	struct measure m = {.bursts = BURSTS,
	                    .batch = FRESH / MEASURE_BURST / BURSTS,
	                    .prepare = prepare,
	                    .settle = settle,
	                    .ctx = &w};
	struct row_bodies bodies;
	struct measured result;
	const char *why;
	uint64_t before;

	if (connect_sites(&w, err) < 0 || row_bodies_init(&bodies, w.b, PLAIN_OPEN, err) < 0)
		return -1;
	/* The gateways find each other, and B its router, before anything is timed. */
	for (unsigned int i = 0; i < TURNS; i++) {
		if (i % 16 == 0 && seal_burst(&w, err) < 0)
			return -1;
		settle(&w);
	}
	before = site_drops(w.b, &why);
	row_bodies_measure(&bodies, &m);
	if (measure_run(&m, o->seconds, &result, err) < 0 || row_check_drops(w.b, before, err) < 0)
		return -1;
	row_print(o, &result);
	return 0;
}

const struct row row_open = {"open", run};
