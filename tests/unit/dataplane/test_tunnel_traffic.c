/* SPDX-License-Identifier: BSD-3-Clause */

/* tunnel.c with a forwarding core in a thread of its own. */

#include "dataplane/tunnel.h"
#include "tests/unit/dataplane/esp_fixture.h"

#include <pthread.h>
#include <sched.h>

/* A forwarding core: seals a packet, opens it, reports quiescence. */
struct core {
	struct tunnel *t;
	pthread_t thread;
	bool stop;
	uint64_t loops, lost;
};

static void *core_run(void *arg)
{
	struct core *core = arg;
	uint8_t inner[64];

	inner_packet(inner, sizeof(inner), false, 0);
	rte_rcu_qsbr_thread_register(qsbr, 0);
	rte_rcu_qsbr_thread_online(qsbr, 0);
	while (!__atomic_load_n(&core->stop, __ATOMIC_ACQUIRE)) {
		struct rte_mbuf *m = packet(inner, sizeof(inner));

		if (tunnel_seal_burst(core->t, 0, &counters, &m, 1) != 1 ||
		    tunnel_open_burst(core->t, 0, &counters, &m, 1) != 1)
			core->lost++;
		else
			rte_pktmbuf_free(m);
		rte_rcu_qsbr_quiescent(qsbr, 0);
		__atomic_store_n(&core->loops, core->loops + 1, __ATOMIC_RELEASE);
	}
	rte_rcu_qsbr_thread_offline(qsbr, 0);
	rte_rcu_qsbr_thread_unregister(qsbr, 0);
	return NULL;
}

/* A turn of the core that began after this call has ended: nothing of before is in flight. */
static void core_wait(const struct core *core)
{
	uint64_t from = __atomic_load_n(&core->loops, __ATOMIC_ACQUIRE);

	while (__atomic_load_n(&core->loops, __ATOMIC_ACQUIRE) < from + 2)
		sched_yield();
}

/*
 * The tunnel refuses one key in both directions, so its own packets come back to it under SAs
 * whose schedules the test sets equal: a wiped or half-made one would fail authentication.
 */
static void same_key(struct tunnel *t, struct sa_key *rx, const struct sa_key *tx,
                     uint64_t generation)
{
	struct sa *sa;

	rx->spi = tx->spi;
	CU_ASSERT_EQUAL(tunnel_rx_install(t, generation, rx, 1, NULL), 0);
	sa = tunnel_rx_sa(t, rx->spi);
	CU_ASSERT_PTR_NOT_NULL_FATAL(sa);
	gcm_provider()->key_expand(tx->key, (struct gcm_key *)(uintptr_t)sa->schedule);
	memcpy(sa->salt, tx->salt, sizeof(tx->salt));
}

static void test_rekeying_under_traffic_loses_nothing(void)
{
	struct tunnel_config config = fixture_config(false);
	struct core core = {0};
	struct sa_key rx, tx;
	size_t empty;

	fixture_start();
	empty = secret_used();
	core.t = tunnel_alone(&config, 1, qsbr, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(core.t);
	for (uint32_t g = 1; g <= 200; g++) {
		fixture_keys(&tx, 1, g);
		fixture_keys(&rx, 1, g);
		/* fixture_keys() repeats after 256 seeds; these do not. */
		put_be32(tx.key, g);
		put_be32(rx.key, g | 1U << 31);
		same_key(core.t, &rx, &tx, g);
		CU_ASSERT_EQUAL(tunnel_tx_switch(core.t, g, &tx, 1, NULL), 0);
		if (g == 1) {
			CU_ASSERT_EQUAL_FATAL(pthread_create(&core.thread, NULL, core_run, &core),
			                      0);
			continue;
		}
		core_wait(&core);
		tunnel_rx_retire(core.t, g - 1);
		tunnel_reclaim(core.t);
	}
	__atomic_store_n(&core.stop, true, __ATOMIC_RELEASE);
	pthread_join(core.thread, NULL);
	CU_ASSERT_EQUAL(core.lost, 0);
	CU_ASSERT_TRUE(core.loops >= 2 * 199);
	tunnel_reclaim(core.t);
	CU_ASSERT_EQUAL(tunnel_sa_list(core.t, NULL, 0), 2);
	tunnel_alone_destroy(core.t);
	CU_ASSERT_EQUAL(secret_used(), empty);
	all_buffers_back();
}

UNIT_MAIN(UNIT(test_rekeying_under_traffic_loses_nothing))
