/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/iface.h"

#include "tests/unit/dataplane/packets.h"
#include "tests/unit/unit.h"

/* RFC 4291 appendix A's example of an EUI-64: 34-56-78-9A-BC-DE gives 36-56-78-FF-FE-9A-BC-DE. */
static const struct rte_ether_addr mac = {{0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde}};

static struct iface make(void)
{
	struct config_port config = {.mtu = 1500, .address_count = 3};
	struct iface i;

	config.addresses[0] = test_prefix("192.0.2.1", 24);
	config.addresses[1] = test_prefix("198.51.100.1", 25);
	config.addresses[2] = test_prefix("2001:db8::1", 64);
	iface_init(&i, 0, &config, &mac);
	return i;
}

static bool owns(const struct iface *i, const char *addr)
{
	struct config_prefix p = test_prefix(addr, 0);

	return iface_owns(i, p.addr.ipv6, p.addr.bytes);
}

static void test_link_local(void)
{
	struct config_prefix want = test_prefix("fe80::3656:78ff:fe9a:bcde", 0);
	uint8_t addr[16];

	ipv6_link_local(&mac, addr);
	CU_ASSERT_EQUAL(memcmp(addr, want.addr.bytes, 16), 0);
}

static void test_owns(void)
{
	struct iface i = make();

	CU_ASSERT_TRUE(owns(&i, "192.0.2.1"));
	CU_ASSERT_TRUE(owns(&i, "198.51.100.1"));
	CU_ASSERT_TRUE(owns(&i, "2001:db8::1"));
	CU_ASSERT_TRUE(owns(&i, "fe80::3656:78ff:fe9a:bcde"));
	CU_ASSERT_FALSE(owns(&i, "192.0.2.2"));
	CU_ASSERT_FALSE(owns(&i, "2001:db8::2"));
	CU_ASSERT_FALSE(owns(&i, "c000:201::"));
}

static void check_source(const char *towards, const char *source)
{
	struct config_prefix to = test_prefix(towards, 0), from = test_prefix(source, 0);
	struct iface i = make();
	const uint8_t *got = iface_source(&i, to.addr.ipv6, to.addr.bytes);

	CU_ASSERT_PTR_NOT_NULL_FATAL(got);
	CU_ASSERT_EQUAL(memcmp(got, from.addr.bytes, to.addr.ipv6 ? 16 : 4), 0);
}

static void test_source(void)
{
	struct iface none = make();

	check_source("192.0.2.9", "192.0.2.1");
	check_source("198.51.100.127", "198.51.100.1");
	check_source("198.51.100.128", "192.0.2.1");
	check_source("2001:db8::9", "2001:db8::1");
	check_source("2001:db8:1::9", "2001:db8::1");
	check_source("fe80::1", "fe80::3656:78ff:fe9a:bcde");
	none.address_count = 0;
	CU_ASSERT_PTR_NULL(iface_source(&none, false, (const uint8_t[4]){192, 0, 2, 9}));
}

static void test_prefix_bits(void)
{
	const uint8_t a[2] = {0xff, 0x80}, b[2] = {0xff, 0xc0};

	CU_ASSERT_TRUE(prefix_matches(a, b, 0));
	CU_ASSERT_TRUE(prefix_matches(a, b, 9));
	CU_ASSERT_FALSE(prefix_matches(a, b, 10));
	CU_ASSERT_FALSE(prefix_matches(a, b, 16));
}

static void test_unusable_addresses(void)
{
	const struct config_prefix far = test_prefix("2001:db8:1::9", 0);
	struct iface i = make();

	i.unusable = 1U << 1 | 1U << 2;
	CU_ASSERT_TRUE(owns(&i, "192.0.2.1"));
	CU_ASSERT_FALSE(owns(&i, "198.51.100.1"));
	CU_ASSERT_FALSE(owns(&i, "2001:db8::1"));
	CU_ASSERT_TRUE(owns(&i, "fe80::3656:78ff:fe9a:bcde"));
	CU_ASSERT_EQUAL(memcmp(iface_source(&i, false, (const uint8_t[4]){198, 51, 100, 9}),
	                       (const uint8_t[4]){192, 0, 2, 1}, 4),
	                0);
	CU_ASSERT_PTR_EQUAL(iface_source(&i, true, far.addr.bytes), i.link_local);
	i.unusable |= IFACE_LINK_LOCAL_BIT;
	CU_ASSERT_FALSE(owns(&i, "fe80::3656:78ff:fe9a:bcde"));
	CU_ASSERT_PTR_NULL(iface_source(&i, true, far.addr.bytes));
}

UNIT_MAIN(UNIT(test_unusable_addresses), UNIT(test_link_local), UNIT(test_owns), UNIT(test_source),
          UNIT(test_prefix_bits))
