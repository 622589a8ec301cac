/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Floods, and the traffic of a known peer beside them: for each good packet there are FLOOD
 * bad ones, all of these are dropped under their names, and every good one arrives, in order.
 */

#include "tests/unit/dataplane/gateway_rig.h"
#include "tests/unit/dataplane/tunnel_burst.h"

#define ROUNDS 400
#define FLOOD  20

static uint64_t seed = 0x2545f4914f6cdd1d;

static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % below;
}

/* A frame of the flood to gateway B, with its Ethernet header. */
typedef struct rte_mbuf *(*flood_fn)(void);

static struct rte_mbuf *wan_frame(struct rte_mbuf *m, uint16_t type)
{
	return test_ether(m, gw[1].iface[PORT_WAN].mac.addr_bytes,
	                  gw[0].iface[PORT_WAN].mac.addr_bytes, type);
}

static struct rte_mbuf *esp_of(uint32_t spi, uint32_t sequence)
{
	uint8_t payload[120];

	for (unsigned int i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)draw(256);
	put_be32(payload, spi);
	put_be32(payload + 4, sequence);
	return wan_frame(
	        test_ipv4(rig_pool, "192.0.2.1", "192.0.2.2", 50, payload, sizeof(payload)),
	        0x0800);
}

static struct rte_mbuf *unknown_spi(void)
{
	return esp_of(0x80000000 | draw(1 << 30), draw(1 << 30));
}

/* Who watches the fibre knows the SPI and where the numbers are. */
static struct rte_mbuf *known_spi(void)
{
	return esp_of(0x1000 + 256, (1 << 16) + draw(1 << 20));
}

static struct rte_mbuf *far_ahead(void)
{
	return esp_of(0x1000 + 256, UINT32_MAX / 2 + draw(1000));
}

static struct rte_mbuf *fragment(void)
{
	struct rte_mbuf *m = esp_of(0x1000 + 256, 1);
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, 14);

	put_be16(ip + 4, (uint16_t)draw(65536));
	put_be16(ip + 6, (uint16_t)(0x2000 | draw(100)));
	put_be16(ip + 10, 0);
	put_be16(ip + 10, test_checksum(ip, 20, 0));
	return m;
}

static struct rte_mbuf *arp(void)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig_pool);
	uint8_t *p;

	CU_ASSERT_EQUAL(arp_make_request(m, &gw[0].iface[PORT_WAN],
	                                 gw[1].iface[PORT_WAN].address[0].addr.bytes, NULL),
	                0);
	p = rte_pktmbuf_mtod(m, uint8_t *);
	/* A new sender each time: in the link's prefix, but for the last bits. */
	put_be32(p + 22, draw(UINT32_MAX));
	p[28] = 198;
	put_be16(p + 30, (uint16_t)draw(65536));
	return m;
}

static struct rte_mbuf *channel_garbage(void)
{
	uint8_t udp[64];

	for (unsigned int i = 0; i < sizeof(udp); i++)
		udp[i] = (uint8_t)draw(256);
	put_be16(udp, RIG_PORT);
	put_be16(udp + 2, RIG_PORT);
	put_be16(udp + 4, sizeof(udp));
	put_be16(udp + 6, 0);
	return wan_frame(test_ipv4(rig_pool, "192.0.2.1", "192.0.2.2", 17, udp, sizeof(udp)),
	                 0x0800);
}

/* A numbered packet from A's host to B's. */
static void send_good(uint32_t number)
{
	uint8_t udp[32] = {0};

	put_be16(udp, 7);
	put_be16(udp + 2, 9);
	put_be16(udp + 4, sizeof(udp));
	put_be32(udp + 8, number);
	rig_send(0, test_ipv4(rig_pool, "10.1.0.10", "10.2.0.10", 17, udp, sizeof(udp)));
	rig_turn(0);
}

static void receive_good(uint32_t *next)
{
	uint8_t buf[2048];
	struct rte_mbuf *m;

	while ((m = rig_receive(1)) != NULL) {
		CU_ASSERT_EQUAL(get_be32(rte_pktmbuf_mtod(m, uint8_t *) + 28), *next);
		++*next;
		rte_pktmbuf_free(m);
	}
	while ((m = rig_pop(gw[1].wan_out)) != NULL)
		rte_pktmbuf_free(m);
	while (channel_mux_receive(gw[1].mux, buf, sizeof(buf), NULL) > 0)
		;
}

