/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/unit/dataplane/policy_rig.h"

#define A_HOST "10.1.0.10"
#define B_HOST "10.2.0.10"
#define FAR    "203.0.113.9" /* behind the other gateway, on the WAN's side */

static void test_start(void)
{
	rig_start(1);
	rig_turns(4);
	rig_key(0, 1);
	rig_key(1, 1);
}

static uint8_t leaves(struct rte_mbuf *m)
{
	rig_send(0, m);
	rig_turn(0);
	return on_wan();
}

static void test_first_rule_decides_per_flow(void)
{
	struct rte_mbuf *m;

	begin(0);
	to_port(rule("no-telnet", CONFIG_RULE_DISCARD), 6, 23);
	snprintf(rule("tcp", CONFIG_RULE_PROTECT)->tunnel, 32, "t0");
	config->rules[1].has_protocol = true;
	config->rules[1].protocol = 6;
	apply(0);
	for (unsigned int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(leaves(packet(A_HOST, B_HOST, 6, 1000, 22)), 50);
		CU_ASSERT_EQUAL(leaves(packet(A_HOST, B_HOST, 6, 1000, 23)), 0);
		CU_ASSERT_EQUAL(leaves(packet(A_HOST, B_HOST, 17, 1000, 22)), 0);
	}
	CU_ASSERT_EQUAL(rig_count(0, "drop.policy"), 6);
	CU_ASSERT_EQUAL(hits(0, "no-telnet"), 3);
	CU_ASSERT_EQUAL(hits(0, "tcp"), 3);
	CU_ASSERT_EQUAL(hits(0, ""), 3);
	/* Discarded in silence. */
	CU_ASSERT_PTR_NULL(rig_receive(0));
	/* The gateway itself still answers; the policy is about what crosses it. */
	rig_send(0, test_echo4(rig_pool, A_HOST, "10.1.0.1", 56));
	rig_turn(0);
	m = rig_receive(0);
	CU_ASSERT_PTR_NOT_NULL(m);
	rte_pktmbuf_free(m);
}

static void test_a_change_counts_at_once(void)
{
	begin(0);
	rule("all", CONFIG_RULE_PROTECT);
	apply(0);
	CU_ASSERT_EQUAL(leaves(packet(A_HOST, B_HOST, 17, 1, 2)), 50);
	begin(0);
	rule("none", CONFIG_RULE_DISCARD);
	apply(0);
	CU_ASSERT_EQUAL(leaves(packet(A_HOST, B_HOST, 17, 1, 2)), 0);
	begin(0);
	apply(0);
	CU_ASSERT_EQUAL(leaves(packet(A_HOST, B_HOST, 17, 1, 2)), 50);
}

/* RFC 4301 section 7: ports of later fragments are not known. */
static void test_fragments_fall_to_rules_without_ports(void)
{
	struct rte_mbuf *m = packet(A_HOST, B_HOST, 17, 5, 53);
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);

	begin(0);
	to_port(rule("dns", CONFIG_RULE_PROTECT), 17, 53);
	apply(0);
	CU_ASSERT_EQUAL(leaves(packet(A_HOST, B_HOST, 17, 5, 53)), 50);
	put_be16(ip + 6, 100);
	put_be16(ip + 10, 0);
	put_be16(ip + 10, test_checksum(ip, 20, 0));
	CU_ASSERT_EQUAL(leaves(m), 0);
	CU_ASSERT_EQUAL(hits(0, ""), rig_count(0, "drop.policy") - 4);
}

/* A header of options in front of TCP takes no packet past the rule for it. */
static void test_extension_headers_hide_nothing(void)
{
	uint8_t payload[48] = {6}; /* destination options of 8 bytes, then TCP */

	begin(0);
	to_port(rule("no-ssh", CONFIG_RULE_DISCARD), 6, 22);
	rule("rest", CONFIG_RULE_PROTECT);
	apply(0);
	put_be16(payload + 8 + 2, 22);
	CU_ASSERT_EQUAL(leaves(test_ipv6(rig_pool, "2001:db8:a::10", "2001:db8:b::10", 60, payload,
	                                 sizeof(payload))),
	                0);
	CU_ASSERT_EQUAL(hits(0, "no-ssh"), 1);
	put_be16(payload + 8 + 2, 80);
	CU_ASSERT_EQUAL(leaves(test_ipv6(rig_pool, "2001:db8:a::10", "2001:db8:b::10", 60, payload,
	                                 sizeof(payload))),
	                50);
	/* A header that is cut off could hide anything. */
	payload[1] = 200;
	CU_ASSERT_EQUAL(leaves(test_ipv6(rig_pool, "2001:db8:a::10", "2001:db8:b::10", 60, payload,
	                                 sizeof(payload))),
	                0);
}

