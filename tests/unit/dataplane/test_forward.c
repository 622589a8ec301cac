/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/unit/dataplane/gateway_rig.h"

#define A_HOST  "10.1.0.10"
#define B_HOST  "10.2.0.10"
#define A_HOST6 "2001:db8:a::10"
#define B_HOST6 "2001:db8:b::10"

static void test_start(void)
{
	rig_start(1);
}

/* The WAN's neighbours are asked for ahead of the first packet. */
static void test_wan_neighbours_resolve_by_themselves(void)
{
	struct neighbour_info info[4];

	rig_turns(4);
	CU_ASSERT_EQUAL(forward_neighbours(gw[0].forward, info, 4), 1);
	CU_ASSERT_TRUE(info[0].resolved);
	CU_ASSERT_EQUAL(memcmp(info[0].key.addr, (const uint8_t[]){192, 0, 2, 2}, 4), 0);
	CU_ASSERT_TRUE(rte_is_same_ether_addr(&info[0].link, &gw[1].iface[PORT_WAN].mac));
	CU_ASSERT_EQUAL(rte_ring_count(gw[0].wan_out), 0);
	CU_ASSERT_EQUAL(rte_ring_count(gw[1].wan_out), 0);
}

static void test_without_key_nothing_leaves(void)
{
	rig_send(0, test_ipv4(rig_pool, A_HOST, B_HOST, 17, NULL, 100));
	rig_turn(0);
	CU_ASSERT_EQUAL(rte_ring_count(gw[0].wan_out), 0);
	CU_ASSERT_EQUAL(rig_count(0, "drop.no_key"), 1);
	rig_key(0, 1);
	rig_key(1, 1);
}

static void cross(unsigned int from, struct rte_mbuf *m, bool ipv6)
{
	unsigned int len = rte_pktmbuf_pkt_len(m), hop = ipv6 ? 7 : 8;
	uint8_t sent[2048];
	struct rte_mbuf *wan, *got;
	const uint8_t *p;

	memcpy(sent, rte_pktmbuf_mtod(m, void *), len);
	rig_send(from, m);
	rig_turn(from);
	wan = rig_pop(gw[from].wan_out);
	CU_ASSERT_PTR_NOT_NULL_FATAL(wan);
	p = rte_pktmbuf_mtod(wan, const uint8_t *);
	CU_ASSERT_EQUAL(memcmp(p, gw[!from].iface[PORT_WAN].mac.addr_bytes, 6), 0);
	CU_ASSERT_EQUAL(memcmp(p + 6, gw[from].iface[PORT_WAN].mac.addr_bytes, 6), 0);
	CU_ASSERT_EQUAL(get_be16(p + 12), 0x0800);
	CU_ASSERT_EQUAL(p[14 + 9], 50);
	CU_ASSERT_PTR_NULL(memmem(p, rte_pktmbuf_data_len(wan), sent + 40, 8));
	rte_ring_enqueue(gw[from].wan_out, wan);
	rig_turn(!from);
	got = rig_receive(!from);
	CU_ASSERT_PTR_NOT_NULL_FATAL(got);
	CU_ASSERT_EQUAL(rte_pktmbuf_pkt_len(got), len);
	p = rte_pktmbuf_mtod(got, const uint8_t *);
	CU_ASSERT_EQUAL(p[hop], sent[hop] - 2);
	if (!ipv6) {
		CU_ASSERT_EQUAL(test_checksum(p, 20, 0), 0);
		put_be16(sent + 10, get_be16(p + 10));
	}
	sent[hop] -= 2;
	CU_ASSERT_EQUAL(memcmp(p, sent, len), 0);
	rte_pktmbuf_free(got);
}

static void test_packets_cross_sealed(void)
{
	for (unsigned int round = 0; round < 2; round++) {
		cross(0, test_ipv4(rig_pool, A_HOST, B_HOST, 17, NULL, 1000), false);
		cross(1, test_ipv4(rig_pool, B_HOST, A_HOST, 17, NULL, 52), false);
		cross(0, test_ipv6(rig_pool, A_HOST6, B_HOST6, 17, NULL, 1000), true);
		cross(1, test_ipv6(rig_pool, B_HOST6, A_HOST6, 17, NULL, 64), true);
	}
}

