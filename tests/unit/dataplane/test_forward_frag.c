/* SPDX-License-Identifier: BSD-3-Clause */

/* Outer fragments by policy: a LAN of 9000 bytes over a WAN of 1500. */

#include "dataplane/forward_core.h"
#include "dataplane/forward_in.h"
#include "tests/unit/dataplane/gateway_rig.h"

#define A_HOST "10.1.0.10"
#define B_HOST "10.2.0.10"
#define JUMBO  9000
#define PARTS  8

static struct rte_mempool *whole;

/* VLAN 100 goes by a pseudowire. */
static void rig_start_wire(void)
{
	static struct wire_table table;

	table.count = 1;
	table.wire[0].key = 5;
	table.of_vlan[100] = 1;
	rig_wires[0] = rig_wires[1] = &table;
}

static void adjust(struct tunnel_config *tc)
{
	tc->outer_fragment = true;
}

static void test_start(void)
{
	struct err err = {0};

	rig_adjust = adjust;
	rig_lan_mtu = JUMBO;
	rig_buffer_mtu = 1500;
	rig_start_wire();
	rig_start(1);
	for (unsigned int i = 0; i < 2; i++)
		gw[i].forward->tunnel[0].mtu = JUMBO;
	whole = port_pool_create("whole", 9100, 1, 1023, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(whole);
	rig_turns(4);
	rig_key(0, 1);
	rig_key(1, 1);
	/* The host is known from here on. */
	rig_send(0, test_ipv4(rig_pool, A_HOST, B_HOST, 17, NULL, 64));
	rig_turns(3);
	rte_pktmbuf_free(rig_receive(1));
}

/* A packet of N bytes from A's host; its outer fragments, in their order. */
static unsigned int fragments(unsigned int n, uint8_t *sent, struct rte_mbuf **part)
{
	struct rte_mbuf *m = test_ipv4(whole, A_HOST, B_HOST, 17, NULL, (uint16_t)(n - 20));
	unsigned int count = 0;

	memcpy(sent, rte_pktmbuf_mtod(m, void *), n);
	rte_pktmbuf_free(m);
	for (unsigned int i = 28; i < n; i++)
		sent[i] = (uint8_t)(i * 3 + n);
	rig_send(0, test_chain(rig_pool, sent, n, 5));
	rig_turn(0);
	while (count < PARTS && (part[count] = rig_pop(gw[0].wan_out)) != NULL)
		count++;
	return count;
}

static void give(struct rte_mbuf *m)
{
	CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(gw[1].wan_in[0], m), 0);
	rig_turn(1);
}

static void check_received(const uint8_t *sent, unsigned int n)
{
	static uint8_t bytes[JUMBO];
	struct rte_mbuf *m = rig_receive(1);
	const uint8_t *p;

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL_FATAL(rte_pktmbuf_pkt_len(m), n);
	p = rte_pktmbuf_read(m, 0, n, bytes);
	CU_ASSERT_EQUAL(memcmp(p + 12, sent + 12, n - 12), 0);
	rte_pktmbuf_free(m);
}

static void test_any_length_in_any_order(void)
{
	static uint8_t sent[JUMBO];
	struct rte_mbuf *part[PARTS];
	uint64_t before = rig_count(1, "esp.reassembled");

	for (unsigned int n = 1400, k = 0; n <= JUMBO; n += 475, k++) {
		unsigned int count = fragments(n, sent, part);
		unsigned int outer = tunnel_outer_mtu(gw[0].tunnel, n);

		CU_ASSERT_EQUAL_FATAL(count, outer <= 1500 ? 1 : (outer - 20 + 1479) / 1480);
		for (unsigned int i = 0; i < count; i++) {
			const uint8_t *ip = rte_pktmbuf_mtod(part[i], const uint8_t *) + 14;

			CU_ASSERT_TRUE(rte_pktmbuf_pkt_len(part[i]) <= 1514);
			CU_ASSERT_EQUAL(test_checksum(ip, 20, 0), 0);
			CU_ASSERT_EQUAL((get_be16(ip + 6) & 0x4000) != 0, count == 1);
		}
		for (unsigned int i = 0; i < count; i++)
			give(part[k % 3 == 0   ? i
			          : k % 3 == 1 ? count - 1 - i
			                       : (i + count / 2) % count]);
		check_received(sent, n);
	}
	CU_ASSERT_EQUAL(rig_count(1, "esp.reassembled"), before + 16);
	CU_ASSERT_EQUAL(rig_count(1, "drop.fragment_lost"), 0);
}

