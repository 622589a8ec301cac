/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/routes.h"

#include <errno.h>

#include "tests/unit/dataplane/packets.h"
#include "tests/unit/unit.h"

static struct config config;
static struct iface iface[IFACE_SUBS + 2];
static struct routes routes;
static struct err err;

static struct config_route *route(const char *prefix, uint8_t len, enum config_via via,
                                  const char *to)
{
	struct config_route *r = &config.routes[config.route_count++];

	memset(r, 0, sizeof(*r));
	r->prefix = test_prefix(prefix, len);
	r->via = via;
	if (via == CONFIG_VIA_TUNNEL)
		snprintf(r->tunnel, sizeof(r->tunnel), "%s", to);
	else
		r->next_hop = test_prefix(to, 0).addr;
	return r;
}

static void base(void)
{
	memset(&config, 0, sizeof(config));
	memset(&err, 0, sizeof(err));
	config.lan.addresses[0] = test_prefix("10.1.2.1", 22);
	config.lan.address_count = 1;
	config.wan.addresses[0] = test_prefix("192.0.2.1", 30);
	config.wan.address_count = 1;
	config.tunnel_count = 2;
	snprintf(config.tunnels[0].name, sizeof(config.tunnels[0].name), "near");
	config.tunnels[0].remote = test_prefix("192.0.2.2", 0).addr;
	snprintf(config.tunnels[1].name, sizeof(config.tunnels[1].name), "far");
	config.tunnels[1].remote = test_prefix("203.0.113.9", 0).addr;
	route("203.0.113.0", 24, CONFIG_VIA_WAN, "192.0.2.2");
}

static int build(void)
{
	iface_init(&iface[PORT_LAN], PORT_LAN, &config.lan,
	           &(struct rte_ether_addr){{2, 0, 0, 0, 0, 1}});
	iface_init(&iface[PORT_WAN], PORT_WAN, &config.wan,
	           &(struct rte_ether_addr){{2, 0, 0, 0, 0, 2}});
	return routes_build(&config, iface, &routes, &err);
}

/* What the last route of this prefix says; NULL: there is none. */
static const struct adjacency *via(const char *prefix, uint8_t len)
{
	struct config_prefix p = test_prefix(prefix, len);
	const struct adjacency *found = NULL;

	for (unsigned int i = 0; i < routes.count; i++)
		if (routes.route[i].prefix.len == len &&
		    routes.route[i].prefix.addr.ipv6 == p.addr.ipv6 &&
		    memcmp(routes.route[i].prefix.addr.bytes, p.addr.bytes, 16) == 0)
			found = &routes.route[i].via;
	return found;
}

static void test_connected_local_and_martians(void)
{
	base();
	CU_ASSERT_EQUAL_FATAL(build(), 0);
	CU_ASSERT_EQUAL(via("10.1.2.1", 22)->kind, ADJACENCY_CONNECTED);
	CU_ASSERT_EQUAL(via("10.1.2.1", 32)->kind, ADJACENCY_LOCAL);
	CU_ASSERT_EQUAL(via("192.0.2.1", 32)->kind, ADJACENCY_LOCAL);
	CU_ASSERT_EQUAL(via("10.1.0.0", 32)->kind, ADJACENCY_DISCARD);
	CU_ASSERT_EQUAL(via("10.1.3.255", 32)->kind, ADJACENCY_DISCARD);
	CU_ASSERT_EQUAL(via("127.0.0.0", 8)->kind, ADJACENCY_DISCARD);
	CU_ASSERT_EQUAL(via("224.0.0.0", 4)->kind, ADJACENCY_DISCARD);
	for (unsigned int i = 0; i < routes.count; i++)
		CU_ASSERT_FALSE(routes.route[i].prefix.addr.ipv6);
}

static void test_no_inner_route_to_the_wan(void)
{
	base();
	CU_ASSERT_EQUAL_FATAL(build(), 0);
	CU_ASSERT_PTR_NULL(via("203.0.113.0", 24));
	CU_ASSERT_PTR_NULL(via("192.0.2.0", 30));
	CU_ASSERT_PTR_NULL(via("192.0.2.1", 30));
	for (unsigned int i = 0; i < routes.count; i++)
		if (routes.route[i].via.kind == ADJACENCY_GATEWAY)
			CU_ASSERT_EQUAL(routes.route[i].via.next_hop.port, PORT_LAN);
}

