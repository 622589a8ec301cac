/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/icmp.h"
#include "dataplane/ip.h"

#define ICMP6_HEADER   8
#define ICMP6_REDIRECT 137
/* Extension headers (RFC 8200 section 4) that are walked to find an ICMPv6 header. */
#define EXTENSIONS_MAX 8

static void checksum_set(uint8_t *ip, uint32_t len)
{
	uint8_t *icmp = ip + IPV6_HEADER;
	uint16_t sum;

	memset(icmp + 2, 0, 2);
	sum = ip_checksum(icmp, len, ipv6_pseudo_sum(ip + IPV6_SRC, len, IP_PROTO_ICMPV6));
	memcpy(icmp + 2, &sum, 2);
}

bool icmp6_echo(struct rte_mbuf *m)
{
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *), *icmp = ip + IPV6_HEADER;
	uint32_t len = rte_pktmbuf_pkt_len(m) - IPV6_HEADER;
	uint8_t addr[16];
	uint16_t sum;

	if (ip[IPV6_NEXT] != IP_PROTO_ICMPV6 || len < ICMP6_HEADER ||
	    rte_pktmbuf_data_len(m) < IPV6_HEADER + ICMP6_HEADER || icmp[0] != ICMP6_ECHO_REQUEST ||
	    icmp[1] != 0 || !ipv6_is_unicast(ip + IPV6_SRC) || ip[IPV6_DST] == 0xff ||
	    !ip_checksum_mbuf(m, IPV6_HEADER, len,
	                      ipv6_pseudo_sum(ip + IPV6_SRC, len, IP_PROTO_ICMPV6), &sum) ||
	    sum != 0)
		return false;
	icmp[0] = ICMP6_ECHO_REPLY;
	checksum_replace(icmp + 2, ICMP6_ECHO_REQUEST << 8, ICMP6_ECHO_REPLY << 8);
	memcpy(addr, ip + IPV6_SRC, 16);
	memcpy(ip + IPV6_SRC, ip + IPV6_DST, 16);
	memcpy(ip + IPV6_DST, addr, 16);
	ip[IPV6_HOP_LIMIT] = IP_TTL_DEFAULT;
	return true;
}

/* Is it an ICMPv6 error or a redirect, as far as the headers can be followed? */
static bool is_error(const uint8_t *ip, uint32_t size)
{
	uint8_t next = ip[IPV6_NEXT];
	uint32_t at = IPV6_HEADER;

	for (unsigned int i = 0; i < EXTENSIONS_MAX && at + 8 <= size; i++) {
		switch (next) {
		case IP_PROTO_ICMPV6:
			return ip[at] < ICMP6_ECHO_REQUEST || ip[at] == ICMP6_REDIRECT;
		case 0:  /* hop-by-hop options */
		case 43: /* routing */
		case 60: /* destination options */
			next = ip[at];
			at += (ip[at + 1] + 1U) * 8;
			break;
		case 44: /* fragment: of a later one the header cannot be seen */
			if (get_be16(ip + at + 2) & 0xfff8)
				return true;
			next = ip[at];
			at += 8;
			break;
		default:
			return false;
		}
	}
	return true;
}

bool icmp6_error(struct rte_mbuf *m, uint8_t type, uint8_t code, uint32_t mtu,
                 const uint8_t src[16])
{
	const uint16_t room = IPV6_MIN_MTU - IPV6_HEADER - ICMP6_HEADER;
	uint8_t *original = rte_pktmbuf_mtod(m, uint8_t *), *ip, *icmp;
	uint8_t dst[16];
	uint16_t len = rte_pktmbuf_data_len(m);

	/* RFC 4443 section 2.4 (e). Multicast never gets here. */
	if (src == NULL || !ipv6_is_unicast(original + IPV6_SRC) || original[IPV6_DST] == 0xff ||
	    (len > IPV6_HEADER && is_error(original, len)))
		return false;
	ip = (uint8_t *)rte_pktmbuf_prepend(m, IPV6_HEADER + ICMP6_HEADER);
	if (ip == NULL)
		return false;
	memcpy(dst, original + IPV6_SRC, 16);
	if (len > room) {
		rte_pktmbuf_trim(m, (uint16_t)(len - room));
		len = room;
	}
	memset(ip, 0, IPV6_HEADER + ICMP6_HEADER);
	ip[0] = 0x60;
	put_be16(ip + IPV6_LENGTH, (uint16_t)(ICMP6_HEADER + len));
	ip[IPV6_NEXT] = IP_PROTO_ICMPV6;
	ip[IPV6_HOP_LIMIT] = IP_TTL_DEFAULT;
	memcpy(ip + IPV6_SRC, src, 16);
	memcpy(ip + IPV6_DST, dst, 16);
	icmp = ip + IPV6_HEADER;
	icmp[0] = type;
	icmp[1] = code;
	put_be32(icmp + 4, mtu);
	checksum_set(ip, ICMP6_HEADER + len);
	return true;
}
