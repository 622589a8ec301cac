/* SPDX-License-Identifier: BSD-3-Clause */

/* Packets for tests, made byte by byte without the code under test. */

#ifndef TESTS_UNIT_DATAPLANE_PACKETS_H
#define TESTS_UNIT_DATAPLANE_PACKETS_H

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "common/bytes.h"
#include "config/config.h"

/* RFC 1071, a word at a time. */
static inline uint16_t test_checksum(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)p[i] << 8 | (i + 1 < n ? p[i + 1] : 0);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static inline struct config_prefix test_prefix(const char *addr, uint8_t len)
{
	struct config_prefix p = {.len = len};

	p.addr.ipv6 = strchr(addr, ':') != NULL;
	inet_pton(p.addr.ipv6 ? AF_INET6 : AF_INET, addr, p.addr.bytes);
	return p;
}

/* N bytes at P in COUNT segments of about one size, each of a buffer of its own. */
static inline struct rte_mbuf *test_chain(struct rte_mempool *pool, const uint8_t *p, uint32_t n,
                                          unsigned int count)
{
	struct rte_mbuf *first = NULL;

	for (unsigned int i = 0; i < count; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
		uint16_t take = (uint16_t)(n * (i + 1) / count - n * i / count);
		char *to;

		if (m == NULL || (to = rte_pktmbuf_append(m, take)) == NULL)
			abort();
		memcpy(to, p + n * i / count, take);
		if (first == NULL)
			first = m;
		else if (rte_pktmbuf_chain(first, m) != 0)
			abort();
	}
	return first;
}

/* A new mbuf of LEN bytes. */
static inline struct rte_mbuf *test_mbuf(struct rte_mempool *pool, uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	if (m == NULL || rte_pktmbuf_append(m, len) == NULL)
		abort();
	return m;
}

/* An IPv4 packet; the payload follows the header. */
static inline struct rte_mbuf *test_ipv4(struct rte_mempool *pool, const char *src, const char *dst,
                                         uint8_t proto, const void *payload, uint16_t len)
{
	struct rte_mbuf *m = test_mbuf(pool, (uint16_t)(20 + len));
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);

	memset(ip, 0, 20);
	ip[0] = 0x45;
	put_be16(ip + 2, (uint16_t)(20 + len));
	put_be16(ip + 4, 0x1234);
	put_be16(ip + 6, 0x4000);
	ip[8] = 64;
	ip[9] = proto;
	inet_pton(AF_INET, src, ip + 12);
	inet_pton(AF_INET, dst, ip + 16);
	put_be16(ip + 10, test_checksum(ip, 20, 0));
	if (payload != NULL)
		memcpy(ip + 20, payload, len);
	else
		memset(ip + 20, 0x5a, len);
	return m;
}

static inline struct rte_mbuf *test_ipv6(struct rte_mempool *pool, const char *src, const char *dst,
                                         uint8_t next, const void *payload, uint16_t len)
{
	struct rte_mbuf *m = test_mbuf(pool, (uint16_t)(40 + len));
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);

	memset(ip, 0, 40);
	ip[0] = 0x60;
	put_be16(ip + 4, len);
	ip[6] = next;
	ip[7] = 64;
	inet_pton(AF_INET6, src, ip + 8);
	inet_pton(AF_INET6, dst, ip + 24);
	if (payload != NULL)
		memcpy(ip + 40, payload, len);
	else
		memset(ip + 40, 0x5a, len);
	return m;
}

/* The checksum of an ICMPv6 message over its pseudo-header: 0 when the one in it is right. */
static inline uint16_t test_icmp6_sum(const uint8_t *ip)
{
	uint16_t len = get_be16(ip + 4);
	uint32_t sum = len + 58U;

	for (int i = 8; i < 40; i += 2)
		sum += get_be16(ip + i);
	return test_checksum(ip + 40, len, sum);
}

static inline struct rte_mbuf *test_ether(struct rte_mbuf *m, const uint8_t dst[6],
                                          const uint8_t src[6], uint16_t type)
{
	uint8_t *eth = (uint8_t *)rte_pktmbuf_prepend(m, 14);

	if (eth == NULL)
		abort();
	memcpy(eth, dst, 6);
	memcpy(eth + 6, src, 6);
	put_be16(eth + 12, type);
	return m;
}

/* An ICMP or ICMPv6 echo request of 8 + N bytes. */
static inline struct rte_mbuf *test_echo4(struct rte_mempool *pool, const char *src,
                                          const char *dst, uint16_t n)
{
	struct rte_mbuf *m = test_ipv4(pool, src, dst, 1, NULL, (uint16_t)(8 + n));
	uint8_t *icmp = rte_pktmbuf_mtod_offset(m, uint8_t *, 20);

	memset(icmp, 0, 4);
	icmp[0] = 8;
	put_be16(icmp + 2, test_checksum(icmp, 8U + n, 0));
	return m;
}

static inline struct rte_mbuf *test_echo6(struct rte_mempool *pool, const char *src,
                                          const char *dst, uint16_t n)
{
	struct rte_mbuf *m = test_ipv6(pool, src, dst, 58, NULL, (uint16_t)(8 + n));
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *), *icmp = ip + 40;

	memset(icmp, 0, 4);
	icmp[0] = 128;
	put_be16(icmp + 2, test_icmp6_sum(ip));
	return m;
}

#endif
