/* SPDX-License-Identifier: BSD-3-Clause */

/* Probes of tunnels: sent by the first core when the control thread asks, answered by each. */

#include "dataplane/forward_core.h"

#include "dataplane/forward_out.h"
#include "dataplane/forward_own.h"
#include "dataplane/probe.h"

COUNTER_DEFINE(probe_sent, "probe.sent", "probes of tunnels sent")
COUNTER_DEFINE(probe_answers, "probe.answers", "answers to probes received")
COUNTER_DEFINE(probe_answered, "probe.answered", "probes of the peer answered")

#define WORDS (SAD_TUNNELS_MAX / 64)

void forward_probe(struct forward *f, unsigned int tunnel)
{
	__atomic_fetch_or(&f->probe[tunnel / 64], 1ULL << (tunnel % 64), __ATOMIC_RELAXED);
	__atomic_store_n(&f->probe_any, true, __ATOMIC_RELEASE);
}

static void send_probe(struct forward_core *c, unsigned int tunnel)
{
	struct rte_mbuf *m;

	/* Keys may have gone meanwhile. */
	if (sad_transmit(c->esp.sad, tunnel, 0) == NULL)
		return;
	m = rte_pktmbuf_alloc(c->f->config.pool);
	if (m == NULL)
		return;
	probe_fill((uint8_t *)rte_pktmbuf_append(m, PROBE_BYTES), PROBE_REQUEST);
	counter_add(c->cs, &probe_sent, 1);
	forward_seal_push(c, tunnel, m);
}

void forward_probe_poll(struct forward_core *c)
{
	struct forward *f = c->f;

	if (likely(!__atomic_load_n(&f->probe_any, __ATOMIC_RELAXED)))
		return;
	__atomic_store_n(&f->probe_any, false, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (unsigned int w = 0; w < WORDS; w++) {
		uint64_t bits = __atomic_exchange_n(&f->probe[w], 0, __ATOMIC_RELAXED);

		for (; bits != 0; bits &= bits - 1)
			send_probe(c, w * 64 + (unsigned int)__builtin_ctzll(bits));
	}
}

void forward_probe_in(struct forward_core *c, unsigned int tunnel, struct rte_mbuf *m)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

	if (p[PROBE_TYPE] == PROBE_ANSWER) {
		counter_add(c->cs, &probe_answers, 1);
		rte_pktmbuf_free(m);
		return;
	}
	p[PROBE_TYPE] = PROBE_ANSWER;
	counter_add(c->cs, &probe_answered, 1);
	forward_seal_push(c, tunnel, m);
}
