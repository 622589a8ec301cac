/* SPDX-License-Identifier: BSD-3-Clause */

/* What reaches routing daemons, what they can send, and addresses that they add. */

#include "tests/unit/dataplane/gateway_rig.h"

#include "dataplane/exception.h"

static const uint8_t vrrp_group_mac[6] = {0x01, 0, 0x5e, 0, 0, 18};
static const uint8_t lldp_mac[6] = {0x01, 0x80, 0xc2, 0, 0, 0x0e};
static const uint8_t all_mac[6] = {255, 255, 255, 255, 255, 255};

static void test_start(void)
{
	for (unsigned int role = 0; role < PORT_ROLES; role++) {
		rig_exception[role] = exception_create(1, NULL);
		CU_ASSERT_PTR_NOT_NULL_FATAL(rig_exception[role]);
	}
	rig_start(1);
	rig_key(0, 1);
	rig_key(1, 1);
	/* Each gateway finds the other on the WAN. */
	rig_turns(20);
}

/* The next frame for daemons of ROLE, which the caller frees. */
static struct rte_mbuf *to_daemon(enum port_role role)
{
	return exception_take(rig_exception[role], 0);
}

static unsigned int drain_daemon(enum port_role role)
{
	struct rte_mbuf *m;
	unsigned int n = 0;

	for (; (m = to_daemon(role)) != NULL; n++)
		exception_give_back(rig_exception[role], 0, m);
	rig_turn(0);
	return n;
}

static void frame_in(enum port_role role, struct rte_mbuf *m, const uint8_t *dst, uint16_t type)
{
	test_ether(m, dst != NULL ? dst : gw[0].iface[role].mac.addr_bytes, rig_host_mac[role],
	           type);
	CU_ASSERT_EQUAL_FATAL(
	        rte_ring_enqueue(role == PORT_LAN ? gw[0].lan_in : gw[0].wan_in[0], m), 0);
	rig_turn(0);
}

/* Frame M came whole, from Ethernet on, and is the only one. */
static void expect_whole(enum port_role role, uint8_t proto, uint32_t len)
{
	struct rte_mbuf *m = to_daemon(role);

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(rte_pktmbuf_pkt_len(m), 14 + len);
	CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod_offset(m, uint8_t *, 6), rig_host_mac[role], 6), 0);
	CU_ASSERT_EQUAL(rte_pktmbuf_mtod(m, uint8_t *)[14 + 9], proto);
	/* RFC 5082, RFC 5798 section 5.1.1.3: daemons see the TTL that came. */
	CU_ASSERT_EQUAL(rte_pktmbuf_mtod(m, uint8_t *)[14 + 8], 64);
	exception_give_back(rig_exception[role], 0, m);
	CU_ASSERT_EQUAL(drain_daemon(role), 0);
}

static void test_daemons_get_what_is_for_them(void)
{
	for (enum port_role role = PORT_LAN; role <= PORT_WAN; role++) {
		const char *us = role == PORT_LAN ? "10.1.0.1" : "192.0.2.1";
		const char *peer = role == PORT_LAN ? "10.1.0.10" : "192.0.2.2";

		drain_daemon(role);
		frame_in(role, test_ipv4(rig_pool, peer, "224.0.0.18", 112, NULL, 20),
		         vrrp_group_mac, 0x0800);
		expect_whole(role, 112, 40);
		frame_in(role, test_ipv4(rig_pool, peer, us, 6, NULL, 40), NULL, 0x0800);
		expect_whole(role, 6, 60);
		frame_in(role, test_ipv4(rig_pool, peer, us, 17, NULL, 32), NULL, 0x0800);
		expect_whole(role, 17, 52);
		frame_in(role, test_mbuf(rig_pool, 60), lldp_mac, 0x88cc);
		CU_ASSERT_EQUAL(drain_daemon(role), 1);
		/* To other groups than the link's own, or to all, is nobody's. */
		frame_in(role, test_ipv4(rig_pool, peer, "239.1.1.1", 17, NULL, 20), vrrp_group_mac,
		         0x0800);
		frame_in(role, test_ipv4(rig_pool, peer, "255.255.255.255", 17, NULL, 20), all_mac,
		         0x0800);
		/* To a unicast address by a group's MAC address: RFC 1812 section 5.3.4. */
		frame_in(role, test_ipv4(rig_pool, peer, us, 17, NULL, 20), vrrp_group_mac, 0x0800);
		CU_ASSERT_EQUAL(drain_daemon(role), 0);
	}
	frame_in(PORT_LAN, test_ipv6(rig_pool, "fe80::1", "ff02::12", 112, NULL, 24),
	         vrrp_group_mac, 0x86dd);
	frame_in(PORT_LAN, test_ipv6(rig_pool, "2001:db8:a::10", "2001:db8:a::1", 6, NULL, 24),
	         NULL, 0x86dd);
	CU_ASSERT_EQUAL(drain_daemon(PORT_LAN), 2);
}

