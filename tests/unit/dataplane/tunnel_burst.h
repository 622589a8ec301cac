/* SPDX-License-Identifier: BSD-3-Clause */

/* Tunnels with a SAD of their own, and bursts of one tunnel through the ESP path. */

#ifndef TESTS_TUNNEL_BURST_H
#define TESTS_TUNNEL_BURST_H

#include "common/gcm.h"
#include "dataplane/esp.h"
#include "dataplane/sad.h"
#include "dataplane/tunnel.h"

#define TUNNEL_BURST_MAX 512

static inline struct tunnel *tunnel_alone(const struct tunnel_config *config, unsigned int cores,
                                          struct rte_rcu_qsbr *qsbr, struct err *err)
{
	struct sad *sad = sad_create(cores, config->index + 1, qsbr, err);
	struct tunnel *t = sad == NULL ? NULL : tunnel_create(config, sad, err);

	if (t == NULL)
		sad_destroy(sad);
	return t;
}

static inline void tunnel_alone_destroy(struct tunnel *t)
{
	struct sad *sad = t == NULL ? NULL : tunnel_sad(t);

	tunnel_destroy(t);
	sad_destroy(sad);
}

static inline struct esp_core tunnel_esp_core(const struct tunnel *t, unsigned int core,
                                              struct counter_set *cs)
{
	struct sad *sad = tunnel_sad(t);

	return (struct esp_core){.gcm = gcm_provider(),
	                         .cipher = sad->cipher,
	                         .sad = &sad->core[core],
	                         .cs = cs,
	                         .index = core,
	                         .cores = sad->cores};
}

/* The SAs that core 0 seals with, and opens those of SPI with. */
static inline struct sa *tunnel_tx_sa(const struct tunnel *t)
{
	return sad_transmit(&tunnel_sad(t)->core[0], tunnel_config(t)->index, 0);
}

static inline struct sa *tunnel_rx_sa(const struct tunnel *t, uint32_t spi)
{
	return sad_receive(&tunnel_sad(t)->core[0], spi);
}

static inline unsigned int tunnel_seal_burst(struct tunnel *t, unsigned int core,
                                             struct counter_set *cs, struct rte_mbuf **pkts,
                                             unsigned int n)
{
	struct esp_core e = tunnel_esp_core(t, core, cs);
	struct sa *sas[TUNNEL_BURST_MAX];

	for (unsigned int i = 0; i < n; i++)
		sas[i] = sad_transmit(e.sad, tunnel_config(t)->index, 0);
	return esp_seal_burst(&e, pkts, sas, n);
}

static inline unsigned int tunnel_open_burst(struct tunnel *t, unsigned int core,
                                             struct counter_set *cs, struct rte_mbuf **pkts,
                                             unsigned int n)
{
	struct esp_core e = tunnel_esp_core(t, core, cs);
	struct sa *sas[TUNNEL_BURST_MAX];

	return esp_open_burst(&e, pkts, sas, n);
}

#endif
