/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/sift.h"

#include <errno.h>
#include <string.h>

#include "common/bytes.h"
#include "qkd-engine/messages.h"
#include "qkd-engine/sift_pack.h"

/*
 * ANNOUNCE: type, sequence (8), block (8), last (1), count (2), first slot (8), the least distance
 * from a slot to the next (8), a width in bits (1); count - 1 distances less the least, of that
 * width each; then strings: sampled of all, basis X and outcomes of the sampled.
 * BASES: strings: basis X of all, outcomes of those in X, clicks in both bases of those in X.
 * SIFTED: strings: matched of all, decoy of the key bits, decoy of those shown, Alice's bits of
 * those shown.
 * REPLY: type, sequence (8), stale (2), then as SIFTED.
 *
 * Whatever consists of bits goes from the lowest bit of each byte and ends in a whole byte,
 * filled up with zeros.
 */
#define ANNOUNCE_HEADER 37
#define SAMPLE_HEADER   11

static uint64_t load(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static size_t string_bytes(size_t bits)
{
	return (bits + 7) / 8;
}

static size_t put_string(uint8_t *out, const uint64_t *w, size_t bits)
{
	memcpy(out, w, string_bytes(bits));
	return string_bytes(bits);
}

/* What is left of a message. */
struct rest {
	const uint8_t *at;
	size_t len;
};

/* The next BITS bits as bytes; NULL: they do not end in time, or not in zeros. */
static const uint8_t *next_bytes(struct rest *in, size_t bits)
{
	const uint8_t *start = in->at;
	size_t bytes = string_bytes(bits);

	if (bytes > in->len || (bits % 8 != 0 && start[bytes - 1] >> (bits % 8) != 0))
		return NULL;
	in->at += bytes;
	in->len -= bytes;
	return start;
}

static bool next_string(struct rest *in, uint64_t *w, size_t bits)
{
	const uint8_t *start = next_bytes(in, bits);

	memset(w, 0, SIFT_STRING);
	if (start != NULL)
		memcpy(w, start, string_bytes(bits));
	return start != NULL;
}

/* Returns bytes; writes up to 7 more. */
static size_t put_distances(uint8_t *out, const struct sift_batch *b, uint64_t least,
                            unsigned int width)
{
	size_t packed = width > 0 && width <= SIFT_PACK_WIDTH_MAX ? (b->count - 1) & ~(size_t)7 : 0;
	uint8_t *start = out;
	unsigned int fill = 0;
	uint64_t acc = 0;

	if (packed > 0)
		sift_pack_best()->put(b->slot, packed, least, width, out);
	out += packed / 8 * width;
	for (size_t i = packed + 1; i < b->count; i++) {
		acc |= (b->slot[i] - b->slot[i - 1] - least) << fill;
		memcpy(out, &acc, sizeof(acc));
		fill += width;
		out += fill / 8;
		acc >>= fill & ~7u;
		fill %= 8;
	}
	return (size_t)(out - start) + (fill > 0);
}

size_t sift_announce_encode(const struct sift_batch *b, uint8_t *out)
{
	size_t at = ANNOUNCE_HEADER;
	uint64_t least = 1, most = 0;
	unsigned int width;

	if (b->count > 1)
		sift_pack_best()->range(b->slot, b->count, &least, &most);
	width = most > least ? 64 - (unsigned int)__builtin_clzll(most - least) : 0;
	out[0] = MESSAGE_ANNOUNCE;
	put_be64(out + 1, b->sequence);
	put_be64(out + 9, b->block);
	out[17] = (uint8_t)(b->last | b->odd_keys << 1);
	put_be16(out + 18, (uint16_t)b->count);
	put_be64(out + 20, b->slot[0]);
	put_be64(out + 28, least);
	out[36] = (uint8_t)width;
	at += put_distances(out + at, b, least, width);
	at += put_string(out + at, b->sampled, b->count);
	at += put_string(out + at, b->sample.x, b->sample.count);
	return at + put_string(out + at, b->sample.bit, b->sample.count);
}

static bool get_distances(struct rest *in, uint64_t least, unsigned int width, struct sift_batch *b)
{
	size_t n = b->count, bits = (n - 1) * width, bytes = string_bytes(bits), i = 1;
	uint64_t mask = (1ULL << width) - 1, slot = b->slot[0], seen = slot;
	const uint8_t *from = next_bytes(in, bits);
	size_t whole = bytes > 8 ? (bytes - 8) * 8 / width : 0, packed, start;
	uint16_t distance[SIFT_BATCH_MAX];
	uint8_t last[24] = {0};

	if (from == NULL)
		return false;
	/* Eight bytes can be read at each distance but the last ones. */
	packed = width <= SIFT_PACK_WIDTH_MAX ? whole & ~(size_t)7 : 0;
	if (packed > 0)
		sift_pack_best()->get(from, packed, width, distance);
	for (; i <= packed; i++) {
		slot += least + distance[i - 1];
		seen |= slot;
		b->slot[i] = slot;
	}
	for (; i <= whole; i++) {
		size_t bit = (i - 1) * width;

		slot += least + (load(from + bit / 8) >> (bit % 8) & mask);
		seen |= slot;
		b->slot[i] = slot;
	}
	start = (i - 1) * width / 8;
	memcpy(last, from + start, bytes - start);
	for (; i < n; i++) {
		size_t bit = (i - 1) * width - 8 * start;

		slot += least + (load(last + bit / 8) >> (bit % 8) & mask);
		seen |= slot;
		b->slot[i] = slot;
	}
	/* A step is less than 2^57: none leads beyond 2^64 but by a slot that is too large. */
	return seen <= SIFT_SLOT_MAX;
}

int sift_announce_decode(const uint8_t *msg, size_t len, uint64_t first_slot, struct sift_batch *b)
{
	struct sift_outcomes *o = &b->sample;
	struct rest in;
	uint64_t least;

	if (len < ANNOUNCE_HEADER || msg[0] != MESSAGE_ANNOUNCE)
		return -EPROTO;
	in = (struct rest){msg + ANNOUNCE_HEADER, len - ANNOUNCE_HEADER};
	b->sequence = get_be64(msg + 1);
	b->block = get_be64(msg + 9);
	b->last = msg[17] & 1;
	b->odd_keys = msg[17] >> 1 & 1;
	b->count = get_be16(msg + 18);
	b->slot[0] = get_be64(msg + 20);
	least = get_be64(msg + 28);
	if (msg[17] > 3 || b->count == 0 || b->count > SIFT_BATCH_MAX || b->slot[0] < first_slot ||
	    b->slot[0] > SIFT_SLOT_MAX || least == 0 || least > SIFT_SLOT_MAX ||
	    msg[36] > SIFT_WIDTH_MAX || !get_distances(&in, least, msg[36], b) ||
	    !next_string(&in, b->sampled, b->count))
		return -EPROTO;
	memset(o, 0, sizeof(*o));
	o->count = sift_pack_best()->count(b->sampled, BITS_WORDS(b->count));
	for (size_t i = 0; i < o->count; i += 64)
		o->disclosed[i / 64] =
		        o->count - i < 64 ? (1ULL << (o->count - i)) - 1 : UINT64_MAX;
	return next_string(&in, o->x, o->count) && next_string(&in, o->bit, o->count) && in.len == 0
	               ? 0
	               : -EPROTO;
}

void sift_rest(const struct sift_batch *b, uint64_t rest[SIFT_WORDS])
{
	for (size_t w = 0; w < BITS_WORDS(b->count); w++) {
		size_t left = b->count - 64 * w;

		rest[w] = ~b->sampled[w] & (left < 64 ? (1ULL << left) - 1 : UINT64_MAX);
	}
}

size_t sift_bases_encode(const struct sift_outcomes *o, uint8_t *out)
{
	const struct sift_pack *pack = sift_pack_best();
	size_t words = BITS_WORDS(o->count), at = put_string(out, o->x, o->count), n;
	uint64_t part[SIFT_WORDS + 1];

	n = pack->extract(o->bit, o->x, words, part);
	at += put_string(out + at, part, n);
	pack->extract(o->cross, o->x, words, part);
	return at + put_string(out + at, part, n);
}

int sift_bases_decode(const uint8_t *data, size_t len, size_t count, struct sift_outcomes *o)
{
	const struct sift_pack *pack = sift_pack_best();
	uint64_t part[SIFT_WORDS + 1] = {0};
	struct rest in = {data, len};
	size_t words = BITS_WORDS(count), n;

	memset(o, 0, sizeof(*o));
	o->count = count;
	if (!next_string(&in, o->x, count))
		return -EPROTO;
	memcpy(o->disclosed, o->x, sizeof(o->x));
	n = pack->count(o->x, words);
	if (!next_string(&in, part, n))
		return -EPROTO;
	pack->deposit(part, o->x, words, o->bit);
	if (!next_string(&in, part, n))
		return -EPROTO;
	pack->deposit(part, o->x, words, o->cross);
	return in.len == 0 ? 0 : -EPROTO;
}

/* MATCHED detections that are key, and those that are shown; and clicks in both bases. */
static void split(const struct sift_outcomes *o, const uint64_t *matched, uint64_t *key,
                  uint64_t *shown, struct sift_gain *g)
{
	const struct sift_pack *pack = sift_pack_best();
	uint64_t cross[SIFT_WORDS];
	size_t all;

	for (size_t w = 0; w < BITS_WORDS(o->count); w++) {
		key[w] = matched[w] & ~o->disclosed[w];
		shown[w] = matched[w] & o->disclosed[w];
		cross[w] = o->cross[w] & o->x[w];
	}
	all = pack->count(cross, BITS_WORDS(o->count));
	for (size_t w = 0; w < BITS_WORDS(o->count); w++)
		cross[w] &= matched[w];
	g->cross[0] = pack->count(cross, BITS_WORDS(o->count));
	g->cross[1] = all - g->cross[0];
}

void sift_judge(const struct sift_outcomes *o, const struct sift_choices *c, struct sift_reply *r,
                struct sift_gain *g)
{
	const struct sift_pack *pack = sift_pack_best();
	uint64_t key[SIFT_WORDS], shown[SIFT_WORDS];
	size_t words = BITS_WORDS(o->count);

	memset(r->matched, 0, sizeof(r->matched));
	for (size_t w = 0; w < words; w++)
		r->matched[w] = c->light[w] & ~(c->x[w] ^ o->x[w]);
	split(o, r->matched, key, shown, g);
	g->keys = pack->extract(c->bit, key, words, g->key);
	pack->extract(c->decoy, key, words, g->key_decoy);
	g->shown = pack->extract(c->bit, shown, words, r->bit);
	pack->extract(o->x, shown, words, g->shown_x);
	pack->extract(c->decoy, shown, words, g->shown_decoy);
	pack->extract(o->bit, shown, words, g->shown_error);
	for (size_t w = 0; w < words; w++)
		g->shown_error[w] ^= r->bit[w];
}

size_t sift_reply_encode(const struct sift_reply *r, const struct sift_gain *g, size_t count,
                         uint8_t *out)
{
	size_t at = put_string(out, r->matched, count);

	at += put_string(out + at, g->key_decoy, g->keys);
	at += put_string(out + at, g->shown_decoy, g->shown);
	return at + put_string(out + at, r->bit, g->shown);
}

int sift_reply_decode(const uint8_t *data, size_t len, const struct sift_outcomes *o,
                      struct sift_reply *r, struct sift_gain *g)
{
	const struct sift_pack *pack = sift_pack_best();
	uint64_t key[SIFT_WORDS], shown[SIFT_WORDS];
	size_t words = BITS_WORDS(o->count);
	struct rest in = {data, len};

	if (!next_string(&in, r->matched, o->count))
		return -EPROTO;
	split(o, r->matched, key, shown, g);
	g->keys = pack->count(key, words);
	g->shown = pack->count(shown, words);
	if (!next_string(&in, g->key_decoy, g->keys) ||
	    !next_string(&in, g->shown_decoy, g->shown) || !next_string(&in, r->bit, g->shown) ||
	    in.len != 0)
		return -EPROTO;
	pack->extract(o->bit, key, words, g->key);
	pack->extract(o->x, shown, words, g->shown_x);
	pack->extract(o->bit, shown, words, g->shown_error);
	for (size_t w = 0; w < words; w++)
		g->shown_error[w] ^= r->bit[w];
	return 0;
}

size_t sift_sample_encode(uint64_t sequence, unsigned int stale, const struct sift_reply *r,
                          const struct sift_gain *g, size_t sample, uint8_t *out)
{
	out[0] = MESSAGE_REPLY;
	put_be64(out + 1, sequence);
	put_be16(out + 9, (uint16_t)stale);
	return SAMPLE_HEADER + sift_reply_encode(r, g, sample, out + SAMPLE_HEADER);
}

int sift_sample_head(const uint8_t *msg, size_t len, uint64_t *sequence)
{
	if (len < SAMPLE_HEADER || msg[0] != MESSAGE_REPLY)
		return -EPROTO;
	*sequence = get_be64(msg + 1);
	return 0;
}

int sift_sample_decode(const uint8_t *msg, size_t len, size_t count,
                       const struct sift_outcomes *sample, unsigned int *stale,
                       struct sift_reply *r, struct sift_gain *g)
{
	uint64_t sequence;

	if (sift_sample_head(msg, len, &sequence) < 0 ||
	    sift_reply_decode(msg + SAMPLE_HEADER, len - SAMPLE_HEADER, sample, r, g) < 0)
		return -EPROTO;
	*stale = get_be16(msg + 9);
	return *stale > count - g->shown ? -EPROTO : 0;
}