static void test_data_plane_keeps_its_own(void)
{
	struct rte_mbuf *m;

	/* A host's echo, what it sends to the other site, and strangers' packets. */
	rig_send(0, test_echo4(rig_pool, "10.1.0.10", "10.1.0.1", 16));
	rig_turn(0);
	m = rig_receive(0);
	CU_ASSERT_PTR_NOT_NULL(m);
	rte_pktmbuf_free(m);
	rig_send(0, test_ipv4(rig_pool, "10.1.0.10", "10.2.0.10", 6, NULL, 40));
	frame_in(PORT_WAN, test_ipv4(rig_pool, "203.0.113.1", "198.51.100.1", 6, NULL, 40), NULL,
	         0x0800);
	frame_in(PORT_WAN, test_echo4(rig_pool, "192.0.2.2", "192.0.2.1", 16), NULL, 0x0800);
	frame_in(PORT_WAN, test_ipv4(rig_pool, "192.0.2.2", "192.0.2.1", 50, NULL, 64), NULL,
	         0x0800);
	rig_turns(4);
	while ((m = rig_pop(gw[0].wan_out)) != NULL || (m = rig_receive(1)) != NULL)
		rte_pktmbuf_free(m);
	CU_ASSERT_EQUAL(drain_daemon(PORT_LAN), 0);
	CU_ASSERT_EQUAL(drain_daemon(PORT_WAN), 0);
}

static struct rte_mbuf *arp(uint16_t op, const char *sender, const char *target,
                            const uint8_t *sender_mac)
{
	static const uint8_t head[] = {0, 1, 8, 0, 6, 4, 0, 0};
	struct rte_mbuf *m = test_mbuf(rig_pool, 28);
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

	memset(p, 0, 28);
	memcpy(p, head, sizeof(head));
	put_be16(p + 6, op);
	memcpy(p + 8, sender_mac, 6);
	inet_pton(AF_INET, sender, p + 14);
	inet_pton(AF_INET, target, p + 24);
	return m;
}

static void test_arp_answers_go_to_both(void)
{
	struct rte_mbuf *m;
	uint64_t replies = rig_count(0, "neighbour.replies");

	frame_in(PORT_LAN, arp(2, "10.1.0.10", "10.1.0.1", rig_host_mac[0]), NULL, 0x0806);
	CU_ASSERT_EQUAL(drain_daemon(PORT_LAN), 1);
	/* One that announces itself. */
	frame_in(PORT_LAN, arp(1, "10.1.0.10", "10.1.0.10", rig_host_mac[0]), all_mac, 0x0806);
	CU_ASSERT_EQUAL(drain_daemon(PORT_LAN), 1);
	/* The data plane answers for us, alone. */
	frame_in(PORT_LAN, arp(1, "10.1.0.10", "10.1.0.1", rig_host_mac[0]), all_mac, 0x0806);
	CU_ASSERT_EQUAL(drain_daemon(PORT_LAN), 0);
	CU_ASSERT_EQUAL(rig_count(0, "neighbour.replies"), replies + 1);
	while ((m = rig_pop(gw[0].lan_out)) != NULL)
		rte_pktmbuf_free(m);
}

static void from_daemon(enum port_role role, struct rte_mbuf *m, const uint8_t *src, uint16_t type)
{
	test_ether(m, rig_host_mac[role], src != NULL ? src : gw[0].iface[role].mac.addr_bytes,
	           type);
	CU_ASSERT_TRUE_FATAL(exception_room(rig_exception[role]));
	exception_down(rig_exception[role], m);
	rig_turn(0);
}

