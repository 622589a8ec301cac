/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * ICMP (RFC 792, RFC 1812) and ICMPv6 (RFC 4443) made of the packet that they answer. Packets
 * begin at the IP header and have been checked; echo requests may be chained, packets that errors
 * are about are one segment long. A function that returns false has left the packet alone: there
 * is no answer to it.
 */

#ifndef DATAPLANE_ICMP_H
#define DATAPLANE_ICMP_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#define ICMP_ECHO_REPLY     0
#define ICMP_UNREACHABLE    3
#define ICMP_ECHO_REQUEST   8
#define ICMP_TIME_EXCEEDED  11
#define ICMP_NET            0 /* codes of ICMP_UNREACHABLE */
#define ICMP_HOST           1
#define ICMP_PORT           3
#define ICMP_FRAG_NEEDED    4
#define ICMP6_UNREACHABLE   1
#define ICMP6_TOO_BIG       2
#define ICMP6_TIME_EXCEEDED 3
#define ICMP6_ECHO_REQUEST  128
#define ICMP6_ECHO_REPLY    129
#define ICMP6_NO_ROUTE      0 /* codes of ICMP6_UNREACHABLE */
#define ICMP6_ADDRESS       3
#define ICMP6_PORT          4

/* Errors a second and in one go, per core (RFC 4443 section 2.4 (f)). */
#define ICMP_RATE  100
#define ICMP_BURST 20

struct icmp_limit {
	uint64_t filled_ns;
	uint64_t tokens; /* of NS_PER_S / ICMP_RATE each, in ns */
};

/* May an error be sent now? Takes a token. */
bool icmp_limit_take(struct icmp_limit *limit, uint64_t now_ns);

/* Turn an echo request into its reply. */
bool icmp_echo(struct rte_mbuf *m);
bool icmp6_echo(struct rte_mbuf *m);

/* As much of a packet as the longest error quotes. */
#define ICMP_QUOTE_MAX 1232

/* Turn a packet into an error about it; MTU: for too big, else 0. SRC: our address. */
bool icmp_error(struct rte_mbuf *m, uint8_t type, uint8_t code, uint16_t mtu, const uint8_t src[4]);
bool icmp6_error(struct rte_mbuf *m, uint8_t type, uint8_t code, uint32_t mtu,
                 const uint8_t src[16]);

#endif
