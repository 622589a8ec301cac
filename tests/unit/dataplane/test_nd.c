/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/nd.h"

#include "dataplane/packet.h"
#include "tests/unit/dataplane/dpdk.h"
#include "tests/unit/dataplane/packets.h"
#include "tests/unit/unit.h"

#include <errno.h>

static struct rte_mempool *pool;
static struct iface iface;
static const uint8_t host_mac[6] = {2, 0, 0, 0, 0, 7};

/* A solicitation for TARGET from SRC, with or without its link address. */
static struct rte_mbuf *solicit(const char *src, const char *dst, const char *target, bool option)
{
	uint8_t icmp[32] = {135};
	struct rte_mbuf *m;
	uint8_t *ip;

	inet_pton(AF_INET6, target, icmp + 8);
	icmp[24] = 1;
	icmp[25] = 1;
	memcpy(icmp + 26, host_mac, 6);
	m = test_ipv6(pool, src, dst, 58, icmp, option ? 32 : 24);
	ip = rte_pktmbuf_mtod(m, uint8_t *);
	ip[7] = 255;
	put_be16(ip + 42, test_icmp6_sum(ip));
	return test_ether(m, (const uint8_t[]){0x33, 0x33, 0xff, 0, 0, 1}, host_mac, 0x86dd);
}

static void resum(struct rte_mbuf *m)
{
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, 14);

	put_be16(ip + 42, 0);
	put_be16(ip + 42, test_icmp6_sum(ip));
}

static void test_start(void)
{
	struct config_port config = {.mtu = 1500, .address_count = 1};
	const struct rte_ether_addr mac = {{2, 0, 0, 0, 0, 1}};

	dpdk_start(1, 64, NULL, NULL);
	pool = rte_pktmbuf_pool_create("test", 63, 0, sizeof(struct packet_meta), 1024,
	                               SOCKET_ID_ANY);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	config.addresses[0] = test_prefix("2001:db8::1", 64);
	iface_init(&iface, 0, &config, &mac);
}

static void check_advertisement(struct rte_mbuf *m, const char *dst, uint8_t flags,
                                const uint8_t *dst_mac)
{
	const uint8_t *eth = rte_pktmbuf_mtod(m, const uint8_t *), *ip = eth + 14;
	struct config_prefix us = test_prefix("2001:db8::1", 0), to = test_prefix(dst, 0);

	CU_ASSERT_EQUAL(rte_pktmbuf_data_len(m), 14 + 40 + 32);
	CU_ASSERT_EQUAL(memcmp(eth, dst_mac, 6), 0);
	CU_ASSERT_EQUAL(memcmp(eth + 6, iface.mac.addr_bytes, 6), 0);
	CU_ASSERT_EQUAL(get_be16(eth + 12), 0x86dd);
	CU_ASSERT_EQUAL(get_be32(ip), 0x60000000);
	CU_ASSERT_EQUAL(get_be16(ip + 4), 32);
	CU_ASSERT_EQUAL(ip[6], 58);
	CU_ASSERT_EQUAL(ip[7], 255);
	CU_ASSERT_EQUAL(memcmp(ip + 8, us.addr.bytes, 16), 0);
	CU_ASSERT_EQUAL(memcmp(ip + 24, to.addr.bytes, 16), 0);
	CU_ASSERT_EQUAL(ip[40], 136);
	CU_ASSERT_EQUAL(ip[44], flags);
	CU_ASSERT_EQUAL(memcmp(ip + 48, us.addr.bytes, 16), 0);
	CU_ASSERT_EQUAL(ip[64], 2);
	CU_ASSERT_EQUAL(ip[65], 1);
	CU_ASSERT_EQUAL(memcmp(ip + 66, iface.mac.addr_bytes, 6), 0);
	CU_ASSERT_EQUAL(test_icmp6_sum(ip), 0);
}

static void test_solicitation_is_answered(void)
{
	struct rte_mbuf *m = solicit("2001:db8::7", "ff02::1:ff00:1", "2001:db8::1", true);
	struct nd_message msg;

	CU_ASSERT_TRUE_FATAL(nd_parse(m, &msg));
	CU_ASSERT_EQUAL(msg.type, ND_SOLICIT);
	CU_ASSERT_TRUE(msg.has_link);
	CU_ASSERT_EQUAL(memcmp(msg.link.addr_bytes, host_mac, 6), 0);
	CU_ASSERT_EQUAL(nd_make_advertisement(m, &iface, &msg), 0);
	check_advertisement(m, "2001:db8::7", 0xe0, host_mac);
	rte_pktmbuf_free(m);
	/* A unicast solicitation may have no option. */
	m = solicit("2001:db8::7", "2001:db8::1", "2001:db8::1", false);
	CU_ASSERT_TRUE_FATAL(nd_parse(m, &msg));
	CU_ASSERT_FALSE(msg.has_link);
	CU_ASSERT_EQUAL(nd_make_advertisement(m, &iface, &msg), 0);
	check_advertisement(m, "2001:db8::7", 0xe0, host_mac);
	rte_pktmbuf_free(m);
}

/* The advertisement is longer than a solicitation without an option: a full buffer stays as it is.
 */
