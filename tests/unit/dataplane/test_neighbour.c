/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/neighbour.h"

#include <stdlib.h>

#include <rte_rcu_qsbr.h>

#include "common/clock.h"
#include "tests/unit/dataplane/dpdk.h"
#include "tests/unit/unit.h"

static struct rte_rcu_qsbr *qsbr;
static struct rte_mempool *pool;
static struct counter_set counters;
static struct {
	unsigned int broadcasts, unicasts, released, unreachable;
	struct rte_ether_addr asked, link;
	struct rte_mbuf *last;
} seen;
static uint64_t now;

static const struct rte_ether_addr link_a = {{2, 0, 0, 0, 0, 0xa}};
static const struct rte_ether_addr link_b = {{2, 0, 0, 0, 0, 0xb}};

static void on_solicit(void *ctx, const struct neighbour_key *key,
                       const struct rte_ether_addr *link)
{
	if (link == NULL) {
		seen.broadcasts++;
		return;
	}
	seen.unicasts++;
	seen.asked = *link;
}

static void on_release(void *ctx, const struct neighbour_key *key, struct rte_mbuf *m,
                       const struct rte_ether_addr *link)
{
	seen.released++;
	seen.link = *link;
	seen.last = m;
	rte_pktmbuf_free(m);
}

static void on_unreachable(void *ctx, const struct neighbour_key *key, struct rte_mbuf *m)
{
	seen.unreachable++;
	rte_pktmbuf_free(m);
}

static const struct neighbour_ops ops = {on_solicit, on_release, on_unreachable};