/* Frames that left by ROLE, but for the neighbours' own. */
static unsigned int left(enum port_role role)
{
	struct rte_mbuf *m;
	unsigned int n = 0;

	while ((m = rig_pop(role == PORT_LAN ? gw[0].lan_out : gw[0].wan_out)) != NULL) {
		const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

		n += memcmp(p, rig_host_mac[role], 6) == 0;
		rte_pktmbuf_free(m);
	}
	return n;
}

static void test_daemons_send_by_their_port(void)
{
	uint64_t sent = rig_count(0, "exception.sent");

	left(PORT_LAN);
	left(PORT_WAN);
	from_daemon(PORT_LAN, test_ipv4(rig_pool, "10.1.0.1", "224.0.0.18", 112, NULL, 20), NULL,
	            0x0800);
	CU_ASSERT_EQUAL(left(PORT_LAN), 1);
	CU_ASSERT_EQUAL(left(PORT_WAN), 0);
	from_daemon(PORT_WAN, test_ipv4(rig_pool, "192.0.2.1", "224.0.0.5", 89, NULL, 20), NULL,
	            0x0800);
	from_daemon(PORT_WAN, test_ipv4(rig_pool, "192.0.2.1", "192.0.2.2", 6, NULL, 20), NULL,
	            0x0800);
	/* Several hops away, where neither LAN nor tunnels lead. */
	from_daemon(PORT_WAN, test_ipv4(rig_pool, "192.0.2.1", "203.0.113.9", 6, NULL, 20), NULL,
	            0x0800);
	from_daemon(PORT_WAN,
	            arp(1, "192.0.2.1", "192.0.2.2", gw[0].iface[PORT_WAN].mac.addr_bytes), NULL,
	            0x0806);
	from_daemon(PORT_WAN, test_mbuf(rig_pool, 60), NULL, 0x88cc);
	CU_ASSERT_EQUAL(left(PORT_WAN), 5);
	CU_ASSERT_EQUAL(left(PORT_LAN), 0);
	CU_ASSERT_EQUAL(rig_count(0, "exception.sent"), sent + 6);
}

/* Whatever a kernel routes by mistake: nothing of the LAN's leaves by the WAN in the clear. */
static void test_nothing_of_the_lan_leaves_by_the_wan(void)
{
	uint64_t source = rig_count(0, "drop.exception_source");
	uint64_t destination = rig_count(0, "drop.exception_destination");
	uint64_t type = rig_count(0, "drop.exception_type");
	uint8_t other[6] = {2, 0, 0, 9, 9, 9};

	from_daemon(PORT_WAN, test_ipv4(rig_pool, "10.1.0.10", "192.0.2.2", 6, NULL, 20), NULL,
	            0x0800);
	from_daemon(PORT_WAN, test_ipv4(rig_pool, "10.1.0.1", "192.0.2.2", 6, NULL, 20), NULL,
	            0x0800);
	from_daemon(PORT_WAN, test_ipv6(rig_pool, "2001:db8:a::10", "fe80::2", 6, NULL, 20), NULL,
	            0x86dd);
	from_daemon(PORT_WAN, arp(1, "10.1.0.10", "192.0.2.2", rig_host_mac[0]), NULL, 0x0806);
	from_daemon(PORT_WAN, test_ipv4(rig_pool, "192.0.2.1", "192.0.2.2", 6, NULL, 20), other,
	            0x0800);
	/* Too short for its type. */
	from_daemon(PORT_WAN, test_mbuf(rig_pool, 10), NULL, 0x0800);
	CU_ASSERT_EQUAL(rig_count(0, "drop.exception_source"), source + 6);
	/* Ours, but protected or the LAN's. */
	from_daemon(PORT_WAN, test_ipv4(rig_pool, "192.0.2.1", "10.2.0.10", 6, NULL, 20), NULL,
	            0x0800);
	from_daemon(PORT_WAN, test_ipv4(rig_pool, "192.0.2.1", "10.1.0.10", 6, NULL, 20), NULL,
	            0x0800);
	CU_ASSERT_EQUAL(rig_count(0, "drop.exception_destination"), destination + 2);
	from_daemon(PORT_WAN, test_mbuf(rig_pool, 60), NULL, 0x8100);
	from_daemon(PORT_WAN, test_mbuf(rig_pool, 60), NULL, 0x88b5);
	CU_ASSERT_EQUAL(rig_count(0, "drop.exception_type"), type + 2);
	CU_ASSERT_EQUAL(left(PORT_WAN), 0);
	CU_ASSERT_EQUAL(left(PORT_LAN), 0);
}