static void test_no_room_for_the_answer(void)
{
	struct rte_mbuf *m = solicit("2001:db8::7", "2001:db8::1", "2001:db8::1", false);
	struct nd_message msg;
	uint16_t len = rte_pktmbuf_data_len(m), room = m->buf_len;

	CU_ASSERT_TRUE_FATAL(nd_parse(m, &msg));
	m->buf_len = (uint16_t)(m->data_off + len);
	CU_ASSERT_EQUAL(nd_make_advertisement(m, &iface, &msg), -ENOSPC);
	CU_ASSERT_EQUAL(rte_pktmbuf_data_len(m), len);
	m->buf_len = room;
	rte_pktmbuf_free(m);
}

static void test_duplicate_detection_is_answered_to_all(void)
{
	struct rte_mbuf *m = solicit("::", "ff02::1:ff00:1", "2001:db8::1", false);
	struct nd_message msg;

	CU_ASSERT_TRUE_FATAL(nd_parse(m, &msg));
	CU_ASSERT_TRUE(msg.from_unspecified);
	CU_ASSERT_EQUAL(nd_make_advertisement(m, &iface, &msg), 0);
	check_advertisement(m, "ff02::1", 0xa0, (const uint8_t[]){0x33, 0x33, 0, 0, 0, 1});
	rte_pktmbuf_free(m);
	m = solicit("::", "ff02::1:ff00:1", "2001:db8::1", true);
	CU_ASSERT_FALSE(nd_parse(m, &msg));
	rte_pktmbuf_free(m);
	m = solicit("::", "2001:db8::1", "2001:db8::1", false);
	CU_ASSERT_FALSE(nd_parse(m, &msg));
	rte_pktmbuf_free(m);
}

static void test_makes_solicitations(void)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct config_prefix target = test_prefix("2001:db8::aa:bbcc", 0);
	const struct rte_ether_addr link = {{2, 0, 0, 0, 0, 7}};
	struct nd_message msg;
	const uint8_t *eth;

	CU_ASSERT_EQUAL(nd_make_solicitation(m, &iface, target.addr.bytes, NULL), 0);
	eth = rte_pktmbuf_mtod(m, const uint8_t *);
	CU_ASSERT_EQUAL(memcmp(eth, (const uint8_t[]){0x33, 0x33, 0xff, 0xaa, 0xbb, 0xcc}, 6), 0);
	CU_ASSERT_EQUAL(memcmp(eth + 14 + 24, test_prefix("ff02::1:ffaa:bbcc", 0).addr.bytes, 16),
	                0);
	CU_ASSERT_EQUAL(test_icmp6_sum(eth + 14), 0);
	CU_ASSERT_TRUE(nd_parse(m, &msg));
	CU_ASSERT_EQUAL(memcmp(msg.link.addr_bytes, iface.mac.addr_bytes, 6), 0);
	rte_pktmbuf_reset(m);
	CU_ASSERT_EQUAL(nd_make_solicitation(m, &iface, target.addr.bytes, &link), 0);
	eth = rte_pktmbuf_mtod(m, const uint8_t *);
	CU_ASSERT_EQUAL(memcmp(eth, link.addr_bytes, 6), 0);
	CU_ASSERT_EQUAL(memcmp(eth + 14 + 24, target.addr.bytes, 16), 0);
	CU_ASSERT_EQUAL(test_icmp6_sum(eth + 14), 0);
	rte_pktmbuf_free(m);
}

/* RFC 4861 section 7.1. */
static void test_refuses(void)
{
	static const struct {
		unsigned int at;
		uint8_t value;
	} wrong[] = {
	        {14 + 7, 254},   /* came through a router */
	        {14 + 41, 1},    /* code */
	        {14 + 40, 133},  /* not a solicitation */
	        {14 + 48, 0xff}, /* target is a group */
	        {14 + 65, 0},    /* option without length */
	        {14 + 65, 2},    /* option beyond the end */
	};
	struct nd_message msg;
	struct rte_mbuf *m;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		m = solicit("2001:db8::7", "ff02::1:ff00:1", "2001:db8::1", true);
		rte_pktmbuf_mtod(m, uint8_t *)[wrong[i].at] = wrong[i].value;
		resum(m);
		CU_ASSERT_FALSE(nd_parse(m, &msg));
		rte_pktmbuf_free(m);
	}
	m = solicit("2001:db8::7", "ff02::1:ff00:1", "2001:db8::1", true);
	rte_pktmbuf_mtod(m, uint8_t *)[14 + 42] ^= 1;
	CU_ASSERT_FALSE(nd_parse(m, &msg));
	rte_pktmbuf_free(m);
	for (uint16_t cut = 1; cut <= 86 - 14; cut++) {
		m = solicit("2001:db8::7", "ff02::1:ff00:1", "2001:db8::1", true);
		rte_pktmbuf_trim(m, cut);
		CU_ASSERT_FALSE(nd_parse(m, &msg));
		rte_pktmbuf_free(m);
	}
}

static void test_tells_nd_from_other_icmp(void)
{
	struct rte_mbuf *m = solicit("2001:db8::7", "ff02::1:ff00:1", "2001:db8::1", true);
	struct rte_mbuf *echo = test_echo6(pool, "2001:db8::7", "2001:db8::1", 8);

	rte_pktmbuf_adj(m, 14);
	CU_ASSERT_TRUE(nd_is_message(m));
	CU_ASSERT_FALSE(nd_is_message(echo));
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(echo);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_solicitation_is_answered), UNIT(test_no_room_for_the_answer),
          UNIT(test_duplicate_detection_is_answered_to_all), UNIT(test_makes_solicitations),
          UNIT(test_refuses), UNIT(test_tells_nd_from_other_icmp))