/* Frames of a jumbo LAN cross a WAN of 1500 bytes, tags and all. */
static void test_frames_of_a_pseudowire(void)
{
	static uint8_t sent[JUMBO + 22], bytes[JUMBO + 22];
	struct rte_mbuf *m;

	for (unsigned int n = 60; n <= sizeof(sent); n += 1494) {
		for (unsigned int i = 0; i < n; i++)
			sent[i] = (uint8_t)(i * 5 + n);
		sent[0] = 2;
		put_be16(sent + 12, 0x88a8);
		put_be16(sent + 14, 100);
		put_be16(sent + 16, 0x8100);
		m = test_chain(rig_pool, sent, n, n < 1400 ? 1 : 7);
		CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(gw[0].lan_in, m), 0);
		rig_turns(2);
		m = rig_pop(gw[1].lan_out);
		CU_ASSERT_PTR_NOT_NULL_FATAL(m);
		CU_ASSERT_EQUAL_FATAL(rte_pktmbuf_pkt_len(m), n);
		CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_read(m, 0, n, bytes), sent, n), 0);
		rte_pktmbuf_free(m);
	}
	CU_ASSERT_EQUAL(rig_count(0, "drop.wire_too_big"), 0);
}

/* A flood in the peer's name holds few buffers and does not outlive its time. */
static void test_flood(void)
{
	static uint8_t sent[JUMBO];
	struct rte_mbuf *part[PARTS];
	unsigned int in_use = rte_mempool_in_use_count(rig_pool);
	struct forward_core *c = forward_role(gw[1].forward, 0).ctx;
	unsigned int count;

	for (unsigned int i = 0; i < 3000; i++) {
		struct rte_mbuf *m = test_ipv4(rig_pool, "192.0.2.1", "192.0.2.2", 50, NULL, 800);
		uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);

		put_be16(ip + 4, (uint16_t)i);
		put_be16(ip + 6, 0x2000);
		put_be16(ip + 10, 0);
		put_be16(ip + 10, test_checksum(ip, 20, 0));
		test_ether(m, gw[1].iface[PORT_WAN].mac.addr_bytes,
		           gw[0].iface[PORT_WAN].mac.addr_bytes, 0x0800);
		give(m);
	}
	CU_ASSERT_TRUE(rte_mempool_in_use_count(rig_pool) <= in_use + 64);
	CU_ASSERT_TRUE(rig_count(1, "drop.fragment_lost") >= 3000 - 64);
	/* What is in no fragment passes all the while. */
	count = fragments(1000, sent, part);
	CU_ASSERT_EQUAL_FATAL(count, 1);
	give(part[0]);
	check_received(sent, 1000);
	/* 200 ms later fragments do again. */
	c->now_ns += 200 * NS_PER_MS;
	forward_frag_poll(c);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(rig_pool), in_use);
	CU_ASSERT_EQUAL(rig_count(1, "drop.fragment_lost"), 3000);
}

/* Not of the peer, or shorter than a path would cut them. */
static void test_what_is_refused(void)
{
	static const struct {
		const char *src;
		uint16_t bytes, place;
	} cases[] = {{"192.0.2.9", 800, 0x2000}, {"192.0.2.1", 480, 0x2000}, {"10.1.0.10", 9, 3}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rte_mbuf *m =
		        test_ipv4(rig_pool, cases[i].src, "192.0.2.2", 50, NULL, cases[i].bytes);
		uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
		uint64_t before = rig_count(1, "drop.wan_fragment");

		put_be16(ip + 6, cases[i].place);
		put_be16(ip + 10, 0);
		put_be16(ip + 10, test_checksum(ip, 20, 0));
		test_ether(m, gw[1].iface[PORT_WAN].mac.addr_bytes,
		           gw[0].iface[PORT_WAN].mac.addr_bytes, 0x0800);
		give(m);
		CU_ASSERT_EQUAL(rig_count(1, "drop.wan_fragment"), before + 1);
	}
}

