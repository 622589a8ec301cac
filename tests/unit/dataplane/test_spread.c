/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/spread.h"
#include "tests/unit/dataplane/dpdk.h"
#include "tests/unit/dataplane/packets.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

#define SECRETS 3000
#define FLOWS   100

static struct rte_mempool *pool;

static void test_start(void)
{
	dpdk_start(1, 64, NULL, NULL);
	pool = rte_pktmbuf_pool_create("spread", 63, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
	                               SOCKET_ID_ANY);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
}

/* Whatever the secret is, connections that count their ports up come to all cores. */
static void test_ports_in_a_row(void)
{
	static const uint8_t mac[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
	struct rte_mbuf *m = test_ipv4(pool, "10.1.0.10", "10.2.0.10", 17, NULL, 64);
	unsigned int few = 0;
	uint8_t *udp;

	test_ether(m, mac[0], mac[1], 0x0800);
	udp = rte_pktmbuf_mtod_offset(m, uint8_t *, 34);
	for (unsigned int i = 0; i < SECRETS; i++) {
		unsigned int got[3] = {0};
		struct spread s;

		spread_init(&s, 3, 3);
		for (unsigned int k = 0; k < 4; k++)
			s.secret[k] = (uint64_t)dice(UINT32_MAX) << 32 | dice(UINT32_MAX);
		for (unsigned int flow = 0; flow < FLOWS; flow++) {
			put_be16(udp, (uint16_t)(2000 + flow));
			got[spread_core(&s, m)]++;
		}
		/* Of a third, 33, with a deviation of 4.7. */
		for (unsigned int k = 0; k < 3; k++)
			few += got[k] < 8;
	}
	CU_ASSERT_EQUAL(few, 0);
	rte_pktmbuf_free(m);
}

/* A reader of the port gets less than who only forwards; all are given work. */
static void test_shares(void)
{
	unsigned int slots[4] = {0};
	struct spread s;

	spread_init(&s, 4, 1);
	for (unsigned int i = 0; i < SPREAD_SLOTS; i++)
		slots[s.core[i]]++;
	CU_ASSERT(slots[0] > 0 && slots[0] < slots[1]);
	CU_ASSERT(slots[1] - slots[3] <= 1);
	spread_init(&s, 2, 2);
	memset(slots, 0, sizeof(slots));
	for (unsigned int i = 0; i < SPREAD_SLOTS; i++)
		slots[s.core[i]]++;
	CU_ASSERT_EQUAL(slots[0], SPREAD_SLOTS / 2);
	CU_ASSERT_EQUAL(slots[1], SPREAD_SLOTS / 2);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_ports_in_a_row), UNIT(test_shares))
