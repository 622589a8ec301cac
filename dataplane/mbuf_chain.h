/* SPDX-License-Identifier: BSD-3-Clause */

/* What the mbuf library lacks for chained packets. */

#ifndef DATAPLANE_MBUF_CHAIN_H
#define DATAPLANE_MBUF_CHAIN_H

#include <stdbool.h>

#include <rte_mbuf.h>

/*
 * Headers that parsers find in the first segment, as far as the packet has them: IPv4 with
 * options and TCP with options. They look at data_len, and at pkt_len for the length.
 */
#define CHAIN_HEADERS 120

/*
 * Make the first N bytes contiguous by moving bytes of later segments into the tailroom of
 * the first. False, and nothing changed, when they do not fit or the packet is shorter.
 */
bool chain_pull(struct rte_mbuf *m, unsigned int n);

/* Cut N bytes off the end, over as many segments as they take; N <= pkt_len. */
void chain_trim(struct rte_mbuf *m, unsigned int n);

/*
 * N bytes of tailroom in the last segment, if need be by moving its data towards its head;
 * HEADROOM bytes stay free in front of the first segment. False when there is no room.
 */
bool chain_make_tailroom(struct rte_mbuf *m, unsigned int n, unsigned int headroom);

/* N bytes of tailroom by a segment more, of the first one's pool; false: it is exhausted. */
bool chain_add_segment(struct rte_mbuf *m, unsigned int n);

/* Copy N bytes from OFFSET; the caller knows that they are there. */
void chain_read(const struct rte_mbuf *m, unsigned int offset, unsigned int n, void *out);

#endif