static void test_bypass_leaves_in_the_clear(void)
{
	struct rte_mbuf *m;
	const uint8_t *p;

	begin(0);
	to_port(rule("ntp", CONFIG_RULE_BYPASS), 17, 123);
	rule("rest", CONFIG_RULE_PROTECT);
	wan_route("203.0.113.0", 24, "192.0.2.2");
	apply(0);
	for (unsigned int i = 0; i < 2; i++) {
		rig_send(0, packet(A_HOST, FAR, 17, 123, 123));
		rig_turn(0);
		m = rig_pop(gw[0].wan_out);
		CU_ASSERT_PTR_NOT_NULL_FATAL(m);
		p = rte_pktmbuf_mtod(m, const uint8_t *);
		CU_ASSERT_EQUAL(memcmp(p, &gw[1].iface[PORT_WAN].mac, 6), 0);
		CU_ASSERT_EQUAL(memcmp(p + 6, &gw[0].iface[PORT_WAN].mac, 6), 0);
		CU_ASSERT_EQUAL(p[14 + 9], 17);
		CU_ASSERT_EQUAL(p[14 + 8], 63);
		CU_ASSERT_EQUAL(test_checksum(p + 14, 20, 0), 0);
		CU_ASSERT_EQUAL(memcmp(p + 14 + 16, (const uint8_t[]){203, 0, 113, 9}, 4), 0);
		rte_pktmbuf_free(m);
	}
	CU_ASSERT_EQUAL(rig_count(0, "policy.bypassed"), 2);
	CU_ASSERT_EQUAL(hits(0, "ntp"), 2);
	/* On the link, into a tunnel's prefix by name of the rule, to nowhere. */
	CU_ASSERT_EQUAL(leaves(packet(A_HOST, "192.0.2.2", 17, 123, 123)), 17);
	CU_ASSERT_EQUAL(leaves(packet(A_HOST, B_HOST, 17, 123, 124)), 50);
	CU_ASSERT_EQUAL(leaves(packet(A_HOST, "198.51.100.1", 17, 123, 123)), 0);
	CU_ASSERT_EQUAL(leaves(packet(A_HOST, FAR, 17, 123, 124)), 0);
	CU_ASSERT_EQUAL(rig_count(0, "drop.no_route"), 2);
	/* Never with a source that is not the LAN's. */
	CU_ASSERT_EQUAL(leaves(packet("198.51.100.7", FAR, 17, 123, 123)), 0);
	CU_ASSERT_EQUAL(rig_count(0, "drop.lan_source"), 1);
	while ((m = rig_receive(0)) != NULL)
		rte_pktmbuf_free(m);
}

/* The gateway asks for a WAN neighbour that it does not know yet, and the packet waits. */
static void test_bypass_waits_for_a_neighbour(void)
{
	struct rte_mbuf *m;
	uint8_t *p;

	begin(0);
	config->wan.addresses[0] = test_prefix("192.0.2.1", 24);
	rule("all", CONFIG_RULE_BYPASS);
	iface_init(&gw[0].iface[PORT_WAN], PORT_WAN, &config->wan, &gw[0].port[PORT_WAN].mac);
	apply(0);
	rig_send(0, packet(A_HOST, "192.0.2.77", 17, 1, 1));
	rig_turn(0);
	m = rig_pop(gw[0].wan_out);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	p = rte_pktmbuf_mtod(m, uint8_t *);
	CU_ASSERT_EQUAL(get_be16(p + 12), 0x0806);
	CU_ASSERT_EQUAL(memcmp(p + 38, (const uint8_t[]){192, 0, 2, 77}, 4), 0);
	/* The answer. */
	memcpy(p + 32, gw[0].iface[PORT_WAN].mac.addr_bytes, 6);
	memcpy(p + 28, (const uint8_t[]){192, 0, 2, 77}, 4);
	memcpy(p + 22, (const uint8_t[]){2, 7, 7, 7, 7, 7}, 6);
	memcpy(p + 38, (const uint8_t[]){192, 0, 2, 1}, 4);
	memcpy(p, gw[0].iface[PORT_WAN].mac.addr_bytes, 6);
	memcpy(p + 6, (const uint8_t[]){2, 7, 7, 7, 7, 7}, 6);
	p[21] = 2;
	rte_ring_enqueue(gw[1].wan_out, m);
	rig_turn(0);
	m = rig_pop(gw[0].wan_out);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(m, void *), (const uint8_t[]){2, 7, 7, 7, 7, 7}, 6),
	                0);
	rte_pktmbuf_free(m);
	config->wan.addresses[0] = test_prefix("192.0.2.1", 30);
	iface_init(&gw[0].iface[PORT_WAN], PORT_WAN, &config->wan, &gw[0].port[PORT_WAN].mac);
}

