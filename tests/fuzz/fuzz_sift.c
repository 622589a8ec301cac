/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The sifting messages: what is accepted keeps the promises of sift.h and is what encoding it
 * again gives back. The first octet chooses: an announcement for Alice, or a reply for Bob to a
 * batch that the octets behind it make up.
 */

#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "qkd-engine/sift.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void announcement(const uint8_t *data, size_t size)
{
	static struct sift_batch b, again;
	uint8_t out[SIFT_ANNOUNCE_MAX];
	size_t len;

	if (sift_announce_decode(data, size, 0, &b) < 0)
		return;
	for (size_t i = 1; i < b.outcomes.count; i++)
		if (b.slot[i] <= b.slot[i - 1] || b.slot[i] > SIFT_SLOT_MAX)
			abort();
	for (size_t w = 0; w < SIFT_WORDS; w++)
		if (((b.outcomes.x[w] | b.outcomes.bit[w]) & ~b.outcomes.disclosed[w]) != 0 ||
		    (b.outcomes.cross[w] & ~b.outcomes.x[w]) != 0)
			abort();
	len = sift_announce_encode(&b, out);
	if (len > size || sift_announce_decode(out, len, b.slot[0], &again) < 0 ||
	    memcmp(again.slot, b.slot, b.outcomes.count * sizeof(b.slot[0])) != 0 ||
	    memcmp(&again.outcomes, &b.outcomes, sizeof(b.outcomes)) != 0)
		abort();
}

static void reply(const uint8_t *data, size_t size)
{
	static struct sift_outcomes o;
	static struct sift_reply r;
	static struct sift_gain g;
	uint8_t out[SIFT_REPLY_MAX];
	size_t len;

	if (size < 6)
		return;
	memset(&o, 0, sizeof(o));
	o.count = 1 + get_be16(data) % SIFT_BATCH_MAX;
	for (size_t i = 0; i < o.count; i++) {
		bits_put(o.x, i, data[2 + i % 2] >> (i % 7) & 1);
		bits_put(o.disclosed, i, bits_get(o.x, i) || data[4] >> (i % 8) & 1);
		bits_put(o.bit, i, data[5] >> (i % 8) & 1);
		bits_put(o.cross, i, data[5] >> (i % 5) & 1);
	}
	data += 6;
	size -= 6;
	if (sift_reply_decode(data, size, &o, &r, &g) < 0)
		return;
	if (g.keys + g.shown + r.stale > o.count)
		abort();
	len = sift_reply_encode(&r, &g, o.count, out);
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
	else
		reply(copy + 1, size - 1);
	free(copy);
	return 0;
}
