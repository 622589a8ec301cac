/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/channel_mux.h"

#include <errno.h>

#include "dataplane/ip.h"
#include "dataplane/packet.h"
#include "tests/unit/dataplane/dpdk.h"
#include "tests/unit/dataplane/packets.h"
#include "tests/unit/unit.h"

#define PORT 4500

static struct rte_mempool *pool;
static struct counter_set counters;
static uint8_t buf[2048];

static struct channel_mux *make(const char *local, const char *remote, unsigned int cores)
{
	struct channel_mux_config c = {.port = PORT, .mtu = 1500, .cores = cores};
	struct config_prefix l = test_prefix(local, 0), r = test_prefix(remote, 0);
	struct err err = {0};
	struct channel_mux *mux;

	c.ipv6 = l.addr.ipv6;
	memcpy(c.local, l.addr.bytes, 16);
	memcpy(c.remote, r.addr.bytes, 16);
	mux = channel_mux_create(&c, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mux);
	return mux;
}

static uint64_t count(const char *name)
{
	return counter_get(&counters, counter_find(name));
}

static void test_start(void)
{
	dpdk_start(1, 128, NULL, NULL);
	pool = rte_pktmbuf_pool_create("test", 2047, 0, sizeof(struct packet_meta), 2048,
	                               SOCKET_ID_ANY);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
}

/* A datagram of N bytes that the peer might send, with the header's fields as given. */
static struct rte_mbuf *datagram(const char *src, const char *dst, uint16_t sport, uint16_t dport,
                                 uint16_t n, uint16_t udp_len)
{
	uint8_t udp[1500];

	memset(udp, 0xc3, sizeof(udp));
	put_be16(udp, sport);
	put_be16(udp + 2, dport);
	put_be16(udp + 4, udp_len);
	put_be16(udp + 6, 0);
	return strchr(src, ':') != NULL ? test_ipv6(pool, src, dst, 17, udp, (uint16_t)(8 + n))
	                                : test_ipv4(pool, src, dst, 17, udp, (uint16_t)(8 + n));
}

