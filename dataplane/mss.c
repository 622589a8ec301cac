/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/mss.h"

#include "common/bytes.h"
#include "dataplane/ip.h"

#define TCP_HEADER   20
#define TCP_OFFSET   12
#define TCP_CHECKSUM 16
#define OPTION_END   0
#define OPTION_NOP   1
#define OPTION_MSS   2

static uint16_t swapped(uint16_t x)
{
	return (uint16_t)(x << 8 | x >> 8);
}

bool mss_clamp(uint8_t *tcp, uint32_t n, uint16_t mss)
{
	uint32_t header, at = TCP_HEADER;

	if (n < TCP_HEADER || (tcp[TCP_FLAGS] & TCP_SYN) == 0)
		return false;
	header = (tcp[TCP_OFFSET] >> 4) * 4U;
	if (header > n)
		return false;
	while (at < header && tcp[at] != OPTION_END) {
		uint32_t length;
		uint16_t was;

		if (tcp[at] == OPTION_NOP) {
			at++;
			continue;
		}
		length = at + 1 < header ? tcp[at + 1] : 0;
		if (length < 2 || at + length > header)
			return false;
		if (tcp[at] != OPTION_MSS || length != 4) {
			at += length;
			continue;
		}
		was = get_be16(tcp + at + 2);
		if (was <= mss)
			return false;
		put_be16(tcp + at + 2, mss);
		/* At an odd place it is the low byte of one word and the high one of the next. */
		if (at % 2 == 0)
			checksum_replace(tcp + TCP_CHECKSUM, was, mss);
		else
			checksum_replace(tcp + TCP_CHECKSUM, swapped(was), swapped(mss));
		return true;
	}
	return false;
}
