/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One tunnel over all cores of both gateways, whatever their numbers and their devices' queues:
 * flows with sequence numbers in both directions, rekeyed under way.
 */

#include "tests/unit/dataplane/gateway_rig.h"

#define FLOWS  320
#define TURNS  255 /* the last keys carry more than a few packets */
#define A_TURN 24

static uint32_t sent[2][FLOWS], got[2][FLOWS];
static uint64_t total_sent[2], total_got[2];
static uint64_t generation;

static void test_start(void)
{
	dpdk_start(1, 512, NULL, NULL);
}

/* By an RSS of the test's own. */
static struct rte_ring *lan_queue(unsigned int site, unsigned int flow)
{
	return gw[site].lan_rx[flow * 7 % gw[site].shape.lan_rx];
}

static void send_flow(unsigned int site, unsigned int flow)
{
	static const char *const host4[] = {"10.1.0.10", "10.2.0.10"};
	static const char *const host6[] = {"2001:db8:a::10", "2001:db8:b::10"};
	uint8_t udp[8 + 8 + 24] = {0};
	struct rte_mbuf *m;
	bool ipv6 = flow % 3 == 2;

	put_be16(udp, (uint16_t)(2000 + flow));
	put_be16(udp + 2, 9);
	put_be16(udp + 4, sizeof(udp));
	put_be32(udp + 8, flow);
	put_be32(udp + 12, sent[site][flow]++);
	m = ipv6 ? test_ipv6(rig_pool, host6[site], host6[!site], 17, udp, sizeof(udp))
	         : test_ipv4(rig_pool, host4[site], host4[!site], 17, udp, sizeof(udp));
	test_ether(m, gw[site].iface[PORT_LAN].mac.addr_bytes, rig_host_mac[site],
	           ipv6 ? 0x86dd : 0x0800);
	CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(lan_queue(site, flow), m), 0);
	total_sent[site]++;
}

/* All that the host of SITE has; each flow must go on where it was. */
static void receive(unsigned int site)
{
	struct rte_mbuf *m;

	while ((m = rig_receive(site)) != NULL) {
		const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
		const uint8_t *udp = ip + (ip[0] >> 4 == 4 ? 20 : 40);
		uint32_t flow = get_be32(udp + 8);

		CU_ASSERT_FATAL(flow < FLOWS);
		CU_ASSERT_EQUAL(get_be32(udp + 12), got[!site][flow]);
		got[!site][flow] = get_be32(udp + 12) + 1;
		total_got[!site]++;
		rte_pktmbuf_free(m);
	}
}

static void turn(void)
{
	rig_turns(1);
	receive(0);
	receive(1);
}

static void rekey(void)
{
	generation++;
	for (unsigned int from = 0; from < 2; from++) {
		rig_key(from, generation);
		if (generation > 2)
			tunnel_rx_retire(gw[!from].tunnel, generation - 2);
	}
	for (unsigned int site = 0; site < 2; site++)
		tunnel_reclaim(gw[site].tunnel);
}

/* Links and hosts known, so that nothing waits for an address. */
static void resolve(void)
{
	for (unsigned int try = 0; try < 4; try++) {
		for (unsigned int site = 0; site < 2; site++) {
			send_flow(site, 0);
			send_flow(site, 2);
		}
		for (unsigned int i = 0; i < 12; i++)
			turn();
	}
	memset(sent, 0, sizeof(sent));
	memset(got, 0, sizeof(got));
	memset(total_sent, 0, sizeof(total_sent));
	memset(total_got, 0, sizeof(total_got));
}

/* Each SA of the generation in use has worked, on the core that is to have it. */
static void check_cores(unsigned int site)
{
	struct sa_info info[64];
	unsigned int n = tunnel_sa_list(gw[site].tunnel, info, 64), tx = 0, rx = 0;

	CU_ASSERT_FATAL(n <= 64);
	for (unsigned int i = 0; i < n; i++) {
		if (info[i].generation != generation)
			continue;
		CU_ASSERT_TRUE(info[i].packets > 0);
		CU_ASSERT_EQUAL(info[i].sub, info[i].spi % 64);
		CU_ASSERT_EQUAL(info[i].core, info[i].sub % gw[site].cores);
		CU_ASSERT_EQUAL(info[i].replayed, 0);
		tx += info[i].transmit;
		rx += !info[i].transmit;
	}
	CU_ASSERT_EQUAL(tx, gw[site].cores);
	CU_ASSERT_EQUAL(rx, gw[!site].cores);
}