/* Plaintext from the WAN to gateway 1: does it reach the host? */
static bool enters(struct rte_mbuf *m)
{
	bool got = false;

	test_ether(m, gw[1].iface[PORT_WAN].mac.addr_bytes, gw[0].iface[PORT_WAN].mac.addr_bytes,
	           0x0800);
	rte_ring_enqueue(gw[0].wan_out, m);
	rig_turn(1);
	while ((m = rig_receive(1)) != NULL) {
		got = true;
		rte_pktmbuf_free(m);
	}
	rig_turn(1);
	while ((m = rig_pop(gw[1].wan_out)) != NULL) {
		/* Never an answer to who is out there. */
		CU_ASSERT_EQUAL(get_be16(rte_pktmbuf_mtod(m, uint8_t *) + 12), 0x0806);
		rte_pktmbuf_free(m);
	}
	return got;
}

static void check_refused(struct rte_mbuf *m, const char *counter)
{
	uint64_t before = rig_count(1, counter);

	CU_ASSERT_FALSE(enters(m));
	CU_ASSERT_EQUAL(rig_count(1, counter), before + 1);
}

static void test_plaintext_enters_by_rule_alone(void)
{
	begin(1);
	rule("all", CONFIG_RULE_PROTECT);
	apply(1);
	check_refused(packet(FAR, B_HOST, 17, 123, 123), "drop.wan_not_local");
	begin(1);
	to_port(rule("ntp-out", CONFIG_RULE_BYPASS), 17, 123);
	to_port(rule("ntp-in", CONFIG_RULE_BYPASS), 17, 123)->from_wan = true;
	to_port(rule("echo-in", CONFIG_RULE_BYPASS), 17, 7)->from_wan = true;
	rule("no-tcp", CONFIG_RULE_DISCARD)->from_wan = true;
	config->rules[3].has_protocol = true;
	config->rules[3].protocol = 6;
	rule("rest", CONFIG_RULE_PROTECT);
	apply(1);
	CU_ASSERT_TRUE(enters(packet(FAR, B_HOST, 17, 123, 123)));
	CU_ASSERT_TRUE(enters(packet(FAR, B_HOST, 17, 123, 123)));
	CU_ASSERT_EQUAL(hits(1, "ntp-in"), 2);
	CU_ASSERT_EQUAL(rig_count(1, "policy.bypassed"), 2);
	check_refused(packet(FAR, B_HOST, 17, 123, 124), "drop.wan_not_local");
	check_refused(packet(FAR, B_HOST, 6, 123, 123), "drop.policy");
	/* The answer would go into the tunnel: so must this have come (RFC 4301 section 5.2). */
	check_refused(packet(FAR, B_HOST, 17, 999, 7), "drop.wan_unprotected");
	/* Sources of this side, ourselves, martians; and to where the LAN is not. */
	check_refused(packet("10.2.0.77", B_HOST, 17, 123, 123), "drop.wan_source");
	check_refused(packet("10.2.0.1", B_HOST, 17, 123, 123), "drop.wan_source");
	check_refused(packet("127.0.0.1", B_HOST, 17, 123, 123), "drop.wan_source");
	check_refused(packet(FAR, A_HOST, 17, 123, 123), "drop.wan_not_local");
	check_refused(packet(FAR, "10.2.0.1", 17, 123, 123), "drop.wan_not_local");
}

/* Sealed by the peer's tunnel, as a peer may that sends what it should not. */
static bool opened(struct rte_mbuf *m)
{
	bool got = false;

	CU_ASSERT_EQUAL_FATAL(tunnel_seal_burst(gw[0].tunnel, 0, &worker_get(0)->counters, &m, 1),
	                      1);
	test_ether(m, gw[1].iface[PORT_WAN].mac.addr_bytes, gw[0].iface[PORT_WAN].mac.addr_bytes,
	           0x0800);
	rte_ring_enqueue(gw[0].wan_out, m);
	rig_turn(1);
	while ((m = rig_receive(1)) != NULL) {
		got = true;
		rte_pktmbuf_free(m);
	}
	return got;
}

