/* SPDX-License-Identifier: BSD-3-Clause */

/* Whatever comes in by either port: nothing breaks, nothing leaks, nothing leaves in the clear. */

#include "tests/unit/dataplane/gateway_rig.h"

#define ROUNDS 20000

static uint64_t seed = 0x9e3779b97f4a7c15;

/* xorshift64: the same frames in every run. */
static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % below;
}

/* A frame that would mean something, to LAN or WAN. */
static struct rte_mbuf *sound(enum port_role role)
{
	const char *const us = role == PORT_LAN ? "10.1.0.1" : "192.0.2.1";
	const char *const peer = role == PORT_LAN ? "10.1.0.10" : "192.0.2.2";
	struct rte_mbuf *m;

	switch (draw(9)) {
	case 0:
		return test_ipv4(rig_pool, peer, us, 17, NULL, (uint16_t)draw(64));
	case 1:
		return test_ipv4(rig_pool, peer, "10.2.0.10", 6, NULL, (uint16_t)draw(1480));
	case 2:
		return test_echo4(rig_pool, peer, us, (uint16_t)draw(64));
	case 3:
		return test_echo6(rig_pool, "2001:db8:a::10", "2001:db8:a::1", (uint16_t)draw(64));
	case 4:
		return test_ipv6(rig_pool, "2001:db8:a::10", "2001:db8:b::10", 17, NULL,
		                 (uint16_t)draw(1460));
	case 5:
		return test_ipv4(rig_pool, peer, us, 50, NULL, (uint16_t)draw(128));
	case 6:
		m = test_ipv6(rig_pool, "2001:db8:a::10", "2001:db8:a::1", 58, NULL, 32);
		rte_pktmbuf_mtod(m, uint8_t *)[7] = 255;
		rte_pktmbuf_mtod(m, uint8_t *)[40] = (uint8_t)(133 + draw(5));
		put_be16(rte_pktmbuf_mtod(m, uint8_t *) + 42, 0);
		put_be16(rte_pktmbuf_mtod(m, uint8_t *) + 42,
		         test_icmp6_sum(rte_pktmbuf_mtod(m, uint8_t *)));
		return m;
	case 7:
		m = rte_pktmbuf_alloc(rig_pool);
		arp_make_request(m, &gw[1].iface[role], gw[0].iface[role].address[0].addr.bytes,
		                 NULL);
		rte_pktmbuf_adj(m, 14);
		return m;
	default:
		m = test_mbuf(rig_pool, (uint16_t)(1 + draw(1400)));
		memset(rte_pktmbuf_mtod(m, void *), (int)draw(256), rte_pktmbuf_data_len(m));
		return m;
	}
}

static struct rte_mbuf *hostile(enum port_role role)
{
	static const uint16_t types[] = {0x0800, 0x86dd, 0x0806, 0x8100};
	static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};
	struct rte_mbuf *m = sound(role);
	uint8_t version = rte_pktmbuf_mtod(m, uint8_t *)[0] >> 4;
	uint16_t type = version == 4 ? 0x0800 : version == 6 ? 0x86dd : 0x0806;
	unsigned int len;
	uint8_t *p;

	if (draw(16) == 0)
		type = types[draw(4)];
	test_ether(m, draw(8) != 0 ? gw[0].iface[role].mac.addr_bytes : all, rig_host_mac[0], type);
	p = rte_pktmbuf_mtod(m, uint8_t *);
	len = rte_pktmbuf_data_len(m);
	for (unsigned int n = draw(4); n > 0; n--)
		p[draw(len < 96 ? len : 96)] = (uint8_t)draw(256);
	/* A wrong checksum would hide what lies behind it. */
	if (type == 0x0800 && len >= 34 && draw(4) != 0) {
		unsigned int header = (p[14] & 15U) * 4;

		if (header >= 20 && 14 + header <= len) {
			put_be16(p + 24, 0);
			put_be16(p + 24, test_checksum(p + 14, header, 0));
		}
	}
	if (draw(8) == 0)
		rte_pktmbuf_trim(m, (uint16_t)draw(len));
	return m;
}

/* On the WAN: ESP, ARP, ND, and answers to what the WAN itself asked. */
static void check_wan(struct rte_mbuf *m, bool from_lan)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint16_t type = get_be16(p + 12);

	if (type == 0x0800) {
		CU_ASSERT_TRUE(p[23] == 50 || (!from_lan && p[23] == 1 && p[34] == 0));
	} else if (type == 0x86dd) {
		CU_ASSERT_TRUE(!from_lan && p[20] == 58);
	} else {
		CU_ASSERT_EQUAL(type, 0x0806);
	}
	rte_pktmbuf_free(m);
}

static void test_start(void)
{
	rig_start(1);
	rig_key(0, 1);
	rig_key(1, 1);
	rig_turns(4);
}

static void test_hostile_frames(void)
{
	uint8_t buf[2048];
	struct rte_mbuf *m;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		enum port_role role = draw(2) ? PORT_LAN : PORT_WAN;

		rte_ring_enqueue(role == PORT_LAN ? gw[0].lan_in : gw[1].wan_out, hostile(role));
		rig_turn(0);
		while ((m = rig_pop(gw[0].wan_out)) != NULL)
			check_wan(m, role == PORT_LAN);
		while ((m = rig_pop(gw[0].lan_out)) != NULL)
			rte_pktmbuf_free(m);
		while (channel_mux_receive(gw[0].mux, buf, sizeof(buf)) > 0)
			;
	}
	/* Enough of it came through to have been a test. */
	CU_ASSERT_TRUE(rig_count(0, "esp.sealed") > ROUNDS / 50);
	CU_ASSERT_TRUE(rig_count(0, "drop.ip_malformed") > ROUNDS / 50);
	CU_ASSERT_TRUE(rig_count(0, "icmp.echoes") > ROUNDS / 100);
	CU_ASSERT_TRUE(rig_count(0, "neighbour.replies") > ROUNDS / 200);
}

static void test_stop(void)
{
	rig_stop();
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(rig_pool), 0);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_hostile_frames), UNIT(test_stop))
