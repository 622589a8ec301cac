/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * VLANs of the LAN port that gateway A has addresses in: 10, with routing daemons, and, with a
 * smaller MTU, 20.
 */

#include "tests/unit/dataplane/policy_rig.h"

#define TEN IFACE_SUBS /* its interface */

static const uint8_t all_mac[6] = {255, 255, 255, 255, 255, 255};
static const uint8_t vlan_mac[6] = {2, 0, 0, 0, 0x10, 0x10}; /* the host in each VLAN */

static void configure(struct config *c, unsigned int site)
{
	struct config_route *r = &c->routes[c->route_count];

	if (site != 0)
		return;
	c->lan_sub_count = 2;
	c->lan_subs[0].vlan = 10;
	c->lan_subs[0].port.mtu = 1500;
	c->lan_subs[0].port.addresses[c->lan_subs[0].port.address_count++] =
	        test_prefix("10.1.10.1", 24);
	c->lan_subs[0].port.addresses[c->lan_subs[0].port.address_count++] =
	        test_prefix("2001:db8:a:10::1", 64);
	c->lan_subs[1].vlan = 20;
	c->lan_subs[1].port.mtu = 1400;
	c->lan_subs[1].port.addresses[c->lan_subs[1].port.address_count++] =
	        test_prefix("10.1.20.1", 24);
	/* A network behind a router in VLAN 10. */
	r->prefix = test_prefix("10.1.99.0", 24);
	r->via = CONFIG_VIA_LAN;
	r->next_hop = test_prefix("10.1.10.10", 0).addr;
	c->route_count++;
	/* And one without a tag. */
	r[1].prefix = test_prefix("10.1.98.0", 24);
	r[1].via = CONFIG_VIA_LAN;
	r[1].next_hop = test_prefix("10.1.0.10", 0).addr;
	c->route_count++;
}

static void configure_loose(struct config *c, unsigned int site)
{
	configure(c, site);
	c->lan.loose_source = c->lan_subs[1].port.loose_source = true;
}

static void set_up(void)
{
	rig_key(0, 1);
	rig_key(1, 1);
	rig_turns(20);
}

static void test_start(void)
{
	rig_configure = configure;
	rig_exception[TEN] = exception_create(1, NULL);
	rig_exception[PORT_WAN] = exception_create(1, NULL);
	CU_ASSERT_TRUE_FATAL(rig_exception[TEN] != NULL && rig_exception[PORT_WAN] != NULL);
	rig_start(1);
	set_up();
}

static void test_start_loose(void)
{
	const struct rig_shape shape[2] = {{.cores = 1}, {.cores = 1}};

	rig_configure = configure_loose;
	rig_exception[TEN] = rig_exception[PORT_WAN] = NULL;
	rig_start_shapes(shape, false, 1024);
	set_up();
}

/* From the host in VLAN to A: from IP, or with TYPE 0x0806 from ARP on. */
static void send_tagged(uint16_t vlan, struct rte_mbuf *m, const uint8_t *dst, uint16_t type)
{
	uint8_t *p;

	test_ether(m, dst != NULL ? dst : gw[0].iface[PORT_LAN].mac.addr_bytes, vlan_mac, type);
	p = (uint8_t *)rte_pktmbuf_prepend(m, 4);
	if (p == NULL)
		abort();
	memmove(p, p + 4, 12);
	put_be16(p + 12, 0x8100);
	put_be16(p + 14, 0xe000 | vlan); /* with a priority */
	CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(gw[0].lan_in, m), 0);
	rig_turn(0);
}

static struct rte_mbuf *arp(uint16_t op, const char *sender, const char *target)
{
	static const uint8_t head[] = {0, 1, 8, 0, 6, 4, 0, 0};
	struct rte_mbuf *m = test_mbuf(rig_pool, 28);
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

	memset(p, 0, 28);
	memcpy(p, head, sizeof(head));
	put_be16(p + 6, op);
	memcpy(p + 8, vlan_mac, 6);
	inet_pton(AF_INET, sender, p + 14);
	inet_pton(AF_INET, target, p + 24);
	return m;
}

/*
 * The next frame out of A's LAN port that is no ARP request, or NULL: it must have the tag of
 * VLAN, which is taken off with the Ethernet header. ARP requests for .10 are answered by the
 * host in the VLAN that they came in.
 */