static void test_opened_packets_must_match_the_tunnel(void)
{
	uint64_t before = rig_count(1, "drop.inner_policy");

	begin(1);
	/* What B's hosts ask A's web servers; and pings, by type, both ways. */
	snprintf(to_port(rule("web", CONFIG_RULE_PROTECT), 6, 80)->tunnel, 32, "t0");
	rule("echo", CONFIG_RULE_PROTECT);
	config->rules[1].has_protocol = config->rules[1].has_ports = true;
	config->rules[1].protocol = 1;
	config->rules[1].dport_max = 255;
	apply(1);
	CU_ASSERT_TRUE(opened(packet(A_HOST, B_HOST, 6, 80, 4000)));
	CU_ASSERT_TRUE(opened(packet(A_HOST, B_HOST, 6, 80, 4000)));
	CU_ASSERT_EQUAL(hits(1, "web"), 2);
	CU_ASSERT_FALSE(opened(packet(A_HOST, B_HOST, 6, 4000, 80)));
	CU_ASSERT_FALSE(opened(packet(A_HOST, B_HOST, 17, 80, 4000)));
	CU_ASSERT_EQUAL(rig_count(1, "drop.inner_policy"), before + 2);
	/* ICMP type 0 is allowed, type 8 is not. */
	CU_ASSERT_TRUE(opened(packet(A_HOST, B_HOST, 1, 0, 0)));
	CU_ASSERT_FALSE(opened(packet(A_HOST, B_HOST, 1, 0x0800, 0)));
	/* A rule of any address does not make another's address the peer's. */
	before = rig_count(1, "drop.inner_source");
	CU_ASSERT_FALSE(opened(packet("10.2.0.11", B_HOST, 6, 80, 4000)));
	CU_ASSERT_FALSE(opened(packet("127.0.0.1", B_HOST, 6, 80, 4000)));
	CU_ASSERT_FALSE(opened(packet("203.0.113.5", B_HOST, 1, 0, 0)));
	CU_ASSERT_EQUAL(rig_count(1, "drop.inner_source"), before + 3);
	/* Not back into a tunnel. */
	before = rig_count(1, "drop.inner_policy");
	CU_ASSERT_FALSE(opened(packet(A_HOST, A_HOST, 6, 80, 4000)));
	CU_ASSERT_EQUAL(rig_count(1, "drop.inner_policy"), before + 1);
}

static void test_named_traffic_without_a_key(void)
{
	for (unsigned int site = 0; site < 2; site++) {
		struct config_rule *r;

		begin(site);
		r = rule("phone", CONFIG_RULE_PROTECT);
		r->has_protocol = true;
		r->protocol = 17;
		r->clear_no_key = true;
		snprintf(r->tunnel, sizeof(r->tunnel), "t0");
		rule("rest", CONFIG_RULE_PROTECT);
		wan_route(site == 0 ? "10.2.0.0" : "10.1.0.0", 16,
		          site == 0 ? "192.0.2.2" : "192.0.2.1");
		/* The same prefix leads into the tunnel: one of them is enough of a route. */
		config->routes[2].prefix.len = 24;
		apply(site);
	}
	CU_ASSERT_EQUAL(leaves(packet(A_HOST, B_HOST, 17, 1, 2)), 50);
	check_refused(packet(A_HOST, B_HOST, 17, 1, 2), "drop.wan_unprotected");
	tunnel_tx_stop(gw[0].tunnel);
	tunnel_tx_stop(gw[1].tunnel);
	CU_ASSERT_EQUAL(leaves(packet(A_HOST, B_HOST, 17, 1, 2)), 17);
	CU_ASSERT_EQUAL(leaves(packet(A_HOST, B_HOST, 17, 1, 2)), 17);
	CU_ASSERT_EQUAL(leaves(packet(A_HOST, B_HOST, 6, 1, 2)), 0);
	CU_ASSERT_EQUAL(rig_count(0, "policy.bypassed_no_key"), 2);
	CU_ASSERT_EQUAL(forward_cleared_no_key(gw[0].forward, 0), 2);
	CU_ASSERT_TRUE(enters(packet(A_HOST, B_HOST, 17, 1, 2)));
	CU_ASSERT_EQUAL(rig_count(1, "policy.accepted_no_key"), 1);
	check_refused(packet(A_HOST, B_HOST, 6, 1, 2), "drop.wan_not_local");
	rig_key(0, 2);
	rig_key(1, 2);
	CU_ASSERT_EQUAL(leaves(packet(A_HOST, B_HOST, 17, 1, 2)), 50);
	check_refused(packet(A_HOST, B_HOST, 17, 1, 2), "drop.wan_unprotected");
	CU_ASSERT_EQUAL(forward_cleared_no_key(gw[0].forward, 0), 2);
}

static void test_stop(void)
{
	struct rte_mbuf *m;

	for (unsigned int site = 0; site < 2; site++)
		while ((m = rig_receive(site)) != NULL)
			rte_pktmbuf_free(m);
	rig_stop();
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(rig_pool), 0);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_first_rule_decides_per_flow),
          UNIT(test_a_change_counts_at_once), UNIT(test_fragments_fall_to_rules_without_ports),
          UNIT(test_bypass_leaves_in_the_clear), UNIT(test_bypass_waits_for_a_neighbour),
          UNIT(test_plaintext_enters_by_rule_alone),
          UNIT(test_opened_packets_must_match_the_tunnel), UNIT(test_named_traffic_without_a_key),
          UNIT(test_extension_headers_hide_nothing), UNIT(test_stop))
