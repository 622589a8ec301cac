/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The frames of the data-plane benchmark: IPv4 and UDP, from hosts of one site to hosts of
 * the other, in flows of their own. SIZE counts the Ethernet frame without FCS; IMIX is 64,
 * 570 and 1420 bytes at 7:4:1, mixed.
 *
 *     10.1.0.0/16, site A's LAN -> 10.64.0.0/10, behind site B
 */

#ifndef BENCH_DATAPLANE_FRAMES_H
#define BENCH_DATAPLANE_FRAMES_H

#include <stdint.h>

#include <rte_ether.h>

#define FRAMES_IMIX   0
#define FRAMES_FLOWS  256
#define FRAMES_PERIOD 768 /* frames until sizes and flows repeat together: lcm(12, 256) */
#define FRAME_MAX     9000

#define FRAMES_SOURCE      0x0a010100U /* 10.1.1.0 */
#define FRAMES_DESTINATION 0x0a400000U /* 10.64.0.0 */
#define FRAMES_NET_SHIFT   8           /* destination network k is 10.64.0.0/24 + k */

/* Where the I-th frame of a run goes. */
struct frame_flow {
	uint32_t flow;    /* source host and port */
	uint32_t network; /* destination network; the host in it follows from the flow */
};

/* "64" .. "9000" or "imix"; 0 is IMIX, -1 is neither. */
int frames_size_parse(const char *text);

/* The bytes of the I-th frame of SIZE. */
unsigned int frames_bytes(unsigned int size, unsigned int i);

/* The mean of them. */
double frames_mean(unsigned int size);

/* Write a frame of N bytes at P. The payload is left as it is. */
void frames_write(uint8_t *p, unsigned int n, const struct rte_ether_addr *to,
                  struct frame_flow where);

/* COUNT frames of SIZE as a pcap file, with a payload that follows from the position. */
int frames_pcap(const char *path, unsigned int size, const struct rte_ether_addr *to,
                const struct frame_flow *where, unsigned int count);

#endif
