/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/port_link.h"

#include <errno.h>
#include <stdio.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ring.h>

#include "dataplane/port.h"
#include "tests/unit/dataplane/dpdk.h"
#include "tests/unit/unit.h"

static void test_changes(void)
{
	struct port_link l = {0};

	CU_ASSERT_EQUAL(port_link_update(&l, true, 10), PORT_LINK_SAME);
	CU_ASSERT_EQUAL(port_link_update(&l, true, 20), PORT_LINK_SAME);
	CU_ASSERT_EQUAL(port_link_update(&l, false, 30), PORT_LINK_WENT_DOWN);
	CU_ASSERT_EQUAL(port_link_update(&l, false, 40), PORT_LINK_SAME);
	CU_ASSERT_EQUAL(l.flaps, 1);
	CU_ASSERT_EQUAL(l.changed_ns, 30);
	CU_ASSERT_EQUAL(port_link_update(&l, true, 50), PORT_LINK_CAME_UP);
	CU_ASSERT_EQUAL(l.flaps, 1);
	CU_ASSERT_TRUE(l.up);
	/* Down from the start is news. */
	l = (struct port_link){0};
	CU_ASSERT_EQUAL(port_link_update(&l, false, 10), PORT_LINK_WENT_DOWN);
	CU_ASSERT_EQUAL(l.flaps, 1);
}

static void test_a_device_is_taken_down(void)
{
	struct rte_ring *ring = rte_ring_create("wire", 64, SOCKET_ID_ANY, 0);
	struct rte_mempool *pool = port_pool_create("pool", 1500, 1, 2047, NULL);
	struct port_link l = {0};
	struct port port;
	struct err err = {0};

	CU_ASSERT_TRUE_FATAL(rte_eth_from_rings("flap", &ring, 1, &ring, 1, 0) >= 0);
	CU_ASSERT_EQUAL_FATAL(
	        port_configure(&port, PORT_LAN, "net_ring_flap", 1500, 1, NULL, pool, &err), 0);
	CU_ASSERT_EQUAL_FATAL(port_start(&port, &err), 0);
	CU_ASSERT_TRUE(port_link_read(&port));
	CU_ASSERT_EQUAL(port_link_set(&port, &l, false), 0);
	CU_ASSERT_TRUE(l.held);
	CU_ASSERT_FALSE(port_link_read(&port));
	CU_ASSERT_EQUAL(port_link_set(&port, &l, true), 0);
	CU_ASSERT_FALSE(l.held);
	CU_ASSERT_TRUE(port_link_read(&port));
	port_close(&port);
}

static void test_a_device_that_cannot(void)
{
	struct rte_mempool *pool = rte_mempool_lookup("pool");
	struct port_link l = {0};
	struct port port;
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(
	        port_configure(&port, PORT_LAN, "net_null0", 1500, 1, NULL, pool, &err), 0);
	CU_ASSERT_EQUAL_FATAL(port_start(&port, &err), 0);
	CU_ASSERT_TRUE(port_link_read(&port));
	CU_ASSERT_EQUAL(port_link_set(&port, &l, false), -ENOTSUP);
	CU_ASSERT_FALSE(l.held);
	CU_ASSERT_TRUE(port_link_read(&port));
	port_close(&port);
}

int main(void)
{
	static const struct unit units[] = {UNIT(test_changes), UNIT(test_a_device_is_taken_down),
	                                    UNIT(test_a_device_that_cannot)};

	dpdk_start(1, 128, "net_null0", NULL);
	return unit_main(__FILE__, units, sizeof(units) / sizeof(units[0]));
}
