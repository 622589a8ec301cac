/* SPDX-License-Identifier: BSD-3-Clause */

/* The engine's codecs: whatever is accepted must be what encoding it again gives back. */

#include <stdlib.h>
#include <string.h>

#include "qkd-engine/messages.h"
#include "qkd-engine/sift.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void announcement(const uint8_t *data, size_t size)
{
	static struct sift_batch b, again;
	uint8_t out[SIFT_ANNOUNCE_MAX];

	if (sift_announce_decode(data, size, 0, &b) < 0)
		return;
	if (sift_announce_decode(out, sift_announce_encode(&b, out), b.slot[0], &again) < 0 ||
	    again.count != b.count ||
	    memcmp(again.slot, b.slot, b.count * sizeof(b.slot[0])) != 0 ||
	    memcmp(again.what, b.what, b.count) != 0)
		abort();
}

static void reply(const uint8_t *data, size_t size)
{
	static struct sift_reply r, again;
	static uint8_t what[SIFT_BATCH_MAX];
	uint8_t out[SIFT_REPLY_MAX];
	size_t count;

	if (size < 2)
		return;
	count = 1 + data[0] * 2u;
	for (size_t i = 0; i < SIFT_BATCH_MAX; i++)
		what[i] = (uint8_t)(data[1] * (i + 3) >> 2 & 7);
	data += 2;
	size -= 2;
	if (sift_reply_decode(data, size, what, count, &r) < 0)
		return;
	if (sift_reply_decode(out, sift_reply_encode(&r, what, out), what, count, &again) < 0 ||
	    memcmp(again.verdict, r.verdict, count) != 0 || memcmp(again.bit, r.bit, count) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message m;

	announcement(data, size);
	reply(data, size);
	if (message_decode(data, size, &m) == 0) {
		uint8_t *out = malloc(size);
		int n = out != NULL ? message_encode(&m, out, size) : 0;

		if (out != NULL && (n != (int)size || memcmp(out, data, size) != 0))
			abort();
		free(out);
	}
	return 0;
}
