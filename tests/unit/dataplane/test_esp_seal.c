/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/esp.h"
#include "tests/unit/dataplane/esp_reference.h"

static void test_equals_openssl_at_every_length(void)
{
	static uint8_t inner[BYTES_MAX], sealed[BYTES_MAX], want[BYTES_MAX], opened[BYTES_MAX];

	for (int which = 0; which < 8; which++) {
		struct tunnel_config config = fixture_config(which & 2);
		bool inner6 = which & 1;
		uint64_t sequence = 0;
		struct pair p;

		config.udp = which & 4;
		p = make_of(config);

		for (unsigned int n = inner6 ? 40 : 20; n < 1600; n += n < 200 ? 1 : 47) {
			unsigned int total;

			inner_packet(inner, n, inner6, (uint8_t)n);
			total = reference(&p, inner, n, ++sequence, NULL, 0, want);
			CU_ASSERT_EQUAL(seal_bytes(&p, inner, n, DATA_ROOM, sealed), total);
			CU_ASSERT_EQUAL(memcmp(sealed, want, total), 0);
			/* Congestion that the outer header reports is for the ECN test. */
			sealed[p.ipv6 ? 0 : 1] &= p.ipv6 ? 0xff : 0xfc;
			sealed[1] &= p.ipv6 ? 0xcf : 0xff;
			CU_ASSERT_EQUAL(open_bytes(&p, sealed, total, DATA_ROOM, opened), n);
			CU_ASSERT_EQUAL(memcmp(opened, inner, n), 0);
		}
		unmake(&p);
	}
}

static void test_chained_buffers(void)
{
	static const unsigned int segments[] = {64, 100, 333, 1000, 2048};
	static uint8_t inner[BYTES_MAX], sealed[BYTES_MAX], want[BYTES_MAX], opened[BYTES_MAX];
	struct pair p = make(false), q = make(true);
	uint64_t sequence = 0;

	for (size_t s = 0; s < sizeof(segments) / sizeof(segments[0]); s++)
		for (unsigned int n = 60; n < 9100; n += n < 500 ? 7 : 1023) {
			struct pair *t = n % 2 ? &p : &q;
			unsigned int total;

			if (t == &p)
				sequence++;
			inner_packet(inner, n, false, 0);
			total = reference(t, inner, n, tunnel_tx_sa(t->tx)->replay.top + 1, NULL, 0,
			                  want);
			CU_ASSERT_EQUAL(seal_bytes(t, inner, n, segments[s], sealed), total);
			CU_ASSERT_EQUAL(memcmp(sealed, want, total), 0);
			CU_ASSERT_EQUAL(open_bytes(t, sealed, total, segments[s], opened), n);
			CU_ASSERT_EQUAL(memcmp(opened, inner, n), 0);
		}
	CU_ASSERT_EQUAL(tunnel_tx_sa(p.tx)->replay.top, sequence);
	unmake(&p);
	unmake(&q);
}

static void test_bursts_keep_order_around_drops(void)
{
	uint8_t inner[400], out[BYTES_MAX];
	struct rte_mbuf *burst[200];
	struct pair p = make(true);
	uint64_t malformed = counted("drop.seal_malformed");

	for (unsigned int i = 0; i < 200; i++) {
		inner_packet(inner, 100 + i, false, 0);
		if (i % 10 == 3)
			inner[0] = 0x15;
		burst[i] = packet(inner, 100 + i);
	}
	CU_ASSERT_EQUAL(tunnel_seal_burst(p.tx, 0, &counters, burst, 200), 180);
	CU_ASSERT_EQUAL(counted("drop.seal_malformed"), malformed + 20);
	/* Every ninth of what is left is damaged on the way. */
	for (unsigned int i = 0; i < 180; i += 9)
		*rte_pktmbuf_mtod_offset(burst[i], uint8_t *, burst[i]->pkt_len - 1) ^= 1;
	CU_ASSERT_EQUAL(tunnel_open_burst(p.rx, 0, &counters, burst, 180), 160);
	for (unsigned int i = 0, at = 0, k = 0; i < 200; i++) {
		if (i % 10 == 3 || k++ % 9 == 0)
			continue;
		inner_packet(inner, 100 + i, false, 0);
		CU_ASSERT_EQUAL(packet_out(burst[at++], out), 100 + i);
		CU_ASSERT_EQUAL(memcmp(out, inner, 100 + i), 0);
	}
	CU_ASSERT_EQUAL(tunnel_open_burst(p.rx, 0, &counters, burst, 0), 0);
	unmake(&p);
}