static void check_drops(unsigned int site)
{
	static const char *const name[] = {
	        "drop.inbox_full", "drop.lan_tx_full", "drop.wan_tx_full", "drop.wrong_core",
	        "drop.no_sa",      "drop.auth",        "drop.replay",      "drop.overload"};

	for (unsigned int i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		CU_ASSERT_EQUAL(rig_count(site, name[i]), 0);
}

/* All packets of a burst once more, by whatever queue: the window of its core knows each. */
static void check_replay(void)
{
	struct rte_mbuf *m, *copy[256];
	uint64_t expected[RIG_CORES_MAX] = {0};
	unsigned int n = 0;

	for (unsigned int flow = 0; flow < A_TURN; flow++)
		send_flow(0, flow);
	for (unsigned int i = 0; i < 4; i++)
		rig_turn(0);
	for (unsigned int q = 0; q < gw[1].shape.wan_rx; q++) {
		unsigned int waiting = rte_ring_count(gw[1].wan_in[q]);

		for (unsigned int i = 0; i < waiting; i++) {
			const uint8_t *ip;

			m = rig_pop(gw[1].wan_in[q]);
			ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, 14);
			if (get_be16(ip - 2) == 0x0800 && ip[9] == 50) {
				CU_ASSERT_FATAL(n < 256);
				expected[ip[23] % 64 % gw[1].cores]++;
				copy[n] = rte_pktmbuf_copy(m, rig_pool, 0, UINT32_MAX);
				CU_ASSERT_PTR_NOT_NULL_FATAL(copy[n++]);
			}
			rte_ring_enqueue(gw[1].wan_in[q], m);
		}
	}
	CU_ASSERT_EQUAL(n, A_TURN);
	for (unsigned int i = 0; i < 12; i++)
		turn();
	CU_ASSERT_EQUAL(total_got[0], total_sent[0]);
	for (unsigned int i = 0; i < n; i++)
		rte_ring_enqueue(gw[1].wan_in[i % gw[1].shape.wan_rx], copy[i]);
	for (unsigned int i = 0; i < 12; i++)
		turn();
	CU_ASSERT_EQUAL(total_got[0], total_sent[0]);
	for (unsigned int core = 0; core < gw[1].cores; core++)
		CU_ASSERT_EQUAL(counter_get(&worker_get(gw[1].first_worker + core)->counters,
		                            counter_find("drop.replay")),
		                expected[core]);
}

static void run(struct rig_shape a, struct rig_shape b, bool cross)
{
	const struct rig_shape shape[2] = {a, b};
	unsigned int flow = 0;

	rig_start_shapes(shape, cross, 1024);
	generation = 0;
	rekey();
	resolve();
	for (unsigned int t = 0; t < TURNS; t++) {
		if (t % 30 == 29)
			rekey();
		for (unsigned int i = 0; i < A_TURN; i++, flow++)
			for (unsigned int site = 0; site < 2; site++)
				send_flow(site, flow % FLOWS);
		turn();
	}
	for (unsigned int i = 0; i < 40; i++)
		turn();
	for (unsigned int site = 0; site < 2; site++) {
		CU_ASSERT_EQUAL(total_sent[site], TURNS * A_TURN);
		CU_ASSERT_EQUAL(total_got[site], total_sent[site]);
		CU_ASSERT_EQUAL(memcmp(sent[site], got[site], sizeof(sent[site])), 0);
		check_cores(site);
		check_drops(site);
	}
	check_replay();
	rig_stop();
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(rig_pool), 0);
}

static void test_1x1(void)
{
	run((struct rig_shape){.cores = 1}, (struct rig_shape){.cores = 1}, false);
}

static void test_1x3_one_queue(void)
{
	run((struct rig_shape){.cores = 1},
	    (struct rig_shape){.cores = 3, .lan_tx = 1, .wan_rx = 1, .wan_tx = 1}, false);
}

static void test_1x3_queues(void)
{
	run((struct rig_shape){.cores = 1}, (struct rig_shape){.cores = 3, .lan_rx = 3}, true);
}

static void test_3x2_one_queue(void)
{
	run((struct rig_shape){.cores = 3, .lan_tx = 1, .wan_rx = 1, .wan_tx = 1},
	    (struct rig_shape){.cores = 2, .lan_tx = 1, .wan_rx = 1, .wan_tx = 1}, false);
}

static void test_3x2_queues(void)
{
	run((struct rig_shape){.cores = 3, .lan_rx = 3},
	    (struct rig_shape){.cores = 2, .lan_rx = 2}, true);
}

static void test_4x4_one_queue(void)
{
	run((struct rig_shape){.cores = 4, .lan_tx = 1, .wan_rx = 1, .wan_tx = 1},
	    (struct rig_shape){.cores = 4, .lan_tx = 1, .wan_rx = 1, .wan_tx = 1}, false);
}

static void test_4x4_two_queues(void)
{
	run((struct rig_shape){.cores = 4, .lan_rx = 2, .lan_tx = 2, .wan_rx = 2, .wan_tx = 2},
	    (struct rig_shape){.cores = 4, .lan_rx = 2, .lan_tx = 3, .wan_rx = 3, .wan_tx = 2},
	    true);
}

static void test_4x4_queues(void)
{
	run((struct rig_shape){.cores = 4, .lan_rx = 4, .wan_tx = 5},
	    (struct rig_shape){.cores = 4, .lan_rx = 4, .wan_tx = 5}, true);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_1x1), UNIT(test_1x3_one_queue), UNIT(test_1x3_queues),
          UNIT(test_3x2_one_queue), UNIT(test_3x2_queues), UNIT(test_4x4_one_queue),
          UNIT(test_4x4_two_queues), UNIT(test_4x4_queues))