/* Does the gateway answer ARP and echo for ADDRESS, and not hand them to daemons? */
static bool answers(const char *address)
{
	uint64_t replies = rig_count(0, "neighbour.replies"), echoes = rig_count(0, "icmp.echoes");
	struct rte_mbuf *m;

	frame_in(PORT_LAN, arp(1, "10.1.0.10", address, rig_host_mac[0]), all_mac, 0x0806);
	rig_send(0, test_echo4(rig_pool, "10.1.0.10", address, 16));
	rig_turn(0);
	while ((m = rig_pop(gw[0].lan_out)) != NULL)
		rte_pktmbuf_free(m);
	return rig_count(0, "neighbour.replies") == replies + 1 &&
	       rig_count(0, "icmp.echoes") == echoes + 1;
}

static void set_virtual(const struct iface_virtual *v)
{
	struct err err = {0};

	iface_set_virtual(&gw[0].iface[PORT_LAN], v);
	forward_set_virtual(gw[0].forward, PORT_LAN, v);
	CU_ASSERT_EQUAL_FATAL(routes_build(&gw[0].config, gw[0].iface, &rig_routes, &err), 0);
	CU_ASSERT_EQUAL_FATAL(
	        fib_update(gw[0].fib, rig_routes.route, rig_routes.count, rig_routes.outer, &err),
	        0);
	forward_invalidate(gw[0].forward);
}

/* A rule may lead into a tunnel where no route does. */
static void test_rules_count_for_daemons(void)
{
	uint64_t destination = rig_count(0, "drop.exception_destination");
	struct spd_rule rules[] = {
	        {.name = "bgp",
	         .action = SPD_BYPASS,
	         .interface = SPD_LAN,
	         .vlan = SPD_ANY_VLAN,
	         .protocol = 6,
	         .ipv4 = true,
	         .ports = true,
	         .sport_max = UINT16_MAX,
	         .dport_min = 179,
	         .dport_max = 179},
	        {.name = "all",
	         .action = SPD_PROTECT,
	         .interface = SPD_LAN,
	         .vlan = SPD_ANY_VLAN,
	         .any_protocol = true,
	         .ipv4 = true,
	         .ipv6 = true},
	};
	struct rte_mbuf *m;
	struct err err;

	CU_ASSERT_EQUAL_FATAL(spd_update(gw[0].spd, rules, 2, NULL, 0, &err), 0);
	left(PORT_WAN);
	from_daemon(PORT_WAN, test_ipv4(rig_pool, "192.0.2.1", "203.0.113.9", 6, NULL, 20), NULL,
	            0x0800);
	from_daemon(PORT_WAN, test_ipv6(rig_pool, "::", "2001:db8:77::9", 6, NULL, 20), NULL,
	            0x86dd);
	CU_ASSERT_EQUAL(rig_count(0, "drop.exception_destination"), destination + 2);
	m = test_ipv4(rig_pool, "192.0.2.1", "203.0.113.9", 6, NULL, 20);
	put_be16(rte_pktmbuf_mtod(m, uint8_t *) + 20, 40000);
	put_be16(rte_pktmbuf_mtod(m, uint8_t *) + 22, 179);
	from_daemon(PORT_WAN, m, NULL, 0x0800);
	/* On the WAN's own link there is no tunnel. */
	from_daemon(PORT_WAN, test_ipv4(rig_pool, "192.0.2.1", "192.0.2.2", 6, NULL, 20), NULL,
	            0x0800);
	CU_ASSERT_EQUAL(left(PORT_WAN), 2);
	/* By the routes, of which none leads there. */
	rules[1].tunnel = SPD_BY_ROUTE;
	CU_ASSERT_EQUAL_FATAL(spd_update(gw[0].spd, rules, 2, NULL, 0, &err), 0);
	from_daemon(PORT_WAN, test_ipv4(rig_pool, "192.0.2.1", "203.0.113.9", 6, NULL, 20), NULL,
	            0x0800);
	CU_ASSERT_EQUAL(left(PORT_WAN), 1);
	CU_ASSERT_EQUAL(rig_count(0, "drop.exception_destination"), destination + 2);
	CU_ASSERT_EQUAL_FATAL(spd_update(gw[0].spd, NULL, 0, NULL, 0, &err), 0);
}

