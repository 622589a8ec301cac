/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/icmp.h"
#include "dataplane/ip.h"
#include "dataplane/packet.h"
#include "tests/unit/dataplane/dpdk.h"
#include "tests/unit/dataplane/packets.h"
#include "tests/unit/unit.h"

static struct rte_mempool *pool;
static uint8_t us[16];

static void test_start(void)
{
	dpdk_start(1, 64, NULL, NULL);
	pool = rte_pktmbuf_pool_create("test", 63, 0, sizeof(struct packet_meta), 2048 + 128,
	                               SOCKET_ID_ANY);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	inet_pton(AF_INET6, "2001:db8::1", us);
}

static void test_echo(void)
{
	for (uint16_t n = 0; n < 64; n += 7) {
		struct rte_mbuf *m = test_echo6(pool, "2001:db8::7", "2001:db8::1", n);
		const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);

		CU_ASSERT_TRUE_FATAL(icmp6_echo(m));
		CU_ASSERT_EQUAL(memcmp(ip + 8, us, 16), 0);
		CU_ASSERT_EQUAL(ip[39], 7);
		CU_ASSERT_EQUAL(ip[40], 129);
		CU_ASSERT_EQUAL(test_icmp6_sum(ip), 0);
		rte_pktmbuf_free(m);
	}
}

static void test_echo_refuses(void)
{
	struct rte_mbuf *m = test_echo6(pool, "2001:db8::7", "2001:db8::1", 8);

	rte_pktmbuf_mtod(m, uint8_t *)[50] ^= 1;
	CU_ASSERT_FALSE(icmp6_echo(m));
	rte_pktmbuf_free(m);
	m = test_echo6(pool, "ff02::1", "2001:db8::1", 8);
	CU_ASSERT_FALSE(icmp6_echo(m));
	rte_pktmbuf_free(m);
	m = test_echo6(pool, "2001:db8::7", "ff02::1", 8);
	CU_ASSERT_FALSE(icmp6_echo(m));
	rte_pktmbuf_free(m);
}

static void test_too_big(void)
{
	struct rte_mbuf *m = test_ipv6(pool, "2001:db8::7", "2001:db8:2::9", 17, NULL, 1460);
	uint8_t original[1232];
	const uint8_t *ip;

	memcpy(original, rte_pktmbuf_mtod(m, void *), sizeof(original));
	CU_ASSERT_TRUE_FATAL(icmp6_error(m, ICMP6_TOO_BIG, 0, 1422, us));
	ip = rte_pktmbuf_mtod(m, const uint8_t *);
	CU_ASSERT_EQUAL(rte_pktmbuf_data_len(m), 1280);
	CU_ASSERT_EQUAL(get_be16(ip + 4), 1240);
	CU_ASSERT_EQUAL(memcmp(ip + 8, us, 16), 0);
	CU_ASSERT_EQUAL(ip[39], 7);
	CU_ASSERT_EQUAL(ip[40], 2);
	CU_ASSERT_EQUAL(ip[41], 0);
	CU_ASSERT_EQUAL(get_be32(ip + 44), 1422);
	CU_ASSERT_EQUAL(test_icmp6_sum(ip), 0);
	CU_ASSERT_EQUAL(memcmp(ip + 48, original, sizeof(original)), 0);
	rte_pktmbuf_free(m);
}

static bool answered(const char *src, const char *dst, uint8_t next, const uint8_t *payload,
                     uint16_t len)
{
	struct rte_mbuf *m = test_ipv6(pool, src, dst, next, payload, len);
	bool yes = icmp6_error(m, ICMP6_TIME_EXCEEDED, 0, 0, us);

	CU_ASSERT_EQUAL(rte_pktmbuf_data_len(m), 40 + len + (yes ? 48 : 0));
	rte_pktmbuf_free(m);
	return yes;
}

/* RFC 4443 section 2.4 (e). */
static void test_no_error_about(void)
{
	static const uint8_t error[8] = {1}, redirect[8] = {137}, echo[8] = {128};
	/* Destination options, then an ICMPv6 error; a later fragment of UDP; a first one. */
	static const uint8_t hidden[16] = {58, 0, [8] = 3};
	static const uint8_t later[16] = {17, 0, 0x05, 0x00}, first[16] = {17, 0, 0, 1};

	CU_ASSERT_FALSE(answered("::", "2001:db8:2::9", 17, NULL, 16));
	CU_ASSERT_FALSE(answered("ff02::1", "2001:db8:2::9", 17, NULL, 16));
	CU_ASSERT_FALSE(answered("2001:db8::7", "ff0e::9", 17, NULL, 16));
	CU_ASSERT_FALSE(answered("2001:db8::7", "2001:db8:2::9", 58, error, 8));
	CU_ASSERT_FALSE(answered("2001:db8::7", "2001:db8:2::9", 58, redirect, 8));
	CU_ASSERT_FALSE(answered("2001:db8::7", "2001:db8:2::9", 60, hidden, 16));
	CU_ASSERT_FALSE(answered("2001:db8::7", "2001:db8:2::9", 44, later, 16));
	CU_ASSERT_TRUE(answered("2001:db8::7", "2001:db8:2::9", 44, first, 16));
	CU_ASSERT_TRUE(answered("2001:db8::7", "2001:db8:2::9", 58, echo, 8));
	CU_ASSERT_TRUE(answered("2001:db8::7", "2001:db8:2::9", 17, NULL, 16));
	CU_ASSERT_TRUE(answered("2001:db8::7", "2001:db8:2::9", 59, NULL, 0));
}

static void test_header_checks(void)
{
	struct rte_mbuf *m = test_ipv6(pool, "2001:db8::7", "2001:db8::1", 17, NULL, 20);

	rte_pktmbuf_append(m, 6);
	CU_ASSERT_TRUE(ipv6_check(m));
	CU_ASSERT_EQUAL(rte_pktmbuf_data_len(m), 60);
	put_be16(rte_pktmbuf_mtod(m, uint8_t *) + 4, 21);
	CU_ASSERT_FALSE(ipv6_check(m));
	put_be16(rte_pktmbuf_mtod(m, uint8_t *) + 4, 20);
	rte_pktmbuf_mtod(m, uint8_t *)[0] = 0x45;
	CU_ASSERT_FALSE(ipv6_check(m));
	rte_pktmbuf_free(m);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_echo), UNIT(test_echo_refuses), UNIT(test_too_big),
          UNIT(test_no_error_about), UNIT(test_header_checks))
