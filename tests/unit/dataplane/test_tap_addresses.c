/* SPDX-License-Identifier: BSD-3-Clause */

/* In a network namespace of its own, where it may make interfaces. */

#include "dataplane/tap_addresses.h"
#include "dataplane/tap_watch.h"
#include "tests/unit/dataplane/namespace.h"
#include "tests/unit/dataplane/packets.h"
#include "tests/unit/unit.h"

static const struct rte_ether_addr mac = {{0x02, 0, 0, 0, 0xaa, 0x01}};

/* What a daemon does. */
static void daemon_address(const char *what, const char *address)
{
	char command[128];

	snprintf(command, sizeof(command), "ip addr %s %s dev gw-lan", what, address);
	CU_ASSERT_EQUAL_FATAL(system(command), 0);
}

/* The kernel makes its link-local address in its own time: wait until it has been quiet. */
static void settle(int watch)
{
	unsigned int quiet = 0;

	for (unsigned int i = 0; i < 300 && quiet < 10; i++) {
		quiet = tap_watch_changed(watch) ? 0 : quiet + 1;
		usleep(10000);
	}
	CU_ASSERT_TRUE(quiet >= 10);
}

static void test_virtual_addresses_are_seen(void)
{
	struct config_port port = {.mtu = 1500, .address_count = 2};
	struct iface_virtual v;
	struct iface iface;
	struct err err = {0};
	struct tap t;
	int watch;

	port.addresses[0] = test_prefix("10.1.0.1", 24);
	port.addresses[1] = test_prefix("fd00:1::1", 64);
	iface_init(&iface, 0, &port, &mac);
	CU_ASSERT_EQUAL_FATAL(tap_open(&t, "gw-lan", &mac, 1500, &err), 0);
	watch = tap_watch_open(false, &err);
	CU_ASSERT_TRUE_FATAL(watch >= 0);
	for (unsigned int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(tap_add_address(&t, &port.addresses[i], &err), 0);
		CU_ASSERT_EQUAL(tap_add_address(&t, &port.addresses[i], &err), 0);
	}
	settle(watch);
	/* The port's own are none of these. */
	CU_ASSERT_EQUAL(tap_list_virtual(&t, &iface, &v, &err), 0);
	CU_ASSERT_EQUAL(v.count, 0);
	CU_ASSERT_FALSE(tap_watch_changed(watch));
	daemon_address("add", "10.1.0.254/24 label gw-lan:vip");
	daemon_address("add", "fd00:1::fe/128 nodad");
	CU_ASSERT_TRUE(tap_watch_changed(watch));
	CU_ASSERT_EQUAL(tap_list_virtual(&t, &iface, &v, &err), 0);
	CU_ASSERT_EQUAL_FATAL(v.count, 2);
	CU_ASSERT_TRUE(
	        config_addr_equal(&v.addr[0], &(struct config_addr){.bytes = {10, 1, 0, 254}}));
	CU_ASSERT_TRUE(v.addr[1].ipv6);
	CU_ASSERT_EQUAL(v.addr[1].bytes[15], 0xfe);
	daemon_address("del", "10.1.0.254/24");
	CU_ASSERT_TRUE(tap_watch_changed(watch));
	CU_ASSERT_EQUAL(tap_list_virtual(&t, &iface, &v, &err), 0);
	CU_ASSERT_EQUAL(v.count, 1);
	CU_ASSERT_FALSE(tap_watch_changed(watch));
	close(watch);
	tap_close(&t);
}

static void test_error_names_the_address(void)
{
	struct config_prefix bad = test_prefix("10.1.0.1", 24);
	struct tap t = {.fd = -1, .index = 9999, .name = "nowhere"};
	struct err err = {0};

	CU_ASSERT_TRUE(tap_add_address(&t, &bad, &err) < 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "nowhere"));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "10.1.0.1/24"));
}

int main(void)
{
	static const struct unit units[] = {UNIT(test_virtual_addresses_are_seen),
	                                    UNIT(test_error_names_the_address)};

	namespace_enter();
	return unit_main(__FILE__, units, RTE_DIM(units));
}
