/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Fragmentation of IPv4 (RFC 791 section 3.2) and, at its source, of IPv6 (RFC 8200 section
 * 4.5). Fragments are copies, in chains where a buffer is shorter than they are: what follows,
 * ESP above all, wants buffers of its own.
 */

#ifndef DATAPLANE_FRAG_H
#define DATAPLANE_FRAG_H

#include <stdint.h>

#include <rte_mbuf.h>

/* 9000 bytes in pieces of an inner MTU of 500, and some. A longer packet is not fragmented. */
#define FRAG_MAX 24

/*
 * Fragments of M, which is whole, checked and from its IP header on, of at most MTU bytes, into
 * OUT; their number. M is left to the caller. IPv4 checksums are right; options go on as their
 * copy flag says. -EINVAL: MTU leaves no room for 8 bytes; -EMSGSIZE: more than FRAG_MAX would
 * be needed; -ENOMEM: POOL is exhausted, nothing is left in OUT.
 */
int frag_ipv4(const struct rte_mbuf *m, uint16_t mtu, struct rte_mempool *pool,
              struct rte_mbuf *out[FRAG_MAX]);

/* M has no extension headers. IDENTIFICATION: of this packet alone, RFC 7739. */
int frag_ipv6(const struct rte_mbuf *m, uint16_t mtu, uint32_t identification,
              struct rte_mempool *pool, struct rte_mbuf *out[FRAG_MAX]);

#endif
