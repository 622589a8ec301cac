/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/icmp.h"

#include "common/clock.h"
#include "dataplane/ip.h"
#include "dataplane/packet.h"
#include "tests/unit/dataplane/dpdk.h"
#include "tests/unit/dataplane/packets.h"
#include "tests/unit/unit.h"

static struct rte_mempool *pool;
static const uint8_t us[4] = {192, 0, 2, 1};

static void test_start(void)
{
	dpdk_start(1, 64, NULL, NULL);
	pool = rte_pktmbuf_pool_create("test", 63, 0, sizeof(struct packet_meta), 2048 + 128,
	                               SOCKET_ID_ANY);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
}

static void test_echo(void)
{
	/* An odd length has a last byte of its own in the checksum. */
	for (uint16_t n = 0; n < 64; n += 7) {
		struct rte_mbuf *m = test_echo4(pool, "192.0.2.7", "192.0.2.1", n);
		const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);

		CU_ASSERT_TRUE_FATAL(icmp_echo(m));
		CU_ASSERT_EQUAL(memcmp(ip + 12, us, 4), 0);
		CU_ASSERT_EQUAL(ip[19], 7);
		CU_ASSERT_EQUAL(ip[8], 64);
		CU_ASSERT_EQUAL(ip[20], 0);
		CU_ASSERT_EQUAL(test_checksum(ip, 20, 0), 0);
		CU_ASSERT_EQUAL(test_checksum(ip + 20, 8U + n, 0), 0);
		rte_pktmbuf_free(m);
	}
}

static void test_echo_refuses(void)
{
	struct rte_mbuf *m = test_echo4(pool, "192.0.2.7", "192.0.2.1", 8);
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);

	ip[28] ^= 1;
	CU_ASSERT_FALSE(icmp_echo(m));
	ip[28] ^= 1;
	ip[6] = 0x20;
	CU_ASSERT_FALSE(icmp_echo(m));
	ip[6] = 0x40;
	ip[20] = 0;
	CU_ASSERT_FALSE(icmp_echo(m));
	rte_pktmbuf_free(m);
	m = test_echo4(pool, "224.0.0.1", "192.0.2.1", 8);
	CU_ASSERT_FALSE(icmp_echo(m));
	rte_pktmbuf_free(m);
	m = test_ipv4(pool, "192.0.2.7", "192.0.2.1", 1, NULL, 7);
	CU_ASSERT_FALSE(icmp_echo(m));
	rte_pktmbuf_free(m);
}

static void test_frag_needed(void)
{
	struct rte_mbuf *m = test_ipv4(pool, "192.0.2.7", "198.51.100.9", 17, NULL, 1480);
	uint8_t original[548];
	const uint8_t *ip;

	memcpy(original, rte_pktmbuf_mtod(m, void *), sizeof(original));
	CU_ASSERT_TRUE_FATAL(icmp_error(m, ICMP_UNREACHABLE, ICMP_FRAG_NEEDED, 1422, us));
	ip = rte_pktmbuf_mtod(m, const uint8_t *);
	CU_ASSERT_EQUAL(rte_pktmbuf_data_len(m), 576);
	CU_ASSERT_EQUAL(ip[0], 0x45);
	CU_ASSERT_EQUAL(get_be16(ip + 2), 576);
	CU_ASSERT_EQUAL(test_checksum(ip, 20, 0), 0);
	CU_ASSERT_EQUAL(memcmp(ip + 12, us, 4), 0);
	CU_ASSERT_EQUAL(ip[19], 7);
	CU_ASSERT_EQUAL(ip[20], 3);
	CU_ASSERT_EQUAL(ip[21], 4);
	CU_ASSERT_EQUAL(get_be16(ip + 24), 0);
	CU_ASSERT_EQUAL(get_be16(ip + 26), 1422);
	CU_ASSERT_EQUAL(test_checksum(ip + 20, 556, 0), 0);
	CU_ASSERT_EQUAL(memcmp(ip + 28, original, 548), 0);
	rte_pktmbuf_free(m);
}

