/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * IP headers as bytes: offsets, checks and checksums. Packets may be chained; their headers are
 * in the first segment (CHAIN_HEADERS).
 */

#ifndef DATAPLANE_IP_H
#define DATAPLANE_IP_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_mbuf.h>

#include "common/bytes.h"
#include "dataplane/mbuf_chain.h"

#define IPV4_HEADER    20
#define IPV4_LENGTH    2
#define IPV4_FRAGMENT  6
#define IPV4_TTL       8
#define IPV4_PROTOCOL  9
#define IPV4_CHECKSUM  10
#define IPV4_SRC       12
#define IPV4_DST       16
#define IPV4_DF        0x4000
#define IPV4_MF        0x2000
#define IPV4_OFFSET    0x1fff
#define IPV6_HEADER    40
#define IPV6_LENGTH    4
#define IPV6_NEXT      6
#define IPV6_HOP_LIMIT 7
#define IPV6_SRC       8
#define IPV6_DST       24
#define IPV6_MIN_MTU   1280
#define IPV6_FRAGMENT  44 /* next header: RFC 8200 section 4.5 */

#define TCP_FLAGS 13
#define TCP_SYN   0x02

#define IP_PROTO_ICMP   1
#define IP_PROTO_TCP    6
#define IP_PROTO_UDP    17
#define IP_PROTO_ESP    50
#define IP_PROTO_ICMPV6 58
#define IP_TTL_DEFAULT  64

/* The Internet checksum (RFC 1071) of N bytes on top of SUM, as it is stored. */
static inline uint16_t ip_checksum(const void *p, size_t n, uint32_t sum)
{
	sum += rte_raw_cksum(p, n);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* The pseudo-header of RFC 8200 section 8.1; ADDRESSES: source and destination together. */
static inline uint32_t ipv6_pseudo_sum(const uint8_t *addresses, uint32_t len, uint8_t next)
{
	uint8_t tail[8] = {0};

	put_be32(tail, len);
	tail[7] = next;
	return (uint32_t)rte_raw_cksum(addresses, 32) + rte_raw_cksum(tail, 8);
}

/* The same over N bytes from OFFSET of a packet; false when it does not have them. */
static inline bool ip_checksum_mbuf(const struct rte_mbuf *m, uint32_t offset, uint32_t n,
                                    uint32_t sum, uint16_t *out)
{
	uint16_t bytes;

	if (rte_raw_cksum_mbuf(m, offset, n, &bytes) < 0)
		return false;
	sum += bytes;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	*out = (uint16_t)~sum;
	return true;
}

/* A 16-bit word WAS and is NOW: the checksum at CHECKSUM follows (RFC 1624 equation 3). */
static inline void checksum_replace(uint8_t *checksum, uint16_t was, uint16_t now)
{
	uint32_t sum = (uint16_t)~get_be16(checksum) + (uint32_t)(uint16_t)~was + now;

	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	put_be16(checksum, (uint16_t)~sum);
}

static inline void ipv4_checksum_set(uint8_t *ip)
{
	uint16_t sum;

	memset(ip + IPV4_CHECKSUM, 0, 2);
	sum = ip_checksum(ip, (size_t)(ip[0] & 15) * 4, 0);
	memcpy(ip + IPV4_CHECKSUM, &sum, 2);
}

/* Is the checksum right of an IPv4 header without options? */
static inline bool ipv4_checksum_right(const uint8_t *ip)
{
	uint64_t a, b, sum;
	uint32_t c;

	memcpy(&a, ip, 8);
	memcpy(&b, ip + 8, 8);
	memcpy(&c, ip + 16, 4);
	sum = (a >> 32) + (uint32_t)a + (b >> 32) + (uint32_t)b + c;
	/* 2^32 = 2^16 = 1 modulo 0xffff; the sum is not zero, as the version is in it. */
	return sum % 0xffff == 0;
}

/*
 * One off the TTL, which is not 0, and the checksum after it (RFC 1141): it stands in the same
 * word, where its high byte, the TTL's, gets one more, what that carries going to the low byte and
 * from there around.
 */
static inline void ipv4_ttl_decrement(uint8_t *ip)
{
	uint32_t word;
	uint64_t sum;

	memcpy(&word, ip + IPV4_TTL, 4);
	sum = (uint64_t)rte_le_to_cpu_32(word) - 1 + 0x10000;
	word = rte_cpu_to_le_32((uint32_t)sum + ((uint32_t)(sum >> 32) << 16));
	memcpy(ip + IPV4_TTL, &word, 4);
}

/*
 * Is M, from its IPv4 header on, a whole packet? Padding behind it is cut. CHECKSUM: verify
 * the header's, else the device has.
 */
static inline bool ipv4_check(struct rte_mbuf *m, bool checksum)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t header, length;

	if (rte_pktmbuf_data_len(m) < IPV4_HEADER || ip[0] >> 4 != 4)
		return false;
	header = (ip[0] & 15U) * 4;
	length = get_be16(ip + IPV4_LENGTH);
	if (header < IPV4_HEADER || length < header || length > rte_pktmbuf_pkt_len(m) ||
	    header > rte_pktmbuf_data_len(m))
		return false;
	if (checksum && ip_checksum(ip, header, 0) != 0)
		return false;
	if (length < rte_pktmbuf_pkt_len(m))
		chain_trim(m, rte_pktmbuf_pkt_len(m) - length);
	return true;
}

static inline bool ipv6_check(struct rte_mbuf *m)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t length;

	if (rte_pktmbuf_data_len(m) < IPV6_HEADER || ip[0] >> 4 != 6)
		return false;
	length = IPV6_HEADER + get_be16(ip + IPV6_LENGTH);
	if (length > rte_pktmbuf_pkt_len(m))
		return false;
	if (length < rte_pktmbuf_pkt_len(m))
		chain_trim(m, rte_pktmbuf_pkt_len(m) - length);
	return true;
}

/* May an error go to this source? Not to 0/8, 127/8, multicast, class E, broadcast. */
static inline bool ipv4_is_unicast(const uint8_t *addr)
{
	return addr[0] != 0 && addr[0] != 127 && addr[0] < 224;
}

static inline bool ipv6_is_unicast(const uint8_t *addr)
{
	static const uint8_t zero[15];

	/* Neither multicast nor :: nor ::1. */
	return addr[0] != 0xff && (memcmp(addr, zero, 15) != 0 || addr[15] > 1);
}

#endif