/* A rule is for what is behind extension headers, as it is for hosts of the LAN. */
static void test_rules_see_behind_extension_headers(void)
{
	uint64_t destination = rig_count(0, "drop.exception_destination");
	struct spd_rule rule = {.name = "udp",
	                        .action = SPD_PROTECT,
	                        .interface = SPD_LAN,
	                        .vlan = SPD_ANY_VLAN,
	                        .protocol = 17,
	                        .ipv6 = true};
	struct rte_mbuf *m;
	struct err err;

	CU_ASSERT_EQUAL_FATAL(spd_update(gw[0].spd, &rule, 1, NULL, 0, &err), 0);
	left(PORT_WAN);
	for (unsigned int cut = 0; cut < 2; cut++) {
		uint8_t *p;

		m = test_ipv6(rig_pool, "::", "2001:db8:77::9", 60, NULL, 24);
		p = rte_pktmbuf_mtod(m, uint8_t *) + 40;
		memset(p, 0, 8);
		p[0] = 17;
		p[1] = cut ? 9 : 0;
		from_daemon(PORT_WAN, m, NULL, 0x86dd);
	}
	CU_ASSERT_EQUAL(rig_count(0, "drop.exception_destination"), destination + 2);
	CU_ASSERT_EQUAL(left(PORT_WAN), 0);
	/* Another protocol is none of the rule's. */
	m = test_ipv6(rig_pool, "::", "2001:db8:77::9", 60, NULL, 24);
	memset(rte_pktmbuf_mtod(m, uint8_t *) + 40, 0, 8);
	rte_pktmbuf_mtod(m, uint8_t *)[40] = 6;
	from_daemon(PORT_WAN, m, NULL, 0x86dd);
	CU_ASSERT_EQUAL(left(PORT_WAN), 1);
	CU_ASSERT_EQUAL_FATAL(spd_update(gw[0].spd, NULL, 0, NULL, 0, &err), 0);
}

static void test_virtual_addresses_come_and_go(void)
{
	static struct iface_virtual v;

	v.at[v.count++].addr = test_prefix("10.1.0.254", 32).addr;
	CU_ASSERT_FALSE(answers("10.1.0.254"));
	set_virtual(&v);
	CU_ASSERT_TRUE(answers("10.1.0.254"));
	CU_ASSERT_TRUE(answers("10.1.0.1"));
	set_virtual(NULL);
	CU_ASSERT_FALSE(answers("10.1.0.254"));
	CU_ASSERT_TRUE(answers("10.1.0.1"));
	drain_daemon(PORT_LAN);
}

static const uint8_t virtual_mac[6] = {0, 0, 0x5e, 0, 1, 51};

/* The MAC address in the gateway's answer to an ARP request for ADDRESS. */
static bool arp_says(const char *address, const uint8_t mac[6])
{
	struct rte_mbuf *m;
	const uint8_t *p;
	bool same;

	frame_in(PORT_LAN, arp(1, "10.1.0.10", address, rig_host_mac[0]), all_mac, 0x0806);
	m = rig_pop(gw[0].lan_out);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	p = rte_pktmbuf_mtod(m, const uint8_t *);
	same = memcmp(p + 6, mac, 6) == 0 && memcmp(p + 22, mac, 6) == 0;
	rte_pktmbuf_free(m);
	return same;
}

