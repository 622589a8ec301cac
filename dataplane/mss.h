/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * TCP's maximum segment size (RFC 9293 section 3.7.1), lowered in SYN segments that cross a
 * tunnel, so that connections fit into it without fragments and without relying on ICMP.
 */

#ifndef DATAPLANE_MSS_H
#define DATAPLANE_MSS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * TCP: N bytes from a TCP header on, of a segment whatever it says of itself. When it is a SYN
 * with the option above MSS, the option becomes MSS and the checksum follows (RFC 1624); true
 * then.
 */
bool mss_clamp(uint8_t *tcp, uint32_t n, uint16_t mss);

/* Of a packet of MTU bytes without options: what may be announced. */
static inline uint16_t mss_of_mtu(uint16_t mtu, bool ipv6)
{
	uint16_t headers = ipv6 ? 40 + 20 : 20 + 20;

	return mtu > headers ? (uint16_t)(mtu - headers) : 0;
}

#endif
