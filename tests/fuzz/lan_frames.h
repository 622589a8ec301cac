/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What hosts of the data centre may send. An input is how many frames to a burst, and a row of
 * frames: a byte of options, for frames in two pieces where to cut, a length, and the frame, whole
 * or from its IP header on, then with the tag of the VLAN if so wanted.
 */

#ifndef TESTS_FUZZ_LAN_FRAMES_H
#define TESTS_FUZZ_LAN_FRAMES_H

#include "tests/fuzz/fuzz_rig.h"

enum { RAW = 4, MEND = 8, IPV6 = 16, BROADCAST = 32, TAGGED = 64 };

static inline void lan_frame(struct input *in)
{
	uint8_t bytes[18 + FRAME_MAX], options = take(in),
	                               cut = options & SHAPE_CHAIN ? take(in) : 0;
	size_t n;

	if (options & RAW) {
		n = take_bytes(in, bytes, FRAME_MAX);
	} else {
		n = take_bytes(in, bytes + 14, FRAME_MAX);
		memcpy(bytes, gw[0].iface[PORT_LAN].mac.addr_bytes, 6);
		if (options & BROADCAST)
			memset(bytes, options & IPV6 ? 0x33 : 0xff, 6);
		memcpy(bytes + 6, rig_host_mac[0], 6);
		put_be16(bytes + 12, options & IPV6 ? 0x86dd : 0x0800);
		if (options & MEND)
			mend_ip(bytes + 14, n);
		n += 14;
		if (options & TAGGED) {
			memmove(bytes + 16, bytes + 12, n - 12);
			put_be16(bytes + 12, 0x8100);
			put_be16(bytes + 14, FUZZ_VLAN);
			n += 4;
		}
	}
	fuzz_put(PORT_LAN, shaped_mbuf(bytes, n, options & 3, cut));
}

#endif