static struct rte_mbuf *receive_tagged(uint16_t vlan)
{
	struct rte_mbuf *m;

	while ((m = rig_pop(gw[0].lan_out)) != NULL) {
		uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

		if (get_be16(p + 12) != 0x8100) {
			CU_ASSERT_EQUAL(vlan, 0);
			return m;
		}
		if (get_be16(p + 16) == 0x0806 && p[18 + 7] == 1 && p[18 + 27] == 10) {
			char sender[32], target[32];

			inet_ntop(AF_INET, p + 18 + 24, sender, sizeof(sender));
			inet_ntop(AF_INET, p + 18 + 14, target, sizeof(target));
			send_tagged(get_be16(p + 14) & 0xfff, arp(2, sender, target), NULL, 0x0806);
			rte_pktmbuf_free(m);
			continue;
		}
		CU_ASSERT_EQUAL(get_be16(p + 14), vlan);
		CU_ASSERT_EQUAL(memcmp(p, vlan_mac, 6), 0);
		CU_ASSERT_EQUAL(memcmp(p + 6, &gw[0].iface[PORT_LAN].mac, 6), 0);
		rte_pktmbuf_adj(m, 18);
		return m;
	}
	return NULL;
}

static void drop_all(void)
{
	struct rte_mbuf *m;

	while ((m = rig_pop(gw[0].lan_out)) != NULL)
		rte_pktmbuf_free(m);
}

static void test_arp_and_echo_are_answered_in_the_vlan(void)
{
	uint64_t arps = rig_count(0, "drop.arp");
	struct rte_mbuf *m;

	drop_all();
	send_tagged(10, arp(1, "10.1.10.10", "10.1.10.1"), all_mac, 0x0806);
	m = receive_tagged(10);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(rte_pktmbuf_mtod(m, uint8_t *)[7], 2);
	CU_ASSERT_EQUAL(rte_pktmbuf_mtod(m, uint8_t *)[17], 1);
	rte_pktmbuf_free(m);
	/* Not for the address of another VLAN, or of the port itself. */
	send_tagged(20, arp(1, "10.1.10.10", "10.1.10.1"), all_mac, 0x0806);
	send_tagged(10, arp(1, "10.1.0.10", "10.1.0.1"), all_mac, 0x0806);
	CU_ASSERT_PTR_NULL(receive_tagged(10));
	CU_ASSERT_EQUAL(rig_count(0, "drop.arp"), arps + 2);
	send_tagged(20, test_echo4(rig_pool, "10.1.20.10", "10.1.20.1", 32), NULL, 0x0800);
	m = receive_tagged(20);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(rte_pktmbuf_mtod(m, uint8_t *)[20], 0);
	rte_pktmbuf_free(m);
	send_tagged(10, test_echo6(rig_pool, "2001:db8:a:10::10", "2001:db8:a:10::1", 32), NULL,
	            0x86dd);
	m = receive_tagged(10);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(rte_pktmbuf_mtod(m, uint8_t *)[40], 129);
	rte_pktmbuf_free(m);
}

/* To the other site and back, by a decision of the cache the second time. */
static void test_packets_cross(void)
{
	for (unsigned int i = 0; i < 3; i++) {
		struct rte_mbuf *m;

		send_tagged(10, test_ipv4(rig_pool, "10.1.10.10", "10.2.0.10", 17, NULL, 100), NULL,
		            0x0800);
		rig_turns(4);
		m = rig_receive(1);
		rig_turn(1);
		if (m == NULL)
			m = rig_receive(1);
		CU_ASSERT_PTR_NOT_NULL_FATAL(m);
		CU_ASSERT_EQUAL(rte_pktmbuf_pkt_len(m), 120);
		rte_pktmbuf_free(m);
		rig_send(1, test_ipv4(rig_pool, "10.2.0.10", "10.1.10.10", 17, NULL, 100));
		rig_turns(4);
		m = receive_tagged(10);
		if (m == NULL)
			m = receive_tagged(10);
		CU_ASSERT_PTR_NOT_NULL_FATAL(m);
		CU_ASSERT_EQUAL(rte_pktmbuf_pkt_len(m), 120);
		CU_ASSERT_EQUAL(rte_pktmbuf_mtod(m, uint8_t *)[8], 62);
		rte_pktmbuf_free(m);
	}
}

