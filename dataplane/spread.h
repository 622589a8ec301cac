/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames of a port that has fewer rx queues than there are forwarding cores, spread over all of
 * them by the flow: the cores that read the port hand over what is not for themselves. It is
 * what RSS does in a NIC: a keyed hash of addresses and ports, and a table from hash to core.
 *
 *     spread_init(&s, 4, 1);
 *     core = spread_core(&s, m);      m from Ethernet on
 *
 * A flow always comes to the same core, so it stays in order. Fragments are told apart by their
 * addresses alone, since only the first has ports.
 */

#ifndef DATAPLANE_SPREAD_H
#define DATAPLANE_SPREAD_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "common/bytes.h"
#include "dataplane/flow.h"
#include "dataplane/ip.h"

#define SPREAD_SLOTS 256

struct spread {
	/* all: ro */
	uint64_t secret[4];
	uint8_t core[SPREAD_SLOTS]; /* [hash]: the core, 0 .. */
};

/*
 * For CORES cores, the first READERS of which read the port. These get so much less than the
 * others as reading and handing over costs them.
 */
void spread_init(struct spread *s, unsigned int cores, unsigned int readers);

/* Where the network header of a frame is, behind up to two VLAN tags; its Ethertype. */
static inline uint16_t spread_ethertype(const uint8_t *frame, uint32_t len, uint32_t *at)
{
	uint16_t type = get_be16(frame + 12);

	*at = RTE_ETHER_HDR_LEN;
	for (unsigned int tags = 0; tags < 2 && *at + 4 <= len; tags++) {
		if (type != RTE_ETHER_TYPE_VLAN && type != RTE_ETHER_TYPE_QINQ)
			break;
		type = get_be16(frame + *at + 2);
		*at += 4;
	}
	return type;
}

static inline uint64_t spread_ports(uint8_t proto, const uint8_t *at, uint32_t len)
{
	uint32_t ports = 0;

	/* TCP, UDP, DCCP, SCTP, UDP-Lite */
	if ((proto == IP_PROTO_TCP || proto == IP_PROTO_UDP || proto == 33 || proto == 132 ||
	     proto == 136) &&
	    len >= 4)
		memcpy(&ports, at, 4);
	return (uint64_t)proto << 32 | ports;
}

static inline uint64_t spread_hash4(const struct spread *s, const uint8_t *ip, uint32_t len)
{
	uint32_t header = (ip[0] & 15U) * 4;
	uint64_t addresses, ports = 0;

	memcpy(&addresses, ip + IPV4_SRC, 8);
	if ((get_be16(ip + IPV4_FRAGMENT) & (IPV4_MF | IPV4_OFFSET)) == 0 && len >= header)
		ports = spread_ports(ip[IPV4_PROTOCOL], ip + header, len - header);
	return flow_fold(addresses ^ s->secret[0], ports ^ s->secret[1]);
}

static inline uint64_t spread_hash6(const struct spread *s, const uint8_t *ip, uint32_t len)
{
	uint64_t w[4], h;

	memcpy(w, ip + IPV6_SRC, 32);
	h = flow_fold(w[0] ^ s->secret[0], w[1] ^ s->secret[1]);
	h ^= flow_fold(w[2] ^ s->secret[2], w[3] ^ s->secret[3]);
	/* A fragment header, as any extension header, is no protocol with ports. */
	return flow_fold(h ^ s->secret[1], spread_ports(ip[IPV6_NEXT] == 44 ? 0 : ip[IPV6_NEXT],
	                                                ip + IPV6_HEADER, len - IPV6_HEADER) ^
	                                           s->secret[2]);
}

/* ICMPv6 that is neighbour discovery (RFC 4861 section 4). */
static inline bool spread_is_nd(const uint8_t *ip, uint32_t len)
{
	return ip[IPV6_NEXT] == IP_PROTO_ICMPV6 && len > IPV6_HEADER && ip[IPV6_HEADER] >= 133 &&
	       ip[IPV6_HEADER] <= 137;
}

/* The core of a packet from its IP header on, which has been checked. */
static inline unsigned int spread_core_ip(const struct spread *s, const struct rte_mbuf *m,
                                          bool ipv6)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t len = rte_pktmbuf_data_len(m);
	uint64_t hash = ipv6 ? spread_hash6(s, ip, len) : spread_hash4(s, ip, len);

	return s->core[(hash >> 24) % SPREAD_SLOTS];
}

/*
 * The core of a frame. What neighbours say is for core 0, which asks them; what else is not IP
 * goes by its link addresses.
 */
static inline unsigned int spread_core(const struct spread *s, const struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t len = rte_pktmbuf_data_len(m), at;
	uint64_t hash, w[2] = {0, 0};
	uint16_t type;

	if (unlikely(len < RTE_ETHER_HDR_LEN))
		return s->core[0];
	type = spread_ethertype(frame, len, &at);
	if (likely(type == RTE_ETHER_TYPE_IPV4 && len >= at + IPV4_HEADER)) {
		hash = spread_hash4(s, frame + at, len - at);
	} else if (type == RTE_ETHER_TYPE_ARP) {
		return 0;
	} else if (type == RTE_ETHER_TYPE_IPV6 && len >= at + IPV6_HEADER) {
		if (unlikely(spread_is_nd(frame + at, len - at)))
			return 0;
		hash = spread_hash6(s, frame + at, len - at);
	} else {
		memcpy(w, frame, 2 * RTE_ETHER_ADDR_LEN);
		hash = flow_fold(w[0] ^ s->secret[0], w[1] ^ s->secret[1]);
	}
	/* One multiplication alone leaves ports that count up evenly spaced (flow_finish()). */
	return s->core[flow_finish(hash) % SPREAD_SLOTS];
}

#endif
