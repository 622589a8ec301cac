/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/unit/dataplane/gateway_rig.h"

#include "dataplane/probe.h"

static uint64_t opened(unsigned int site)
{
	struct tunnel_totals totals;

	tunnel_totals_read(gw[site].tunnel, &totals);
	return totals.packets_opened;
}

static void test_start(void)
{
	rig_start(2);
	rig_turns(4);
}

static void test_without_key_nothing_leaves(void)
{
	CU_ASSERT_FALSE(tunnel_has_key(gw[0].tunnel));
	forward_probe(gw[0].forward, 0);
	rig_turns(2);
	CU_ASSERT_EQUAL(rig_count(0, "probe.sent"), 0);
	CU_ASSERT_EQUAL(rig_count(0, "drop.no_key"), 0);
}

static void test_the_peer_answers(void)
{
	rig_key(0, 1);
	rig_key(1, 1);
	CU_ASSERT_TRUE(tunnel_has_key(gw[0].tunnel));
	for (unsigned int i = 1; i <= 3; i++) {
		forward_probe(gw[0].forward, 0);
		rig_turns(6);
		CU_ASSERT_EQUAL(rig_count(0, "probe.sent"), i);
		CU_ASSERT_EQUAL(rig_count(1, "probe.answered"), i);
		CU_ASSERT_EQUAL(rig_count(0, "probe.answers"), i);
		/* Heard at both ends, and nothing of it comes to a LAN. */
		CU_ASSERT_EQUAL(opened(0), i);
		CU_ASSERT_EQUAL(opened(1), i);
	}
	CU_ASSERT_EQUAL(rte_ring_count(gw[0].lan_out), 0);
	CU_ASSERT_EQUAL(rte_ring_count(gw[1].lan_out), 0);
	CU_ASSERT_EQUAL(rig_count(0, "drop.dummy") + rig_count(1, "drop.dummy"), 0);
}

/* A probe repeated by who recorded it is no sign of life. */
static void test_a_replayed_answer_counts_nothing(void)
{
	struct rte_mbuf *m, *copy;
	uint64_t before;

	forward_probe(gw[0].forward, 0);
	rig_turn(0);
	m = rig_pop(gw[0].wan_out);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	copy = rte_pktmbuf_copy(m, rig_pool, 0, UINT32_MAX);
	rte_ring_enqueue(gw[0].wan_out, m);
	rig_turns(4);
	before = opened(1);
	rte_ring_enqueue(gw[0].wan_out, copy);
	rig_turns(4);
	CU_ASSERT_EQUAL(opened(1), before);
	CU_ASSERT_EQUAL(rig_count(1, "drop.replay"), 1);
}

static void test_what_is_a_probe(void)
{
	uint8_t p[PROBE_BYTES + 1] = {0};

	probe_fill(p, PROBE_REQUEST);
	CU_ASSERT_TRUE(probe_is(p, PROBE_BYTES));
	CU_ASSERT_FALSE(probe_is(p, PROBE_BYTES + 1));
	CU_ASSERT_FALSE(probe_is(p, PROBE_BYTES - 1));
	for (unsigned int i = 0; i < PROBE_BYTES; i++) {
		p[i] ^= 0x80;
		CU_ASSERT_FALSE(probe_is(p, PROBE_BYTES));
		p[i] ^= 0x80;
	}
	p[PROBE_TYPE] = 3;
	CU_ASSERT_FALSE(probe_is(p, PROBE_BYTES));
}

static void test_stop(void)
{
	rig_stop();
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(rig_pool), 0);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_without_key_nothing_leaves), UNIT(test_the_peer_answers),
          UNIT(test_a_replayed_answer_counts_nothing), UNIT(test_what_is_a_probe), UNIT(test_stop))