static struct neighbour_table *make(unsigned int capacity)
{
	struct err err = {0};
	struct neighbour_table *t = neighbour_table_create(capacity, qsbr, &ops, NULL, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	memset(&seen, 0, sizeof(seen));
	now = 1000 * NS_PER_S;
	return t;
}

/* Let time pass in steps of 5 ms with the timers running. */
static void pass(struct neighbour_table *t, uint64_t ns)
{
	for (uint64_t end = now + ns; now < end; now += 5 * NS_PER_MS)
		neighbour_poll(t, &counters, now);
}

static struct neighbour_key host(uint8_t n)
{
	return neighbour_key4(0, (const uint8_t[4]){192, 0, 2, n});
}

static bool same(const struct rte_ether_addr *a, const struct rte_ether_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static void test_start(void)
{
	size_t size = rte_rcu_qsbr_get_memsize(2);

	dpdk_start(1, 64, NULL, NULL);
	qsbr = aligned_alloc(64, (size + 63) / 64 * 64);
	rte_rcu_qsbr_init(qsbr, 2);
	pool = rte_pktmbuf_pool_create("test", 255, 0, sizeof(struct packet_meta), 512,
	                               SOCKET_ID_ANY);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
}

static void test_resolves_and_releases_in_order(void)
{
	struct neighbour_table *t = make(64);
	struct neighbour_key key = host(7);
	struct rte_mbuf *last = NULL;
	struct rte_ether_addr link;

	CU_ASSERT_FALSE(neighbour_lookup(t, &key, &link));
	for (int i = 0; i < 3; i++) {
		last = rte_pktmbuf_alloc(pool);
		neighbour_resolve(t, &counters, &key, last, now);
	}
	CU_ASSERT_EQUAL(seen.broadcasts, 1);
	CU_ASSERT_EQUAL(seen.released, 0);
	neighbour_learn(t, &key, &link_a, NEIGHBOUR_ANSWER, now);
	CU_ASSERT_EQUAL(seen.released, 3);
	CU_ASSERT_PTR_EQUAL(seen.last, last);
	CU_ASSERT_TRUE(same(&seen.link, &link_a));
	CU_ASSERT_TRUE(neighbour_lookup(t, &key, &link));
	CU_ASSERT_TRUE(same(&link, &link_a));
	/* The same address on the other port or as IPv6 is another neighbour. */
	key.port = 1;
	CU_ASSERT_FALSE(neighbour_lookup(t, &key, &link));
	neighbour_table_destroy(t);
}

static void test_nothing_learnt_unasked(void)
{
	struct neighbour_table *t = make(64);
	struct neighbour_key key = host(7);
	struct rte_ether_addr link;

	neighbour_learn(t, &key, &link_a, NEIGHBOUR_ANSWER, now);
	neighbour_learn(t, &key, &link_a, NEIGHBOUR_OVERRIDE, now);
	CU_ASSERT_FALSE(neighbour_lookup(t, &key, &link));
	CU_ASSERT_EQUAL(neighbour_list(t, NULL, 0), 0);
	/* A group's address is nobody's. */
	neighbour_resolve(t, &counters, &key, NULL, now);
	neighbour_learn(t, &key, &(struct rte_ether_addr){{1, 0, 0x5e, 0, 0, 1}}, NEIGHBOUR_ANSWER,
	                now);
	CU_ASSERT_FALSE(neighbour_lookup(t, &key, &link));
	neighbour_table_destroy(t);
}

static void test_gives_up_after_three(void)
{
	struct neighbour_table *t = make(64);
	struct neighbour_key key = host(9);
	unsigned int free_before = rte_mempool_avail_count(pool);

	neighbour_resolve(t, &counters, &key, rte_pktmbuf_alloc(pool), now);
	neighbour_resolve(t, &counters, &key, rte_pktmbuf_alloc(pool), now);
	pass(t, 2900 * NS_PER_MS);
	CU_ASSERT_EQUAL(seen.broadcasts, 3);
	CU_ASSERT_EQUAL(seen.unreachable, 0);
	pass(t, 400 * NS_PER_MS);
	CU_ASSERT_EQUAL(seen.broadcasts, 3);
	CU_ASSERT_EQUAL(seen.unreachable, 2);
	/* In the pause after it, senders are told at once. */
	neighbour_resolve(t, &counters, &key, rte_pktmbuf_alloc(pool), now);
	CU_ASSERT_EQUAL(seen.unreachable, 3);
	CU_ASSERT_EQUAL(seen.broadcasts, 3);
	pass(t, NEIGHBOUR_FAILED_NS + 200 * NS_PER_MS);
	neighbour_resolve(t, &counters, &key, NULL, now);
	CU_ASSERT_EQUAL(seen.broadcasts, 4);
	CU_ASSERT_EQUAL(rte_mempool_avail_count(pool), free_before);
	neighbour_table_destroy(t);
}

static void test_queue_is_short(void)
{
	struct neighbour_table *t = make(64);
	struct neighbour_key key = host(9);
	uint64_t before = counter_get(&counters, counter_find("drop.neighbour_queue"));

	for (int i = 0; i < NEIGHBOUR_QUEUE + 5; i++)
		neighbour_resolve(t, &counters, &key, rte_pktmbuf_alloc(pool), now);
	CU_ASSERT_EQUAL(counter_get(&counters, counter_find("drop.neighbour_queue")) - before, 5);
	neighbour_learn(t, &key, &link_a, NEIGHBOUR_HINT, now);
	CU_ASSERT_EQUAL(seen.released, NEIGHBOUR_QUEUE);
	neighbour_table_destroy(t);
}

/* The point of the whole: a neighbour in use is never without its link address. */
static void test_refresh_loses_nothing(void)
{
	struct neighbour_table *t = make(64);
	struct neighbour_key key = host(1);
	struct rte_ether_addr link;
	unsigned int answered = 0;

	neighbour_resolve(t, &counters, &key, NULL, now);
	neighbour_learn(t, &key, &link_a, NEIGHBOUR_ANSWER, now);
	for (int i = 0; i < 24000; i++) {
		CU_ASSERT_TRUE_FATAL(neighbour_lookup(t, &key, &link));
		pass(t, 5 * NS_PER_MS);
		if (seen.unicasts > answered) {
			answered = seen.unicasts;
			CU_ASSERT_TRUE(same(&seen.asked, &link_a));
			neighbour_learn(t, &key, &link_a, NEIGHBOUR_ANSWER, now);
		}
	}
	/* 120 s, probed each 30 s and something. */
	CU_ASSERT_EQUAL(answered, 3);
	CU_ASSERT_EQUAL(seen.broadcasts, 1);
	neighbour_table_destroy(t);
}

static void test_probe_falls_back_to_all_and_then_fails(void)
{
	struct neighbour_table *t = make(64);
	struct neighbour_key key = host(1);
	struct rte_ether_addr link;

	neighbour_resolve(t, &counters, &key, NULL, now);
	neighbour_learn(t, &key, &link_a, NEIGHBOUR_ANSWER, now);
	CU_ASSERT_TRUE(neighbour_lookup(t, &key, &link));
	pass(t, NEIGHBOUR_REACHABLE_NS + 5600 * NS_PER_MS);
	CU_ASSERT_EQUAL(seen.unicasts, 3);
	CU_ASSERT_EQUAL(seen.broadcasts, 1 + 3);
	CU_ASSERT_TRUE(neighbour_lookup(t, &key, &link));
	pass(t, NS_PER_S);
	CU_ASSERT_FALSE(neighbour_lookup(t, &key, &link));
	neighbour_table_destroy(t);
}

static void test_unused_is_kept_quietly_then_forgotten(void)
{
	struct neighbour_table *t = make(16);
	struct neighbour_key key = host(1);
	struct neighbour_info info[4];

	neighbour_resolve(t, &counters, &key, NULL, now);
	neighbour_learn(t, &key, &link_a, NEIGHBOUR_ANSWER, now);
	/* The first expiry finds it used by the resolution and probes it; it answers. */
	pass(t, NEIGHBOUR_REACHABLE_NS + 100 * NS_PER_MS);
	neighbour_learn(t, &key, &link_a, NEIGHBOUR_ANSWER, now);
	pass(t, 300 * NS_PER_S);
	CU_ASSERT_EQUAL(seen.unicasts, 1);
	CU_ASSERT_EQUAL(neighbour_list(t, info, 4), 1);
	CU_ASSERT_TRUE(info[0].resolved && same(&info[0].link, &link_a));
	CU_ASSERT_EQUAL(memcmp(&info[0].key, &key, sizeof(key)), 0);
	pass(t, 400 * NS_PER_S);
	CU_ASSERT_EQUAL(neighbour_list(t, info, 4), 0);
	neighbour_table_destroy(t);
}

static void test_new_link_address(void)
{
	struct neighbour_table *t = make(64);
	struct neighbour_key key = host(1);
	struct rte_ether_addr link;

	neighbour_resolve(t, &counters, &key, NULL, now);
	neighbour_learn(t, &key, &link_a, NEIGHBOUR_ANSWER, now);
	neighbour_learn(t, &key, &link_b, NEIGHBOUR_HINT, now);
	CU_ASSERT_TRUE(neighbour_lookup(t, &key, &link) && same(&link, &link_a));
	neighbour_learn(t, &key, &link_b, NEIGHBOUR_OVERRIDE, now);
	CU_ASSERT_TRUE(neighbour_lookup(t, &key, &link) && same(&link, &link_b));
	/* And it is confirmed soon. */
	pass(t, NEIGHBOUR_RETRANS_NS + 200 * NS_PER_MS);
	CU_ASSERT_EQUAL(seen.unicasts, 1);
	CU_ASSERT_TRUE(same(&seen.asked, &link_b));
	neighbour_table_destroy(t);
}

/* A scan of the whole subnet neither exhausts the table nor its slots afterwards. */
static void test_scan(void)
{
	struct neighbour_table *t = make(64);
	struct neighbour_key router = host(250);
	struct rte_ether_addr link;

	rte_rcu_qsbr_thread_register(qsbr, 1);
	rte_rcu_qsbr_thread_online(qsbr, 1);
	for (int round = 0; round < 10; round++) {
		for (uint8_t n = 0; n < 200; n++) {
			struct neighbour_key key = host(n);

			neighbour_resolve(t, &counters, &key, NULL, now);
		}
		CU_ASSERT_EQUAL(neighbour_list(t, NULL, 0), 16);
		pass(t, 7 * NS_PER_S);
		CU_ASSERT_EQUAL(neighbour_list(t, NULL, 0), 0);
		rte_rcu_qsbr_quiescent(qsbr, 1);
		pass(t, NS_PER_S);
	}
	neighbour_resolve(t, &counters, &router, NULL, now);
	neighbour_learn(t, &router, &link_a, NEIGHBOUR_ANSWER, now);
	CU_ASSERT_TRUE(neighbour_lookup(t, &router, &link));
	rte_rcu_qsbr_thread_offline(qsbr, 1);
	rte_rcu_qsbr_thread_unregister(qsbr, 1);
	neighbour_table_destroy(t);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_resolves_and_releases_in_order),
          UNIT(test_nothing_learnt_unasked), UNIT(test_gives_up_after_three),
          UNIT(test_queue_is_short), UNIT(test_refresh_loses_nothing),
          UNIT(test_probe_falls_back_to_all_and_then_fails),
          UNIT(test_unused_is_kept_quietly_then_forgotten), UNIT(test_new_link_address),
          UNIT(test_scan))