static uint8_t leaves(uint16_t vlan, const char *src, uint8_t proto)
{
	send_tagged(vlan, test_ipv4(rig_pool, src, "10.2.0.10", proto, NULL, 100), NULL, 0x0800);
	return on_wan();
}

static bool comes_in(uint16_t vlan, const char *dst, uint8_t proto)
{
	struct rte_mbuf *m;

	rig_send(1, test_ipv4(rig_pool, "10.2.0.10", dst, proto, NULL, 100));
	rig_turns(2);
	m = receive_tagged(vlan);
	if (m == NULL)
		m = receive_tagged(vlan);
	rte_pktmbuf_free(m);
	return m != NULL;
}

/* The same addresses and ports, a decision for each VLAN, from the cache, too. */
static void test_rules_name_vlans(void)
{
	uint64_t inner = rig_count(0, "drop.inner_policy");
	struct config_rule *r;

	drop_all();
	begin(0);
	r = rule("ten", CONFIG_RULE_DISCARD);
	r->has_vlan = true;
	r->vlan = 10;
	r = rule("plain", CONFIG_RULE_DISCARD);
	r->has_vlan = true;
	r->has_protocol = true;
	r->protocol = 47;
	rule("rest", CONFIG_RULE_PROTECT);
	apply(0);
	for (unsigned int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(leaves(10, "10.1.10.10", 47), 0);
		CU_ASSERT_EQUAL(leaves(20, "10.1.10.10", 47), 50);
		CU_ASSERT_EQUAL(leaves(10, "10.1.10.10", 17), 0);
		rig_send(0, test_ipv4(rig_pool, "10.1.10.10", "10.2.0.10", 47, NULL, 100));
		rig_turn(0);
		CU_ASSERT_EQUAL(on_wan(), 0);
		rig_send(0, test_ipv4(rig_pool, "10.1.10.10", "10.2.0.10", 17, NULL, 100));
		rig_turn(0);
		CU_ASSERT_EQUAL(on_wan(), 50);
	}
	CU_ASSERT_EQUAL(hits(0, "ten"), 4);
	CU_ASSERT_EQUAL(hits(0, "plain"), 2);
	CU_ASSERT_EQUAL(hits(0, "rest"), 4);
	/* What comes out of a tunnel is held to the rules for the VLAN that it goes to. */
	CU_ASSERT_FALSE(comes_in(10, "10.1.10.10", 47));
	CU_ASSERT_FALSE(comes_in(10, "10.1.10.1", 1));
	CU_ASSERT_EQUAL(rig_count(0, "drop.inner_policy"), inner + 2);
	CU_ASSERT_TRUE(comes_in(20, "10.1.20.10", 47));
	begin(0);
	apply(0);
}

static void test_ipv6_rules_name_vlans(void)
{
	struct config_rule *r;

	begin(0);
	r = rule("ten", CONFIG_RULE_PROTECT);
	r->has_vlan = true;
	r->vlan = 10;
	apply(0);
	for (unsigned int i = 0; i < 2; i++) {
		send_tagged(
		        10,
		        test_ipv6(rig_pool, "2001:db8:a:10::10", "2001:db8:b::10", 17, NULL, 64),
		        NULL, 0x86dd);
		CU_ASSERT_EQUAL(on_wan(), 50);
		rig_send(0,
		         test_ipv6(rig_pool, "2001:db8:a:10::10", "2001:db8:b::10", 17, NULL, 64));
		rig_turn(0);
		CU_ASSERT_EQUAL(on_wan(), 0);
	}
	begin(0);
	apply(0);
}

static bool passes(uint16_t from, const char *src, uint16_t to, const char *dst)
{
	struct rte_mbuf *m = test_ipv4(rig_pool, src, dst, 17, NULL, 100);

	if (from == 0) {
		rig_send(0, m);
		rig_turn(0);
	} else {
		send_tagged(from, m, NULL, 0x0800);
	}
	m = to == 0 ? rig_receive(0) : receive_tagged(to);
	rte_pktmbuf_free(m);
	return m != NULL;
}