/* IPv6 outside, without a rig: fragments in any order make the packet again. */
static void test_ipv6_outside(void)
{
	static struct forward f = {.config.cores = 1};
	static struct forward_core c = {.f = &f};
	static uint8_t p[4000], bytes[4000];
	struct tunnel_config tc = {.name = "six", .ipv6 = true, .outer_fragment = true};
	struct rte_mbuf *part[FRAG_MAX], *m, *got = NULL;
	struct err err = {0};
	int n;

	inet_pton(AF_INET6, "2001:db8::1", tc.local);
	inet_pton(AF_INET6, "2001:db8::2", tc.remote);
	f.config.tunnel[0] = tunnel_alone(&tc, 1, worker_qsbr(), &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f.config.tunnel[0]);
	CU_ASSERT_EQUAL_FATAL(forward_peers_create(f.config.tunnel, &f.peers, &err), 0);
	CU_ASSERT_EQUAL_FATAL(forward_frag_create(&f, 0, &c.frag, &err), 0);
	c.peers = f.peers;
	c.cs = &worker_get(0)->counters;
	c.now_ns = NS_PER_S;
	m = test_ipv6(whole, "2001:db8::2", "2001:db8::1", 50, NULL, sizeof(p) - 40);
	memcpy(p, rte_pktmbuf_mtod(m, void *), sizeof(p));
	for (unsigned int i = 40; i < sizeof(p); i++)
		p[i] = (uint8_t)(i * 5);
	memcpy(rte_pktmbuf_mtod(m, void *), p, sizeof(p));
	for (unsigned int turn = 0; turn < 3; turn++) {
		n = frag_ipv6(m, 1280, turn, rig_pool, part);
		CU_ASSERT_EQUAL_FATAL(n, 4);
		for (int i = 0; i < n; i++)
			memset(rte_pktmbuf_mtod(part[i], uint8_t *) - 14, 0xe0 + i, 14);
		for (int i = 0; i < n; i++) {
			got = forward_frag_in(&c, part[(i + (int)turn) % n], true);
			CU_ASSERT_EQUAL(got != NULL, i == n - 1);
		}
		CU_ASSERT_PTR_NOT_NULL_FATAL(got);
		CU_ASSERT_EQUAL(rte_pktmbuf_pkt_len(got), sizeof(p));
		/* The Ethernet header of the first is still in front: answers go by it. */
		for (int i = 1; i <= 14; i++)
			CU_ASSERT_EQUAL(rte_pktmbuf_mtod(got, uint8_t *)[-i], 0xe0);
		CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_read(got, 0, sizeof(p), bytes), p, sizeof(p)),
		                0);
		rte_pktmbuf_free(got);
	}
	rte_pktmbuf_free(m);
	/* From elsewhere. */
	m = test_ipv6(whole, "2001:db8::3", "2001:db8::1", 50, NULL, 2000);
	n = frag_ipv6(m, 1280, 9, rig_pool, part);
	CU_ASSERT_EQUAL_FATAL(n, 2);
	for (int i = 0; i < n; i++)
		CU_ASSERT_PTR_NULL(forward_frag_in(&c, part[i], true));
	rte_pktmbuf_free(m);
	forward_frag_destroy(c.frag);
	forward_peers_destroy(f.peers);
	tunnel_alone_destroy((struct tunnel *)(uintptr_t)f.config.tunnel[0]);
}

static void test_stop(void)
{
	rig_stop();
}

UNIT_MAIN(UNIT(test_start), UNIT(test_any_length_in_any_order), UNIT(test_frames_of_a_pseudowire),
          UNIT(test_flood), UNIT(test_what_is_refused), UNIT(test_ipv6_outside), UNIT(test_stop))
