/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The keys of the flow cache, made of packets from the IP header on, their headers in one piece.
 * Keys are made of whole words: loading a word right after its parts were stored one by one would
 * wait for the stores.
 */

#ifndef DATAPLANE_FORWARD_KEY_H
#define DATAPLANE_FORWARD_KEY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_branch_prediction.h>

#include "dataplane/flow.h"
#include "dataplane/ip.h"
#include "dataplane/ipv6_upper.h"

/* Has the protocol ports where TCP has them? */
static inline bool forward_has_ports(uint8_t proto)
{
	/* TCP, UDP, DCCP, SCTP, UDP-Lite */
	return proto == IP_PROTO_TCP || proto == IP_PROTO_UDP || proto == 33 || proto == 132 ||
	       proto == 136;
}

/* Both ports of AT, N bytes behind the IP header, as they stand in a key. */
static inline uint32_t forward_key_ports(uint8_t proto, const uint8_t *at, uint32_t n)
{
	uint32_t ports = 0;

	if (likely(forward_has_ports(proto) && n >= 4))
		memcpy(&ports, at, 4);
	else if ((proto == IP_PROTO_ICMP || proto == IP_PROTO_ICMPV6) && n >= 2)
		memcpy((uint8_t *)&ports + 2, at, 2);
	return ports;
}

/* The last word of a key. */
static inline uint64_t forward_key_tail(uint32_t ports, uint16_t origin, uint8_t proto,
                                        bool fragment)
{
	return ports | (uint64_t)origin << 32 | (uint64_t)proto << 48 | (uint64_t)fragment << 56;
}

/* HEADER: bytes of the IPv4 header; LEN: from IP on, of what is there. */
static inline void forward_key4(const uint8_t *ip, uint32_t header, uint32_t len, uint16_t origin,
                                union flow4_words *key)
{
	bool fragment = (get_be16(ip + IPV4_FRAGMENT) & IPV4_OFFSET) != 0;
	uint8_t proto = ip[IPV4_PROTOCOL];
	uint32_t ports = 0;

	if (likely(!fragment))
		ports = forward_key_ports(proto, ip + header, len - header);
	memcpy(&key->word[0], ip + IPV4_SRC, 8);
	key->word[1] = forward_key_tail(ports, origin, proto, fragment);
}

static inline void forward_key6(const uint8_t *ip, uint32_t len, uint16_t origin,
                                union flow6_words *key)
{
	struct ipv6_upper upper = {.proto = ip[IPV6_NEXT], .offset = IPV6_HEADER};
	uint32_t ports = 0;

	/* The next layer is what lies behind extension headers (RFC 4301 section 4.4.1.1). */
	if (unlikely(ipv6_is_extension(upper.proto)))
		ipv6_upper_find(ip, len, &upper);
	if (likely(!upper.fragment))
		ports = forward_key_ports(upper.proto, ip + upper.offset, len - upper.offset);
	memcpy(key->word, ip + IPV6_SRC, 32);
	key->word[4] = forward_key_tail(ports, origin, upper.proto, upper.fragment);
}

#endif
