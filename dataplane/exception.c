/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/exception.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/packet.h"

COUNTER_DEFINE(exception_frames, "exception.frames", "frames passed to routing daemons")
COUNTER_DEFINE(drop_exception_limit, "drop.exception_limit",
               "frames for routing daemons beyond their rate")
COUNTER_DEFINE(drop_exception_full, "drop.exception_full",
               "frames for routing daemons that the control thread was too slow to take")

struct exception *exception_create(unsigned int cores, struct err *err)
{
	struct exception *e = aligned_alloc(_Alignof(struct exception), sizeof(*e));
	int rc;

	if (e == NULL) {
		err_set(err, ENOMEM, "exception path: no memory");
		return NULL;
	}
	memset(e, 0, sizeof(*e));
	e->cores = cores;
	e->interval_ns[EXCEPTION_LINK] = NS_PER_S * cores / EXCEPTION_LINK_RATE;
	e->interval_ns[EXCEPTION_HOST] = NS_PER_S * cores / EXCEPTION_HOST_RATE;
	rc = spsc_init(&e->down, EXCEPTION_RING);
	for (unsigned int i = 0; i < cores; i++) {
		rc |= spsc_init(&e->core[i].up, EXCEPTION_RING);
		rc |= spsc_init(&e->core[i].back, EXCEPTION_RING);
	}
	if (rc == 0)
		return e;
	exception_destroy(e);
	err_set(err, ENOMEM, "exception path: no memory");
	return NULL;
}

void exception_destroy(struct exception *e)
{
	if (e == NULL)
		return;
	packet_ring_fini(&e->down);
	for (unsigned int i = 0; i < e->cores; i++) {
		packet_ring_fini(&e->core[i].up);
		packet_ring_fini(&e->core[i].back);
	}
	free(e);
}

static bool admit(struct exception_bucket *b, uint64_t interval_ns, uint64_t now_ns)
{
	uint64_t most = interval_ns * EXCEPTION_BURST;

	b->credit_ns += now_ns - b->filled_ns;
	b->filled_ns = now_ns;
	if (b->credit_ns > most)
		b->credit_ns = most;
	if (b->credit_ns < interval_ns)
		return false;
	b->credit_ns -= interval_ns;
	return true;
}

void exception_up(struct exception *e, unsigned int core, struct counter_set *cs,
                  enum exception_class class, struct rte_mbuf *m, uint64_t now_ns)
{
	struct exception_core *c = &e->core[core];

	if (!admit(&c->bucket[class], e->interval_ns[class], now_ns)) {
		counter_add(cs, &drop_exception_limit, 1);
		rte_pktmbuf_free(m);
	} else if (!spsc_push(&c->up, m)) {
		counter_add(cs, &drop_exception_full, 1);
		rte_pktmbuf_free(m);
	} else {
		counter_add(cs, &exception_frames, 1);
	}
}

void exception_reap(struct exception *e, unsigned int core)
{
	struct rte_mbuf *m[32];
	size_t n = spsc_pop_bulk(&e->core[core].back, (void **)m, 32);

	if (n > 0)
		rte_pktmbuf_free_bulk(m, (unsigned int)n);
}

struct rte_mbuf *exception_take(struct exception *e, unsigned int core)
{
	/* A place to give it back to comes first. */
	if (spsc_room(&e->core[core].back) == 0)
		return NULL;
	return spsc_pop(&e->core[core].up);
}

void exception_give_back(struct exception *e, unsigned int core, struct rte_mbuf *m)
{
	spsc_push(&e->core[core].back, m);
}

bool exception_room(struct exception *e)
{
	return spsc_room(&e->down) > 0;
}

void exception_down(struct exception *e, struct rte_mbuf *m)
{
	spsc_push(&e->down, m);
}