/* Within one network, by a router there, too, with rules or without. */
static void test_turning_round_crosses_nothing(void)
{
	for (unsigned int rules = 0; rules < 2; rules++) {
		begin(0);
		if (rules != 0)
			rule("none", CONFIG_RULE_DISCARD);
		apply(0);
		for (unsigned int i = 0; i < 2; i++) {
			CU_ASSERT_TRUE(passes(10, "10.1.10.20", 10, "10.1.99.5"));
			CU_ASSERT_TRUE(passes(10, "10.1.99.5", 10, "10.1.10.10"));
			CU_ASSERT_TRUE(passes(0, "10.1.0.20", 0, "10.1.98.5"));
		}
	}
	begin(0);
	apply(0);
}

static void test_nothing_passes_between_vlans_without_a_rule(void)
{
	uint64_t before = rig_count(0, "drop.policy");

	for (unsigned int i = 0; i < 2; i++) {
		CU_ASSERT_FALSE(passes(10, "10.1.10.10", 20, "10.1.20.10"));
		CU_ASSERT_FALSE(passes(0, "10.1.0.10", 10, "10.1.99.5"));
		CU_ASSERT_FALSE(passes(10, "10.1.10.10", 0, "10.1.0.10"));
	}
	CU_ASSERT_EQUAL(rig_count(0, "drop.policy"), before + 6);
}

static struct config_rule *in_vlan(struct config_rule *r, uint16_t vlan)
{
	r->has_vlan = true;
	r->vlan = vlan;
	return r;
}

static void test_bypass_lets_pass_between_vlans(void)
{
	uint64_t before = rig_count(0, "drop.policy"), clear = rig_count(0, "policy.bypassed");

	begin(0);
	in_vlan(rule("ten", CONFIG_RULE_BYPASS), 10);
	in_vlan(rule("plain", CONFIG_RULE_BYPASS), 0)->has_destination = true;
	config->rules[1].destination = test_prefix("10.1.99.0", 24);
	in_vlan(rule("twenty", CONFIG_RULE_DISCARD), 20);
	rule("rest", CONFIG_RULE_PROTECT);
	apply(0);
	for (unsigned int i = 0; i < 2; i++) {
		CU_ASSERT_TRUE(passes(10, "10.1.10.10", 20, "10.1.20.10"));
		CU_ASSERT_TRUE(passes(10, "10.1.99.5", 0, "10.1.0.10"));
		CU_ASSERT_TRUE(passes(0, "10.1.0.10", 10, "10.1.99.5"));
		/* The other direction has a rule of its own. */
		CU_ASSERT_FALSE(passes(20, "10.1.20.10", 10, "10.1.10.10"));
		/* Protected, but no tunnel leads there. */
		CU_ASSERT_FALSE(passes(0, "10.1.0.10", 10, "10.1.10.10"));
		CU_ASSERT_EQUAL(on_wan(), 0);
	}
	CU_ASSERT_EQUAL(hits(0, "ten"), 4);
	CU_ASSERT_EQUAL(hits(0, "plain"), 2);
	CU_ASSERT_EQUAL(hits(0, "twenty"), 2);
	CU_ASSERT_EQUAL(hits(0, "rest"), 0);
	CU_ASSERT_EQUAL(rig_count(0, "drop.policy"), before + 4);
	/* That is about the WAN. */
	CU_ASSERT_EQUAL(rig_count(0, "policy.bypassed"), clear);
	begin(0);
	apply(0);
}

