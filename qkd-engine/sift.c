/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/sift.h"

#include <errno.h>
#include <string.h>

#include "common/bytes.h"
#include "qkd-engine/messages.h"

/*
 * Announcement: type, sequence (8), count (2), first slot (8), then for each detection a
 * base-128 number, low group first: the distance from the slot before << 3 | WHAT.
 * Reply: type, sequence (8), block (8), count (2), verdicts of two bits each, then the bits.
 */
#define HEADER 19

static size_t varint_put(uint8_t *out, uint64_t v)
{
	size_t n = 0;

	while (v >= 0x80) {
		out[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	out[n++] = (uint8_t)v;
	return n;
}

/* Bytes used, or 0 when it does not end in time or exceeds 63 bits. */
static size_t varint_get(const uint8_t *in, size_t len, uint64_t *v)
{
	uint64_t x = 0;

	for (size_t n = 0; n < len && n < 9; n++) {
		x |= (uint64_t)(in[n] & 0x7f) << (7 * n);
		if ((in[n] & 0x80) == 0) {
			*v = x;
			return n + 1;
		}
	}
	return 0;
}

size_t sift_announce_encode(const struct sift_batch *b, uint8_t *out)
{
	uint64_t before = b->slot[0];
	size_t at = HEADER;

	out[0] = MESSAGE_ANNOUNCE;
	put_be64(out + 1, b->sequence);
	put_be16(out + 9, (uint16_t)b->count);
	put_be64(out + 11, b->slot[0]);
	for (size_t i = 0; i < b->count; i++) {
		uint8_t what = b->what[i];

		if ((what & SIFT_DISCLOSED) == 0)
			what &= (uint8_t)~SIFT_BIT;
		at += varint_put(out + at, (b->slot[i] - before) << 3 | what);
		before = b->slot[i];
	}
	return at;
}

int sift_announce_decode(const uint8_t *msg, size_t len, uint64_t first_slot, struct sift_batch *b)
{
	uint64_t slot, v;
	size_t at = HEADER;

	if (len < HEADER || msg[0] != MESSAGE_ANNOUNCE)
		return -EPROTO;
	b->sequence = get_be64(msg + 1);
	b->count = get_be16(msg + 9);
	slot = get_be64(msg + 11);
	if (b->count == 0 || b->count > SIFT_BATCH_MAX || slot < first_slot || slot > SIFT_SLOT_MAX)
		return -EPROTO;
	for (size_t i = 0; i < b->count; i++) {
		size_t used = varint_get(msg + at, len - at, &v);

		if (used == 0)
			return -EPROTO;
		at += used;
		b->what[i] = v & 7;
		v >>= 3;
		if ((i == 0) != (v == 0) || v > SIFT_SLOT_MAX - slot)
			return -EPROTO;
		slot += v;
		b->slot[i] = slot;
		if ((b->what[i] & SIFT_DISCLOSED) == 0 && (b->what[i] & (SIFT_X | SIFT_BIT)) != 0)
			return -EPROTO;
	}
	return at == len ? 0 : -EPROTO;
}

void sift_judge(const struct sift_batch *b, const struct choice *choices, struct sift_reply *r)
{
	r->sequence = b->sequence;
	r->count = b->count;
	for (size_t i = 0; i < b->count; i++) {
		const struct choice *c = &choices[i];

		r->bit[i] = 0;
		if (!c->valid) {
			r->verdict[i] = SIFT_STALE;
		} else if (c->basis != (b->what[i] & SIFT_X) || c->intensity > 1) {
			r->verdict[i] = SIFT_UNMATCHED;
		} else {
			r->verdict[i] = c->intensity == 0 ? SIFT_SIGNAL : SIFT_DECOY;
			if (b->what[i] & SIFT_DISCLOSED)
				r->bit[i] = c->bit & 1;
		}
	}
}

static bool has_bit(uint8_t verdict, uint8_t what)
{
	return (what & SIFT_DISCLOSED) && (verdict == SIFT_SIGNAL || verdict == SIFT_DECOY);
}

size_t sift_reply_encode(const struct sift_reply *r, const uint8_t *what, uint8_t *out)
{
	size_t at = HEADER, bits = 0;

	memset(out, 0, SIFT_REPLY_MAX);
	out[0] = MESSAGE_REPLY;
	put_be64(out + 1, r->sequence);
	put_be64(out + 9, r->block);
	put_be16(out + 17, (uint16_t)r->count);
	for (size_t i = 0; i < r->count; i++)
		out[at + i / 4] |= (uint8_t)(r->verdict[i] << (i % 4 * 2));
	at += (r->count + 3) / 4;
	for (size_t i = 0; i < r->count; i++) {
		if (!has_bit(r->verdict[i], what[i]))
			continue;
		out[at + bits / 8] |= (uint8_t)(r->bit[i] << (bits % 8));
		bits++;
	}
	return at + (bits + 7) / 8;
}

int sift_reply_head(const uint8_t *msg, size_t len, uint64_t *sequence, uint64_t *block)
{
	if (len < HEADER || msg[0] != MESSAGE_REPLY)
		return -EPROTO;
	*sequence = get_be64(msg + 1);
	*block = get_be64(msg + 9);
	return 0;
}

int sift_reply_decode(const uint8_t *msg, size_t len, const uint8_t *what, size_t count,
                      struct sift_reply *r)
{
	const uint8_t *verdicts = msg + HEADER, *data;
	size_t bits = 0;

	if (sift_reply_head(msg, len, &r->sequence, &r->block) < 0 || get_be16(msg + 17) != count ||
	    count > SIFT_BATCH_MAX || len < HEADER + (count + 3) / 4)
		return -EPROTO;
	r->count = count;
	data = verdicts + (count + 3) / 4;
	for (size_t i = 0; i < count; i++) {
		r->verdict[i] = verdicts[i / 4] >> (i % 4 * 2) & 3;
		bits += has_bit(r->verdict[i], what[i]);
	}
	if ((size_t)(msg + len - data) != (bits + 7) / 8)
		return -EPROTO;
	bits = 0;
	for (size_t i = 0; i < count; i++) {
		r->bit[i] = 0;
		if (!has_bit(r->verdict[i], what[i]))
			continue;
		r->bit[i] = data[bits / 8] >> (bits % 8) & 1;
		bits++;
	}
	return 0;
}
