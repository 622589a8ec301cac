/* SPDX-License-Identifier: BSD-3-Clause */

/* Packets carried by hand between two ports of rings, in a time that the test knows. */

#include "dataplane/latency.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>

#include "common/clock.h"
#include "tests/unit/dataplane/dpdk.h"
#include "tests/unit/unit.h"

static struct rte_mempool *pool;
static struct port port[PORT_ROLES];
static const struct port *const ports[PORT_ROLES] = {&port[PORT_LAN], &port[PORT_WAN]};
static struct rte_rcu_qsbr *qsbr;

static struct rte_mbuf *fresh(void)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	rte_pktmbuf_append(m, 60);
	return m;
}

static void transmit(enum port_role role, struct rte_mbuf *m)
{
	CU_ASSERT_EQUAL(rte_eth_tx_burst(port[role].id, 0, &m, 1), 1);
}

static struct rte_mbuf *receive(enum port_role role)
{
	struct rte_mbuf *m = NULL;

	CU_ASSERT_EQUAL_FATAL(rte_eth_rx_burst(port[role].id, 0, &m, 1), 1);
	return m;
}

/* Rings for wires: what a port sent, it receives. */
static struct rte_mbuf *arrive(enum port_role role)
{
	transmit(role, fresh());
	return receive(role);
}

static void drain(enum port_role role)
{
	struct rte_mbuf *m[32];
	unsigned int n;

	while ((n = rte_eth_rx_burst(port[role].id, 0, m, 32)) > 0)
		rte_pktmbuf_free_bulk(m, n);
}

static uint64_t packets(enum port_role out)
{
	struct latency_summary s;

	latency_read(out, &s);
	return s.packets;
}

static void begin(void)
{
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(latency_start(ports, qsbr, &err), 0);
}

static void finish(void)
{
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(latency_stop(&err), 0);
	rte_rcu_qsbr_quiescent(qsbr, 0);
	latency_poll();
	drain(PORT_LAN);
	drain(PORT_WAN);
}