/* A host speaks with an address of the network that it is in, or of one behind it. */
static void test_sources_stay_in_their_vlan(void)
{
	uint64_t before = rig_count(0, "drop.reverse_path");
	uint64_t side = rig_count(0, "drop.lan_source");

	drop_all();
	for (unsigned int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(leaves(10, "10.1.10.10", 17), 50);
		CU_ASSERT_EQUAL(leaves(10, "10.1.99.5", 17), 50);
		CU_ASSERT_EQUAL(leaves(20, "10.1.10.10", 17), 0);
		CU_ASSERT_EQUAL(leaves(20, "10.1.99.5", 17), 0);
		CU_ASSERT_EQUAL(leaves(10, "10.1.0.10", 17), 0);
		rig_send(0, test_ipv4(rig_pool, "10.1.10.10", "10.2.0.10", 17, NULL, 100));
		rig_turn(0);
		CU_ASSERT_EQUAL(on_wan(), 0);
		/* To the gateway itself, too. */
		send_tagged(20, test_echo4(rig_pool, "10.1.10.10", "10.1.20.1", 32), NULL, 0x0800);
		CU_ASSERT_PTR_NULL(receive_tagged(20));
		rig_send(0,
		         test_ipv6(rig_pool, "2001:db8:a:10::10", "2001:db8:b::10", 17, NULL, 64));
		rig_turn(0);
		CU_ASSERT_EQUAL(on_wan(), 0);
	}
	CU_ASSERT_EQUAL(rig_count(0, "drop.reverse_path"), before + 12);
	CU_ASSERT_EQUAL(leaves(10, "10.2.0.77", 17), 0);
	CU_ASSERT_EQUAL(rig_count(0, "drop.lan_source"), side + 1);
}

/* Each VLAN has its own MTU, and its own address in what ICMP says. */
static void test_mtu_and_errors(void)
{
	struct rte_mbuf *m;
	uint8_t us[4];

	begin(0);
	rule("all", CONFIG_RULE_BYPASS);
	apply(0);
	for (unsigned int i = 0; i < 2; i++) {
		send_tagged(10, test_ipv4(rig_pool, "10.1.10.10", "10.1.20.10", 17, NULL, 1400),
		            NULL, 0x0800);
		m = receive_tagged(10);
		CU_ASSERT_PTR_NOT_NULL_FATAL(m);
		inet_pton(AF_INET, "10.1.10.1", us);
		CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod_offset(m, uint8_t *, 12), us, 4), 0);
		CU_ASSERT_EQUAL(rte_pktmbuf_mtod(m, uint8_t *)[20], 3);
		CU_ASSERT_EQUAL(rte_pktmbuf_mtod(m, uint8_t *)[21], 4);
		CU_ASSERT_EQUAL(get_be16(rte_pktmbuf_mtod_offset(m, uint8_t *, 26)), 1400);
		rte_pktmbuf_free(m);
	}
	send_tagged(20, test_ipv4(rig_pool, "10.1.20.10", "10.1.10.10", 17, NULL, 1300), NULL,
	            0x0800);
	m = receive_tagged(10);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	rte_pktmbuf_free(m);
	begin(0);
	apply(0);
}

static void test_other_tags_are_dropped(void)
{
	uint64_t before = rig_count(0, "drop.ethertype");

	send_tagged(30, test_echo4(rig_pool, "10.1.0.10", "10.1.0.1", 32), NULL, 0x0800);
	/* A second tag. */
	send_tagged(20, test_mbuf(rig_pool, 60), NULL, 0x8100);
	CU_ASSERT_EQUAL(rig_count(0, "drop.ethertype"), before + 2);
	CU_ASSERT_PTR_NULL(receive_tagged(10));
}

