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
		while (channel_mux_receive(gw[0].mux, buf, sizeof(buf), NULL) > 0)
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

/* In front of what follows the addresses, a tag: of the VLAN that the gateway has, or of another.
 */
static void put_tag(struct rte_mbuf *m)
{
	uint8_t *p;

	if (rte_pktmbuf_data_len(m) < 14 || (p = (uint8_t *)rte_pktmbuf_prepend(m, 4)) == NULL)
		return;
	memmove(p, p + 4, 12);
	put_be16(p + 12, 0x8100);
	put_be16(p + 14, draw(8) != 0 ? 10 : (uint16_t)draw(65536));
}

static void configure_vlan(struct config *c, unsigned int site)
{
	struct config_sub *sub = &c->lan_subs[0];

	if (site != 0)
		return;
	c->lan_sub_count = 1;
	sub->vlan = 10;
	sub->port.mtu = 1500;
	sub->port.addresses[sub->port.address_count++] = test_prefix("10.1.10.1", 24);
}

static void test_start_with_daemons_and_vlan(void)
{
	const struct rig_shape shape[2] = {{.cores = 1}, {.cores = 1}};

	rig_configure = configure_vlan;
	for (unsigned int role = 0; role < PORT_ROLES; role++)
		rig_exception[role] = exception_create(1, NULL);
	rig_start_shapes(shape, false, 1024);
	rig_key(0, 1);
	rig_key(1, 1);
	rig_turns(4);
}

/* What a daemon sent on the WAN: from our own address, or nothing of IP. */
static void check_own(struct rte_mbuf *m)
{
	static const uint8_t us[4] = {192, 0, 2, 1}, none[16];
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

	switch (get_be16(p + 12)) {
	case 0x0800:
		CU_ASSERT_TRUE(memcmp(p + 26, us, 4) == 0 || memcmp(p + 26, none, 4) == 0);
		break;
	case 0x86dd:
		CU_ASSERT_TRUE(memcmp(p + 22, gw[0].iface[PORT_WAN].link_local, 16) == 0 ||
		               memcmp(p + 22, none, 16) == 0);
		break;
	default:
		CU_ASSERT_TRUE(get_be16(p + 12) == 0x0806 || get_be16(p + 12) == 0x88cc);
	}
	CU_ASSERT_EQUAL(memcmp(p + 6, &gw[0].iface[PORT_WAN].mac, 6), 0);
	rte_pktmbuf_free(m);
}

/* As a kernel that routes between its interfaces would. */
static void hostile_daemon(void)
{
	struct rte_mbuf *m = hostile(draw(2) ? PORT_LAN : PORT_WAN);

	if (rte_pktmbuf_data_len(m) >= 12 && draw(8) != 0)
		memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, 6), &gw[0].iface[PORT_WAN].mac, 6);
	if (rte_pktmbuf_data_len(m) >= 34 && draw(4) == 0)
		memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, 26),
		       gw[0].iface[PORT_WAN].address[0].addr.bytes, 4);
	exception_down(rig_exception[PORT_WAN], m);
}

static void test_hostile_frames_and_daemons(void)
{
	uint64_t sent = rig_count(0, "exception.sent");
	uint8_t buf[2048];
	struct rte_mbuf *m;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		unsigned int from = draw(3);
		enum port_role role = from == 0 ? PORT_LAN : PORT_WAN;

		if (from == 2) {
			hostile_daemon();
		} else {
			m = hostile(role);
			if (draw(2))
				put_tag(m);
			rte_ring_enqueue(role == PORT_LAN ? gw[0].lan_in : gw[1].wan_out, m);
		}
		rig_turn(0);
		while ((m = rig_pop(gw[0].wan_out)) != NULL) {
			if (from == 2)
				check_own(m);
			else
				check_wan(m, role == PORT_LAN);
		}
		while ((m = rig_pop(gw[0].lan_out)) != NULL)
			rte_pktmbuf_free(m);
		while (channel_mux_receive(gw[0].mux, buf, sizeof(buf), NULL) > 0)
			;
		for (unsigned int r = 0; r < PORT_ROLES; r++)
			while ((m = exception_take(rig_exception[r], 0)) != NULL)
				exception_give_back(rig_exception[r], 0, m);
	}
	CU_ASSERT_TRUE(rig_count(0, "exception.sent") > sent + ROUNDS / 100);
	CU_ASSERT_TRUE(rig_count(0, "drop.exception_source") > ROUNDS / 50);
	CU_ASSERT_TRUE(rig_count(0, "exception.frames") > ROUNDS / 50);
}

static void test_stop_again(void)
{
	rig_stop();
	for (unsigned int role = 0; role < PORT_ROLES; role++)
		exception_destroy(rig_exception[role]);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(rig_pool), 0);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_hostile_frames), UNIT(test_stop),
          UNIT(test_start_with_daemons_and_vlan), UNIT(test_hostile_frames_and_daemons),
          UNIT(test_stop_again))
