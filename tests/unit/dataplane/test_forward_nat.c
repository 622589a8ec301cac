/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/forward_core.h"
#include "dataplane/forward_in.h"
#include "dataplane/forward_out.h"
#include "tests/unit/dataplane/gateway_rig.h"

#define A_HOST "10.1.0.10"
#define B_HOST "10.2.0.10"

#define ROUNDS 4

static void in_udp(struct tunnel_config *tc)
{
	tc->udp = true;
	tc->nat_keepalive = 20;
}

static void test_start(void)
{
	rig_adjust = in_udp;
	rig_start(2);
	rig_turns(4);
	rig_key(0, 1);
	rig_key(1, 1);
}

/* A sealed packet of A as the wire has it, from Ethernet on; its bytes. */
static unsigned int sealed(uint8_t *out)
{
	struct rte_mbuf *m;
	unsigned int n;

	rig_send(0, test_ipv4(rig_pool, A_HOST, B_HOST, 17, NULL, 100));
	rig_turn(0);
	m = rig_pop(gw[0].wan_out);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	n = rte_pktmbuf_data_len(m);
	memcpy(out, rte_pktmbuf_mtod(m, void *), n);
	rte_pktmbuf_free(m);
	return n;
}

/* N bytes at P to the first core of B. */
static void deliver(const uint8_t *p, unsigned int n)
{
	struct rte_mbuf *m = test_mbuf(rig_pool, (uint16_t)n);

	memcpy(rte_pktmbuf_mtod(m, void *), p, n);
	CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(gw[1].wan_in[0], m), 0);
	for (unsigned int i = 0; i < ROUNDS; i++)
		rig_turn(1);
}

static unsigned int received(void)
{
	struct rte_mbuf *m;
	unsigned int n = 0;

	while ((m = rig_receive(1)) != NULL) {
		rte_pktmbuf_free(m);
		n++;
	}
	return n;
}

static void test_packets_cross_in_udp(void)
{
	uint8_t p[2048];
	unsigned int n = sealed(p);

	CU_ASSERT_EQUAL(p[14 + 9], 17);
	CU_ASSERT_EQUAL(get_be16(p + 14 + 20), 4500);
	CU_ASSERT_EQUAL(get_be16(p + 14 + 22), 4500);
	CU_ASSERT_EQUAL(get_be16(p + 14 + 24), n - 14 - 20);
	deliver(p, n);
	(void)received(); /* the answer to B's question for the host */
	n = sealed(p);
	deliver(p, n);
	CU_ASSERT_EQUAL(received(), 1);
	/* Once more: the window sees it. */
	deliver(p, n);
	CU_ASSERT_EQUAL(received(), 0);
	CU_ASSERT_EQUAL(rig_count(1, "drop.replay"), 1);
}

/* Address translation changes source address and port; the key tells who it is. */
static void test_translated_source_is_taken(void)
{
	uint8_t p[2048];
	unsigned int n = sealed(p);

	p[14 + 15] = 77;
	put_be16(p + 14 + 20, 61234);
	put_be16(p + 14 + 10, 0);
	put_be16(p + 14 + 10, test_checksum(p + 14, 20, 0));
	deliver(p, n);
	CU_ASSERT_EQUAL(received(), 1);
}

/* The same ESP packet without UDP: a tunnel takes both. */
static void test_plain_esp_is_taken(void)
{
	uint8_t p[2048];
	unsigned int n = sealed(p);

	memmove(p + 14 + 20, p + 14 + 28, n - 14 - 28);
	n -= 8;
	p[14 + 9] = 50;
	put_be16(p + 14 + 2, (uint16_t)(n - 14));
	put_be16(p + 14 + 10, 0);
	put_be16(p + 14 + 10, test_checksum(p + 14, 20, 0));
	deliver(p, n);
	CU_ASSERT_EQUAL(received(), 1);
}