static void test_configured(void)
{
	base();
	route("10.9.0.0", 16, CONFIG_VIA_LAN, "10.1.3.254");
	route("10.2.0.0", 16, CONFIG_VIA_TUNNEL, "far");
	route("0.0.0.0", 0, CONFIG_VIA_TUNNEL, "near");
	CU_ASSERT_EQUAL_FATAL(build(), 0);
	CU_ASSERT_EQUAL(via("10.9.0.0", 16)->kind, ADJACENCY_GATEWAY);
	CU_ASSERT_EQUAL(
	        memcmp(via("10.9.0.0", 16)->next_hop.addr, (const uint8_t[]){10, 1, 3, 254}, 4), 0);
	CU_ASSERT_EQUAL(via("10.2.0.0", 16)->kind, ADJACENCY_TUNNEL);
	CU_ASSERT_EQUAL(via("10.2.0.0", 16)->tunnel, 1);
	CU_ASSERT_EQUAL(via("0.0.0.0", 0)->tunnel, 0);
}

static void test_ipv6_routes(void)
{
	base();
	config.lan.addresses[config.lan.address_count++] = test_prefix("2001:db8:a::1", 64);
	route("2001:db8:b::", 48, CONFIG_VIA_TUNNEL, "near");
	route("2001:db8:c::", 48, CONFIG_VIA_LAN, "fe80::5");
	CU_ASSERT_EQUAL_FATAL(build(), 0);
	CU_ASSERT_EQUAL(via("2001:db8:a::1", 64)->kind, ADJACENCY_CONNECTED);
	CU_ASSERT_EQUAL(via("2001:db8:a::1", 128)->kind, ADJACENCY_LOCAL);
	CU_ASSERT_EQUAL(via("2001:db8:b::", 48)->kind, ADJACENCY_TUNNEL);
	CU_ASSERT_EQUAL(via("2001:db8:c::", 48)->kind, ADJACENCY_GATEWAY);
	CU_ASSERT_EQUAL(via("fe80::", 10)->kind, ADJACENCY_DISCARD);
	CU_ASSERT_EQUAL(via("ff00::", 8)->kind, ADJACENCY_DISCARD);
	CU_ASSERT_EQUAL(via("fe80::ff:fe00:1", 128)->kind, ADJACENCY_LOCAL);
}

static void test_outer_next_hops(void)
{
	base();
	config.channel.port = 4500;
	config.channel.remote = test_prefix("203.0.113.200", 0).addr;
	route("203.0.113.128", 25, CONFIG_VIA_WAN, "192.0.2.2");
	config.routes[1].next_hop = test_prefix("192.0.2.3", 0).addr;
	config.wan.addresses[0].len = 29;
	CU_ASSERT_EQUAL_FATAL(build(), 0);
	CU_ASSERT_TRUE(routes.outer[0].valid && routes.outer[1].valid);
	/* On the link, by a route, by the longer one. */
	CU_ASSERT_EQUAL(routes.outer[0].next_hop.addr[3], 2);
	CU_ASSERT_EQUAL(routes.outer[1].next_hop.addr[3], 2);
	CU_ASSERT_EQUAL(routes.outer[FIB_OUTER_CHANNEL].next_hop.addr[3], 3);
	CU_ASSERT_EQUAL(routes.outer[FIB_OUTER_CHANNEL].next_hop.port, PORT_WAN);
	CU_ASSERT_FALSE(routes.outer[2].valid);
}

static void test_errors_name_the_route(void)
{
	base();
	route("10.9.0.0", 16, CONFIG_VIA_LAN, "10.1.4.1");
	CU_ASSERT_EQUAL(build(), -EINVAL);
	CU_ASSERT_STRING_EQUAL(err.text,
	                       "routes[1]: next hop 10.1.4.1 is not on the lan port's link");
	base();
	route("10.9.0.0", 16, CONFIG_VIA_LAN, "10.1.2.1");
	CU_ASSERT_EQUAL(build(), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "own address"));
	base();
	route("10.9.0.0", 16, CONFIG_VIA_TUNNEL, "none");
	CU_ASSERT_EQUAL(build(), -EINVAL);
	CU_ASSERT_STRING_EQUAL(err.text, "routes[1]: there is no tunnel \"none\"");
	base();
	config.route_count = 0;
	CU_ASSERT_EQUAL(build(), -ENETUNREACH);
	CU_ASSERT_STRING_EQUAL(err.text, "tunnel far: no WAN route leads to 203.0.113.9");
}

/* Of interface AT; the caller frees it. */
static struct iface_routes *learn(unsigned int at, const char *prefix, uint8_t len, const char *hop)
{
	struct iface_routes *r = calloc(1, sizeof(*r) + sizeof(r->route[0]));

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	r->count = 1;
	r->route[0].prefix = test_prefix(prefix, len);
	r->route[0].next_hop = test_prefix(hop, 0).addr;
	iface[at].learnt = r;
	return r;
}