/* The port itself goes on as ever. */
static void test_untagged_stay_untagged(void)
{
	struct rte_mbuf *m;

	rig_send(0, test_echo4(rig_pool, "10.1.0.10", "10.1.0.1", 16));
	rig_turn(0);
	m = rig_receive(0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(rte_pktmbuf_mtod(m, uint8_t *)[20], 0);
	rte_pktmbuf_free(m);
}

/* The host in VLAN 10 says that it has our address there; in VLAN 20 it is nobody's business. */
static void test_addresses_are_defended_in_their_vlan(void)
{
	uint64_t before = rig_count(0, "neighbour.conflicts");
	unsigned int announced = 0;
	struct rte_mbuf *m;

	drop_all();
	send_tagged(20, arp(1, "10.1.10.1", "10.1.10.1"), all_mac, 0x0806);
	CU_ASSERT_EQUAL(rig_count(0, "neighbour.conflicts"), before);
	drop_all();
	send_tagged(10, arp(1, "10.1.10.1", "10.1.10.1"), all_mac, 0x0806);
	CU_ASSERT_EQUAL(rig_count(0, "neighbour.conflicts"), before + 1);
	while ((m = rig_pop(gw[0].lan_out)) != NULL) {
		const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

		announced += get_be16(p + 12) == 0x8100 && get_be16(p + 14) == 10 &&
		             get_be16(p + 16) == 0x0806 && p[25] == 1 &&
		             memcmp(p + 32, p + 42, 4) == 0;
		rte_pktmbuf_free(m);
	}
	CU_ASSERT_EQUAL(announced, 1);
}

/* Frames for the daemons in VLAN 10; of the last one, its length and what follows Ethernet. */
static unsigned int for_daemons(uint32_t *len, uint8_t first[20])
{
	struct rte_mbuf *m;
	unsigned int n = 0;

	for (; (m = exception_take(rig_exception[TEN], 0)) != NULL; n++) {
		*len = rte_pktmbuf_pkt_len(m);
		memcpy(first, rte_pktmbuf_mtod_offset(m, const uint8_t *, 14), 20);
		exception_give_back(rig_exception[TEN], 0, m);
	}
	rig_turn(0);
	return n;
}

static void test_daemons_hear_their_vlan(void)
{
	static const uint8_t group[6] = {0x01, 0, 0x5e, 0, 0, 18};
	uint8_t first[20] = {0};
	uint32_t len = 0;

	for_daemons(&len, first);
	send_tagged(10, test_ipv4(rig_pool, "10.1.10.10", "224.0.0.18", 112, NULL, 20), group,
	            0x0800);
	CU_ASSERT_EQUAL(for_daemons(&len, first), 1);
	/* Without its tag. */
	CU_ASSERT_EQUAL(len, 14 + 40);
	CU_ASSERT_EQUAL(first[9], 112);
	send_tagged(10, test_ipv4(rig_pool, "10.1.10.10", "10.1.10.1", 6, NULL, 40), NULL, 0x0800);
	CU_ASSERT_EQUAL(for_daemons(&len, first), 1);
	CU_ASSERT_EQUAL(first[9], 6);
	send_tagged(10, arp(2, "10.1.10.10", "10.1.10.1"), NULL, 0x0806);
	CU_ASSERT_EQUAL(for_daemons(&len, first), 1);
	/* What is of another VLAN, or of none, is none of theirs. */
	send_tagged(20, test_ipv4(rig_pool, "10.1.20.10", "224.0.0.18", 112, NULL, 20), group,
	            0x0800);
	send_tagged(20, test_ipv4(rig_pool, "10.1.20.10", "10.1.20.1", 6, NULL, 40), NULL, 0x0800);
	rig_send(0, test_ipv4(rig_pool, "10.1.0.10", "10.1.0.1", 6, NULL, 40));
	rig_turn(0);
	CU_ASSERT_EQUAL(for_daemons(&len, first), 0);
}

static void from_daemon(unsigned int iface, const char *src, const char *dst, const uint8_t *mac)
{
	struct rte_mbuf *m = test_ipv4(rig_pool, src, dst, 112, NULL, 20);

	test_ether(m, vlan_mac, mac, 0x0800);
	exception_down(rig_exception[iface], m);
	rig_turn(0);
}

static void test_daemons_speak_in_their_vlan(void)
{
	const uint8_t *us = gw[0].iface[PORT_LAN].mac.addr_bytes;
	uint64_t before = rig_count(0, "drop.exception_source");
	struct rte_mbuf *m;

	drop_all();
	from_daemon(TEN, "10.1.10.1", "224.0.0.18", us);
	m = receive_tagged(10);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(rte_pktmbuf_pkt_len(m), 40);
	CU_ASSERT_EQUAL(rte_pktmbuf_mtod(m, uint8_t *)[9], 112);
	rte_pktmbuf_free(m);
	from_daemon(TEN, "10.1.10.1", "224.0.0.18", vlan_mac);
	CU_ASSERT_PTR_NULL(receive_tagged(10));
	CU_ASSERT_EQUAL(rig_count(0, "drop.exception_source"), before + 1);
}

/* What hosts of any VLAN send protected leaves by the WAN from no daemon. */
static void test_rules_for_vlans_hold_daemons_on_the_wan(void)
{
	const uint8_t *us = gw[0].iface[PORT_WAN].mac.addr_bytes;
	uint64_t before = rig_count(0, "drop.exception_destination");
	struct config_rule *r;

	drop_all();
	while (on_wan() != 0)
		;
	for (unsigned int i = 0; i < 2; i++) {
		struct rte_mbuf *m;

		begin(0);
		r = in_vlan(rule("twenty", CONFIG_RULE_PROTECT), 20);
		snprintf(r->tunnel, sizeof(r->tunnel), "%s", i == 0 ? "t0" : "");
		apply(0);
		from_daemon(PORT_WAN, "192.0.2.1", "203.0.113.9", us);
		m = rig_pop(gw[0].wan_out);
		CU_ASSERT_EQUAL(m != NULL, i == 1);
		rte_pktmbuf_free(m);
	}
	CU_ASSERT_EQUAL(rig_count(0, "drop.exception_destination"), before + 1);
	begin(0);
	apply(0);
}

static void set_virtual(const struct iface_virtual *v)
{
	iface_set_virtual(&gw[0].iface[TEN], v);
	forward_set_virtual(gw[0].forward, TEN, v);
	apply(0);
}

static bool answers(uint16_t vlan, const char *target)
{
	struct rte_mbuf *m;
	bool answer;

	drop_all();
	send_tagged(vlan, arp(1, vlan == 10 ? "10.1.10.10" : "10.1.20.10", target), all_mac,
	            0x0806);
	m = receive_tagged(vlan);
	answer = m != NULL && rte_pktmbuf_mtod(m, uint8_t *)[7] == 2;
	rte_pktmbuf_free(m);
	return answer;
}

/* Of a virtual router in VLAN 10. */
static void test_virtual_addresses_in_a_vlan(void)
{
	static struct iface_virtual v;
	struct rte_mbuf *m;

	begin(0);
	v.at[v.count++].addr = test_prefix("10.1.10.254", 32).addr;
	CU_ASSERT_FALSE(answers(10, "10.1.10.254"));
	set_virtual(&v);
	CU_ASSERT_TRUE(answers(10, "10.1.10.254"));
	CU_ASSERT_FALSE(answers(20, "10.1.10.254"));
	send_tagged(10, test_echo4(rig_pool, "10.1.10.10", "10.1.10.254", 32), NULL, 0x0800);
	m = receive_tagged(10);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(rte_pktmbuf_mtod(m, uint8_t *)[20], 0);
	rte_pktmbuf_free(m);
	set_virtual(NULL);
	CU_ASSERT_FALSE(answers(10, "10.1.10.254"));
}

static void test_stop(void)
{
	rig_stop();
	for (unsigned int i = 0; i < IFACES_MAX; i++)
		exception_destroy(rig_exception[i]);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(rig_pool), 0);
}