static void test_start_dpdk(void)
{
	size_t size = rte_rcu_qsbr_get_memsize(4);
	struct err err = {0};

	dpdk_start(1, 64, "net_ring0", "net_ring1");
	qsbr = aligned_alloc(64, RTE_ALIGN_CEIL(size, 64));
	CU_ASSERT_EQUAL_FATAL(rte_rcu_qsbr_init(qsbr, 4), 0);
	rte_rcu_qsbr_thread_register(qsbr, 0);
	rte_rcu_qsbr_thread_online(qsbr, 0);
	pool = port_pool_create("pool", 1500, 2, 2047, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	for (int r = 0; r < PORT_ROLES; r++) {
		CU_ASSERT_EQUAL_FATAL(port_configure(&port[r], (enum port_role)r,
		                                     r == PORT_LAN ? "net_ring0" : "net_ring1",
		                                     1500, 1, NULL, pool, &err),
		                      0);
		CU_ASSERT_EQUAL_FATAL(port_start(&port[r], &err), 0);
	}
}

static void test_both_directions_apart(void)
{
	struct latency_summary s;
	struct err err = {0};
	uint64_t start;

	CU_ASSERT_EQUAL(latency_stop(&err), -ENOENT);
	begin();
	CU_ASSERT_EQUAL(latency_start(ports, qsbr, &err), -EBUSY);
	CU_ASSERT_TRUE(latency_running());
	for (int i = 0; i < 100; i++) {
		struct rte_mbuf *m = arrive(PORT_LAN);

		rte_delay_us_block(i < 95 ? 20 : 200);
		transmit(PORT_WAN, m);
	}
	drain(PORT_WAN);
	start = clock_mono_ns();
	for (int i = 0; i < 10; i++) {
		struct rte_mbuf *m = arrive(PORT_WAN);

		rte_delay_us_block(100);
		transmit(PORT_LAN, m);
	}
	start = clock_mono_ns() - start;
	latency_read(PORT_WAN, &s);
	CU_ASSERT_EQUAL(s.packets, 100);
	CU_ASSERT_TRUE(s.p50_ns >= 20000 && s.p50_ns < 200000);
	CU_ASSERT_TRUE(s.p99_ns >= 200000);
	CU_ASSERT_TRUE(s.p50_ns <= s.p90_ns && s.p90_ns <= s.p99_ns && s.p99_ns <= s.p999_ns &&
	               s.p999_ns <= s.max_ns);
	CU_ASSERT_TRUE(s.mean_ns >= 29000);
	latency_read(PORT_LAN, &s);
	CU_ASSERT_EQUAL(s.packets, 10);
	CU_ASSERT_TRUE(s.p50_ns >= 100000);
	CU_ASSERT_TRUE(s.max_ns <= start);
	CU_ASSERT_TRUE(s.duration_ns >= start);
	finish();
	/* The figures stay, and nothing is added. */
	CU_ASSERT_FALSE(latency_running());
	transmit(PORT_WAN, arrive(PORT_LAN));
	drain(PORT_WAN);
	CU_ASSERT_EQUAL(packets(PORT_WAN), 100);
	begin();
	CU_ASSERT_EQUAL(packets(PORT_WAN), 0);
	finish();
}

static void test_only_what_crosses(void)
{
	struct rte_mbuf *m;

	begin();
	/* Made here. */
	transmit(PORT_WAN, fresh());
	drain(PORT_WAN);
	/* Sent back. */
	transmit(PORT_LAN, arrive(PORT_LAN));
	drain(PORT_LAN);
	CU_ASSERT_EQUAL(packets(PORT_LAN) + packets(PORT_WAN), 0);
	/* Dropped: the buffer comes back from the pool without its stamp. */
	for (int i = 0; i < 3000; i++) {
		rte_pktmbuf_free(arrive(PORT_LAN));
		transmit(PORT_WAN, fresh());
		drain(PORT_WAN);
	}
	CU_ASSERT_EQUAL(packets(PORT_LAN) + packets(PORT_WAN), 0);
	/* Offered twice, as the device was full at first. */
	do
		m = fresh();
	while (rte_eth_tx_burst(port[PORT_WAN].id, 0, &m, 1) == 1);
	rte_pktmbuf_free(m);
	m = arrive(PORT_LAN);
	CU_ASSERT_EQUAL(rte_eth_tx_burst(port[PORT_WAN].id, 0, &m, 1), 0);
	drain(PORT_WAN);
	transmit(PORT_WAN, m);
	CU_ASSERT_EQUAL(packets(PORT_WAN), 1);
	finish();
}

/* A packet that waited through a stop and a start was not stamped in this measurement. */
static void test_stamps_of_before_do_not_count(void)
{
	struct rte_mbuf *m;

	begin();
	m = arrive(PORT_LAN);
	finish();
	begin();
	transmit(PORT_WAN, m);
	CU_ASSERT_EQUAL(packets(PORT_WAN), 0);
	finish();
}

static void test_waits_for_the_grace_period(void)
{
	struct err err = {0};

	begin();
	CU_ASSERT_EQUAL(latency_stop(&err), 0);
	latency_poll();
	CU_ASSERT_EQUAL(latency_start(ports, qsbr, &err), -EBUSY);
	rte_rcu_qsbr_quiescent(qsbr, 0);
	latency_poll();
	begin();
	latency_shutdown();
	CU_ASSERT_FALSE(latency_running());
	for (int r = 0; r < PORT_ROLES; r++) {
		drain((enum port_role)r);
		port_close(&port[r]);
	}
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
	free(qsbr);
}

UNIT_MAIN(UNIT(test_start_dpdk), UNIT(test_both_directions_apart), UNIT(test_only_what_crosses),
          UNIT(test_stamps_of_before_do_not_count), UNIT(test_waits_for_the_grace_period))
