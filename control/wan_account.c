/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/wan_account.h"

#include <stdbool.h>
#include <string.h>

#include "common/bytes.h"

#define ETHERNET_BYTES 14
#define TYPE_IPV4      0x0800
#define TYPE_ARP       0x0806
#define TYPE_IPV6      0x86dd
#define PROTO_UDP      17
#define PROTO_ESP      50
#define PROTO_ICMPV6   58

static bool between_gateways(const struct wan_account *a, const uint8_t *ip)
{
	uint32_t src, dst;

	memcpy(&src, ip + 12, sizeof(src));
	memcpy(&dst, ip + 16, sizeof(dst));
	return (src == a->gateway[0] && dst == a->gateway[1]) ||
	       (src == a->gateway[1] && dst == a->gateway[0]);
}

static enum wan_class classify_ipv4(const struct wan_account *a, const uint8_t *ip, size_t len)
{
	size_t header = (size_t)(ip[0] & 15) * 4;

	if (len < 20 || header < 20 || len < header)
		return WAN_OTHER;
	/* Neither end of the outer packet may be a host of a site. */
	if (!between_gateways(a, ip))
		return WAN_PLAINTEXT;
	/* An SPI below 256 is reserved (RFC 4303, 2.1). */
	if (ip[9] == PROTO_ESP && len >= header + 8 && get_be32(ip + header) >= 256)
		return WAN_ESP;
	if (ip[9] == PROTO_UDP && len >= header + 8 && get_be16(ip + header) == a->channel_port &&
	    get_be16(ip + header + 2) == a->channel_port)
		return WAN_CLASSICAL;
	return WAN_OTHER;
}

static enum wan_class classify_ipv6(const uint8_t *ip, size_t len)
{
	/* Neighbour discovery is ICMPv6 133 to 137 with hop limit 255 (RFC 4861, 4). */
	if (len >= 44 && ip[6] == PROTO_ICMPV6 && ip[7] == 255 && ip[40] >= 133 && ip[40] <= 137)
		return WAN_ARP_ND;
	return len >= 40 && ip[6] != PROTO_ICMPV6 ? WAN_PLAINTEXT : WAN_OTHER;
}

enum wan_class wan_account_frame(struct wan_account *a, const uint8_t *frame, size_t captured,
                                 size_t length)
{
	enum wan_class class = WAN_OTHER;

	if (captured > ETHERNET_BYTES) {
		const uint8_t *payload = frame + ETHERNET_BYTES;
		size_t len = captured - ETHERNET_BYTES;

		switch (get_be16(frame + 12)) {
		case TYPE_ARP:
			class = WAN_ARP_ND;
			break;
		case TYPE_IPV4:
			class = classify_ipv4(a, payload, len);
			break;
		case TYPE_IPV6:
			class = classify_ipv6(payload, len);
			break;
		}
	}
	if (a->marker_len > 0 && memmem(frame, captured, a->marker, a->marker_len) != NULL)
		class = WAN_PLAINTEXT;
	a->frames[class]++;
	if (class == WAN_ESP)
		a->esp_bytes += length;
	if (class == WAN_CLASSICAL)
		a->classical_bytes += length;
	return class;
}
