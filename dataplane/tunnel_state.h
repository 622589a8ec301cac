/* SPDX-License-Identifier: BSD-3-Clause */

/* What tunnel.c publishes and the burst functions read; private to these. */

#ifndef DATAPLANE_TUNNEL_STATE_H
#define DATAPLANE_TUNNEL_STATE_H

#include <stddef.h>

#include "common/gcm.h"
#include "dataplane/sa.h"
#include "dataplane/tunnel.h"

/*
 * One cache line a core. Control thread: writes with release stores; forwarding core: reads.
 * An SPI of 0 marks a free place. A place may be used again while a core reads it, so the
 * reader compares the SPI in the SA itself.
 */
struct tunnel_core {
	_Alignas(64) struct sa *tx; /* NULL: no key */
	uint32_t rx_spi[TUNNEL_RX_GENERATIONS];
	struct sa *rx[TUNNEL_RX_GENERATIONS];
};

/* The SAs of one generation and direction, by core. Control thread only. */
struct sa_set {
	bool live;
	uint64_t generation;
	struct sa *sa[TUNNEL_CORES_MAX];
};

struct tunnel {
	struct tunnel_core core[TUNNEL_CORES_MAX];
	/* Constant after tunnel_create(). */
	struct tunnel_config config;
	const struct gcm_provider *gcm;
	unsigned int outer_bytes; /* outer IP header */
	/* Control thread only. */
	struct rte_rcu_qsbr *qsbr;
	struct sa_set rx[TUNNEL_RX_GENERATIONS], tx;
	struct sa *retired;        /* newest first */
	struct tunnel_totals gone; /* of SAs that were freed */
};

static inline struct sa *tunnel_tx_sa(const struct tunnel *t, unsigned int core)
{
	return __atomic_load_n(&t->core[core].tx, __ATOMIC_ACQUIRE);
}

/* The live receive SA of SPI on CORE, or NULL. */
static inline struct sa *tunnel_rx_sa(const struct tunnel *t, unsigned int core, uint32_t spi)
{
	const struct tunnel_core *c = &t->core[core];

	for (unsigned int i = 0; i < TUNNEL_RX_GENERATIONS; i++) {
		struct sa *sa;

		if (__atomic_load_n(&c->rx_spi[i], __ATOMIC_ACQUIRE) != spi)
			continue;
		sa = __atomic_load_n(&c->rx[i], __ATOMIC_ACQUIRE);
		if (sa != NULL && sa->spi == spi)
			return sa;
	}
	return NULL;
}

#endif