static void test_sequence_rolls_over_and_ends(void)
{
	uint8_t inner[64], sealed[BYTES_MAX], opened[BYTES_MAX];
	struct pair p = make(false);
	uint64_t exhausted = counted("drop.sequence_exhausted");
	unsigned int n;

	inner_packet(inner, sizeof(inner), false, 0);
	tunnel_tx_sa(p.tx)->replay.top = 0xfffffff0;
	tunnel_rx_sa(p.rx, p.key.spi)->replay.top = 0xfffffff0;
	for (int i = 0; i < 40; i++) {
		n = seal_bytes(&p, inner, sizeof(inner), DATA_ROOM, sealed);
		CU_ASSERT_EQUAL(open_bytes(&p, sealed, n, DATA_ROOM, opened), sizeof(inner));
	}
	CU_ASSERT_EQUAL(get_be32(sealed + 24), 24);
	CU_ASSERT_EQUAL(get_be64(sealed + 28), 0x100000018);
	tunnel_tx_sa(p.tx)->replay.top = UINT64_MAX - 1;
	CU_ASSERT_NOT_EQUAL(seal_bytes(&p, inner, sizeof(inner), DATA_ROOM, sealed), 0);
	CU_ASSERT_EQUAL(get_be64(sealed + 28), UINT64_MAX);
	CU_ASSERT_EQUAL(seal_bytes(&p, inner, sizeof(inner), DATA_ROOM, sealed), 0);
	CU_ASSERT_EQUAL(counted("drop.sequence_exhausted"), exhausted + 1);
	unmake(&p);
}

static void test_room_and_length(void)
{
	static uint8_t inner[70000];
	uint8_t sealed[BYTES_MAX], opened[BYTES_MAX];
	struct pair p = make(false);
	uint64_t no_room = counted("drop.seal_no_room"), too_long = counted("drop.seal_too_long");
	struct rte_mbuf *m;
	unsigned int n;

	/* No tailroom at all: the data moves towards the head. */
	for (unsigned int segment = 1024; segment <= 2048; segment += 1024) {
		inner_packet(inner, 2048, false, 0);
		m = packet_in(inner, 2048, segment);
		if (segment == 1024) {
			struct rte_mbuf *last = m->next;

			last->data_off = (uint16_t)(last->buf_len - 1024);
			memcpy(rte_pktmbuf_mtod(last, void *), inner + 1024, 1024);
		}
		CU_ASSERT_EQUAL_FATAL(tunnel_seal_burst(p.tx, 0, &counters, &m, 1), 1);
		n = packet_out(m, sealed);
		CU_ASSERT_EQUAL(open_bytes(&p, sealed, n, 1500, opened), 2048);
		CU_ASSERT_EQUAL(memcmp(opened, inner, 2048), 0);
	}
	m = packet(inner, 100);
	CU_ASSERT_PTR_NOT_NULL(rte_pktmbuf_prepend(m, RTE_PKTMBUF_HEADROOM - 35));
	memcpy(rte_pktmbuf_mtod(m, void *), inner, 100);
	CU_ASSERT_EQUAL(tunnel_seal_burst(p.tx, 0, &counters, &m, 1), 0);
	CU_ASSERT_EQUAL(counted("drop.seal_no_room"), no_room + 1);
	/* 20 + 16 + 65480 + 2 + 16 = 65534 is the most for IPv4. */
	inner_packet(inner, 65535, false, 0);
	m = packet_in(inner, 65482, 2000);
	CU_ASSERT_EQUAL(tunnel_seal_burst(p.tx, 0, &counters, &m, 1), 0);
	m = packet_in(inner, 65535, 2000);
	CU_ASSERT_EQUAL(tunnel_seal_burst(p.tx, 0, &counters, &m, 1), 0);
	CU_ASSERT_EQUAL(counted("drop.seal_too_long"), too_long + 2);
	m = packet_in(inner, 65478, 2000);
	CU_ASSERT_EQUAL(tunnel_seal_burst(p.tx, 0, &counters, &m, 1), 1);
	CU_ASSERT_EQUAL(m->pkt_len, 65532);
	rte_pktmbuf_free(m);
	/* Nothing of a refused packet has used up a number. */
	CU_ASSERT_EQUAL(tunnel_tx_sa(p.tx)->replay.top, 3);
	unmake(&p);
}

/* Addresses whose words add up so that folding the carries in makes another carry. */
static void test_checksum_carries_twice(void)
{
	/* Outer length of 64 inner bytes, DF, TTL and protocol, the halves of the addresses. */
	const uint32_t total = 20 + 16 + 64 + 4 + 16;
	const uint32_t rest = 0x4500 + total + 0x4000 + 0x4032 + 0xc000 + 0xc000 + 0x0202;
	struct tunnel_config config = fixture_config(false);
	uint8_t inner[64], sealed[BYTES_MAX];
	struct pair p = {0};
	struct err err = {0};

	put_be16(config.local + 2, (uint16_t)(0xffff - (rest & 0xffff)));
	p.tx = tunnel_alone(&config, 1, qsbr, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p.tx);
	fixture_keys(&p.key, 1, 77);
	CU_ASSERT_EQUAL(tunnel_tx_switch(p.tx, 1, &p.key, 1, &err), 0);
	inner_packet(inner, sizeof(inner), false, 0);
	CU_ASSERT_EQUAL(seal_bytes(&p, inner, sizeof(inner), DATA_ROOM, sealed), total);
	CU_ASSERT_EQUAL(internet_checksum(sealed, 20), 0);
	unmake(&p);
}

