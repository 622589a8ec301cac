/* SPDX-License-Identifier: BSD-3-Clause */

/* Forwarding on two cores: packets find the core that owns their SA, or their neighbour. */

#include "tests/unit/dataplane/gateway_rig.h"

static void test_start(void)
{
	rig_start(2);
	rig_key(0, 1);
	rig_turns(4);
}

/* A seals with the key of its core 0 or, here, of another core's. */
static struct rte_mbuf *sealed_for(unsigned int core)
{
	static struct tunnel *sender;
	struct tunnel_config tc = {.name = "t2", .replay_window = 1024};
	struct rte_mbuf *m = test_ipv4(rig_pool, "10.1.0.10", "10.2.0.10", 17, NULL, 64);
	struct err err = {0};

	if (sender == NULL) {
		struct sa_key keys[2];

		memcpy(tc.local, gw[0].config.tunnels[0].local.bytes, 16);
		memcpy(tc.remote, gw[0].config.tunnels[0].remote.bytes, 16);
		sender = tunnel_alone(&tc, 2, worker_qsbr(), &err);
		CU_ASSERT_PTR_NOT_NULL_FATAL(sender);
		for (unsigned int i = 0; i < 2; i++) {
			keys[i].spi = 0x7000 + i;
			memset(keys[i].key, (int)(0x70 + i), 32);
			memset(keys[i].salt, 9, 4);
		}
		CU_ASSERT_EQUAL(tunnel_rx_install(gw[1].tunnel, 2, keys, 2, &err), 0);
		CU_ASSERT_EQUAL(tunnel_tx_switch(sender, 2, keys, 2, &err), 0);
	}
	if (core == 99) {
		tunnel_alone_destroy(sender);
		rte_pktmbuf_free(m);
		return NULL;
	}
	CU_ASSERT_EQUAL_FATAL(tunnel_seal_burst(sender, core, &worker_get(0)->counters, &m, 1), 1);
	return test_ether(m, gw[1].iface[PORT_WAN].mac.addr_bytes,
	                  gw[0].iface[PORT_WAN].mac.addr_bytes, 0x0800);
}

static void test_esp_reaches_its_core(void)
{
	/* By whatever queue it comes, the packet is opened by the core that its SPI names. */
	for (unsigned int queue = 0; queue < 2; queue++) {
		for (unsigned int core = 0; core < 2; core++) {
			unsigned int got = 0;
			struct rte_mbuf *m;

			rte_ring_enqueue(gw[1].wan_in[queue], sealed_for(core));
			for (unsigned int i = 0; i < 4; i++) {
				rig_turn(1);
				while ((m = rig_receive(1)) != NULL) {
					got++;
					rte_pktmbuf_free(m);
				}
			}
			CU_ASSERT_EQUAL(got, 1);
		}
	}
	CU_ASSERT_EQUAL(rig_count(1, "drop.wrong_core"), 0);
	CU_ASSERT_EQUAL(rig_count(1, "drop.inbox_full"), 0);
}

static void test_channel_comes_by_any_queue(void)
{
	uint8_t got[64];
	struct rte_mbuf *m;

	CU_ASSERT_EQUAL(channel_mux_send(gw[0].mux, (const uint8_t *)"abc", 3, NULL), 0);
	rig_turn(0);
	m = rig_pop(gw[0].wan_out);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	rte_ring_enqueue(gw[1].wan_in[1], m);
	rig_turn(1);
	CU_ASSERT_EQUAL(channel_mux_receive(gw[1].mux, got, sizeof(got), NULL), 3);
}

/* Core 1 has no neighbour table of its own: what it hears goes to the owner. */
static void test_arp_by_the_other_core(void)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig_pool);
	const uint8_t *p;

	CU_ASSERT_EQUAL(arp_make_request(m, &gw[0].iface[PORT_WAN],
	                                 gw[1].config.wan.addresses[0].addr.bytes, NULL),
	                0);
	rte_ring_enqueue(gw[1].wan_in[1], m);
	rig_turn(1);
	rig_turn(1);
	m = rig_pop(gw[1].wan_out);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	p = rte_pktmbuf_mtod(m, const uint8_t *);
	CU_ASSERT_EQUAL(get_be16(p + 12), 0x0806);
	CU_ASSERT_EQUAL(get_be16(p + 20), 2);
	CU_ASSERT_EQUAL(memcmp(p + 22, gw[1].iface[PORT_WAN].mac.addr_bytes, 6), 0);
	CU_ASSERT_EQUAL(memcmp(p, gw[0].iface[PORT_WAN].mac.addr_bytes, 6), 0);
	rte_pktmbuf_free(m);
}

static void test_full_inbox_counts(void)
{
	struct rte_mbuf *m;

	/* Only core 1 runs: the owner's inbox takes 512. */
	for (unsigned int i = 0; i < 520; i++) {
		m = rte_pktmbuf_alloc(rig_pool);
		arp_make_request(m, &gw[0].iface[PORT_WAN],
		                 gw[1].config.wan.addresses[0].addr.bytes, NULL);
		rte_ring_enqueue(gw[1].wan_in[1], m);
		worker_turn(worker_get(gw[1].first_worker + 1));
	}
	CU_ASSERT_EQUAL(rig_count(1, "drop.inbox_full"), 8);
	for (unsigned int i = 0; i < 20; i++)
		rig_turn(1);
	while ((m = rig_pop(gw[1].wan_out)) != NULL)
		rte_pktmbuf_free(m);
}

static void test_stop(void)
{
	sealed_for(99);
	rig_stop();
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(rig_pool), 0);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_esp_reaches_its_core), UNIT(test_channel_comes_by_any_queue),
          UNIT(test_arp_by_the_other_core), UNIT(test_full_inbox_counts), UNIT(test_stop))
