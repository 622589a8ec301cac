/* SPDX-License-Identifier: BSD-3-Clause */

/* In a network namespace of its own, where it may make interfaces. */

#include "dataplane/tap_routes.h"
#include "dataplane/tap_addresses.h"
#include "dataplane/tap_watch.h"
#include "tests/unit/command.h"
#include "tests/unit/dataplane/namespace.h"
#include "tests/unit/dataplane/packets.h"
#include "tests/unit/unit.h"

#define MOST 8

static const struct rte_ether_addr mac = {{0x02, 0, 0, 0, 0xaa, 0x01}};
static struct iface iface;
static struct tap tap;
static struct iface_routes *routes;

/* What a daemon does. */
static void ip(const char *words)
{
	char line[256];

	snprintf(line, sizeof(line), "ip %s", words);
	CU_ASSERT_EQUAL_FATAL(command(line, NULL, 0), 0);
}

static void start(void)
{
	struct config_port port = {.mtu = 1500, .address_count = 2};
	struct err err = {0};

	port.addresses[0] = test_prefix("10.1.0.1", 24);
	port.addresses[1] = test_prefix("fd00:1::1", 64);
	iface_init(&iface, 0, &port, &mac);
	CU_ASSERT_EQUAL_FATAL(tap_open(&tap, "gw-lan", &mac, 1500, &err), 0);
	for (unsigned int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL_FATAL(tap_add_address(&tap, &port.addresses[i], &err), 0);
	routes = calloc(1, sizeof(*routes) + MOST * sizeof(routes->route[0]));
	CU_ASSERT_PTR_NOT_NULL_FATAL(routes);
}

static void stop(void)
{
	free(routes);
	tap_close(&tap);
}

static void list(unsigned int max, unsigned int count, unsigned int left_out)
{
	struct err err = {0};

	CU_ASSERT_EQUAL(tap_list_routes(&tap, &iface, routes, max, &err), 0);
	CU_ASSERT_EQUAL(routes->count, count);
	CU_ASSERT_EQUAL(routes->left_out, left_out);
}

/* Is there a route to PREFIX by HOP? */
static bool has(const char *prefix, uint8_t len, const char *hop)
{
	struct config_prefix p = test_prefix(prefix, len);
	struct config_addr a = test_prefix(hop, 0).addr;

	for (unsigned int i = 0; i < routes->count; i++)
		if (routes->route[i].prefix.len == len &&
		    config_addr_equal(&routes->route[i].prefix.addr, &p.addr) &&
		    config_addr_equal(&routes->route[i].next_hop, &a))
			return true;
	return false;
}

static void test_routes_by_a_next_hop_are_listed(void)
{
	start();
	/* The kernel's own, of its addresses, are none. */
	list(MOST, 0, 0);
	ip("route add 10.77.0.0/16 via 10.1.0.2 dev gw-lan proto bgp");
	ip("route add default via 10.1.0.3 dev gw-lan proto static");
	ip("-6 route add fd00:77::/48 via fd00:1::2 dev gw-lan proto bgp");
	ip("-6 route add default via fe80::9 dev gw-lan proto ospf");
	list(MOST, 4, 0);
	CU_ASSERT_TRUE(has("10.77.0.0", 16, "10.1.0.2"));
	CU_ASSERT_TRUE(has("0.0.0.0", 0, "10.1.0.3"));
	CU_ASSERT_TRUE(has("fd00:77::", 48, "fd00:1::2"));
	CU_ASSERT_TRUE(has("::", 0, "fe80::9"));
	ip("route del 10.77.0.0/16");
	list(MOST, 3, 0);
	CU_ASSERT_FALSE(has("10.77.0.0", 16, "10.1.0.2"));
	stop();
}

static void test_lowest_metric_and_first_path(void)
{
	start();
	ip("route add 10.77.0.0/16 via 10.1.0.2 dev gw-lan metric 30");
	ip("route add 10.77.0.0/16 via 10.1.0.3 dev gw-lan metric 20");
	ip("-6 route add fd00:77::/48 via fd00:1::2 dev gw-lan metric 30");
	ip("-6 route add fd00:77::/48 via fd00:1::3 dev gw-lan metric 20");
	list(MOST, 2, 0);
	CU_ASSERT_TRUE(has("10.77.0.0", 16, "10.1.0.3"));
	CU_ASSERT_TRUE(has("fd00:77::", 48, "fd00:1::3"));
	ip("link add other type veth peer name others");
	ip("link set others up");
	ip("link set other up");
	ip("addr add 10.9.0.1/24 dev other");
	ip("route add 10.78.0.0/16 nexthop via 10.9.0.2 dev other nexthop via 10.1.0.4 dev gw-lan "
	   "nexthop via 10.1.0.5 dev gw-lan");
	ip("route add 10.79.0.0/16 via 10.9.0.2 dev other");
	list(MOST, 3, 0);
	CU_ASSERT_TRUE(has("10.78.0.0", 16, "10.1.0.4"));
	stop();
	ip("link del other");
}

static void test_what_cannot_be_used_is_left_out(void)
{
	start();
	/* No next hop; not on the link; martians; the gateway's own table of another name. */
	ip("route add 10.77.0.0/16 dev gw-lan");
	ip("route add 10.78.0.0/16 via 192.0.2.9 dev gw-lan onlink");
	ip("route add 127.9.0.0/16 via 10.1.0.2 dev gw-lan");
	ip("route add 10.80.0.0/16 via 10.1.0.2 dev gw-lan table 100");
	ip("-6 route add fe80:5::/64 via fd00:1::2 dev gw-lan");
	ip("-6 route add fec0::/16 via fd00:1::2 dev gw-lan");
	list(MOST, 1, 4);
	CU_ASSERT_TRUE(has("fec0::", 16, "fd00:1::2"));
	stop();
}

static void test_no_more_than_wanted(void)
{
	char words[96];

	start();
	for (unsigned int i = 0; i < MOST + 3; i++) {
		snprintf(words, sizeof(words), "route add 10.77.%u.0/24 via 10.1.0.2 dev gw-lan",
		         i);
		ip(words);
	}
	list(MOST, MOST, 3);
	CU_ASSERT_TRUE(has("10.77.7.0", 24, "10.1.0.2"));
	list(2, 2, MOST + 1);
	stop();
}

static void test_watch_tells_routes_from_addresses(void)
{
	struct err err = {0};
	int all, addresses;

	start();
	all = tap_watch_open(true, &err);
	addresses = tap_watch_open(false, &err);
	CU_ASSERT_TRUE_FATAL(all >= 0 && addresses >= 0);
	/* The interface comes up in its own time. */
	for (unsigned int quiet = 0, i = 0; i < 300 && quiet < 10; i++, usleep(10000))
		quiet = (tap_watch_changed(all) | tap_watch_changed(addresses)) != 0 ? 0
		                                                                     : quiet + 1;
	ip("route add 10.77.0.0/16 via 10.1.0.2 dev gw-lan");
	CU_ASSERT_EQUAL(tap_watch_changed(all), TAP_ROUTES);
	CU_ASSERT_EQUAL(tap_watch_changed(all), 0);
	CU_ASSERT_EQUAL(tap_watch_changed(addresses), 0);
	ip("addr add 10.1.0.254/32 dev gw-lan");
	CU_ASSERT_TRUE((tap_watch_changed(all) & TAP_ADDRESSES) != 0);
	CU_ASSERT_EQUAL(tap_watch_changed(addresses), TAP_ADDRESSES);
	ip("route del 10.77.0.0/16");
	CU_ASSERT_EQUAL(tap_watch_changed(all), TAP_ROUTES);
	close(all);
	close(addresses);
	stop();
}

int main(void)
{
	static const struct unit units[] = {
	        UNIT(test_routes_by_a_next_hop_are_listed), UNIT(test_lowest_metric_and_first_path),
	        UNIT(test_what_cannot_be_used_is_left_out), UNIT(test_no_more_than_wanted),
	        UNIT(test_watch_tells_routes_from_addresses)};

	namespace_enter();
	return unit_main(__FILE__, units, RTE_DIM(units));
}
