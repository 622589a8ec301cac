/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a rule lets in from the WAN in the clear, on a port with fewer queues than there are cores:
 * all cores have a share of the flows, and each flow stays in order.
 */

#include "dataplane/forward_core.h"
#include "tests/unit/dataplane/policy_rig.h"

#define CORES  4
#define FLOWS  64
#define TURNS  40
#define A_TURN 20

static uint32_t sent[FLOWS], got[FLOWS];
static uint64_t total_sent, total_got;

static void test_start(void)
{
	const struct rig_shape shape[2] = {{.cores = CORES, .wan_rx = 1}, {.cores = 1}};
	struct config_rule *answers;

	dpdk_start(1, 512, NULL, NULL);
	rig_start_shapes(shape, false, 1024);
	rig_turns(4);
	begin(0);
	to_port(rule("in", CONFIG_RULE_BYPASS), 17, 9)->from_wan = true;
	/* The answers, else the questions would have to come by the tunnel. */
	answers = rule("out", CONFIG_RULE_BYPASS);
	answers->has_protocol = answers->has_ports = true;
	answers->protocol = 17;
	answers->sport_min = answers->sport_max = 9;
	answers->dport_max = UINT16_MAX;
	wan_route("0.0.0.0", 0, "192.0.2.2");
	apply(0);
	rig_turns(2);
}

/* The next packet of FLOW. */
static void send_flow(unsigned int flow)
{
	uint8_t udp[8 + 8 + 24] = {0};
	struct rte_mbuf *m;
	char src[32];

	snprintf(src, sizeof(src), "198.51.100.%u", 1 + flow % 50);
	put_be16(udp, (uint16_t)(2000 + flow));
	put_be16(udp + 2, 9);
	put_be16(udp + 4, sizeof(udp));
	put_be32(udp + 8, flow);
	put_be32(udp + 12, sent[flow]++);
	m = test_ipv4(rig_pool, src, "10.1.0.10", 17, udp, sizeof(udp));
	test_ether(m, gw[0].iface[PORT_WAN].mac.addr_bytes, gw[1].iface[PORT_WAN].mac.addr_bytes,
	           0x0800);
	CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(gw[0].wan_in[0], m), 0);
	total_sent++;
}

static void receive(void)
{
	struct rte_mbuf *m;

	while ((m = rig_receive(0)) != NULL) {
		const uint8_t *udp = rte_pktmbuf_mtod(m, const uint8_t *) + 20;
		uint32_t flow = get_be32(udp + 8);

		CU_ASSERT_FATAL(flow < FLOWS);
		CU_ASSERT_TRUE(get_be32(udp + 12) >= got[flow]);
		got[flow] = get_be32(udp + 12) + 1;
		total_got++;
		rte_pktmbuf_free(m);
	}
}

static void run(void)
{
	for (unsigned int t = 0; t < TURNS; t++) {
		for (unsigned int i = 0; i < A_TURN; i++)
			send_flow((t * A_TURN + i) * 5 % FLOWS);
		rig_turn(0);
		receive();
	}
	for (unsigned int t = 0; t < 6; t++) {
		rig_turn(0);
		receive();
	}
}

/* Each core asks for the host's address before it forwards: those packets wait and go on. */
static void test_flows_are_spread_in_order(void)
{
	uint64_t handed, by_core[CORES], before[CORES];
	const struct counter *bypassed = counter_find("policy.bypassed");

	run();
	total_sent = total_got = 0;
	handed = rig_count(0, "hand_over.clear");
	for (unsigned int i = 0; i < CORES; i++)
		before[i] = counter_get(&worker_get(i)->counters, bypassed);
	run();
	CU_ASSERT_EQUAL(total_sent, TURNS * A_TURN);
	CU_ASSERT_EQUAL(total_got, total_sent);
	for (unsigned int f = 0; f < FLOWS; f++)
		CU_ASSERT_EQUAL(got[f], sent[f]);
	for (unsigned int i = 0; i < CORES; i++) {
		by_core[i] = counter_get(&worker_get(i)->counters, bypassed) - before[i];
		CU_ASSERT_TRUE(by_core[i] > 0);
	}
	/* What another core than the reading one did was handed over, and nothing else. */
	CU_ASSERT_EQUAL(rig_count(0, "hand_over.clear") - handed,
	                by_core[1] + by_core[2] + by_core[3]);
	CU_ASSERT_EQUAL(rig_count(0, "drop.inbox_full"), 0);
}

/* More than the others' rings hold: counted, and no buffer is lost. */
static void test_overload(void)
{
	unsigned int in_use = rte_mempool_in_use_count(rig_pool);
	uint64_t full = rig_count(0, "drop.inbox_full");

	total_sent = total_got = 0;
	for (unsigned int t = 0; t < 200; t++) {
		for (unsigned int i = 0; i < FORWARD_BURST; i++)
			send_flow(i);
		worker_turn(worker_get(0));
		receive();
	}
	CU_ASSERT_TRUE(rig_count(0, "drop.inbox_full") > full);
	for (unsigned int t = 0; t < 80; t++) {
		rig_turn(0);
		receive();
	}
	CU_ASSERT_EQUAL(total_sent, total_got + rig_count(0, "drop.inbox_full") - full);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(rig_pool), in_use);
}

static void test_stop(void)
{
	rig_stop();
}

UNIT_MAIN(UNIT(test_start), UNIT(test_flows_are_spread_in_order), UNIT(test_overload),
          UNIT(test_stop))
