/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/pcapng.h"

#include <string.h>

/* draft-ietf-opsawg-pcapng, sections 4.1 to 4.6: block types and option codes. */
#define SECTION_HEADER        0x0a0d0d0au
#define INTERFACE_DESCRIPTION 1u
#define INTERFACE_STATISTICS  5u
#define ENHANCED_PACKET       6u
#define BYTE_ORDER_MAGIC      0x1a2b3c4du
#define LINKTYPE_ETHERNET     1u

#define OPT_END        0u
#define SHB_USERAPPL   4u
#define IF_NAME        2u
#define IF_DESCRIPTION 3u
#define IF_TSRESOL     9u
#define IF_FILTER      11u
#define EPB_FLAGS      2u
#define ISB_IFRECV     4u
#define ISB_IFDROP     5u

#define EPB_FIXED   28u /* type to original length */
#define EPB_OPTIONS 12u /* epb_flags and the end of options */

/* Where the next byte goes; nothing is written past the end, which is noticed at last. */
struct cursor {
	uint8_t *at, *end;
	size_t len;
};

static void put(struct cursor *c, const void *data, size_t n)
{
	if (n > 0 && c->len + n <= (size_t)(c->end - c->at))
		memcpy(c->at + c->len, data, n);
	c->len += n;
}

static void put16(struct cursor *c, uint16_t v)
{
	put(c, &v, sizeof(v));
}

static void put32(struct cursor *c, uint32_t v)
{
	put(c, &v, sizeof(v));
}

static void put64(struct cursor *c, uint64_t v)
{
	put(c, &v, sizeof(v));
}

static void pad(struct cursor *c)
{
	static const uint8_t zero[4];

	put(c, zero, (4 - c->len % 4) % 4);
}

static void option(struct cursor *c, uint16_t code, const void *value, size_t n)
{
	put16(c, code);
	put16(c, (uint16_t)n);
	put(c, value, n);
	pad(c);
}

static void text_option(struct cursor *c, uint16_t code, const char *text)
{
	if (text != NULL && text[0] != '\0')
		option(c, code, text, strlen(text));
}

/* Its length stands at both ends of a block. */
static void finish(struct cursor *c, size_t start)
{
	uint32_t total = (uint32_t)(c->len - start + 4);

	put32(c, total);
	if (c->len <= (size_t)(c->end - c->at))
		memcpy(c->at + start + 4, &total, sizeof(total));
}

/* The high word comes first in any byte order. */
static void put_time(struct cursor *c, uint64_t ns)
{
	put32(c, (uint32_t)(ns >> 32));
	put32(c, (uint32_t)ns);
}

static size_t used(const struct cursor *c)
{
	return c->len <= (size_t)(c->end - c->at) ? c->len : 0;
}

size_t pcapng_begin(uint8_t *out, size_t size, const struct pcapng_interface *interface)
{
	struct cursor c = {.at = out, .end = out + size};
	static const uint8_t nanoseconds = 9;
	static const uint8_t capture_filter = 0; /* the kind of if_filter: an expression */
	size_t start, filter_len;

	put32(&c, SECTION_HEADER);
	put32(&c, 0);
	put32(&c, BYTE_ORDER_MAGIC);
	put16(&c, 1);
	put16(&c, 0);
	put64(&c, UINT64_MAX); /* the section's length is not known */
	text_option(&c, SHB_USERAPPL, "lumengate");
	option(&c, OPT_END, NULL, 0);
	finish(&c, 0);

	start = c.len;
	put32(&c, INTERFACE_DESCRIPTION);
	put32(&c, 0);
	put16(&c, LINKTYPE_ETHERNET);
	put16(&c, 0);
	put32(&c, interface->snap_length);
	text_option(&c, IF_NAME, interface->name);
	text_option(&c, IF_DESCRIPTION, interface->description);
	option(&c, IF_TSRESOL, &nanoseconds, 1);
	filter_len = interface->filter != NULL ? strlen(interface->filter) : 0;
	if (filter_len > 0) {
		put16(&c, IF_FILTER);
		put16(&c, (uint16_t)(filter_len + 1));
		put(&c, &capture_filter, 1);
		put(&c, interface->filter, filter_len);
		pad(&c);
	}
	option(&c, OPT_END, NULL, 0);
	finish(&c, start);
	return used(&c);
}

size_t pcapng_packet_size(uint32_t captured)
{
	return EPB_FIXED + ((size_t)captured + 3) / 4 * 4 + EPB_OPTIONS + 4;
}

size_t pcapng_packet(uint8_t *out, size_t size, const struct pcapng_packet *packet,
                     const void *data)
{
	struct cursor c = {.at = out, .end = out + size};
	uint32_t flags = packet->direction;

	put32(&c, ENHANCED_PACKET);
	put32(&c, 0);
	put32(&c, 0); /* interface */
	put_time(&c, packet->time_ns);
	put32(&c, packet->captured);
	put32(&c, packet->length);
	put(&c, data, packet->captured);
	pad(&c);
	option(&c, EPB_FLAGS, &flags, sizeof(flags));
	option(&c, OPT_END, NULL, 0);
	finish(&c, 0);
	return used(&c);
}

size_t pcapng_statistics(uint8_t *out, size_t size, uint64_t time_ns, uint64_t received,
                         uint64_t dropped)
{
	struct cursor c = {.at = out, .end = out + size};

	put32(&c, INTERFACE_STATISTICS);
	put32(&c, 0);
	put32(&c, 0);
	put_time(&c, time_ns);
	option(&c, ISB_IFRECV, &received, sizeof(received));
	option(&c, ISB_IFDROP, &dropped, sizeof(dropped));
	option(&c, OPT_END, NULL, 0);
	finish(&c, 0);
	return used(&c);
}
