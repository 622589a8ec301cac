/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/fib.h"

#include <stdlib.h>

#include <rte_rcu_qsbr.h>

#include "tests/unit/dataplane/dpdk.h"
#include "tests/unit/dataplane/packets.h"
#include "tests/unit/unit.h"

static struct rte_rcu_qsbr *qsbr;

static struct fib_route tunnel_route(const char *addr, uint8_t len, uint8_t tunnel)
{
	return (struct fib_route){.prefix = test_prefix(addr, len),
	                          .via = {.kind = ADJACENCY_TUNNEL, .tunnel = tunnel}};
}

static const struct adjacency *look(const struct fib_table *t, const char *addr)
{
	struct config_prefix p = test_prefix(addr, 0);
	const struct fib *fib = fib_current(t);
	uint32_t v4 = get_be32(p.addr.bytes);
	uint64_t index;

	if (p.addr.ipv6)
		fib_lookup6(fib, &p.addr.bytes, &index, 1);
	else
		fib_lookup4(fib, &v4, &index, 1);
	CU_ASSERT_TRUE_FATAL(index < fib->adjacency_count);
	return &fib->adjacency[index];
}

static void test_start(void)
{
	size_t size;

	dpdk_start(1, 256, NULL, NULL);
	size = rte_rcu_qsbr_get_memsize(2);
	qsbr = aligned_alloc(64, (size + 63) / 64 * 64);
	rte_rcu_qsbr_init(qsbr, 2);
}

static void test_longest_prefix_wins(void)
{
	struct err err = {0};
	struct fib_table *t = fib_table_create(qsbr, &err);
	struct fib_route routes[] = {
	        tunnel_route("10.0.0.0", 8, 1),          tunnel_route("10.1.0.0", 16, 2),
	        tunnel_route("10.1.2.0", 24, 3),         tunnel_route("10.1.2.128", 25, 4),
	        tunnel_route("10.1.2.130", 32, 5),       tunnel_route("2001:db8::", 32, 1),
	        tunnel_route("2001:db8:1::", 48, 2),     tunnel_route("2001:db8:1:2::", 64, 3),
	        tunnel_route("2001:db8:1:2::5", 128, 4),
	};
	struct fib_outer outer[FIB_OUTER_MAX] = {[1] = {.valid = true}};

	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	CU_ASSERT_EQUAL(look(t, "10.0.0.1")->kind, ADJACENCY_NONE);
	CU_ASSERT_EQUAL(look(t, "2001:db8::1")->kind, ADJACENCY_NONE);
	CU_ASSERT_EQUAL_FATAL(fib_update(t, routes, 9, outer, &err), 0);
	CU_ASSERT_EQUAL(look(t, "10.200.0.1")->tunnel, 1);
	CU_ASSERT_EQUAL(look(t, "10.1.3.1")->tunnel, 2);
	CU_ASSERT_EQUAL(look(t, "10.1.2.127")->tunnel, 3);
	CU_ASSERT_EQUAL(look(t, "10.1.2.129")->tunnel, 4);
	CU_ASSERT_EQUAL(look(t, "10.1.2.130")->tunnel, 5);
	CU_ASSERT_EQUAL(look(t, "11.0.0.0")->kind, ADJACENCY_NONE);
	CU_ASSERT_EQUAL(look(t, "2001:db8:9::1")->tunnel, 1);
	CU_ASSERT_EQUAL(look(t, "2001:db8:1:9::1")->tunnel, 2);
	CU_ASSERT_EQUAL(look(t, "2001:db8:1:2::4")->tunnel, 3);
	CU_ASSERT_EQUAL(look(t, "2001:db8:1:2::5")->tunnel, 4);
	CU_ASSERT_EQUAL(look(t, "2001:db9::")->kind, ADJACENCY_NONE);
	CU_ASSERT_TRUE(fib_current(t)->outer[1].valid);
	CU_ASSERT_FALSE(fib_current(t)->outer[0].valid);
	fib_table_destroy(t);
}

static void test_later_route_replaces(void)
{
	struct err err = {0};
	struct fib_table *t = fib_table_create(qsbr, &err);
	struct fib_route routes[] = {tunnel_route("10.0.0.0", 8, 1),
	                             tunnel_route("10.0.0.0", 8, 2)};

	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	CU_ASSERT_EQUAL(fib_update(t, routes, 2, NULL, &err), 0);
	CU_ASSERT_EQUAL(look(t, "10.9.9.9")->tunnel, 2);
	/* Without IPv6 routes there is no IPv6 table, and an answer nevertheless. */
	CU_ASSERT_PTR_NULL(fib_current(t)->v6);
	CU_ASSERT_EQUAL(look(t, "2001:db8::1")->kind, ADJACENCY_NONE);
	fib_table_destroy(t);
}

