/* SPDX-License-Identifier: BSD-3-Clause */

/* In a network namespace of its own, where it may make interfaces. */

#include "dataplane/tap_addresses.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "dataplane/tap_watch.h"
#include "tests/unit/command.h"
#include "tests/unit/dataplane/namespace.h"
#include "tests/unit/dataplane/packets.h"
#include "tests/unit/unit.h"

static const struct rte_ether_addr mac = {{0x02, 0, 0, 0, 0xaa, 0x01}};

/* What a daemon does. */
static void daemon_address(const char *what, const char *address)
{
	char words[128];

	snprintf(words, sizeof(words), "ip addr %s %s dev gw-lan", what, address);
	CU_ASSERT_EQUAL_FATAL(command(words, NULL, 0), 0);
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
	        config_addr_equal(&v.at[0].addr, &(struct config_addr){.bytes = {10, 1, 0, 254}}));
	CU_ASSERT_TRUE(v.at[1].addr.ipv6);
	CU_ASSERT_EQUAL(v.at[1].addr.bytes[15], 0xfe);
	daemon_address("del", "10.1.0.254/24");
	CU_ASSERT_TRUE(tap_watch_changed(watch));
	CU_ASSERT_EQUAL(tap_list_virtual(&t, &iface, &v, &err), 0);
	CU_ASSERT_EQUAL(v.count, 1);
	CU_ASSERT_FALSE(tap_watch_changed(watch));
	close(watch);
	tap_close(&t);
}

