/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/exception.h"
#include "dataplane/port.h"
#include "tests/unit/dataplane/dpdk.h"
#include "tests/unit/dataplane/packets.h"
#include "tests/unit/unit.h"

static struct rte_mempool *pool;
static struct counter_set cs;

static uint64_t count(const char *name)
{
	return counter_get(&cs, counter_find(name));
}

static void push(struct exception *e, enum exception_class class, uint64_t now_ns)
{
	exception_up(e, 1, &cs, class, test_mbuf(pool, 60), now_ns);
}

/* A burst passes, then what the rate is; the other class has a measure of its own. */
static void test_limits_each_class(void)
{
	struct exception *e = exception_create(2, NULL);
	uint64_t second = NS_PER_S, limited = count("drop.exception_limit");
	struct rte_mbuf *m;
	unsigned int n = 0;

	for (unsigned int i = 0; i < 400; i++)
		push(e, EXCEPTION_LINK, second);
	CU_ASSERT_EQUAL(count("drop.exception_limit") - limited, 400 - EXCEPTION_BURST);
	limited = count("drop.exception_limit");
	push(e, EXCEPTION_HOST, second);
	CU_ASSERT_EQUAL(count("drop.exception_limit"), limited);
	/* Two cores share a port's rate: in 1/16 s half of it. */
	for (unsigned int i = 0; i < 400; i++)
		push(e, EXCEPTION_LINK, second + NS_PER_S / 16);
	CU_ASSERT_EQUAL(count("drop.exception_limit") - limited,
	                400 - EXCEPTION_LINK_RATE / 16 / 2);
	CU_ASSERT_PTR_NULL(exception_take(e, 0));
	while ((m = exception_take(e, 1)) != NULL) {
		exception_give_back(e, 1, m);
		n++;
	}
	CU_ASSERT_EQUAL(n, EXCEPTION_BURST + 1 + EXCEPTION_LINK_RATE / 16 / 2);
	exception_destroy(e);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

/* Nobody takes: the ring fills, and no more is held. A core that does not reap stops control. */
static void test_a_full_ring_drops(void)
{
	struct exception *e = exception_create(2, NULL);
	uint64_t full = count("drop.exception_full"), now = NS_PER_S;
	struct rte_mbuf *m;
	unsigned int n = 0;

	for (unsigned int i = 0; i < EXCEPTION_RING + 10; i++, now += NS_PER_S)
		push(e, EXCEPTION_HOST, now);
	CU_ASSERT_EQUAL(count("drop.exception_full") - full, 10);
	for (; (m = exception_take(e, 1)) != NULL; n++)
		exception_give_back(e, 1, m);
	CU_ASSERT_EQUAL(n, EXCEPTION_RING);
	push(e, EXCEPTION_HOST, now);
	CU_ASSERT_PTR_NULL(exception_take(e, 1));
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), EXCEPTION_RING + 1);
	exception_reap(e, 1);
	CU_ASSERT_TRUE(rte_mempool_in_use_count(pool) < EXCEPTION_RING);
	m = exception_take(e, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	exception_give_back(e, 1, m);
	exception_destroy(e);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

static void test_down(void)
{
	struct exception *e = exception_create(1, NULL);
	unsigned int n = 0;

	while (exception_room(e)) {
		exception_down(e, test_mbuf(pool, 60));
		n++;
	}
	CU_ASSERT_EQUAL(n, EXCEPTION_RING);
	exception_destroy(e);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

static void test_start(void)
{
	dpdk_start(1, 128, NULL, NULL);
	pool = port_pool_create("exceptions", 1500, 0, 2047, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_limits_each_class), UNIT(test_a_full_ring_drops),
          UNIT(test_down))