static void check_sent(const char *local, const char *remote, uint16_t n)
{
	struct channel_mux *mux = make(local, remote, 1), *peer = make(remote, local, 1);
	bool ipv6 = strchr(local, ':') != NULL;
	unsigned int header = ipv6 ? 40 : 20;
	struct config_prefix src = test_prefix(local, 0), dst = test_prefix(remote, 0);
	uint8_t payload[1500];
	const uint8_t *ip;
	struct rte_mbuf *m;
	uint32_t sum;

	for (unsigned int i = 0; i < n; i++)
		payload[i] = (uint8_t)(i * 11 + 3);
	CU_ASSERT_EQUAL(channel_mux_send(mux, payload, n, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(channel_mux_output(mux, &m, 1), 1);
	ip = rte_pktmbuf_mtod(m, const uint8_t *);
	CU_ASSERT_EQUAL(rte_pktmbuf_data_len(m), header + 8 + n);
	if (ipv6) {
		/* Class selector 6 is DSCP 48. */
		CU_ASSERT_EQUAL(get_be32(ip), 0x6c000000);
		CU_ASSERT_EQUAL(get_be16(ip + 4), 8 + n);
		CU_ASSERT_EQUAL(ip[6], 17);
		CU_ASSERT_EQUAL(ip[7], 64);
		CU_ASSERT_EQUAL(memcmp(ip + 8, src.addr.bytes, 16), 0);
		CU_ASSERT_EQUAL(memcmp(ip + 24, dst.addr.bytes, 16), 0);
	} else {
		CU_ASSERT_EQUAL(get_be16(ip), 0x45c0);
		CU_ASSERT_EQUAL(get_be16(ip + 2), 28 + n);
		CU_ASSERT_EQUAL(get_be16(ip + 6), 0x4000);
		CU_ASSERT_EQUAL(ip[8], 64);
		CU_ASSERT_EQUAL(ip[9], 17);
		CU_ASSERT_EQUAL(test_checksum(ip, 20, 0), 0);
		CU_ASSERT_EQUAL(memcmp(ip + 12, src.addr.bytes, 4), 0);
		CU_ASSERT_EQUAL(memcmp(ip + 16, dst.addr.bytes, 4), 0);
	}
	CU_ASSERT_EQUAL(get_be16(ip + header), PORT);
	CU_ASSERT_EQUAL(get_be16(ip + header + 2), PORT);
	CU_ASSERT_EQUAL(get_be16(ip + header + 4), 8 + n);
	sum = 17U + 8U + n;
	for (unsigned int i = ipv6 ? 8 : 12; i < header; i += 2)
		sum += get_be16(ip + i);
	CU_ASSERT_NOT_EQUAL(get_be16(ip + header + 6), 0);
	CU_ASSERT_EQUAL(test_checksum(ip + header, 8U + n, sum), 0);
	CU_ASSERT_TRUE(channel_mux_input(peer, 0, &counters, m));
	CU_ASSERT_EQUAL(channel_mux_receive(peer, buf, sizeof(buf), NULL), n);
	CU_ASSERT_EQUAL(memcmp(buf, payload, n), 0);
	channel_mux_destroy(mux);
	channel_mux_destroy(peer);
}

static void test_what_is_sent_is_right(void)
{
	for (uint16_t n = 1; n < 1472; n += 97) {
		check_sent("192.0.2.1", "192.0.2.2", n);
		check_sent("2001:db8::1", "2001:db8::2", n < 1453 ? n : 1452);
	}
}

static void test_sizes(void)
{
	struct channel_mux *mux = make("192.0.2.1", "192.0.2.2", 1);
	struct rte_mbuf *m;

	CU_ASSERT_EQUAL(channel_mux_payload_max(mux), 1472);
	CU_ASSERT_EQUAL(channel_mux_send(mux, buf, 1472, NULL), 0);
	CU_ASSERT_EQUAL(channel_mux_send(mux, buf, 1473, NULL), -EMSGSIZE);
	CU_ASSERT_EQUAL(channel_mux_output(mux, &m, 1), 1);
	rte_pktmbuf_free(m);
	/* What is too long for the caller is lost, the next one is not. */
	m = datagram("192.0.2.2", "192.0.2.1", PORT, PORT, 100, 108);
	CU_ASSERT_TRUE(channel_mux_input(mux, 0, &counters, m));
	m = datagram("192.0.2.2", "192.0.2.1", PORT, PORT, 40, 48);
	CU_ASSERT_TRUE(channel_mux_input(mux, 0, &counters, m));
	CU_ASSERT_EQUAL(channel_mux_receive(mux, buf, 50, NULL), 40);
	CU_ASSERT_EQUAL(channel_mux_receive(mux, buf, 50, NULL), 0);
	channel_mux_destroy(mux);
}

static void test_strangers_are_dropped(void)
{
	struct channel_mux *mux = make("192.0.2.1", "192.0.2.2", 1);
	struct channel_mux *mux6 = make("2001:db8::1", "2001:db8::2", 1);
	uint64_t peer = count("drop.channel_peer"), length = count("drop.channel_length");
	struct rte_mbuf *m;

	/* Not the channel's: left to the caller. */
	m = datagram("192.0.2.2", "192.0.2.1", PORT, PORT + 1, 20, 28);
	CU_ASSERT_FALSE(channel_mux_input(mux, 0, &counters, m));
	rte_pktmbuf_free(m);
	m = test_ipv4(pool, "192.0.2.2", "192.0.2.1", 17, NULL, 7);
	CU_ASSERT_FALSE(channel_mux_input(mux, 0, &counters, m));
	rte_pktmbuf_free(m);
	CU_ASSERT_TRUE(channel_mux_input(mux, 0, &counters,
	                                 datagram("192.0.2.3", "192.0.2.1", PORT, PORT, 20, 28)));
	CU_ASSERT_TRUE(channel_mux_input(mux, 0, &counters,
	                                 datagram("192.0.2.2", "192.0.2.5", PORT, PORT, 20, 28)));
	CU_ASSERT_TRUE(channel_mux_input(mux, 0, &counters,
	                                 datagram("192.0.2.2", "192.0.2.1", 53, PORT, 20, 28)));
	CU_ASSERT_TRUE(channel_mux_input(
	        mux, 0, &counters, datagram("2001:db8::2", "2001:db8::1", PORT, PORT, 20, 28)));
	CU_ASSERT_TRUE(channel_mux_input(
	        mux6, 0, &counters, datagram("2001:db8::3", "2001:db8::1", PORT, PORT, 20, 28)));
	CU_ASSERT_EQUAL(count("drop.channel_peer") - peer, 5);
	for (uint16_t len = 0; len <= 8; len += 4)
		CU_ASSERT_TRUE(
		        channel_mux_input(mux, 0, &counters,
		                          datagram("192.0.2.2", "192.0.2.1", PORT, PORT, 20, len)));
	CU_ASSERT_TRUE(channel_mux_input(mux, 0, &counters,
	                                 datagram("192.0.2.2", "192.0.2.1", PORT, PORT, 20, 29)));
	CU_ASSERT_EQUAL(count("drop.channel_length") - length, 4);
	CU_ASSERT_EQUAL(channel_mux_receive(mux, buf, sizeof(buf), NULL), 0);
	/* Bytes behind the datagram are not part of it. */
	CU_ASSERT_TRUE(channel_mux_input(mux, 0, &counters,
	                                 datagram("192.0.2.2", "192.0.2.1", PORT, PORT, 20, 20)));
	CU_ASSERT_EQUAL(channel_mux_receive(mux, buf, sizeof(buf), NULL), 12);
	channel_mux_destroy(mux);
	channel_mux_destroy(mux6);
}

static void test_full_rings_lose_and_count(void)
{
	struct channel_mux *mux = make("192.0.2.1", "192.0.2.2", 2);
	uint64_t before = count("drop.channel_full");
	unsigned int n = 0;

	while (channel_mux_send(mux, buf, 10, NULL) == 0)
		n++;
	CU_ASSERT_EQUAL(n, 1024);
	CU_ASSERT_EQUAL(channel_mux_send(mux, buf, 10, NULL), -EAGAIN);
	for (unsigned int i = 0; i < 1030; i++)
		channel_mux_input(mux, 0, &counters,
		                  datagram("192.0.2.2", "192.0.2.1", PORT, PORT, 20, 28));
	CU_ASSERT_EQUAL(count("drop.channel_full") - before, 6);
	/* Another core's ring is not concerned; all are read. */
	channel_mux_input(mux, 1, &counters,
	                  datagram("192.0.2.2", "192.0.2.1", PORT, PORT, 21, 29));
	for (n = 0; channel_mux_receive(mux, buf, sizeof(buf), NULL) != 0;)
		n++;
	CU_ASSERT_EQUAL(n, 1025);
	channel_mux_destroy(mux);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
}

/* A peer that may be elsewhere: its datagrams come with their place, ours go there. */
static void test_a_peer_that_moves(void)
{
	static const struct {
		const char *src;
		uint16_t port;
		bool taken;
	} cases[] = {
	        {"192.0.2.2", PORT, true},        {"192.0.2.2", 61234, true},
	        {"198.51.100.9", PORT, true},     {"198.51.100.9", 1, true},
	        {"198.51.100.9", 0, false},       {"192.0.2.1", PORT, false},
	        {"127.0.0.1", PORT, false},       {"224.0.0.1", PORT, false},
	        {"255.255.255.255", PORT, false},
	};
	struct channel_mux_config c = {.port = PORT, .mtu = 1500, .cores = 1, .dynamic = true};
	static const struct channel_place configured;
	struct channel_place from, to = {{198, 51, 100, 9, [16] = 0xef, [17] = 0x32}};
	struct channel_mux *mux;
	struct rte_mbuf *m;
	struct err err = {0};
	const uint8_t *p;

	memcpy(c.local, test_prefix("192.0.2.1", 0).addr.bytes, 16);
	memcpy(c.remote, test_prefix("192.0.2.2", 0).addr.bytes, 16);
	mux = channel_mux_create(&c, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mux);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t refused = count("drop.channel_peer");

		m = datagram(cases[i].src, "192.0.2.1", cases[i].port, PORT, 12, 20);
		CU_ASSERT_TRUE(channel_mux_input(mux, 0, &counters, m));
		CU_ASSERT_EQUAL(count("drop.channel_peer") - refused, !cases[i].taken);
		CU_ASSERT_EQUAL(channel_mux_receive(mux, buf, sizeof(buf), &from),
		                cases[i].taken ? 12 : 0);
		if (!cases[i].taken)
			continue;
		if (i == 0) {
			CU_ASSERT_EQUAL(memcmp(&from, &configured, sizeof(from)), 0);
			continue;
		}
		CU_ASSERT_EQUAL(memcmp(from.bytes, test_prefix(cases[i].src, 0).addr.bytes, 16), 0);
		CU_ASSERT_EQUAL(get_be16(from.bytes + 16), cases[i].port);
	}
	CU_ASSERT_EQUAL(channel_mux_send(mux, buf, 11, &to), 0);
	CU_ASSERT_EQUAL(channel_mux_send(mux, buf, 11, &configured), 0);
	for (unsigned int i = 0; i < 2; i++) {
		uint16_t udp_len;

		CU_ASSERT_EQUAL_FATAL(channel_mux_output(mux, &m, 1), 1);
		CU_ASSERT_EQUAL(channel_mux_elsewhere(mux, m), i == 0);
		p = rte_pktmbuf_mtod(m, const uint8_t *);
		CU_ASSERT_EQUAL(test_checksum(p, 20, 0), 0);
		CU_ASSERT_EQUAL(p[19], i == 0 ? 9 : 2);
		CU_ASSERT_EQUAL(get_be16(p + 20), PORT);
		CU_ASSERT_EQUAL(get_be16(p + 22), i == 0 ? 0xef32 : PORT);
		udp_len = get_be16(p + 24);
		CU_ASSERT_EQUAL(test_checksum(p + 20, udp_len,
		                              get_be16(p + 12) + get_be16(p + 14) +
		                                      get_be16(p + 16) + get_be16(p + 18) + 17U +
		                                      udp_len),
		                0);
		rte_pktmbuf_free(m);
	}
	channel_mux_destroy(mux);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_what_is_sent_is_right), UNIT(test_sizes),
          UNIT(test_strangers_are_dropped), UNIT(test_full_rings_lose_and_count),
          UNIT(test_a_peer_that_moves))
