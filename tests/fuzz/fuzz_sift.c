/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The sifting messages: what is accepted keeps the promises of sift.h and is what encoding it
 * again gives back. The first octet chooses: an announcement for Alice, a reply for Bob, to a
 * sample or to the bases of a part of a block, or such bases; what a reply is about, and how many
 * detections bases are for, the octets behind it make up.
 */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "qkd-engine/sift.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void announcement(const uint8_t *data, size_t size)
{
	static struct sift_batch b, again;
	uint8_t out[SIFT_ANNOUNCE_MAX];
	size_t len, samples = 0;

	if (sift_announce_decode(data, size, 0, &b) < 0)
		return;
	for (size_t i = 1; i < b.count; i++)
		if (b.slot[i] <= b.slot[i - 1] || b.slot[i] > SIFT_SLOT_MAX)
			abort();
	for (size_t w = 0; w < SIFT_WORDS; w++) {
		samples += (size_t)__builtin_popcountll(b.sampled[w]);
		if (((b.sample.x[w] | b.sample.bit[w]) & ~b.sample.disclosed[w]) != 0 ||
		    b.sample.cross[w] != 0)
			abort();
	}
	len = sift_announce_encode(&b, out);
	if (samples != b.sample.count || samples > b.count || len > size ||
	    sift_announce_decode(out, len, b.slot[0], &again) < 0 ||
	    memcmp(again.slot, b.slot, b.count * sizeof(b.slot[0])) != 0 ||
	    memcmp(again.sampled, b.sampled, sizeof(b.sampled)) != 0 || again.block != b.block ||
	    again.last != b.last || memcmp(&again.sample, &b.sample, sizeof(b.sample)) != 0)
		abort();
}

static void bases(const uint8_t *data, size_t size)
{
	static struct sift_outcomes o;
	uint8_t out[SIFT_BASES_MAX];
	size_t count;

	if (size < 2)
		return;
	count = 1 + get_be16(data) % SIFT_BATCH_MAX;
	data += 2;
	size -= 2;
	if (sift_bases_decode(data, size, count, &o) < 0)
		return;
	for (size_t w = 0; w < SIFT_WORDS; w++)
		if (((o.bit[w] | o.cross[w]) & ~o.x[w]) != 0 || o.disclosed[w] != o.x[w])
			abort();
	if (o.count != count || sift_bases_encode(&o, out) != size || memcmp(out, data, size) != 0)
		abort();
}

static void reply(const uint8_t *data, size_t size)
{
	static struct sift_outcomes o;
	static struct sift_reply r;
	static struct sift_gain g;
	uint8_t out[SIFT_REPLY_MAX];
	unsigned int stale = 0;
	uint64_t sequence;
	bool sample;
	size_t len;

	if (size < 6)
		return;
	memset(&o, 0, sizeof(o));
	o.count = 1 + get_be16(data) % SIFT_BATCH_MAX;
	sample = data[0] & 0x80;
	for (size_t i = 0; i < o.count; i++) {
		bits_put(o.x, i, data[2 + i % 2] >> (i % 7) & 1);
		bits_put(o.disclosed, i, sample || bits_get(o.x, i) || data[4] >> (i % 8) & 1);
		bits_put(o.bit, i, data[5] >> (i % 8) & 1);
		bits_put(o.cross, i, !sample && data[5] >> (i % 5) & 1);
	}
	data += 6;
	size -= 6;
	if (sample ? sift_sample_head(data, size, &sequence) < 0 ||
	                     sift_sample_decode(data, size, o.count, &o, &stale, &r, &g) < 0
	           : sift_reply_decode(data, size, &o, &r, &g) < 0)
		return;
	if (g.keys + g.shown + stale > o.count || (sample && g.keys > 0))
		abort();
	len = sample ? sift_sample_encode(sequence, stale, &r, &g, o.count, out)
	             : sift_reply_encode(&r, &g, o.count, out);
	if (len != size || memcmp(out, data, len) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Of their own length, so that a sanitiser sees reads beyond. */
	uint8_t *copy;

	if (size < 1 || (copy = malloc(size)) == NULL)
		return 0;
	memcpy(copy, data, size);
	if (copy[0] & 1)
		announcement(copy + 1, size - 1);
	else if (copy[0] & 2)
		bases(copy + 1, size - 1);
	else
		reply(copy + 1, size - 1);
	free(copy);
	return 0;
}
