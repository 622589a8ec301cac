/* SPDX-License-Identifier: BSD-3-Clause */

/* Frames up to 9000 bytes, in one buffer or in chains of small ones, through two gateways. */

#include "dataplane/forward_core.h"
#include "tests/unit/dataplane/gateway_rig.h"

#define A_HOST  "10.1.0.10"
#define B_HOST  "10.2.0.10"
#define A_HOST6 "2001:db8:a::10"
#define B_HOST6 "2001:db8:b::10"
#define JUMBO   9000

static struct rte_mempool *whole; /* buffers that hold a jumbo frame */

static void test_start(void)
{
	struct err err = {0};

	rig_lan_mtu = JUMBO;
	rig_wan_mtu = 9100;
	rig_buffer_mtu = 1500;
	rig_start(1);
	for (unsigned int role = 0; role < PORT_ROLES; role++) {
		CU_ASSERT_TRUE(gw[0].port[role].rx_scatter);
		CU_ASSERT_TRUE(gw[0].port[role].tx_chains);
	}
	whole = port_pool_create("whole", 9100, 1, 1023, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(whole);
	rig_turns(4);
	rig_key(0, 1);
	rig_key(1, 1);
}

/* An inner packet of N bytes, from A to B or back. */
static void make(uint8_t *p, unsigned int n, bool ipv6, unsigned int from)
{
	struct rte_mbuf *m;

	m = ipv6 ? test_ipv6(whole, from == 0 ? A_HOST6 : B_HOST6, from == 0 ? B_HOST6 : A_HOST6,
	                     17, NULL, (uint16_t)(n - 40))
	         : test_ipv4(whole, from == 0 ? A_HOST : B_HOST, from == 0 ? B_HOST : A_HOST, 17,
	                     NULL, (uint16_t)(n - 20));
	memcpy(p, rte_pktmbuf_mtod(m, void *), n);
	for (unsigned int i = ipv6 ? 48 : 28; i < n; i++)
		p[i] = (uint8_t)(i * 7 + n);
	rte_pktmbuf_free(m);
}

/* What came is what was sent, but for two hops. */
static void same(struct rte_mbuf *got, uint8_t *sent, unsigned int n, bool ipv6)
{
	static uint8_t bytes[JUMBO];
	const uint8_t *p;

	CU_ASSERT_PTR_NOT_NULL_FATAL(got);
	CU_ASSERT_EQUAL_FATAL(rte_pktmbuf_pkt_len(got), n);
	p = rte_pktmbuf_read(got, 0, n, bytes);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	sent[ipv6 ? 7 : 8] -= 2;
	if (!ipv6) {
		put_be16(sent + 10, 0);
		put_be16(sent + 10, test_checksum(sent, 20, 0));
	}
	CU_ASSERT_EQUAL(memcmp(p, sent, n), 0);
	rte_pktmbuf_free(got);
}

/* The hosts are known from here on. */
static void test_resolve(void)
{
	static uint8_t p[100];

	for (unsigned int i = 0; i < 4; i++) {
		bool ipv6 = i & 1;

		make(p, sizeof(p), ipv6, i / 2);
		rig_send(i / 2, test_chain(rig_pool, p, sizeof(p), 1));
		rig_turn(i / 2);
		rig_turn(1 - i / 2);
		same(rig_receive(1 - i / 2), p, sizeof(p), ipv6);
	}
}

static void test_every_size_and_chain(void)
{
	static uint8_t p[JUMBO];
	unsigned int sent = 0;

	for (unsigned int n = 64; n <= JUMBO; n = n < 300                       ? n + 1
	                                          : n + 87 > JUMBO && n < JUMBO ? JUMBO
	                                                                        : n + 87)
		for (unsigned int segments = 1; segments <= 5; segments++) {
			struct rte_mempool *from_pool = n / segments > 2000 ? whole : rig_pool;
			bool ipv6 = (n + segments) & 1;
			unsigned int from = n >> 1 & 1;

			make(p, n, ipv6, from);
			rig_send(from, test_chain(from_pool, p, n, segments));
			rig_turn(from);
			rig_turn(1 - from);
			same(rig_receive(1 - from), p, n, ipv6);
			sent++;
		}
	CU_ASSERT_EQUAL(rig_count(0, "esp.sealed") + rig_count(1, "esp.sealed"), sent + 4);
}

/* The last buffer is full: the trailer gets one of its own. */
static void test_no_room_behind(void)
{
	static uint8_t p[JUMBO];
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig_pool);
	unsigned int head, full, n;

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	full = rte_pktmbuf_tailroom(m);
	head = rte_pktmbuf_headroom(m);
	n = full + full + head;
	make(p, n, false, 0);
	memcpy(rte_pktmbuf_append(m, (uint16_t)full), p, full);
	rte_pktmbuf_chain(m, rte_pktmbuf_alloc(rig_pool));
	/* A device that scatters leaves no headroom in later buffers. */
	m->next->data_off = 0;
	memcpy(rte_pktmbuf_append(m, (uint16_t)(full + head)), p + full, full + head);
	rig_send(0, m);
	rig_turn(0);
	rig_turn(1);
	same(rig_receive(1), p, n, false);
}