static void test_learnt_on_the_lan(void)
{
	struct iface_routes *r;

	base();
	route("10.2.0.0", 16, CONFIG_VIA_TUNNEL, "near");
	CU_ASSERT_EQUAL_FATAL(build(), 0);
	CU_ASSERT_PTR_NULL(via("10.2.7.0", 24));
	r = learn(PORT_LAN, "10.2.7.0", 24, "10.1.2.9");
	CU_ASSERT_EQUAL(routes_build(&config, iface, &routes, &err), 0);
	CU_ASSERT_EQUAL(via("10.2.7.0", 24)->kind, ADJACENCY_GATEWAY);
	CU_ASSERT_EQUAL(via("10.2.7.0", 24)->next_hop.port, PORT_LAN);
	CU_ASSERT_EQUAL(via("10.2.7.0", 24)->next_hop.addr[3], 9);
	CU_ASSERT_EQUAL(via("10.2.0.0", 16)->kind, ADJACENCY_TUNNEL);
	/* What is configured, connected or never forwarded stays what it is. */
	r->route[0].prefix = test_prefix("10.2.0.0", 16);
	CU_ASSERT_EQUAL(routes_build(&config, iface, &routes, &err), 0);
	CU_ASSERT_EQUAL(via("10.2.0.0", 16)->kind, ADJACENCY_TUNNEL);
	r->route[0].prefix = test_prefix("10.1.0.0", 22);
	CU_ASSERT_EQUAL(routes_build(&config, iface, &routes, &err), 0);
	CU_ASSERT_NOT_EQUAL(via("10.1.2.1", 22)->kind, ADJACENCY_GATEWAY);
	r->route[0].prefix = test_prefix("127.0.0.0", 8);
	CU_ASSERT_EQUAL(routes_build(&config, iface, &routes, &err), 0);
	CU_ASSERT_EQUAL(via("127.0.0.0", 8)->kind, ADJACENCY_DISCARD);
	free(r);
}

/* In VLANs as on the port; of one prefix the lowest metric, then the port before VLANs. */
static void test_learnt_in_vlans(void)
{
	const unsigned int ten = IFACE_SUBS, twenty = IFACE_SUBS + 1;
	struct iface_routes *r[3];

	base();
	config.lan_sub_count = 2;
	config.lan_subs[0].vlan = 10;
	config.lan_subs[0].port.addresses[0] = test_prefix("10.1.10.1", 24);
	config.lan_subs[1].vlan = 20;
	config.lan_subs[1].port.addresses[0] = test_prefix("10.1.20.1", 24);
	for (unsigned int i = 0; i < 2; i++) {
		config.lan_subs[i].port.address_count = 1;
		iface_init(&iface[IFACE_SUBS + i], PORT_LAN, &config.lan_subs[i].port,
		           &(struct rte_ether_addr){{2, 0, 0, 0, 0, 1}});
		iface[IFACE_SUBS + i].vlan = config.lan_subs[i].vlan;
	}
	CU_ASSERT_EQUAL_FATAL(build(), 0);
	r[0] = learn(PORT_LAN, "10.77.0.0", 16, "10.1.2.9");
	r[1] = learn(ten, "10.77.0.0", 16, "10.1.10.9");
	r[2] = learn(twenty, "10.78.0.0", 16, "10.1.20.9");
	CU_ASSERT_EQUAL(routes_build(&config, iface, &routes, &err), 0);
	CU_ASSERT_EQUAL(via("10.77.0.0", 16)->next_hop.port, PORT_LAN);
	CU_ASSERT_EQUAL(via("10.78.0.0", 16)->next_hop.port, twenty);
	CU_ASSERT_EQUAL(via("10.78.0.0", 16)->next_hop.addr[2], 20);
	r[0]->route[0].metric = 20;
	r[1]->route[0].metric = 10;
	r[2]->route[0].prefix = test_prefix("10.77.0.0", 16);
	r[2]->route[0].metric = 10;
	CU_ASSERT_EQUAL(routes_build(&config, iface, &routes, &err), 0);
	CU_ASSERT_EQUAL(via("10.77.0.0", 16)->next_hop.port, ten);
	/* The table of IPv6 is made for what a VLAN alone has learned. */
	r[2]->route[0].prefix = test_prefix("fd00:77::", 48);
	CU_ASSERT_PTR_NULL(via("ff00::", 8));
	CU_ASSERT_EQUAL(routes_build(&config, iface, &routes, &err), 0);
	CU_ASSERT_EQUAL(via("fd00:77::", 48)->next_hop.port, twenty);
	CU_ASSERT_PTR_NOT_NULL(via("ff00::", 8));
	for (unsigned int i = 0; i < 3; i++)
		free(r[i]);
	iface[ten].learnt = iface[twenty].learnt = NULL;
}