static void test_addresses_outlive_a_link_that_was_down(void)
{
	struct config_prefix address[2] = {test_prefix("10.1.0.1", 24),
	                                   test_prefix("fd00:1::1", 64)};
	struct err err = {0};
	char shown[4096];
	struct tap t;

	CU_ASSERT_EQUAL_FATAL(tap_open(&t, "gw-lan", &mac, 1500, &err), 0);
	for (unsigned int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(tap_add_address(&t, &address[i], &err), 0);
	CU_ASSERT_EQUAL(command("ip link set gw-lan down", NULL, 0), 0);
	CU_ASSERT_EQUAL(command("ip link set gw-lan up", NULL, 0), 0);
	CU_ASSERT_EQUAL_FATAL(command("ip -o addr show dev gw-lan", shown, sizeof(shown)), 0);
	CU_ASSERT_EQUAL(occurrences(shown, "inet 10.1.0.1/24"), 1);
	CU_ASSERT_EQUAL(occurrences(shown, "inet6 fd00:1::1/64"), 1);
	tap_close(&t);
}

/* How many new addresses FD reports; *V6: of them IPv6. */
static unsigned int reports(int fd, unsigned int *v6)
{
	_Alignas(struct nlmsghdr) uint8_t buf[8192];
	unsigned int n = 0;
	ssize_t got;

	*v6 = 0;
	while ((got = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		size_t len = (size_t)got;

		for (const struct nlmsghdr *m = (const void *)buf; NLMSG_OK(m, len);
		     m = NLMSG_NEXT(m, len)) {
			const struct ifaddrmsg *a = NLMSG_DATA(m);

			CU_ASSERT_EQUAL(m->nlmsg_type, RTM_NEWADDR);
			n++;
			*v6 += a->ifa_family == AF_INET6;
		}
	}
	return n;
}

/* A daemon that missed an address hears of it. */
static void test_addresses_are_told_again(void)
{
	struct config_port port = {.mtu = 1500, .address_count = 3};
	unsigned int v6;
	struct iface iface;
	struct err err = {0};
	char shown[4096];
	struct tap t;
	int watch;

	port.addresses[0] = test_prefix("10.1.0.1", 24);
	port.addresses[1] = test_prefix("fd00:1::1", 64);
	port.addresses[2] = test_prefix("10.1.0.3", 24);
	iface_init(&iface, 0, &port, &mac);
	CU_ASSERT_EQUAL_FATAL(tap_open(&t, "gw-lan", &mac, 1500, &err), 0);
	watch = tap_watch_open(false, &err);
	CU_ASSERT_TRUE_FATAL(watch >= 0);
	for (unsigned int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(tap_add_address(&t, &port.addresses[i], &err), 0);
	daemon_address("add", "10.1.0.254/24");
	daemon_address("del", "10.1.0.3/24");
	settle(watch);
	/* Its own that are left, and the link-local one; not the daemon's. */
	tap_tell_addresses(&t, &iface);
	CU_ASSERT_EQUAL(reports(watch, &v6), 3);
	CU_ASSERT_EQUAL(v6, 2);
	/* Nothing else is there, or gone. */
	CU_ASSERT_EQUAL_FATAL(command("ip -o addr show dev gw-lan", shown, sizeof(shown)), 0);
	CU_ASSERT_EQUAL(occurrences(shown, "valid_lft forever"), 4);
	CU_ASSERT_EQUAL(occurrences(shown, "inet6 fe80::"), 1);
	CU_ASSERT_EQUAL(occurrences(shown, "/64 scope link"), 1);
	CU_ASSERT_EQUAL_FATAL(command("ip route show dev gw-lan", shown, sizeof(shown)), 0);
	CU_ASSERT_EQUAL(occurrences(shown, "\n"), 1);
	close(watch);
	tap_close(&t);
}

/* As keepalived does with use_vmac. */
static void test_virtual_routers_interface(void)
{
	static const uint8_t router_mac[6] = {0, 0, 0x5e, 0, 1, 51};
	static const char *const made[] = {
	        "ip link add vrrp.51 link gw-lan address 00:00:5e:00:01:33 type macvlan mode "
	        "private",
	        "ip link add plain link gw-lan type macvlan",
	        "ip link set vrrp.51 up",
	        "ip link set plain up",
	        "ip addr add 10.1.0.253/32 dev plain",
	        "ip addr add 10.1.0.254/24 dev vrrp.51",
	        "ip addr add fe80::254/64 dev vrrp.51 nodad",
	};
	struct config_port port = {.mtu = 1500, .address_count = 1};
	struct iface_virtual v;
	struct iface iface;
	struct err err = {0};
	struct tap t;

	port.addresses[0] = test_prefix("10.1.0.1", 24);
	iface_init(&iface, 0, &port, &mac);
	CU_ASSERT_EQUAL_FATAL(tap_open(&t, "gw-lan", &mac, 1500, &err), 0);
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		CU_ASSERT_EQUAL_FATAL(command(made[i], NULL, 0), 0);
	CU_ASSERT_EQUAL(tap_list_virtual(&t, &iface, &v, &err), 0);
	/* Neither another interface's nor the link-local address that the kernel made. */
	CU_ASSERT_EQUAL_FATAL(v.count, 2);
	CU_ASSERT_TRUE(
	        config_addr_equal(&v.at[0].addr, &(struct config_addr){.bytes = {10, 1, 0, 254}}));
	CU_ASSERT_EQUAL(memcmp(&v.at[0].mac, router_mac, 6), 0);
	CU_ASSERT_TRUE(v.at[1].addr.ipv6);
	CU_ASSERT_EQUAL(v.at[1].addr.bytes[15], 0x54);
	CU_ASSERT_EQUAL(memcmp(&v.at[1].mac, router_mac, 6), 0);
	CU_ASSERT_EQUAL(command("ip link set vrrp.51 down", NULL, 0), 0);
	CU_ASSERT_EQUAL(tap_list_virtual(&t, &iface, &v, &err), 0);
	CU_ASSERT_EQUAL(v.count, 0);
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
	                                    UNIT(test_addresses_outlive_a_link_that_was_down),
	                                    UNIT(test_addresses_are_told_again),
	                                    UNIT(test_virtual_routers_interface),
	                                    UNIT(test_error_names_the_address)};

	namespace_enter();
	return unit_main(__FILE__, units, RTE_DIM(units));
}
