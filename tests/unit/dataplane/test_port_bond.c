/* SPDX-License-Identifier: BSD-3-Clause */

/* A port that is a bonded device of DPDK's, with net_null for members. */

#include "dataplane/port.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_ethdev.h>

#include "dataplane/port_link.h"
#include "tests/unit/dataplane/dpdk.h"
#include "tests/unit/unit.h"

/* net_null takes everything, and without link when it is stopped. */
#define DEVICE "net_bonding0,mode=1,member=net_null0,member=net_null1"

static struct rte_mempool *pool;
static struct port port;

static void test_configures_and_starts(void)
{
	const struct port_channel channel = {
	        .local = {192, 0, 2, 1}, .remote = {192, 0, 2, 2}, .udp_port = 4790};
	struct err err = {0};

	pool = port_pool_create("bond", 1500, 2, 4095, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	CU_ASSERT_EQUAL_FATAL(
	        port_configure(&port, PORT_WAN, DEVICE, 1500, 1, &channel, pool, &err), 0);
	CU_ASSERT_EQUAL_FATAL(port_start(&port, &err), 0);
	/* The driver looks at its members' links in its own time. */
	for (unsigned int i = 0; i < 200 && !port_link_read(&port); i++)
		usleep(10000);
	CU_ASSERT_TRUE(port_link_read(&port));
}

static uint64_t sent_by(const char *member)
{
	struct rte_eth_stats stats;
	uint16_t id;

	CU_ASSERT_EQUAL_FATAL(rte_eth_dev_get_port_by_name(member, &id), 0);
	CU_ASSERT_EQUAL(rte_eth_stats_get(id, &stats), 0);
	return stats.opackets;
}

static bool send_frame(void)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, 64);

	if (p == NULL)
		return false;
	memset(p, 0xff, 6);
	memset(p + 6, 0, 58);
	p[6] = 2;
	if (rte_eth_tx_burst(port.id, 0, &m, 1) == 1)
		return true;
	rte_pktmbuf_free(m);
	return false;
}

static void test_one_member_after_the_other_carries(void)
{
	uint16_t id;

	CU_ASSERT_TRUE(send_frame());
	CU_ASSERT_EQUAL(sent_by("net_null0") + sent_by("net_null1"), 1);
	/* The active member loses its link: the other one carries on. */
	CU_ASSERT_EQUAL_FATAL(rte_eth_dev_get_port_by_name(
	                              sent_by("net_null0") == 1 ? "net_null0" : "net_null1", &id),
	                      0);
	CU_ASSERT_EQUAL(rte_eth_dev_stop(id), 0);
	usleep(300000);
	CU_ASSERT_TRUE(send_frame());
	CU_ASSERT_EQUAL(sent_by("net_null0"), 1);
	CU_ASSERT_EQUAL(sent_by("net_null1"), 1);
	CU_ASSERT_TRUE(port_link_read(&port));
	port_close(&port);
}

int main(void)
{
	static const struct unit units[] = {UNIT(test_configures_and_starts),
	                                    UNIT(test_one_member_after_the_other_carries)};

	dpdk_start(1, 128, DEVICE, NULL);
	return unit_main(__FILE__, units, sizeof(units) / sizeof(units[0]));
}