static void test_learnt_on_the_wan(void)
{
	struct iface_routes *r;
	unsigned int wans;

	base();
	config.route_count = 0;
	CU_ASSERT_EQUAL(build(), -ENETUNREACH);
	/* Where the port learns, the way may come yet. */
	config.wan.learn_routes = 10;
	CU_ASSERT_EQUAL(build(), 0);
	CU_ASSERT_TRUE(routes.outer[0].valid);
	CU_ASSERT_FALSE(routes.outer[1].valid);
	wans = routes.wan_count;
	r = learn(PORT_WAN, "203.0.113.0", 24, "192.0.2.2");
	CU_ASSERT_EQUAL(routes_build(&config, iface, &routes, &err), 0);
	CU_ASSERT_TRUE(routes.outer[1].valid);
	CU_ASSERT_EQUAL(routes.outer[1].next_hop.addr[3], 2);
	CU_ASSERT_EQUAL(routes.wan_count, wans + 1);
	/* Inner packets have no way to the WAN. */
	CU_ASSERT_PTR_NULL(via("203.0.113.0", 24));
	free(r);
	/* The configured route to the same prefix wins, and a longer one that is learned. */
	route("203.0.113.0", 24, CONFIG_VIA_WAN, "192.0.2.2")->has_backup = true;
	config.routes[0].backup = test_prefix("192.0.2.2", 0).addr;
	CU_ASSERT_EQUAL(build(), 0);
	wans = routes.wan_count;
	r = learn(PORT_WAN, "203.0.113.0", 24, "192.0.2.2");
	CU_ASSERT_EQUAL(routes_build(&config, iface, &routes, &err), 0);
	CU_ASSERT_TRUE(routes.outer[1].has_backup);
	CU_ASSERT_EQUAL(routes.wan_count, wans);
	r->route[0].prefix.len = 25;
	CU_ASSERT_EQUAL(routes_build(&config, iface, &routes, &err), 0);
	CU_ASSERT_FALSE(routes.outer[1].has_backup);
	CU_ASSERT_EQUAL(routes.wan_count, wans + 1);
	free(r);
}

static void test_most_routes_fit(void)
{
	struct iface_routes *r[PORT_ROLES];

	base();
	for (unsigned int i = 0; i < CONFIG_ADDRESSES_MAX; i++) {
		config.lan.addresses[i] = test_prefix("10.1.2.1", 22);
		config.wan.addresses[i] = test_prefix("192.0.2.1", 30);
	}
	config.lan.addresses[1] = test_prefix("2001:db8::1", 64);
	config.lan.address_count = config.wan.address_count = CONFIG_ADDRESSES_MAX;
	while (config.route_count < CONFIG_ROUTES_MAX)
		route("10.9.0.0", 16, CONFIG_VIA_TUNNEL, "near");
	CU_ASSERT_EQUAL(build(), 0);
	for (unsigned int role = 0; role < PORT_ROLES; role++) {
		r[role] =
		        calloc(1, sizeof(*r[role]) + CONFIG_LEARN_MAX * sizeof(r[role]->route[0]));
		CU_ASSERT_PTR_NOT_NULL_FATAL(r[role]);
		for (unsigned int i = 0; i < CONFIG_LEARN_MAX; i++)
			r[role]->route[i] = (struct iface_route){
			        test_prefix("10.8.0.0", 16),
			        test_prefix(role == PORT_LAN ? "10.1.2.9" : "192.0.2.2", 0).addr};
		r[role]->count = CONFIG_LEARN_MAX;
		iface[role].learnt = r[role];
	}
	CU_ASSERT_EQUAL(routes_build(&config, iface, &routes, &err), 0);
	CU_ASSERT_TRUE(routes.count <= ROUTES_MAX);
	CU_ASSERT_TRUE(routes.wan_count <= RTE_DIM(routes.wan));
	for (unsigned int role = 0; role < PORT_ROLES; role++)
		free(r[role]);
}

UNIT_MAIN(UNIT(test_connected_local_and_martians), UNIT(test_no_inner_route_to_the_wan),
          UNIT(test_configured), UNIT(test_ipv6_routes), UNIT(test_outer_next_hops),
          UNIT(test_errors_name_the_route), UNIT(test_learnt_on_the_lan),
          UNIT(test_learnt_in_vlans), UNIT(test_learnt_on_the_wan), UNIT(test_most_routes_fit))