/* The ports tell the sub-SAs apart; the checksum of the outer header is right all the same. */
static void test_udp_ports(void)
{
	struct tunnel_config config = fixture_config(false);
	uint8_t inner[64], sealed[BYTES_MAX], opened[BYTES_MAX];
	struct sa_key keys[2];
	struct pair p = {0};
	struct err err = {0};

	config.udp = config.udp_spread = true;
	config.udp_port = 4501;
	fixture_start();
	p.tx = tunnel_alone(&config, 2, qsbr, &err);
	p.rx = tunnel_alone(&config, 1, qsbr, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p.tx);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p.rx);
	fixture_keys(keys, 2, 78);
	CU_ASSERT_EQUAL(tunnel_tx_switch(p.tx, 1, keys, 2, &err), 0);
	CU_ASSERT_EQUAL(tunnel_rx_install(p.rx, 1, keys, 2, &err), 0);
	inner_packet(inner, sizeof(inner), false, 0);
	for (unsigned int core = 0; core < 2; core++) {
		struct rte_mbuf *m = packet(inner, sizeof(inner));
		unsigned int n;

		CU_ASSERT_EQUAL_FATAL(tunnel_seal_burst(p.tx, core, &counters, &m, 1), 1);
		n = packet_out(m, sealed);
		CU_ASSERT_EQUAL(n, 20 + 8 + 16 + 64 + 4 + 16);
		CU_ASSERT_EQUAL(internet_checksum(sealed, 20), 0);
		CU_ASSERT_EQUAL(get_be16(sealed + 20), 49152 + core);
		CU_ASSERT_EQUAL(get_be16(sealed + 22), 4501);
		CU_ASSERT_EQUAL(get_be16(sealed + 26), 0);
		CU_ASSERT_EQUAL(get_be32(sealed + 28), keys[core].spi);
		/* In segments that cut every header, and with a sum that nobody verifies. */
		put_be16(sealed + 26, 0xbeef);
		CU_ASSERT_EQUAL(open_bytes(&p, sealed, n, 9, opened), sizeof(inner));
		CU_ASSERT_EQUAL(memcmp(opened, inner, sizeof(inner)), 0);
	}
	unmake(&p);
}

/* The inner MTU is the longest packet that does not exceed the outer one, at every value. */
static void test_inner_mtu_is_exact(void)
{
	static uint8_t inner[BYTES_MAX], sealed[BYTES_MAX];

	for (int which = 0; which < 4; which++) {
		struct tunnel_config config = fixture_config(which & 1);
		struct pair p;

		config.udp = which & 2;
		p = make_of(config);
		for (unsigned int outer = 1280; outer < 1300; outer++) {
			unsigned int mtu = tunnel_inner_mtu(p.tx, outer);

			inner_packet(inner, mtu + 1, false, 0);
			CU_ASSERT_TRUE(seal_bytes(&p, inner, mtu, DATA_ROOM, sealed) <= outer);
			CU_ASSERT_TRUE(seal_bytes(&p, inner, mtu + 1, DATA_ROOM, sealed) > outer);
		}
		unmake(&p);
	}
}

/* Outer DSCP and ECN by policy, for every inner traffic class; the sum of the header is right. */
static void test_traffic_class_policies(void)
{
	uint8_t inner[64], sealed[BYTES_MAX], opened[BYTES_MAX];

	for (int which = 0; which < 16; which++) {
		struct tunnel_config config = fixture_config(which & 1);
		struct pair p;

		config.dscp_mapped = which & 2;
		config.ecn_compatible = which & 4;
		config.udp = which & 8;
		for (unsigned int i = 0; i < 64; i++)
			config.dscp[i] = (uint8_t)(63 - i);
		p = make_of(config);
		for (unsigned int tc = 0; tc < 256; tc++) {
			unsigned int dscp = config.dscp_mapped ? 63 - tc / 4 : tc / 4, n, outer;

			inner_packet(inner, sizeof(inner), tc & 1, (uint8_t)tc);
			n = seal_bytes(&p, inner, sizeof(inner), DATA_ROOM, sealed);
			outer = p.ipv6 ? (sealed[0] << 4 | sealed[1] >> 4) & 0xffU : sealed[1];
			CU_ASSERT_EQUAL(outer, dscp * 4 + (config.ecn_compatible ? 0 : tc & 3));
			if (!p.ipv6)
				CU_ASSERT_EQUAL(internet_checksum(sealed, 20), 0);
			/* What is inside is as it was. */
			CU_ASSERT_EQUAL(open_bytes(&p, sealed, n, DATA_ROOM, opened),
			                sizeof(inner));
			CU_ASSERT_EQUAL(memcmp(opened, inner, sizeof(inner)), 0);
		}
		unmake(&p);
	}
}

UNIT_MAIN(UNIT(test_traffic_class_policies), UNIT(test_udp_ports), UNIT(test_inner_mtu_is_exact),
          UNIT(test_equals_openssl_at_every_length), UNIT(test_chained_buffers),
          UNIT(test_bursts_keep_order_around_drops), UNIT(test_sequence_rolls_over_and_ends),
          UNIT(test_room_and_length), UNIT(test_checksum_carries_twice))