/* A datagram of N bytes to B's port. */
static void datagram(const void *payload, uint16_t n, uint16_t udp_length, uint16_t port)
{
	uint8_t udp[64];
	struct rte_mbuf *m;

	put_be16(udp, 4500);
	put_be16(udp + 2, port);
	put_be16(udp + 4, udp_length);
	put_be16(udp + 6, 0);
	memcpy(udp + 8, payload, n);
	m = test_ipv4(rig_pool, "192.0.2.1", "192.0.2.2", 17, udp, (uint16_t)(8 + n));
	test_ether(m, gw[1].iface[PORT_WAN].mac.addr_bytes, gw[0].iface[PORT_WAN].mac.addr_bytes,
	           0x0800);
	CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(gw[1].wan_in[0], m), 0);
	rig_turn(1);
}

static void test_what_is_no_esp(void)
{
	static const uint8_t zeros[32], ff[1] = {0xff}, ones[32] = {1, 1, 1, 1};
	static const struct {
		const uint8_t *payload;
		uint16_t n, udp_length, port;
		const char *counter;
	} cases[] = {
	        {ff, 1, 9, 4500, "nat.keepalives"},
	        {zeros, 1, 9, 4500, "drop.nat_malformed"},
	        {zeros, 0, 8, 4500, "drop.nat_malformed"},
	        {zeros, 3, 11, 4500, "drop.nat_malformed"},
	        {zeros, 28, 36, 4500, "drop.nat_marker"},
	        {zeros, 4, 12, 4500, "drop.nat_marker"},
	        {zeros, 4, 7, 4500, "drop.nat_malformed"},
	        {zeros, 4, 100, 4500, "drop.nat_malformed"},
	        {ones, 32, 40, 4500, "drop.malformed"},
	        {ones, 4, 12, 4500, "drop.malformed"},
	        {ones, 32, 40, 4501, "drop.wan_other"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t before = rig_count(1, cases[i].counter);

		datagram(cases[i].payload, cases[i].n, cases[i].udp_length, cases[i].port);
		rig_turn(1);
		CU_ASSERT_EQUAL(rig_count(1, cases[i].counter), before + 1);
	}
	CU_ASSERT_EQUAL(received(), 0);
}

static void test_keepalives_are_sent(void)
{
	struct forward_core *c = forward_role(gw[0].forward, 0).ctx;
	uint64_t before = rig_count(0, "nat.keepalives_sent");
	struct rte_mbuf *m;
	const uint8_t *p;

	CU_ASSERT_TRUE(before >= 1);
	while ((m = rig_pop(gw[0].wan_out)) != NULL)
		rte_pktmbuf_free(m);
	/* Twenty seconds later, a bit less, and a bit more. */
	c->now_ns += 19 * NS_PER_S;
	forward_nat_poll(c);
	CU_ASSERT_EQUAL(rig_count(0, "nat.keepalives_sent"), before);
	c->now_ns += 2 * NS_PER_S;
	forward_nat_poll(c);
	forward_tx_flush(c, PORT_WAN);
	CU_ASSERT_EQUAL(rig_count(0, "nat.keepalives_sent"), before + 1);
	m = rig_pop(gw[0].wan_out);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	p = rte_pktmbuf_mtod(m, const uint8_t *) + 14;
	CU_ASSERT_EQUAL(rte_pktmbuf_data_len(m), 14 + 20 + 8 + 1);
	CU_ASSERT_EQUAL(test_checksum(p, 20, 0), 0);
	CU_ASSERT_EQUAL(memcmp(p + 12, (const uint8_t[]){192, 0, 2, 1, 192, 0, 2, 2}, 8), 0);
	CU_ASSERT_EQUAL(
	        memcmp(p + 20, (const uint8_t[]){0x11, 0x94, 0x11, 0x94, 0, 9, 0, 0, 0xff}, 9), 0);
	before = rig_count(1, "nat.keepalives");
	CU_ASSERT_EQUAL(rte_ring_enqueue(gw[1].wan_in[0], m), 0);
	rig_turn(1);
	CU_ASSERT_EQUAL(rig_count(1, "nat.keepalives"), before + 1);
}

static void test_stop(void)
{
	rig_stop();
}

UNIT_MAIN(UNIT(test_start), UNIT(test_packets_cross_in_udp), UNIT(test_translated_source_is_taken),
          UNIT(test_plain_esp_is_taken), UNIT(test_what_is_no_esp), UNIT(test_keepalives_are_sent),
          UNIT(test_stop))
