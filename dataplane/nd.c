/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/nd.h"

#include <errno.h>

#include "dataplane/ip.h"

#define OPTION_SOURCE_LINK 1
#define OPTION_TARGET_LINK 2
/* ICMPv6 header with flags, target, one link-layer address option. */
#define ND_BODY     24
#define ND_LENGTH   (ND_BODY + 8)
#define ND_FRAME    (RTE_ETHER_HDR_LEN + IPV6_HEADER + ND_LENGTH)
#define NO_HOP_LEFT 255 /* a router on the way would have decremented it */

bool nd_is_message(const struct rte_mbuf *m)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);

	return ip[IPV6_NEXT] == IP_PROTO_ICMPV6 && rte_pktmbuf_data_len(m) > IPV6_HEADER &&
	       ip[IPV6_HEADER] >= 133 && ip[IPV6_HEADER] <= 137;
}

bool nd_of_router(const struct rte_mbuf *m)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, RTE_ETHER_HDR_LEN);

	/* RFC 4861 section 6.1: 133 and 134, and from the link itself. */
	return rte_pktmbuf_data_len(m) > RTE_ETHER_HDR_LEN + IPV6_HEADER &&
	       ip[IPV6_NEXT] == IP_PROTO_ICMPV6 && ip[IPV6_HOP_LIMIT] == NO_HOP_LEFT &&
	       (ip[IPV6_HEADER] == 133 || ip[IPV6_HEADER] == 134);
}

static bool parse_options(const uint8_t *p, size_t left, struct nd_message *out)
{
	uint8_t wanted = out->type == ND_SOLICIT ? OPTION_SOURCE_LINK : OPTION_TARGET_LINK;

	while (left > 0) {
		size_t len = left >= 2 ? p[1] * 8U : 0;

		if (len == 0 || len > left)
			return false;
		if (p[0] == wanted && len == 8) {
			memcpy(&out->link, p + 2, sizeof(out->link));
			out->has_link = rte_is_unicast_ether_addr(&out->link);
		}
		p += len;
		left -= len;
	}
	return true;
}

bool nd_parse(const struct rte_mbuf *m, struct nd_message *out)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, RTE_ETHER_HDR_LEN);
	const uint8_t *icmp = ip + IPV6_HEADER;
	static const uint8_t unspecified[16];
	uint32_t len;

	memset(out, 0, sizeof(*out));
	if (rte_pktmbuf_data_len(m) < RTE_ETHER_HDR_LEN + IPV6_HEADER + ND_BODY)
		return false;
	len = get_be16(ip + IPV6_LENGTH);
	if (ip[IPV6_NEXT] != IP_PROTO_ICMPV6 || ip[IPV6_HOP_LIMIT] != NO_HOP_LEFT ||
	    len < ND_BODY || len + RTE_ETHER_HDR_LEN + IPV6_HEADER > rte_pktmbuf_data_len(m))
		return false;
	if (ip_checksum(icmp, len, ipv6_pseudo_sum(ip + IPV6_SRC, len, IP_PROTO_ICMPV6)) != 0)
		return false;
	out->type = icmp[0];
	out->flags = icmp[4];
	memcpy(out->source, ip + IPV6_SRC, 16);
	memcpy(out->target, icmp + 8, 16);
	out->from_unspecified = memcmp(out->source, unspecified, 16) == 0;
	if ((out->type != ND_SOLICIT && out->type != ND_ADVERTISE) || icmp[1] != 0 ||
	    !ipv6_is_unicast(out->target))
		return false;
	if (!parse_options(icmp + ND_BODY, len - ND_BODY, out))
		return false;
	if (out->type == ND_SOLICIT && out->from_unspecified)
		/* To the solicited-node address alone, and without an option. */
		return ip[IPV6_DST] == 0xff && !out->has_link;
	if (out->type == ND_ADVERTISE && ip[IPV6_DST] == 0xff)
		return !(out->flags & ND_FLAG_SOLICITED);
	return true;
}