/* RFC 1812 section 4.3.2.7. */
static void test_no_error_about(void)
{
	static const char *const pairs[][2] = {{"0.0.0.0", "198.51.100.9"},
	                                       {"127.0.0.1", "198.51.100.9"},
	                                       {"239.0.0.1", "198.51.100.9"},
	                                       {"192.0.2.7", "255.255.255.255"},
	                                       {"192.0.2.7", "224.0.0.251"}};
	struct rte_mbuf *m;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		m = test_ipv4(pool, pairs[i][0], pairs[i][1], 17, NULL, 32);
		CU_ASSERT_FALSE(icmp_error(m, ICMP_TIME_EXCEEDED, 0, 0, us));
		CU_ASSERT_EQUAL(rte_pktmbuf_data_len(m), 52);
		rte_pktmbuf_free(m);
	}
	/* An error; a later fragment; no address of our own. */
	m = test_ipv4(pool, "192.0.2.7", "198.51.100.9", 1, (const uint8_t[8]){3, 1}, 8);
	CU_ASSERT_FALSE(icmp_error(m, ICMP_TIME_EXCEEDED, 0, 0, us));
	rte_pktmbuf_free(m);
	m = test_ipv4(pool, "192.0.2.7", "198.51.100.9", 17, NULL, 32);
	put_be16(rte_pktmbuf_mtod(m, uint8_t *) + 6, 185);
	CU_ASSERT_FALSE(icmp_error(m, ICMP_TIME_EXCEEDED, 0, 0, us));
	put_be16(rte_pktmbuf_mtod(m, uint8_t *) + 6, 0x2000);
	CU_ASSERT_FALSE(icmp_error(m, ICMP_TIME_EXCEEDED, 0, 0, NULL));
	CU_ASSERT_TRUE(icmp_error(m, ICMP_TIME_EXCEEDED, 0, 0, us));
	rte_pktmbuf_free(m);
	/* An echo request may be answered. */
	m = test_echo4(pool, "192.0.2.7", "198.51.100.9", 8);
	CU_ASSERT_TRUE(icmp_error(m, ICMP_TIME_EXCEEDED, 0, 0, us));
	rte_pktmbuf_free(m);
}

static void test_limit(void)
{
	struct icmp_limit limit = {0};
	uint64_t now = 5 * NS_PER_S;
	unsigned int sent = 0;

	for (int i = 0; i < 1000; i++)
		sent += icmp_limit_take(&limit, now);
	CU_ASSERT_EQUAL(sent, ICMP_BURST);
	for (int ms = 0; ms < 10000; ms++)
		sent += icmp_limit_take(&limit, now += NS_PER_MS);
	CU_ASSERT_EQUAL(sent, ICMP_BURST + 10 * ICMP_RATE);
	/* A long silence gives no more than one burst. */
	now += 3600 * NS_PER_S;
	sent = 0;
	for (int i = 0; i < 1000; i++)
		sent += icmp_limit_take(&limit, now);
	CU_ASSERT_EQUAL(sent, ICMP_BURST);
}

static void test_header_checks(void)
{
	struct rte_mbuf *m = test_ipv4(pool, "192.0.2.7", "198.51.100.9", 17, NULL, 20);
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);

	/* Ethernet's padding goes. */
	rte_pktmbuf_append(m, 6);
	CU_ASSERT_TRUE(ipv4_check(m, true));
	CU_ASSERT_EQUAL(rte_pktmbuf_data_len(m), 40);
	for (int ttl = 64; ttl > 0; ttl--) {
		CU_ASSERT_TRUE(ipv4_check(m, true));
		CU_ASSERT_EQUAL(ip[8], ttl);
		ipv4_ttl_decrement(ip);
	}
	ip[8] = 9;
	CU_ASSERT_FALSE(ipv4_check(m, true));
	CU_ASSERT_TRUE(ipv4_check(m, false));
	put_be16(ip + 2, 41);
	CU_ASSERT_FALSE(ipv4_check(m, false));
	put_be16(ip + 2, 19);
	CU_ASSERT_FALSE(ipv4_check(m, false));
	put_be16(ip + 2, 40);
	ip[0] = 0x44;
	CU_ASSERT_FALSE(ipv4_check(m, false));
	ip[0] = 0x4f;
	CU_ASSERT_FALSE(ipv4_check(m, false));
	ip[0] = 0x65;
	CU_ASSERT_FALSE(ipv4_check(m, false));
	rte_pktmbuf_free(m);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_echo), UNIT(test_echo_refuses), UNIT(test_frag_needed),
          UNIT(test_no_error_about), UNIT(test_limit), UNIT(test_header_checks))
