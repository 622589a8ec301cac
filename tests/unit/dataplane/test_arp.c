/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/arp.h"

#include "dataplane/packet.h"
#include "tests/unit/dataplane/dpdk.h"
#include "tests/unit/dataplane/packets.h"
#include "tests/unit/unit.h"

static struct rte_mempool *pool;
static struct iface iface;

/* Who has 192.0.2.1? Tell 192.0.2.7 at 02:00:00:00:00:07. */
static const uint8_t request[] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,   0, 0, 0, 0, 7,       /* Ethernet */
        8,    6,    0,    1,    8,    0,    6,   4, 0, 1,             /* ARP request */
        2,    0,    0,    0,    0,    7,    192, 0, 2, 7, 0, 0, 0, 0, /* sender */
        0,    0,    192,  0,    2,    1,                              /* target */
};

/* 192.0.2.1 is at 02:00:00:00:00:01. */
static const uint8_t reply[] = {
        2, 0, 0, 0, 0, 7, 2, 0,   0, 0, 0, 1, 8, 6, 0, 1, 8, 0,   6, 4, 0,
        2, 2, 0, 0, 0, 0, 1, 192, 0, 2, 1, 2, 0, 0, 0, 0, 7, 192, 0, 2, 7,
};

static struct rte_mbuf *frame(const uint8_t *bytes, uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	memcpy(rte_pktmbuf_append(m, len), bytes, len);
	return m;
}

static void test_start(void)
{
	struct config_port config = {.mtu = 1500, .address_count = 1};
	const struct rte_ether_addr mac = {{2, 0, 0, 0, 0, 1}};

	dpdk_start(1, 64, NULL, NULL);
	pool = rte_pktmbuf_pool_create("test", 63, 0, sizeof(struct packet_meta), 1024,
	                               SOCKET_ID_ANY);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	config.addresses[0] = test_prefix("192.0.2.1", 24);
	iface_init(&iface, 0, &config, &mac);
}

static void test_request_becomes_reply(void)
{
	struct rte_mbuf *m = frame(request, sizeof(request));
	struct arp_message msg;

	CU_ASSERT_TRUE_FATAL(arp_parse(m, &msg));
	CU_ASSERT_EQUAL(msg.op, ARP_REQUEST);
	CU_ASSERT_EQUAL(msg.sender[3], 7);
	CU_ASSERT_EQUAL(msg.target[3], 1);
	CU_ASSERT_EQUAL(msg.sender_link.addr_bytes[5], 7);
	arp_make_reply(m, &iface, &msg);
	CU_ASSERT_EQUAL(rte_pktmbuf_data_len(m), sizeof(reply));
	CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(m, void *), reply, sizeof(reply)), 0);
	rte_pktmbuf_free(m);
}

static void test_makes_requests(void)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	const struct rte_ether_addr host = {{2, 0, 0, 0, 0, 7}};
	uint8_t want[42];

	CU_ASSERT_EQUAL(arp_make_request(m, &iface, (const uint8_t[4]){192, 0, 2, 7}, NULL), 0);
	memcpy(want, request, sizeof(want));
	want[11] = want[27] = 1;
	want[31] = 1;
	want[41] = 7;
	CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(m, void *), want, sizeof(want)), 0);
	rte_pktmbuf_reset(m);
	/* To refresh an entry, by unicast. */
	CU_ASSERT_EQUAL(arp_make_request(m, &iface, (const uint8_t[4]){192, 0, 2, 7}, &host), 0);
	memcpy(want, host.addr_bytes, 6);
	memcpy(want + 32, host.addr_bytes, 6);
	CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(m, void *), want, sizeof(want)), 0);
	rte_pktmbuf_free(m);
}

static void test_refuses(void)
{
	static const struct {
		unsigned int at;
		uint8_t value;
	} wrong[] = {{15, 6}, {16, 9}, {18, 8}, {19, 16}, {22, 1} /* group sender */};
	struct arp_message msg;
	struct rte_mbuf *m;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		m = frame(request, sizeof(request));
		rte_pktmbuf_mtod(m, uint8_t *)[wrong[i].at] = wrong[i].value;
		CU_ASSERT_FALSE(arp_parse(m, &msg));
		rte_pktmbuf_free(m);
	}
	for (uint16_t len = 14; len < sizeof(request); len++) {
		m = frame(request, len);
		CU_ASSERT_FALSE(arp_parse(m, &msg));
		rte_pktmbuf_free(m);
	}
}

UNIT_MAIN(UNIT(test_start), UNIT(test_request_becomes_reply), UNIT(test_makes_requests),
          UNIT(test_refuses))