/* A jumbo ping is answered, and a packet beyond the MTU quoted in an error. */
static void test_answers(void)
{
	struct rte_mbuf *m = test_echo4(whole, A_HOST, "10.1.0.1", JUMBO - 28);
	struct rte_mbuf *chain;
	static uint8_t p[JUMBO], bytes[JUMBO];
	const uint8_t *got;

	memcpy(p, rte_pktmbuf_mtod(m, void *), JUMBO);
	rte_pktmbuf_free(m);
	rig_send(0, test_chain(rig_pool, p, JUMBO, 5));
	rig_turn(0);
	m = rig_receive(0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(rte_pktmbuf_pkt_len(m), JUMBO);
	got = rte_pktmbuf_read(m, 0, JUMBO, bytes);
	CU_ASSERT_EQUAL(got[20], 0);
	CU_ASSERT_EQUAL(test_checksum(got + 20, JUMBO - 20, 0), 0);
	CU_ASSERT_EQUAL(memcmp(got + 28, p + 28, JUMBO - 28), 0);
	rte_pktmbuf_free(m);

	m = test_echo6(whole, A_HOST6, "2001:db8:a::1", JUMBO - 48);
	memcpy(p, rte_pktmbuf_mtod(m, void *), JUMBO);
	rte_pktmbuf_free(m);
	rig_send(0, test_chain(rig_pool, p, JUMBO, 5));
	rig_turn(0);
	m = rig_receive(0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	got = rte_pktmbuf_read(m, 0, JUMBO, bytes);
	CU_ASSERT_EQUAL(got[40], 129);
	CU_ASSERT_EQUAL(test_icmp6_sum(got), 0);
	rte_pktmbuf_free(m);

	/* TTL ends: an error that quotes 548 bytes, of a chain as of one buffer. */
	make(p, JUMBO, false, 0);
	p[8] = 1;
	put_be16(p + 10, 0);
	put_be16(p + 10, test_checksum(p, 20, 0));
	chain = test_chain(rig_pool, p, JUMBO, 5);
	rig_send(0, chain);
	rig_turn(0);
	m = rig_receive(0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(rte_pktmbuf_pkt_len(m), 576);
	got = rte_pktmbuf_read(m, 0, 576, bytes);
	CU_ASSERT_EQUAL(got[20], 11);
	CU_ASSERT_EQUAL(test_checksum(got + 20, 556, 0), 0);
	CU_ASSERT_EQUAL(memcmp(got + 28, p, 548), 0);
	rte_pktmbuf_free(m);
}

/* Segments that cut the headers anywhere; a first one without room for them is dropped. */
static void test_headers_in_pieces(void)
{
	static uint8_t p[200];
	struct rte_mbuf *m;
	uint64_t before;

	for (unsigned int cut = 15; cut < 200; cut += 3) {
		make(p, sizeof(p), cut & 1, 0);
		m = test_chain(rig_pool, p, cut - 14, 1);
		rte_pktmbuf_chain(m, test_chain(rig_pool, p + cut - 14, sizeof(p) - cut + 14, 3));
		rig_send(0, m);
		rig_turn(0);
		rig_turn(1);
		same(rig_receive(1), p, sizeof(p), cut & 1);
	}
	make(p, sizeof(p), false, 0);
	m = test_chain(rig_pool, p, 10, 1);
	m->data_off = (uint16_t)(m->buf_len - 10);
	rte_pktmbuf_chain(m, test_chain(rig_pool, p + 10, sizeof(p) - 10, 1));
	before = rig_count(0, "drop.segments");
	rig_send(0, m);
	rig_turn(0);
	CU_ASSERT_EQUAL(rig_count(0, "drop.segments"), before + 1);
}

static void test_stop(void)
{
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(whole), 0);
	rig_stop();
}

UNIT_MAIN(UNIT(test_start), UNIT(test_resolve), UNIT(test_every_size_and_chain),
          UNIT(test_no_room_behind), UNIT(test_answers), UNIT(test_headers_in_pieces),
          UNIT(test_stop))
