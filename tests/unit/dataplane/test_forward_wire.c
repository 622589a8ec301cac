/* SPDX-License-Identifier: BSD-3-Clause */

/* Frames through pseudowires between two gateways, beside routed packets. */

#include "tests/unit/dataplane/gateway_rig.h"

static struct wire_table wires[2];

/* VLANs 100 to 109 by one wire, 200 by another; untagged frames are routed. */
static void make_wires(unsigned int site)
{
	static struct config c;
	struct config_wire *w = &c.wires[0];

	memset(&c, 0, sizeof(c));
	c.tunnel_count = 1;
	strcpy(c.tunnels[0].name, "t0");
	c.wire_count = 2;
	strcpy(w[0].tunnel, "t0");
	strcpy(w[1].tunnel, "t0");
	w[0].key = 1000;
	w[1].key = 2000;
	for (unsigned int v = 100; v < 110; v++)
		w[0].vlans[v / 8] |= (uint8_t)(1 << v % 8);
	w[1].vlans[200 / 8] |= 1 << 200 % 8;
	w[1].lldp = true;
	wire_table_init(&wires[site], &c);
	rig_wires[site] = &wires[site];
}

/* A tagged frame of N bytes; anything from its second type on. */
static struct rte_mbuf *tagged(uint16_t tpid, uint16_t tag, unsigned int n)
{
	struct rte_mbuf *m = test_mbuf(rig_pool, (uint16_t)n);
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

	for (unsigned int i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 7 + tag);
	p[0] &= 0xfe;
	put_be16(p + 12, tpid);
	put_be16(p + 14, tag);
	return m;
}

/* The frame comes out at the other site as it was; its outer DSCP is that of its priority. */
static void crosses(unsigned int from, struct rte_mbuf *m)
{
	unsigned int n = m->pkt_len;
	uint8_t want[2000];
	struct rte_mbuf *out;

	memcpy(want, rte_pktmbuf_mtod(m, void *), n);
	CU_ASSERT_EQUAL(rte_ring_enqueue(gw[from].lan_in, m), 0);
	rig_turn(from);
	out = rig_pop(gw[from].wan_out);
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	CU_ASSERT_EQUAL(rte_pktmbuf_mtod(out, uint8_t *)[15], want[14] & 0xe0);
	rte_ring_enqueue(gw[from].wan_out, out);
	rig_turn(!from);
	out = rig_pop(gw[!from].lan_out);
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	CU_ASSERT_EQUAL(out->pkt_len, n);
	CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(out, void *), want, n), 0);
	rte_pktmbuf_free(out);
}

static void test_start(void)
{
	make_wires(0);
	make_wires(1);
	rig_start(1);
	rig_key(0, 1);
	rig_key(1, 1);
	rig_turns(4);
}

static void test_frames_cross_whole(void)
{
	for (unsigned int n = 18; n <= 1400; n += 13) {
		crosses(0, tagged(0x8100, 100, n));
		crosses(1, tagged(0x8100, (uint16_t)(0xa000 | 109), n));
		crosses(0, tagged(0x88a8, 200, n));
	}
	CU_ASSERT_EQUAL(rig_count(0, "wire.sent"), rig_count(1, "wire.received"));
	CU_ASSERT_EQUAL(rig_count(1, "wire.sent"), rig_count(0, "wire.received"));
}

static void dropped(struct rte_mbuf *m, const char *name)
{
	uint64_t before = rig_count(0, name);

	CU_ASSERT_EQUAL(rte_ring_enqueue(gw[0].lan_in, m), 0);
	rig_turn(0);
	CU_ASSERT_EQUAL(rig_count(0, name), before + 1);
	CU_ASSERT_PTR_NULL(rig_pop(gw[0].wan_out));
}

static void test_what_is_not_the_wires(void)
{
	struct rte_mbuf *m = test_ipv4(rig_pool, "10.1.0.10", "10.2.0.10", 17, NULL, 64);
	unsigned int got = 0;

	/* A VLAN that nobody carries; a frame beyond the tunnel's MTU. */
	dropped(tagged(0x8100, 110, 100), "drop.not_our_mac");
	dropped(tagged(0x8100, 100, 1450), "drop.wire_too_big");
	/* Routed packets pass beside. */
	for (unsigned int i = 0; i < 4; i++) {
		rig_send(0, rte_pktmbuf_copy(m, rig_pool, 0, UINT32_MAX));
		rig_turns(3);
		while (true) {
			struct rte_mbuf *out = rig_receive(1);

			if (out == NULL)
				break;
			got++;
			rte_pktmbuf_free(out);
		}
		rig_turns(2);
	}
	rte_pktmbuf_free(m);
	CU_ASSERT_TRUE(got >= 3);
}

/* The peer has a wire that we do not have, or says another VLAN: nothing comes out. */
static void test_wrong_wire_from_the_peer(void)
{
	uint64_t before = rig_count(1, "drop.wire_unknown");

	wires[1].wire[0].key = 1001;
	CU_ASSERT_EQUAL(rte_ring_enqueue(gw[0].lan_in, tagged(0x8100, 100, 100)), 0);
	rig_turns(2);
	CU_ASSERT_PTR_NULL(rig_pop(gw[1].lan_out));
	wires[1].wire[0].key = 1000;
	wires[1].of_vlan[101] = 2;
	CU_ASSERT_EQUAL(rte_ring_enqueue(gw[0].lan_in, tagged(0x8100, 101, 100)), 0);
	rig_turns(2);
	CU_ASSERT_PTR_NULL(rig_pop(gw[1].lan_out));
	CU_ASSERT_EQUAL(rig_count(1, "drop.wire_unknown"), before + 2);
}

static void test_order(void)
{
	for (unsigned int i = 0; i < 500; i++) {
		struct rte_mbuf *m = tagged(0x8100, 105, 64);

		put_be32(rte_pktmbuf_mtod(m, uint8_t *) + 40, i);
		CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(gw[0].lan_in, m), 0);
	}
	rig_turns(20);
	for (unsigned int i = 0; i < 500; i++) {
		struct rte_mbuf *m = rig_pop(gw[1].lan_out);

		CU_ASSERT_PTR_NOT_NULL_FATAL(m);
		CU_ASSERT_EQUAL(get_be32(rte_pktmbuf_mtod(m, uint8_t *) + 40), i);
		rte_pktmbuf_free(m);
	}
}

static void test_stop(void)
{
	rig_stop();
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(rig_pool), 0);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_frames_cross_whole), UNIT(test_what_is_not_the_wires),
          UNIT(test_wrong_wire_from_the_peer), UNIT(test_order), UNIT(test_stop))
