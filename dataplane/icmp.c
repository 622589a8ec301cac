/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/icmp.h"

#include "common/clock.h"
#include "dataplane/ip.h"

#define ICMP_HEADER 8
/* RFC 1812 section 4.3.2.3: as much of the packet as fits in 576 bytes. */
#define ERROR_MAX 576
/* RFC 1812 section 4.3.2.5: precedence 6, internetwork control. */
#define ERROR_TOS 0xc0

bool icmp_limit_take(struct icmp_limit *limit, uint64_t now_ns)
{
	const uint64_t token = NS_PER_S / ICMP_RATE, full = ICMP_BURST * token;
	uint64_t passed = now_ns - limit->filled_ns;

	limit->tokens =
	        passed >= full || limit->tokens + passed >= full ? full : limit->tokens + passed;
	limit->filled_ns = now_ns;
	if (limit->tokens < token)
		return false;
	limit->tokens -= token;
	return true;
}

bool icmp_echo(struct rte_mbuf *m)
{
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t header = (ip[0] & 15U) * 4;
	uint32_t len = rte_pktmbuf_pkt_len(m) - header;
	uint8_t *icmp = ip + header;
	uint8_t addr[4];
	uint16_t sum;

	if (ip[IPV4_PROTOCOL] != IP_PROTO_ICMP || len < ICMP_HEADER ||
	    rte_pktmbuf_data_len(m) < header + ICMP_HEADER || icmp[0] != ICMP_ECHO_REQUEST ||
	    icmp[1] != 0 || (get_be16(ip + IPV4_FRAGMENT) & (IPV4_MF | IPV4_OFFSET)) != 0 ||
	    !ipv4_is_unicast(ip + IPV4_SRC) || !ip_checksum_mbuf(m, header, len, 0, &sum) ||
	    sum != 0)
		return false;
	icmp[0] = ICMP_ECHO_REPLY;
	checksum_replace(icmp + 2, ICMP_ECHO_REQUEST << 8, ICMP_ECHO_REPLY << 8);
	memcpy(addr, ip + IPV4_SRC, 4);
	memcpy(ip + IPV4_SRC, ip + IPV4_DST, 4);
	memcpy(ip + IPV4_DST, addr, 4);
	ip[IPV4_TTL] = IP_TTL_DEFAULT;
	ipv4_checksum_set(ip);
	return true;
}

/* RFC 1812 section 4.3.2.7: what must not be answered by an error. */
static bool may_answer(const uint8_t *ip, uint32_t len)
{
	uint32_t header = (ip[0] & 15U) * 4;

	if ((get_be16(ip + IPV4_FRAGMENT) & IPV4_OFFSET) != 0 || !ipv4_is_unicast(ip + IPV4_SRC) ||
	    !ipv4_is_unicast(ip + IPV4_DST))
		return false;
	if (ip[IPV4_PROTOCOL] != IP_PROTO_ICMP)
		return true;
	/* Of ICMP, echo, timestamp, information and mask messages are no errors. */
	if (len <= header)
		return false;
	switch (ip[header]) {
	case ICMP_ECHO_REPLY:
	case ICMP_ECHO_REQUEST:
	case 13:
	case 14:
	case 15:
	case 16:
	case 17:
	case 18:
		return true;
	default:
		return false;
	}
}

bool icmp_error(struct rte_mbuf *m, uint8_t type, uint8_t code, uint16_t mtu, const uint8_t src[4])
{
	const uint16_t room = ERROR_MAX - IPV4_HEADER - ICMP_HEADER;
	uint8_t *original = rte_pktmbuf_mtod(m, uint8_t *), *ip, *icmp;
	uint8_t dst[4];
	uint16_t len = rte_pktmbuf_data_len(m), sum;

	if (src == NULL || !may_answer(original, len))
		return false;
	ip = (uint8_t *)rte_pktmbuf_prepend(m, IPV4_HEADER + ICMP_HEADER);
	if (ip == NULL)
		return false;
	memcpy(dst, original + IPV4_SRC, 4);
	if (len > room) {
		rte_pktmbuf_trim(m, (uint16_t)(len - room));
		len = room;
	}
	memset(ip, 0, IPV4_HEADER + ICMP_HEADER);
	ip[0] = 0x45;
	ip[1] = ERROR_TOS;
	put_be16(ip + IPV4_LENGTH, (uint16_t)(IPV4_HEADER + ICMP_HEADER + len));
	ip[IPV4_TTL] = IP_TTL_DEFAULT;
	ip[IPV4_PROTOCOL] = IP_PROTO_ICMP;
	memcpy(ip + IPV4_SRC, src, 4);
	memcpy(ip + IPV4_DST, dst, 4);
	ipv4_checksum_set(ip);
	icmp = ip + IPV4_HEADER;
	icmp[0] = type;
	icmp[1] = code;
	/* RFC 1191 section 4: the next hop's MTU in the low half of the unused word. */
	put_be16(icmp + 6, mtu);
	sum = ip_checksum(icmp, ICMP_HEADER + len, 0);
	memcpy(icmp + 2, &sum, 2);
	return true;
}
