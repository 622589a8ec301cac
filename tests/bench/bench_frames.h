/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The forwarding that all bodies of the data-plane benchmark share: IPv4 frames, a route
 * lookup a burst, TTL, Ethernet header.
 */

#ifndef BENCH_FRAMES_H
#define BENCH_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_fib.h>
#include <rte_mbuf.h>

#define ETHERNET_BYTES 14
#define BURST          32

#define LAN_HOST     0x0a020000U /* 10.2.0.0/16: hosts behind the peer */
#define OUTER_LOCAL  0xc0000201U /* 192.0.2.1 */
#define OUTER_REMOTE 0xc0000202U /* 192.0.2.2 */

/* A table of COUNT routes of many lengths, with those of the frames among them. */
struct rte_fib *frames_routes(unsigned int count);

/* Make M a frame of N bytes, without FCS, to the FLOW-th of 1024 hosts. Payload stays. */
void frames_fill(struct rte_mbuf *m, unsigned int n, unsigned int flow);

/*
 * Route a burst of frames whose IPv4 header starts OFFSET bytes into the data: look up all
 * destinations, count down TTLs, adjust checksums. False when a frame is not to be routed.
 */
bool frames_route(struct rte_fib *fib, struct rte_mbuf **pkts, unsigned int n, unsigned int offset);

/* Write the Ethernet header of the next hop at the start of each frame. */
void frames_address(struct rte_mbuf **pkts, unsigned int n);

#endif
