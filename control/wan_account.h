/* SPDX-License-Identifier: BSD-3-Clause */

/* Every frame on the WAN belongs to one of these, or something is wrong. */

#ifndef CONTROL_WAN_ACCOUNT_H
#define CONTROL_WAN_ACCOUNT_H

#include <stddef.h>
#include <stdint.h>

enum wan_class {
	WAN_ESP,       /* IP protocol 50 between the gateways */
	WAN_CLASSICAL, /* the classical channel: UDP on its port between the gateways */
	WAN_ARP_ND,    /* ARP; ICMPv6 neighbour discovery (RFC 4861) */
	WAN_PLAINTEXT, /* traffic of the sites, or a marker of theirs, in the clear */
	WAN_OTHER,
	WAN_CLASSES
};

struct wan_account {
	uint32_t gateway[2]; /* IPv4 addresses, network order */
	uint16_t channel_port;
	const uint8_t *marker; /* bytes that only the sites' traffic contains */
	size_t marker_len;     /* 0: none */
	uint64_t frames[WAN_CLASSES];
	uint64_t esp_bytes, classical_bytes;
};

/* Class of one Ethernet frame of which CAPTURED bytes are at hand; counts it. */
enum wan_class wan_account_frame(struct wan_account *a, const uint8_t *frame, size_t captured,
                                 size_t length);

#endif
