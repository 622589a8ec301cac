/* SPDX-License-Identifier: BSD-3-Clause */

/* What lies behind the extension headers of an IPv6 packet (RFC 8200 section 4). */

#ifndef DATAPLANE_IPV6_UPPER_H
#define DATAPLANE_IPV6_UPPER_H

#include <stdbool.h>
#include <stdint.h>

/* More of them no honest sender makes: RFC 8504 section 5.3 lets a node refuse above this. */
#define IPV6_EXTENSIONS_MAX 8

/* Hop-by-hop options, routing, fragment, authentication, destination options. */
static inline bool ipv6_is_extension(uint8_t next)
{
	return next == 0 || next == 43 || next == 44 || next == 51 || next == 60;
}

struct ipv6_upper {
	uint8_t proto;   /* the upper layer's, or of a later fragment what its header names */
	uint32_t offset; /* of the upper layer's header, from the IPv6 header on */
	bool fragment;   /* not the first: the upper layer's header is in another packet */
};

/*
 * Walk the headers of IP, LEN bytes from its IPv6 header on, at least 40. False: they are cut
 * off, or too many; OUT then names the last header that is there, as a later fragment's.
 */
bool ipv6_upper_find(const uint8_t *ip, uint32_t len, struct ipv6_upper *out);

#endif