/* RFC 5798 sections 7.3 and 8.1.2. */
static void test_virtual_router_has_its_own_mac(void)
{
	static struct iface_virtual v;
	uint64_t alien = rig_count(0, "drop.not_our_mac"), echoes = rig_count(0, "icmp.echoes");
	uint64_t sent = rig_count(0, "exception.sent");
	struct rte_mbuf *m;

	/* Until this gateway is the master, frames to it are another's. */
	frame_in(PORT_LAN, test_echo4(rig_pool, "10.1.0.10", "10.1.0.1", 16), virtual_mac, 0x0800);
	CU_ASSERT_EQUAL(rig_count(0, "drop.not_our_mac"), alien + 1);
	/* But its daemon may speak as the router: the first advertisement comes before that. */
	from_daemon(PORT_LAN, test_ipv4(rig_pool, "10.1.0.1", "224.0.0.18", 112, NULL, 20),
	            virtual_mac, 0x0800);
	CU_ASSERT_EQUAL(rig_count(0, "exception.sent"), sent + 1);
	while ((m = rig_pop(gw[0].lan_out)) != NULL)
		rte_pktmbuf_free(m);
	v.at[0].addr = test_prefix("10.1.0.254", 32).addr;
	memcpy(&v.at[0].mac, virtual_mac, 6);
	v.count = 1;
	set_virtual(&v);
	CU_ASSERT_TRUE(arp_says("10.1.0.254", virtual_mac));
	CU_ASSERT_TRUE(arp_says("10.1.0.1", gw[0].iface[PORT_LAN].mac.addr_bytes));
	frame_in(PORT_LAN, test_echo4(rig_pool, "10.1.0.10", "10.1.0.254", 16), virtual_mac,
	         0x0800);
	CU_ASSERT_EQUAL(rig_count(0, "icmp.echoes"), echoes + 1);
	CU_ASSERT_EQUAL(rig_count(0, "drop.not_our_mac"), alien + 1);
	/* Of another virtual router. */
	frame_in(PORT_LAN, test_echo4(rig_pool, "10.1.0.10", "10.1.0.254", 16),
	         (const uint8_t[6]){0, 0, 0x5e, 0, 1, 52}, 0x0800);
	CU_ASSERT_EQUAL(rig_count(0, "drop.not_our_mac"), alien + 2);
	set_virtual(NULL);
	frame_in(PORT_LAN, test_echo4(rig_pool, "10.1.0.10", "10.1.0.1", 16), virtual_mac, 0x0800);
	CU_ASSERT_EQUAL(rig_count(0, "drop.not_our_mac"), alien + 3);
	while ((m = rig_pop(gw[0].lan_out)) != NULL)
		rte_pktmbuf_free(m);
	drain_daemon(PORT_LAN);
}

/* A flood at the gateway's own address does not silence the routers of the link. */
static void test_flood_leaves_room_for_the_link(void)
{
	uint64_t limited = rig_count(0, "drop.exception_limit");
	unsigned int got = 0;

	drain_daemon(PORT_LAN);
	for (unsigned int i = 0; i < 50; i++) {
		for (unsigned int k = 0; k < 32; k++)
			rig_send(0, test_ipv4(rig_pool, "10.1.0.10", "10.1.0.1", 6, NULL, 40));
		rig_turns(2);
	}
	CU_ASSERT_TRUE(rig_count(0, "drop.exception_limit") > limited);
	drain_daemon(PORT_LAN);
	frame_in(PORT_LAN, test_ipv4(rig_pool, "10.1.0.2", "224.0.0.18", 112, NULL, 20),
	         vrrp_group_mac, 0x0800);
	got = drain_daemon(PORT_LAN);
	CU_ASSERT_EQUAL(got, 1);
}

static void test_stop(void)
{
	rig_stop();
	for (unsigned int role = 0; role < PORT_ROLES; role++)
		exception_destroy(rig_exception[role]);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(rig_pool), 0);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_daemons_get_what_is_for_them),
          UNIT(test_data_plane_keeps_its_own), UNIT(test_arp_answers_go_to_both),
          UNIT(test_daemons_send_by_their_port), UNIT(test_nothing_of_the_lan_leaves_by_the_wan),
          UNIT(test_rules_count_for_daemons), UNIT(test_rules_see_behind_extension_headers),
          UNIT(test_virtual_addresses_come_and_go), UNIT(test_virtual_router_has_its_own_mac),
          UNIT(test_flood_leaves_room_for_the_link), UNIT(test_stop))