static void test_old_table_lives_until_quiescence(void)
{
	struct err err = {0};
	struct fib_table *t = fib_table_create(qsbr, &err);
	struct fib_route a = tunnel_route("10.0.0.0", 8, 1), b = tunnel_route("10.0.0.0", 8, 2);
	const struct fib *old;
	uint32_t addr = 0x0a000001;
	uint64_t index;

	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	rte_rcu_qsbr_thread_register(qsbr, 0);
	rte_rcu_qsbr_thread_online(qsbr, 0);
	CU_ASSERT_EQUAL(fib_update(t, &a, 1, NULL, &err), 0);
	rte_rcu_qsbr_quiescent(qsbr, 0);
	fib_reclaim(t);
	old = fib_current(t);
	CU_ASSERT_EQUAL(fib_update(t, &b, 1, NULL, &err), 0);
	CU_ASSERT_PTR_NOT_EQUAL(fib_current(t), old);
	fib_reclaim(t);
	/* A core that has not reported may go on with the old one. */
	fib_lookup4(old, &addr, &index, 1);
	CU_ASSERT_EQUAL(old->adjacency[index].tunnel, 1);
	CU_ASSERT_EQUAL(look(t, "10.0.0.1")->tunnel, 2);
	rte_rcu_qsbr_quiescent(qsbr, 0);
	fib_reclaim(t);
	CU_ASSERT_EQUAL(look(t, "10.0.0.1")->tunnel, 2);
	rte_rcu_qsbr_thread_offline(qsbr, 0);
	rte_rcu_qsbr_thread_unregister(qsbr, 0);
	fib_table_destroy(t);
}

/* As many IPv4 routes as there may be, and so many IPv6 ones of the dearest kind as fit. */
static void test_many_routes(void)
{
	enum { V6 = 1024 };
	static struct fib_route routes[CONFIG_ROUTES_MAX + V6];
	struct err err = {0};
	struct fib_table *t = fib_table_create(qsbr, &err);
	char text[64];

	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	for (unsigned int i = 0; i < CONFIG_ROUTES_MAX; i++) {
		uint8_t hop[4] = {192, 0, (uint8_t)(i >> 8), (uint8_t)i};

		snprintf(text, sizeof(text), "10.%u.%u.64", i >> 8, i & 255);
		routes[i] = (struct fib_route){
		        .prefix = test_prefix(text, 27),
		        .via = {.kind = ADJACENCY_GATEWAY, .next_hop = neighbour_key4(0, hop)}};
		if (i >= V6)
			continue;
		snprintf(text, sizeof(text), "2001:db8:%x::%x:0", i + 1, i + 1);
		routes[CONFIG_ROUTES_MAX + i] =
		        (struct fib_route){.prefix = test_prefix(text, 112), .via = routes[i].via};
	}
	CU_ASSERT_EQUAL_FATAL(fib_update(t, routes, CONFIG_ROUTES_MAX + V6, NULL, &err), 0);
	CU_ASSERT_EQUAL(fib_current(t)->adjacency_count, CONFIG_ROUTES_MAX + 1);
	CU_ASSERT_EQUAL(look(t, "10.15.255.65")->next_hop.addr[3], 255);
	CU_ASSERT_EQUAL(look(t, "10.15.255.65")->next_hop.addr[2], 15);
	CU_ASSERT_EQUAL(look(t, "10.15.255.96")->kind, ADJACENCY_NONE);
	CU_ASSERT_EQUAL(look(t, "2001:db8:400::400:77")->next_hop.addr[3], 255);
	CU_ASSERT_EQUAL(look(t, "2001:db8:400::401:77")->kind, ADJACENCY_NONE);
	fib_table_destroy(t);
}

static void test_too_many_next_hops_leave_the_old_table(void)
{
	static struct fib_route routes[FIB_ADJACENCIES_MAX + 1];
	struct err err = {0};
	struct fib_table *t = fib_table_create(qsbr, &err);
	struct fib_route one = tunnel_route("10.0.0.0", 8, 7);

	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	CU_ASSERT_EQUAL(fib_update(t, &one, 1, NULL, &err), 0);
	for (unsigned int i = 0; i <= FIB_ADJACENCIES_MAX; i++) {
		uint8_t hop[4] = {192, 1, (uint8_t)(i >> 8), (uint8_t)i};

		routes[i] = (struct fib_route){
		        .prefix = test_prefix("10.0.0.0", 8),
		        .via = {.kind = ADJACENCY_GATEWAY, .next_hop = neighbour_key4(0, hop)}};
	}
	CU_ASSERT_EQUAL(fib_update(t, routes, FIB_ADJACENCIES_MAX + 1, NULL, &err), -E2BIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "next hops"));
	CU_ASSERT_EQUAL(look(t, "10.0.0.1")->tunnel, 7);
	fib_table_destroy(t);
}

static void test_end(void)
{
	free(qsbr);
	CU_PASS("freed");
}

UNIT_MAIN(UNIT(test_start), UNIT(test_longest_prefix_wins), UNIT(test_later_route_replaces),
          UNIT(test_old_table_lives_until_quiescence), UNIT(test_many_routes),
          UNIT(test_too_many_next_hops_leave_the_old_table), UNIT(test_end))