/* OPTION: with our link-layer address, for which there is room; else it ends before. */
static void fill_with(struct rte_mbuf *m, const struct iface *iface,
                      const struct rte_ether_addr *to, uint8_t type, uint8_t flags,
                      const uint8_t *src, const uint8_t *dst, const uint8_t *target, bool option)
{
	uint16_t len = option ? ND_LENGTH : ND_BODY;
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	uint8_t *ip = (uint8_t *)(eth + 1), *icmp = ip + IPV6_HEADER;
	const struct rte_ether_addr *mac = iface_mac_of(iface, true, src);
	uint16_t sum;

	eth->dst_addr = *to;
	eth->src_addr = *mac;
	put_be16(&eth->ether_type, RTE_ETHER_TYPE_IPV6);
	memset(ip, 0, IPV6_HEADER + len);
	ip[0] = 0x60;
	put_be16(ip + IPV6_LENGTH, len);
	ip[IPV6_NEXT] = IP_PROTO_ICMPV6;
	ip[IPV6_HOP_LIMIT] = NO_HOP_LEFT;
	memcpy(ip + IPV6_SRC, src, 16);
	memcpy(ip + IPV6_DST, dst, 16);
	icmp[0] = type;
	icmp[4] = flags;
	memcpy(icmp + 8, target, 16);
	if (option) {
		icmp[24] = type == ND_SOLICIT ? OPTION_SOURCE_LINK : OPTION_TARGET_LINK;
		icmp[25] = 1;
		memcpy(icmp + 26, mac->addr_bytes, RTE_ETHER_ADDR_LEN);
	}
	sum = ip_checksum(icmp, len, ipv6_pseudo_sum(ip + IPV6_SRC, len, IP_PROTO_ICMPV6));
	memcpy(icmp + 2, &sum, 2);
}

static void fill(struct rte_mbuf *m, const struct iface *iface, const struct rte_ether_addr *to,
                 uint8_t type, uint8_t flags, const uint8_t *src, const uint8_t *dst,
                 const uint8_t *target)
{
	fill_with(m, iface, to, type, flags, src, dst, target, true);
}

/* RFC 2464 section 7. */
static struct rte_ether_addr multicast_link(const uint8_t *addr)
{
	struct rte_ether_addr link = {{0x33, 0x33, addr[12], addr[13], addr[14], addr[15]}};

	return link;
}

static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1};

int nd_make_advertisement(struct rte_mbuf *m, const struct iface *iface,
                          const struct nd_message *solicit)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	struct rte_ether_addr to = solicit->has_link ? solicit->link : eth->src_addr;
	uint8_t flags = ND_FLAG_ROUTER | ND_FLAG_OVERRIDE | ND_FLAG_SOLICITED;
	const uint8_t *dst = solicit->source;
	uint16_t len = rte_pktmbuf_data_len(m);

	if (solicit->from_unspecified) {
		dst = all_nodes;
		to = multicast_link(all_nodes);
		flags &= (uint8_t)~ND_FLAG_SOLICITED;
	}
	if (len > ND_FRAME)
		rte_pktmbuf_trim(m, (uint16_t)(len - ND_FRAME));
	else if (len < ND_FRAME && rte_pktmbuf_append(m, (uint16_t)(ND_FRAME - len)) == NULL)
		return -ENOSPC;
	fill(m, iface, &to, ND_ADVERTISE, flags, solicit->target, dst, solicit->target);
	return 0;
}

/* RFC 4291 section 2.7.1: the solicited-node address ends in the target's low 24 bits. */
static void solicited_node(const uint8_t target[16], uint8_t out[16])
{
	static const uint8_t prefix[13] = {0xff, 0x02, [11] = 1, [12] = 0xff};

	memcpy(out, prefix, sizeof(prefix));
	memcpy(out + sizeof(prefix), target + sizeof(prefix), 3);
}

int nd_make_probe(struct rte_mbuf *m, const struct iface *iface, const uint8_t addr[16])
{
	static const uint8_t unspecified[16];
	struct rte_ether_addr to;
	uint8_t dst[16];

	if (rte_pktmbuf_append(m, ND_FRAME - 8) == NULL)
		return -ENOSPC;
	solicited_node(addr, dst);
	to = multicast_link(dst);
	fill_with(m, iface, &to, ND_SOLICIT, 0, unspecified, dst, addr, false);
	return 0;
}

int nd_make_announcement(struct rte_mbuf *m, const struct iface *iface, const uint8_t addr[16])
{
	struct rte_ether_addr to = multicast_link(all_nodes);

	if (rte_pktmbuf_append(m, ND_FRAME) == NULL)
		return -ENOSPC;
	fill(m, iface, &to, ND_ADVERTISE, ND_FLAG_ROUTER | ND_FLAG_OVERRIDE, addr, all_nodes, addr);
	return 0;
}

int nd_make_solicitation(struct rte_mbuf *m, const struct iface *iface, const uint8_t target[16],
                         const struct rte_ether_addr *link)
{
	const uint8_t *src = iface_source(iface, true, target);
	struct rte_ether_addr to;
	uint8_t dst[16];

	/* A tentative address asks for nobody; the next try comes. */
	if (src == NULL)
		return -EADDRNOTAVAIL;
	if (rte_pktmbuf_append(m, ND_FRAME) == NULL)
		return -ENOSPC;
	solicited_node(target, dst);
	if (link != NULL) {
		memcpy(dst, target, 16);
		to = *link;
	} else {
		to = multicast_link(dst);
	}
	fill(m, iface, &to, ND_SOLICIT, 0, src, dst, target);
	return 0;
}
