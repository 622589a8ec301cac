/* SPDX-License-Identifier: BSD-3-Clause */

/* The examples are valid, and the two of a pair are made for each other. */

#include "config/config.h"
#include "tests/unit/unit.h"

#include <string.h>

static struct config a, b;

static void load(const char *name, const char *site, struct config *out)
{
	struct err err = {0};
	char path[256];

	snprintf(path, sizeof(path), SOURCE_DIR "/config/examples/%s-%s.json", name, site);
	CU_ASSERT_EQUAL_FATAL(config_init(SOURCE_DIR "/config", &err), 0);
	CU_ASSERT_EQUAL_FATAL(config_load(path, out, &err), 0);
}

static bool same_prefix(const struct config_prefix *route, const struct config_port *lan)
{
	for (unsigned int i = 0; i < lan->address_count; i++)
		if (lan->addresses[i].len == route->len &&
		    config_prefix_covers(route, &lan->addresses[i].addr))
			return true;
	return false;
}

/* What the tunnel of FROM leads to is the LAN of TO. */
static void check_routes(const struct config *from, const struct config *to)
{
	CU_ASSERT_EQUAL(from->route_count, to->lan.address_count);
	for (unsigned int i = 0; i < from->route_count; i++) {
		CU_ASSERT_EQUAL(from->routes[i].via, CONFIG_VIA_TUNNEL);
		CU_ASSERT_TRUE(same_prefix(&from->routes[i].prefix, &to->lan));
	}
}

static void check_pair(const char *name)
{
	load(name, "a", &a);
	load(name, "b", &b);
	CU_ASSERT_EQUAL(a.site, CONFIG_SITE_A);
	CU_ASSERT_EQUAL(b.site, CONFIG_SITE_B);
	CU_ASSERT_STRING_NOT_EQUAL(a.name, b.name);
	CU_ASSERT_STRING_EQUAL(a.link, b.link);
	CU_ASSERT_EQUAL(a.tunnel_count, 1);
	CU_ASSERT_EQUAL(b.tunnel_count, 1);
	CU_ASSERT_STRING_EQUAL(a.tunnels[0].name, b.tunnels[0].name);
	CU_ASSERT_TRUE(config_addr_equal(&a.tunnels[0].local, &b.tunnels[0].remote));
	CU_ASSERT_TRUE(config_addr_equal(&b.tunnels[0].local, &a.tunnels[0].remote));
	CU_ASSERT_TRUE(config_addr_equal(&a.channel.local, &b.channel.remote));
	CU_ASSERT_TRUE(config_addr_equal(&b.channel.local, &a.channel.remote));
	CU_ASSERT_EQUAL(a.channel.port, b.channel.port);
	CU_ASSERT_EQUAL(a.tunnels[0].policy, b.tunnels[0].policy);
	check_routes(&a, &b);
	check_routes(&b, &a);
	/* What both ends of a quantum link must have alike. */
	CU_ASSERT_EQUAL(a.qkd.enabled, b.qkd.enabled);
	CU_ASSERT_EQUAL(a.qkd.block_bits, b.qkd.block_bits);
	CU_ASSERT(a.qkd.mu1 == b.qkd.mu1 && a.qkd.mu2 == b.qkd.mu2 && a.qkd.p_z == b.qkd.p_z);
}

static void test_lab(void)
{
	check_pair("site");
	CU_ASSERT_STRING_EQUAL(a.qkd.transport, "shm");
}

static void test_metro(void)
{
	check_pair("metro");
	CU_ASSERT_STRING_EQUAL(a.qkd.transport, "vfio");
	CU_ASSERT_STRING_NOT_EQUAL(a.lan.device, a.wan.device);
	/* One plan for the fibre that both are on. */
	CU_ASSERT_TRUE(a.qkd.dwdm.planned);
	CU_ASSERT(a.qkd.dwdm.count > 0);
	CU_ASSERT_EQUAL(memcmp(&a.qkd.dwdm, &b.qkd.dwdm, sizeof(a.qkd.dwdm)), 0);
	CU_ASSERT_TRUE(a.delivery.enabled && b.delivery.enabled);
}

static void test_foreign(void)
{
	check_pair("foreign-kme");
	CU_ASSERT_FALSE(a.qkd.enabled);
	CU_ASSERT_TRUE(a.foreign_kme.enabled && b.foreign_kme.enabled);
	CU_ASSERT_STRING_EQUAL(a.foreign_kme.sae, b.foreign_kme.peer_sae);
	CU_ASSERT_STRING_EQUAL(b.foreign_kme.sae, a.foreign_kme.peer_sae);
}

UNIT_MAIN(UNIT(test_lab), UNIT(test_metro), UNIT(test_foreign))