/* Where sources may stray. */
static void test_loose_sources(void)
{
	uint64_t before = rig_count(0, "drop.reverse_path");

	drop_all();
	CU_ASSERT_EQUAL(leaves(20, "10.1.10.10", 17), 50);
	CU_ASSERT_EQUAL(leaves(10, "10.1.20.10", 17), 0);
	CU_ASSERT_EQUAL(rig_count(0, "drop.reverse_path"), before + 1);
	CU_ASSERT_EQUAL(leaves(20, "10.2.0.77", 17), 0);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_arp_and_echo_are_answered_in_the_vlan),
          UNIT(test_packets_cross), UNIT(test_ipv6_rules_name_vlans),
          UNIT(test_turning_round_crosses_nothing),
          UNIT(test_nothing_passes_between_vlans_without_a_rule),
          UNIT(test_bypass_lets_pass_between_vlans), UNIT(test_sources_stay_in_their_vlan),
          UNIT(test_mtu_and_errors), UNIT(test_other_tags_are_dropped),
          UNIT(test_untagged_stay_untagged), UNIT(test_addresses_are_defended_in_their_vlan),
          UNIT(test_daemons_hear_their_vlan), UNIT(test_daemons_speak_in_their_vlan),
          UNIT(test_rules_for_vlans_hold_daemons_on_the_wan),
          UNIT(test_virtual_addresses_in_a_vlan), UNIT(test_stop), UNIT(test_start_loose),
          UNIT(test_loose_sources), UNIT(test_rules_name_vlans), UNIT(test_stop))
