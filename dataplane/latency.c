/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/latency.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_rcu_qsbr.h>

#include "common/clock.h"
#include "dataplane/histogram.h"

#define HOOKS_MAX 128 /* queues of both directions of all ports */
/* The low bits of a stamp are the port that the packet came in by. */
#define ROLE_MASK UINT64_C(3)

_Static_assert(PORT_ROLES <= ROLE_MASK + 1, "a stamp has too few bits for the port");

/* One queue's callback; the histogram is of tx queues. */
struct hook {
	/* core: ro */
	enum port_role role;
	bool transmit;
	uint64_t since_tsc;
	/* control */
	uint16_t port_id, queue;
	const struct rte_eth_rxtx_callback *callback;
	/* core: wo, control: ro */
	_Alignas(64) struct histogram histogram;
};

static struct {
	enum { OFF, ON, STOPPING } state;
	struct hook *hook[HOOKS_MAX];
	unsigned int hooks;
	struct rte_rcu_qsbr *qsbr;
	uint64_t token, started_ns, stopped_ns;
	struct histogram result[PORT_ROLES]; /* once it is off */
} latency;

static int stamp_offset = -1;
static uint64_t stamp_flag;

static inline uint64_t *stamp(struct rte_mbuf *m)
{
	return RTE_MBUF_DYNFIELD(m, stamp_offset, uint64_t *);
}

static uint16_t on_rx(uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
                      uint16_t max, void *arg)
{
	const struct hook *h = arg;
	uint64_t now = (rte_rdtsc() & ~ROLE_MASK) | h->role;

	for (uint16_t i = 0; i < n; i++) {
		*stamp(pkts[i]) = now;
		pkts[i]->ol_flags |= stamp_flag;
	}
	return n;
}

/*
 * The flag goes with the first look, so that a frame that a full device is offered again counts
 * once, and whatever becomes of the mbuf has no stamp. An mbuf that was dropped loses it as it
 * is taken from the pool again (rte_pktmbuf_reset()).
 */
static uint16_t on_tx(uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n, void *arg)
{
	struct hook *h = arg;
	uint64_t now = rte_rdtsc();

	for (uint16_t i = 0; i < n; i++) {
		uint64_t then;

		if ((pkts[i]->ol_flags & stamp_flag) == 0)
			continue;
		pkts[i]->ol_flags &= ~stamp_flag;
		then = *stamp(pkts[i]);
		/* Sent back, or stamped before this measurement began. */
		if ((then & ROLE_MASK) == h->role || then < h->since_tsc)
			continue;
		then &= ~ROLE_MASK;
		histogram_add(&h->histogram, now > then ? now - then : 0);
	}
	return n;
}

static int prepare(struct err *err)
{
	static const struct rte_mbuf_dynfield field = {.name = "lumengate_dynfield_latency",
	                                               .size = sizeof(uint64_t),
	                                               .align = _Alignof(uint64_t)};
	static const struct rte_mbuf_dynflag flag = {.name = "lumengate_dynflag_latency"};
	int bit;

	if (stamp_offset >= 0)
		return 0;
	bit = rte_mbuf_dynflag_register(&flag);
	if (bit < 0)
		return err_set(err, rte_errno, "latency: no flag left in the packet buffers");
	stamp_flag = RTE_BIT64(bit);
	stamp_offset = rte_mbuf_dynfield_register(&field);
	if (stamp_offset < 0)
		return err_set(err, rte_errno, "latency: no room left in the packet buffers");
	return 0;
}

static int add_hook(const struct port *port, bool transmit, uint16_t queue, struct err *err)
{
	struct hook *h = NULL;

	if (latency.hooks < HOOKS_MAX)
		h = aligned_alloc(_Alignof(struct hook), sizeof(*h));
	if (h == NULL)
		return err_set(err, ENOMEM, "latency: no memory for its histograms");
	memset(h, 0, sizeof(*h));
	h->role = port->role;
	h->transmit = transmit;
	h->port_id = port->id;
	h->queue = queue;
	h->since_tsc = rte_rdtsc() & ~ROLE_MASK;
	h->callback = transmit ? rte_eth_add_tx_callback(port->id, queue, on_tx, h)
	                       : rte_eth_add_rx_callback(port->id, queue, on_rx, h);
	if (h->callback == NULL) {
		free(h);
		return err_set(err, rte_errno > 0 ? rte_errno : ENOMEM,
		               "latency: no callback on queue %u of port %s", queue,
		               port_role_name(port->role));
	}
	latency.hook[latency.hooks++] = h;
	return 0;
}