static uint32_t sent;

static void flood(flood_fn make, const char *name)
{
	uint64_t before = name == NULL ? 0 : rig_count(1, name);
	uint32_t got = sent;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		for (unsigned int k = 0; k < FLOOD; k++)
			CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(gw[0].wan_out, make()), 0);
		send_good(sent++);
		rig_turn(1);
		rig_turn(1);
		receive_good(&got);
	}
	rig_turns(4);
	receive_good(&got);
	CU_ASSERT_EQUAL(got, sent);
	if (name != NULL)
		CU_ASSERT_EQUAL(rig_count(1, name), before + ROUNDS * FLOOD);
}

static void test_start(void)
{
	uint32_t got = 0;

	rig_start(1);
	rig_key(0, 1);
	rig_key(1, 1);
	rig_turns(4);
	/* B's gateway learns where its host is. */
	send_good(sent++);
	rig_turns(4);
	receive_good(&got);
	rig_turns(4);
	receive_good(&got);
	CU_ASSERT_EQUAL_FATAL(got, sent);
}

static void test_garbage_esp(void)
{
	flood(unknown_spi, "drop.no_sa");
	flood(known_spi, "drop.auth");
	flood(far_ahead, "drop.auth");
}

static void test_replays(void)
{
	uint64_t before = rig_count(1, "drop.replay");
	struct rte_mbuf *copy, *m;
	uint32_t got = sent;

	send_good(sent++);
	m = rig_pop(gw[0].wan_out);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		/* The packet and its copies in one burst: one of them passes. */
		for (unsigned int k = 0; k < FLOOD; k++) {
			copy = rte_pktmbuf_copy(m, rig_pool, 0, UINT32_MAX);
			CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(gw[0].wan_out, copy), 0);
		}
		rig_turn(1);
		receive_good(&got);
	}
	rte_pktmbuf_free(m);
	CU_ASSERT_EQUAL(got, sent);
	CU_ASSERT_EQUAL(rig_count(1, "drop.replay"), before + ROUNDS * FLOOD - 1);
}

static void test_fragments(void)
{
	flood(fragment, "drop.wan_fragment");
}

/* Strangers' ARP is answered or not, but makes no entry and takes none. */
static void test_arp(void)
{
	struct neighbour_info list[64];
	unsigned int before = forward_neighbours(gw[1].forward, list, 64);

	flood(arp, NULL);
	CU_ASSERT_EQUAL(forward_neighbours(gw[1].forward, list, 64), before);
}

static void test_channel_garbage(void)
{
	flood(channel_garbage, NULL);
}

/* A scan of the LAN from behind the tunnel fills what unanswered neighbours may take, no more. */
static void test_full_neighbour_table(void)
{
	uint64_t before = rig_count(1, "drop.neighbour_full");
	uint32_t got = sent;

	for (unsigned int i = 0; i < 4000; i++) {
		char to[32];

		snprintf(to, sizeof(to), "10.2.0.%u", 20 + i % 200);
		if (i % 2 == 0)
			rig_send(0, test_ipv4(rig_pool, "10.1.0.10", to, 17, NULL, 16));
		else
			snprintf(to, sizeof(to), "2001:db8:b::%x:20", i);
		if (i % 2 == 1)
			rig_send(0, test_ipv6(rig_pool, "2001:db8:a::10", to, 17, NULL, 16));
		rig_turn(0);
		if (i % 8 == 0)
			send_good(sent++);
		rig_turn(1);
		rig_turn(1);
		receive_good(&got);
	}
	CU_ASSERT_EQUAL(got, sent);
	CU_ASSERT_TRUE(rig_count(1, "drop.neighbour_full") > before);
}

static void test_stop(void)
{
	rig_stop();
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(rig_pool), 0);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_garbage_esp), UNIT(test_replays), UNIT(test_fragments),
          UNIT(test_arp), UNIT(test_channel_garbage), UNIT(test_full_neighbour_table),
          UNIT(test_stop))
