/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/ipv6_upper.h"

#include "common/bytes.h"
#include "dataplane/ip.h"

#define NEXT_FRAGMENT 44
#define NEXT_AUTH     51

bool ipv6_upper_find(const uint8_t *ip, uint32_t len, struct ipv6_upper *out)
{
	*out = (struct ipv6_upper){.proto = ip[IPV6_NEXT], .offset = IPV6_HEADER};
	for (unsigned int i = 0; ipv6_is_extension(out->proto); i++) {
		const uint8_t *h = ip + out->offset;
		uint32_t bytes;

		out->fragment = true;
		if (i == IPV6_EXTENSIONS_MAX || len < out->offset + 8)
			return false;
		if (out->proto == NEXT_FRAGMENT) {
			bytes = 8;
			out->fragment = (get_be16(h + 2) & 0xfff8) != 0;
		} else {
			/* RFC 4302 section 2.2: in words of 4 bytes, less two. */
			bytes = out->proto == NEXT_AUTH ? (h[1] + 2U) * 4 : (h[1] + 1U) * 8;
			if (len < out->offset + bytes)
				return false;
			out->fragment = false;
		}
		out->proto = h[0];
		out->offset += bytes;
		if (out->fragment)
			return true;
	}
	return true;
}