static void remove_hooks(void)
{
	for (unsigned int i = 0; i < latency.hooks; i++) {
		struct hook *h = latency.hook[i];

		if (h->transmit)
			rte_eth_remove_tx_callback(h->port_id, h->queue, h->callback);
		else
			rte_eth_remove_rx_callback(h->port_id, h->queue, h->callback);
	}
	latency.token = rte_rcu_qsbr_start(latency.qsbr);
	latency.stopped_ns = clock_mono_ns();
	latency.state = STOPPING;
}

static void merge(struct histogram into[PORT_ROLES])
{
	for (unsigned int i = 0; i < latency.hooks; i++)
		if (latency.hook[i]->transmit)
			histogram_merge(&into[latency.hook[i]->role], &latency.hook[i]->histogram);
}

static void release(void)
{
	merge(latency.result);
	for (unsigned int i = 0; i < latency.hooks; i++) {
		/* libethdev leaves this to the application (rte_eth_remove_rx_callback()). */
		rte_free((void *)(uintptr_t)latency.hook[i]->callback);
		free(latency.hook[i]);
	}
	latency.hooks = 0;
	latency.state = OFF;
}

int latency_start(const struct port *const port[PORT_ROLES], struct rte_rcu_qsbr *qsbr,
                  struct err *err)
{
	int rc;

	if (latency.state != OFF)
		return err_set(err, EBUSY, "latency is being measured already");
	rc = prepare(err);
	if (rc < 0)
		return rc;
	latency.qsbr = qsbr;
	memset(latency.result, 0, sizeof(latency.result));
	latency.started_ns = clock_mono_ns();
	/* Who takes stamps comes before who makes them. */
	for (int transmit = 1; transmit >= 0; transmit--)
		for (unsigned int r = 0; r < PORT_ROLES && rc == 0; r++) {
			unsigned int n = transmit ? port[r]->tx_queues : port[r]->rx_queues;

			for (unsigned int q = 0; q < n && rc == 0; q++)
				rc = add_hook(port[r], transmit, (uint16_t)q, err);
		}
	if (rc < 0)
		remove_hooks();
	else
		latency.state = ON;
	return rc;
}

int latency_stop(struct err *err)
{
	if (latency.state != ON)
		return err_set(err, ENOENT, "latency is not being measured");
	remove_hooks();
	latency_poll();
	return 0;
}

void latency_poll(void)
{
	if (latency.state == STOPPING &&
	    rte_rcu_qsbr_check(latency.qsbr, latency.token, false) == 1)
		release();
}

void latency_shutdown(void)
{
	if (latency.state == ON)
		remove_hooks();
	if (latency.state == STOPPING)
		release();
}

bool latency_running(void)
{
	return latency.state == ON;
}

static uint64_t to_ns(uint64_t cycles)
{
	return (uint64_t)((double)cycles * 1e9 / (double)rte_get_tsc_hz() + 0.5);
}

void latency_read(enum port_role out, struct latency_summary *summary)
{
	static struct histogram all[PORT_ROLES];
	const struct histogram *h = &all[out];

	memcpy(all, latency.result, sizeof(all));
	merge(all);
	*summary = (struct latency_summary){
	        .packets = h->count,
	        .mean_ns = h->count > 0 ? to_ns(h->sum / h->count) : 0,
	        .p50_ns = to_ns(histogram_percentile(h, 0.5)),
	        .p90_ns = to_ns(histogram_percentile(h, 0.9)),
	        .p99_ns = to_ns(histogram_percentile(h, 0.99)),
	        .p999_ns = to_ns(histogram_percentile(h, 0.999)),
	        .max_ns = to_ns(h->max),
	        .duration_ns = (latency.state == ON ? clock_mono_ns() : latency.stopped_ns) -
	                       latency.started_ns,
	};
}