static void check_error(struct rte_mbuf *m, uint8_t type, uint8_t code, uint16_t mtu)
{
	const uint8_t *ip;

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	ip = rte_pktmbuf_mtod(m, const uint8_t *);
	CU_ASSERT_EQUAL(ip[9], 1);
	CU_ASSERT_EQUAL(ip[20], type);
	CU_ASSERT_EQUAL(ip[21], code);
	CU_ASSERT_EQUAL(get_be16(ip + 26), mtu);
	CU_ASSERT_EQUAL(test_checksum(ip + 20, rte_pktmbuf_data_len(m) - 20U, 0), 0);
	rte_pktmbuf_free(m);
}

static void test_pings_are_answered(void)
{
	uint64_t echoes[2] = {rig_count(0, "icmp.echoes"), rig_count(1, "icmp.echoes")};
	struct rte_mbuf *m;

	/* Our LAN address from the LAN, the far one through the tunnel, IPv6, the WAN's. */
	rig_send(0, test_echo4(rig_pool, A_HOST, "10.1.0.1", 56));
	rig_turn(0);
	m = rig_receive(0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(rte_pktmbuf_mtod(m, uint8_t *)[20], 0);
	rte_pktmbuf_free(m);
	rig_send(0, test_echo4(rig_pool, A_HOST, "10.2.0.1", 56));
	rig_turns(2);
	m = rig_receive(0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(rte_pktmbuf_mtod(m, uint8_t *)[20], 0);
	CU_ASSERT_EQUAL(rte_pktmbuf_mtod(m, uint8_t *)[13], 2);
	rte_pktmbuf_free(m);
	rig_send(0, test_echo6(rig_pool, A_HOST6, "2001:db8:a::1", 56));
	rig_turn(0);
	m = rig_receive(0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(rte_pktmbuf_mtod(m, uint8_t *)[40], 129);
	rte_pktmbuf_free(m);
	m = test_ether(test_echo4(rig_pool, "192.0.2.2", "192.0.2.1", 8),
	               gw[0].iface[PORT_WAN].mac.addr_bytes, gw[1].iface[PORT_WAN].mac.addr_bytes,
	               0x0800);
	rte_ring_enqueue(gw[1].wan_out, m);
	rig_turn(0);
	m = rig_pop(gw[0].wan_out);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(rte_pktmbuf_mtod(m, uint8_t *)[14 + 20], 0);
	CU_ASSERT_EQUAL(rte_pktmbuf_mtod(m, uint8_t *)[14 + 19], 2);
	rte_pktmbuf_free(m);
	CU_ASSERT_EQUAL(rig_count(0, "icmp.echoes"), echoes[0] + 3);
	CU_ASSERT_EQUAL(rig_count(1, "icmp.echoes"), echoes[1] + 1);
}

static void test_time_exceeded(void)
{
	struct rte_mbuf *m = test_ipv4(rig_pool, A_HOST, B_HOST, 17, NULL, 40);
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);

	ip[8] = 1;
	put_be16(ip + 10, 0);
	put_be16(ip + 10, test_checksum(ip, 20, 0));
	rig_send(0, m);
	rig_turn(0);
	check_error(rig_receive(0), 11, 0, 0);
	/* The second hop's comes back through the tunnel. */
	m = test_ipv4(rig_pool, A_HOST, B_HOST, 17, NULL, 40);
	ip = rte_pktmbuf_mtod(m, uint8_t *);
	ip[8] = 2;
	put_be16(ip + 10, 0);
	put_be16(ip + 10, test_checksum(ip, 20, 0));
	rig_send(0, m);
	rig_turns(2);
	m = rig_receive(0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(rte_pktmbuf_mtod(m, uint8_t *)[13], 2);
	check_error(m, 11, 0, 0);
	CU_ASSERT_EQUAL(rig_count(0, "drop.ttl"), 1);
	CU_ASSERT_EQUAL(rig_count(1, "drop.ttl"), 1);
}

static void test_too_big(void)
{
	uint16_t mtu = (uint16_t)tunnel_inner_mtu(gw[0].tunnel, 1500);
	struct rte_mbuf *m;

	CU_ASSERT_TRUE(mtu > 1400 && mtu < 1460);
	cross(0, test_ipv4(rig_pool, A_HOST, B_HOST, 17, NULL, (uint16_t)(mtu - 20)), false);
	rig_send(0, test_ipv4(rig_pool, A_HOST, B_HOST, 17, NULL, (uint16_t)(mtu - 19)));
	rig_turn(0);
	CU_ASSERT_EQUAL(rte_ring_count(gw[0].wan_out), 0);
	check_error(rig_receive(0), 3, 4, mtu);
	rig_send(0, test_ipv6(rig_pool, A_HOST6, B_HOST6, 17, NULL, (uint16_t)(mtu - 39)));
	rig_turn(0);
	m = rig_receive(0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(rte_pktmbuf_mtod(m, uint8_t *)[40], 2);
	CU_ASSERT_EQUAL(get_be32(rte_pktmbuf_mtod(m, uint8_t *) + 44), mtu);
	rte_pktmbuf_free(m);
	CU_ASSERT_EQUAL(rig_count(0, "drop.too_big"), 2);
}

static void test_fragments_cross(void)
{
	struct rte_mbuf *m = test_ipv4(rig_pool, A_HOST, B_HOST, 17, NULL, 1480);
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *), whole[1480], got[1480] = {0};
	unsigned int bytes = 0, parts = 0;

	for (unsigned int i = 0; i < 1480; i++)
		whole[i] = ip[20 + i] = (uint8_t)(i * 7);
	put_be16(ip + 6, 0);
	put_be16(ip + 10, 0);
	put_be16(ip + 10, test_checksum(ip, 20, 0));
	rig_send(0, m);
	rig_turns(2);
	while ((m = rig_receive(1)) != NULL) {
		unsigned int at, len = rte_pktmbuf_data_len(m) - 20U;

		ip = rte_pktmbuf_mtod(m, uint8_t *);
		at = (get_be16(ip + 6) & 0x1fffU) * 8;
		CU_ASSERT_EQUAL(test_checksum(ip, 20, 0), 0);
		CU_ASSERT_EQUAL(ip[8], 62);
		CU_ASSERT_TRUE_FATAL(at + len <= 1480);
		memcpy(got + at, ip + 20, len);
		bytes += len;
		parts++;
		rte_pktmbuf_free(m);
	}
	CU_ASSERT_EQUAL(parts, 2);
	CU_ASSERT_EQUAL(bytes, 1480);
	CU_ASSERT_EQUAL(memcmp(got, whole, sizeof(whole)), 0);
}

/* From the LAN: what must neither pass nor reach the WAN in the clear. */
static void test_lan_drops_by_name(void)
{
	static const struct {
		const char *src, *dst, *counter;
	} drops[] = {
	        {A_HOST, "203.0.113.9", "drop.no_route"},
	        {A_HOST, "192.0.2.2", "drop.no_route"}, /* the peer itself: no way to the WAN */
	        {A_HOST, "10.1.0.255", "drop.discard"},
	        {A_HOST, "10.1.0.0", "drop.discard"},
	        {A_HOST, "127.0.0.1", "drop.discard"},
	        {A_HOST, "224.0.0.5", "drop.discard"},
	        {B_HOST, "10.2.0.11", "drop.lan_source"},
	        {"203.0.113.9", B_HOST, "drop.lan_source"},
	        {"127.0.0.1", B_HOST, "drop.lan_source"},
	        {A_HOST, "10.1.0.1", "drop.local"},
	};
	struct rte_mbuf *m;

	for (size_t i = 0; i < sizeof(drops) / sizeof(drops[0]); i++) {
		uint64_t before = rig_count(0, drops[i].counter);

		rig_send(0, test_ipv4(rig_pool, drops[i].src, drops[i].dst, 17, NULL, 32));
		rig_turn(0);
		CU_ASSERT_EQUAL(rig_count(0, drops[i].counter), before + 1);
		CU_ASSERT_EQUAL(rte_ring_count(gw[0].wan_out), 0);
		while ((m = rig_receive(0)) != NULL)
			check_error(m, 3, strcmp(drops[i].counter, "drop.local") == 0 ? 3 : 0, 0);
	}
}

static void drops_frame(enum port_role role, struct rte_mbuf *m, const uint8_t *dst_mac,
                        uint16_t type, const char *counter)
{
	uint64_t before = rig_count(0, counter);

	test_ether(m, dst_mac, rig_host_mac[0], type);
	rte_ring_enqueue(role == PORT_LAN ? gw[0].lan_in : gw[1].wan_out, m);
	rig_turn(0);
	CU_ASSERT_EQUAL(rig_count(0, counter), before + 1);
	CU_ASSERT_EQUAL(rte_ring_count(gw[0].wan_out), 0);
	CU_ASSERT_EQUAL(rte_ring_count(gw[0].lan_out), 0);
}

static struct rte_mbuf *udp(const char *src, const char *dst)
{
	return test_ipv4(rig_pool, src, dst, 17, NULL, 32);
}

static void test_frames_drop_by_name(void)
{
	static const uint8_t other[6] = {2, 9, 9, 9, 9, 9}, all[6] = {255, 255, 255, 255, 255, 255};
	const uint8_t *lan = gw[0].iface[PORT_LAN].mac.addr_bytes;
	const uint8_t *wan = gw[0].iface[PORT_WAN].mac.addr_bytes;
	struct rte_mbuf *m = udp(A_HOST, B_HOST);

	drops_frame(PORT_LAN, udp(A_HOST, B_HOST), other, 0x0800, "drop.not_our_mac");
	drops_frame(PORT_LAN, udp(A_HOST, B_HOST), all, 0x0800, "drop.multicast");
	drops_frame(PORT_LAN, udp(A_HOST, B_HOST), lan, 0x8100, "drop.ethertype");
	rte_pktmbuf_mtod(m, uint8_t *)[11] ^= 1;
	drops_frame(PORT_LAN, m, lan, 0x0800, "drop.ip_malformed");
	drops_frame(PORT_LAN, udp(A_HOST, B_HOST), lan, 0x86dd, "drop.ip_malformed");
	/* Plaintext on the WAN, for the host behind us or for us. */
	drops_frame(PORT_WAN, udp(B_HOST, A_HOST), wan, 0x0800, "drop.wan_not_local");
	drops_frame(PORT_WAN, udp("192.0.2.2", "10.1.0.1"), wan, 0x0800, "drop.wan_not_local");
	drops_frame(PORT_WAN, udp("192.0.2.2", "192.0.2.1"), wan, 0x0800, "drop.wan_other");
	drops_frame(PORT_WAN, test_ipv4(rig_pool, "192.0.2.9", "192.0.2.1", 50, NULL, 64), wan,
	            0x0800, "drop.no_sa");
	drops_frame(PORT_WAN, test_ipv4(rig_pool, "192.0.2.2", "192.0.2.1", 50, NULL, 64), wan,
	            0x0800, "drop.no_sa");
	drops_frame(PORT_WAN, test_ipv4(rig_pool, "192.0.2.2", "192.0.2.1", 50, NULL, 3), wan,
	            0x0800, "drop.malformed");
}

/* Authentic packets of a peer that sends what it should not. */
static void test_opened_packets_are_checked(void)
{
	static const struct {
		const char *src, *dst, *counter;
	} drops[] = {
	        {"203.0.113.9", B_HOST, "drop.inner_source"},
	        {B_HOST, "10.2.0.11", "drop.inner_source"},
	        {"127.0.0.1", B_HOST, "drop.inner_source"},
	        {A_HOST, "10.1.0.11", "drop.inner_policy"},
	        {A_HOST, "255.255.255.255", "drop.discard"},
	};

	for (size_t i = 0; i < sizeof(drops) / sizeof(drops[0]); i++) {
		struct rte_mbuf *m = udp(drops[i].src, drops[i].dst);
		uint64_t before = rig_count(1, drops[i].counter);

		CU_ASSERT_EQUAL_FATAL(
		        tunnel_seal_burst(gw[0].tunnel, 0, &worker_get(0)->counters, &m, 1), 1);
		test_ether(m, gw[1].iface[PORT_WAN].mac.addr_bytes,
		           gw[0].iface[PORT_WAN].mac.addr_bytes, 0x0800);
		rte_ring_enqueue(gw[0].wan_out, m);
		rig_turn(1);
		CU_ASSERT_EQUAL(rig_count(1, drops[i].counter), before + 1);
		CU_ASSERT_PTR_NULL(rig_receive(1));
	}
}

static void test_channel_crosses(void)
{
	const uint8_t hello[] = "from the QKD core";
	uint8_t got[1500];
	struct rte_mbuf *m;

	CU_ASSERT_EQUAL(channel_mux_send(gw[0].mux, hello, sizeof(hello), NULL), 0);
	rig_turn(0);
	m = rig_pop(gw[0].wan_out);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(rte_pktmbuf_mtod(m, uint8_t *)[15], 0xc0);
	rte_ring_enqueue(gw[0].wan_out, m);
	rig_turn(1);
	CU_ASSERT_EQUAL(channel_mux_receive(gw[1].mux, got, sizeof(got), NULL), sizeof(hello));
	CU_ASSERT_EQUAL(memcmp(got, hello, sizeof(hello)), 0);
	CU_ASSERT_EQUAL(channel_mux_receive(gw[1].mux, got, sizeof(got), NULL), 0);
}

/* Routes change between any two packets; none is lost. */
static void test_live_route_change(void)
{
	struct err err = {0};
	unsigned int received = 0;
	struct rte_mbuf *m;

	for (unsigned int i = 0; i < 60; i++) {
		rig_send(0, udp(A_HOST, B_HOST));
		if (i % 20 == 10) {
			/* A longer prefix, then not, then again. */
			gw[0].config.route_count = i == 30 ? 2 : 3;
			gw[0].config.routes[2] = gw[0].config.routes[0];
			gw[0].config.routes[2].prefix.len = 25;
			CU_ASSERT_EQUAL(routes_build(&gw[0].config, gw[0].iface, &rig_routes, &err),
			                0);
			CU_ASSERT_EQUAL(fib_update(gw[0].fib, rig_routes.route, rig_routes.count,
			                           rig_routes.outer, &err),
			                0);
			fib_reclaim(gw[0].fib);
		}
		rig_turns(1);
		while ((m = rig_receive(1)) != NULL) {
			received++;
			rte_pktmbuf_free(m);
		}
	}
	CU_ASSERT_EQUAL(received, 60);
}

static void test_stop(void)
{
	struct rte_mbuf *m;

	for (unsigned int site = 0; site < 2; site++)
		while ((m = rig_receive(site)) != NULL)
			rte_pktmbuf_free(m);
	rig_stop();
	/* Every buffer came back. */
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(rig_pool), 0);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_wan_neighbours_resolve_by_themselves),
          UNIT(test_without_key_nothing_leaves), UNIT(test_packets_cross_sealed),
          UNIT(test_pings_are_answered), UNIT(test_time_exceeded), UNIT(test_too_big),
          UNIT(test_fragments_cross), UNIT(test_lan_drops_by_name), UNIT(test_frames_drop_by_name),
          UNIT(test_opened_packets_are_checked), UNIT(test_channel_crosses),
          UNIT(test_live_route_change), UNIT(test_stop))
