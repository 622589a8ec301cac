/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/port.h"

#include <errno.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "dataplane/packet.h"
#include "tests/unit/dataplane/dpdk.h"
#include "tests/unit/unit.h"

static void test_configure_start_stop(void)
{
	struct err err = {0};
	struct port_stats stats;
	struct rte_mempool *pool;
	struct rte_mbuf *m;
	struct port port;

	pool = port_pool_create("pool", 1500, 1, 2047, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	m = rte_pktmbuf_alloc(pool);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_TRUE(m->buf_len >= RTE_PKTMBUF_HEADROOM + 1500 + 18 + 64);
	packet_meta(m)->tunnel = 7;
	CU_ASSERT_EQUAL(rte_pktmbuf_priv_size(pool), sizeof(struct packet_meta));
	rte_pktmbuf_free(m);

	CU_ASSERT_EQUAL_FATAL(
	        port_configure(&port, PORT_WAN, "net_null0,size=64", 1500, 1, NULL, pool, &err), 0);
	CU_ASSERT_EQUAL(port.rx_queues, 1);
	CU_ASSERT_EQUAL(port_rx_queue(&port, 0), 0);
	CU_ASSERT_EQUAL(port_rx_queue(&port, 1), PORT_NO_QUEUE);
	CU_ASSERT_FALSE(port.started);
	CU_ASSERT_EQUAL(port_start(&port, &err), 0);
	CU_ASSERT_TRUE(port.started);
	CU_ASSERT_EQUAL(rte_eth_rx_burst(port.id, 0, &m, 1), 1);
	rte_pktmbuf_free(m);
	port_stats_read(&port, &stats);
	CU_ASSERT_EQUAL(stats.rx_packets, 1);
	port_stop(&port);
	CU_ASSERT_FALSE(port.started);
	port_close(&port);
	rte_mempool_free(pool);
}

/* Fewer queues than cores are shared, further ones are the channel's. */
static void test_queues(void)
{
	const struct port_channel channel = {
	        .local = {192, 0, 2, 1}, .remote = {192, 0, 2, 2}, .udp_port = 4790};
	struct rte_eth_dev_info info;
	struct err err = {0};
	struct rte_mempool *pool = port_pool_create("pool4", 1500, 1, 2047, &err);
	struct port port;
	uint16_t id;

	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	CU_ASSERT_EQUAL_FATAL(rte_eth_dev_get_port_by_name("net_ring0", &id), 0);
	CU_ASSERT_EQUAL_FATAL(rte_eth_dev_info_get(id, &info), 0);
	CU_ASSERT_EQUAL_FATAL(port_configure(&port, PORT_WAN, "net_ring0", 1500,
	                                     info.max_tx_queues + 3U, &channel, pool, &err),
	                      0);
	CU_ASSERT_EQUAL(port.rx_cores, info.max_rx_queues);
	CU_ASSERT_EQUAL(port.tx_cores, info.max_tx_queues);
	CU_ASSERT_EQUAL(port_rx_queue(&port, info.max_rx_queues), PORT_NO_QUEUE);
	CU_ASSERT_EQUAL(port.channel_rx, PORT_NO_QUEUE);
	CU_ASSERT_EQUAL(port.channel_tx, PORT_NO_QUEUE);
	CU_ASSERT_STRING_EQUAL(port_channel_mode(&port), "shared");

	CU_ASSERT_EQUAL_FATAL(port_configure(&port, PORT_WAN, "net_ring0", 1500,
	                                     info.max_tx_queues - 1U, &channel, pool, &err),
	                      0);
	CU_ASSERT_EQUAL(port.tx_cores, info.max_tx_queues - 1);
	CU_ASSERT_EQUAL(port.tx_queues, info.max_tx_queues);
	CU_ASSERT_EQUAL(port.channel_tx, info.max_tx_queues - 1);
	/* Rings cannot steer. */
	CU_ASSERT_EQUAL(port.rx_queues, info.max_rx_queues - 1);
	CU_ASSERT_EQUAL(port.channel_rx, PORT_NO_QUEUE);
	CU_ASSERT_STRING_EQUAL(port_channel_mode(&port), "own-tx-queue");

	/* The channel is the WAN's. */
	CU_ASSERT_EQUAL_FATAL(
	        port_configure(&port, PORT_LAN, "net_ring0", 1500, 1, &channel, pool, &err), 0);
	CU_ASSERT_EQUAL(port.tx_queues, 1);
	CU_ASSERT_STRING_EQUAL(port_rx_mode(&port), "one-queue");
	port_close(&port);
	rte_mempool_free(pool);
}

static void test_errors_name_the_port(void)
{
	struct err err = {0};
	struct rte_mempool *pool = port_pool_create("pool2", 1500, 1, 1023, &err);
	struct port port;

	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	CU_ASSERT_EQUAL(
	        port_configure(&port, PORT_LAN, "net_tap9,iface=x", 1500, 1, NULL, pool, &err),
	        -ENODEV);
	CU_ASSERT_STRING_EQUAL(err.text, "lan port: there is no device net_tap9");
	rte_mempool_free(pool);
	CU_ASSERT_PTR_NULL(port_pool_create("pool3", 65500, 1, 1023, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "mtu"));
}

static void test_start(void)
{
	dpdk_start(1, 64, "net_null0", "net_ring0");
}

/* Buffers shorter than a frame need a device that scatters. */
static void test_chained_buffers(void)
{
	struct err err = {0};
	struct rte_mempool *pool = port_pool_create("small", 1500, 1, 1023, &err);
	struct port port;

	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	CU_ASSERT_EQUAL(rte_pktmbuf_data_room_size(pool), RTE_PKTMBUF_HEADROOM + 2048);
	CU_ASSERT_EQUAL(
	        port_configure(&port, PORT_WAN, "net_null0,size=64", 9000, 1, NULL, pool, &err),
	        -EINVAL);
	CU_ASSERT_STRING_EQUAL(err.text, "wan port: mtu 9000 needs more than the 2048 bytes of a "
	                                 "buffer, and net_null0 does not scatter");
	rte_mempool_free(pool);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_chained_buffers), UNIT(test_configure_start_stop),
          UNIT(test_errors_name_the_port), UNIT(test_queues))
