/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "qkd-engine/messages.h"
#include "qkd-engine/sift.h"
#include "tests/unit/unit.h"

static uint64_t state = 88172645463325252ULL;

static uint64_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void random_batch(struct sift_batch *b, size_t count)
{
	uint64_t slot = next_random() % (1ULL << 50);

	b->sequence = next_random();
	b->count = count;
	for (size_t i = 0; i < count; i++) {
		slot += 1 + next_random() % (i % 50 == 0 ? 1ULL << 40 : 3000);
		b->slot[i] = slot;
		b->what[i] = (uint8_t)(next_random() & 7);
		if (b->what[i] & SIFT_X)
			b->what[i] |= SIFT_DISCLOSED;
	}
}

static void test_announce_round_trip(void)
{
	uint8_t msg[SIFT_ANNOUNCE_MAX];
	struct sift_batch in, out;

	for (size_t count = 1; count <= SIFT_BATCH_MAX; count += count < 8 ? 1 : 63) {
		random_batch(&in, count);
		size_t len = sift_announce_encode(&in, msg);

		CU_ASSERT(len <= sizeof(msg));
		CU_ASSERT_EQUAL(sift_announce_decode(msg, len, in.slot[0], &out), 0);
		CU_ASSERT_EQUAL(out.sequence, in.sequence);
		CU_ASSERT_EQUAL(out.count, in.count);
		CU_ASSERT_EQUAL(memcmp(out.slot, in.slot, count * sizeof(in.slot[0])), 0);
		for (size_t i = 0; i < count; i++) {
			uint8_t want = in.what[i];

			/* An outcome that is not disclosed does not leave. */
			if ((want & SIFT_DISCLOSED) == 0)
				want &= (uint8_t)~SIFT_BIT;
			CU_ASSERT_EQUAL(out.what[i], want);
		}
		CU_ASSERT_EQUAL(sift_announce_decode(msg, len, in.slot[0] + 1, &out), -EPROTO);
	}
}

/* Two octets a detection at the demo's rate. */
static void test_announce_is_small(void)
{
	uint8_t msg[SIFT_ANNOUNCE_MAX];
	struct sift_batch b = {.count = SIFT_BATCH_MAX};

	for (size_t i = 0; i < SIFT_BATCH_MAX; i++)
		b.slot[i] = 1000000000000ULL + i * 1163;
	CU_ASSERT(sift_announce_encode(&b, msg) <= 19 + 2 * SIFT_BATCH_MAX);
}

static void test_announce_malformed(void)
{
	uint8_t msg[SIFT_ANNOUNCE_MAX + 1] = {0};
	struct sift_batch in, out;
	size_t len;

	random_batch(&in, 100);
	len = sift_announce_encode(&in, msg);
	for (size_t cut = 0; cut < len; cut++)
		CU_ASSERT_EQUAL(sift_announce_decode(msg, cut, 0, &out), -EPROTO);
	CU_ASSERT_EQUAL(sift_announce_decode(msg, len + 1, 0, &out), -EPROTO);
	in.slot[50] = in.slot[49]; /* not increasing */
	len = sift_announce_encode(&in, msg);
	CU_ASSERT_EQUAL(sift_announce_decode(msg, len, 0, &out), -EPROTO);
	in.count = 0;
	len = sift_announce_encode(&in, msg);
	CU_ASSERT_EQUAL(sift_announce_decode(msg, len, 0, &out), -EPROTO);
	/* Whatever arrives, what is accepted keeps the promises of the header. */
	for (int n = 0; n < 20000; n++) {
		random_batch(&in, 1 + next_random() % 60);
		len = sift_announce_encode(&in, msg);
		for (unsigned int flips = 1 + (unsigned int)next_random() % 4; flips > 0; flips--)
			msg[next_random() % len] ^= (uint8_t)(1 + next_random() % 255);
		if (sift_announce_decode(msg, len, 77, &out) < 0)
			continue;
		CU_ASSERT(out.count > 0 && out.count <= SIFT_BATCH_MAX && out.slot[0] >= 77);
		CU_ASSERT(out.slot[out.count - 1] <= SIFT_SLOT_MAX);
		for (size_t i = 1; i < out.count; i++)
			if (out.slot[i] <= out.slot[i - 1])
				CU_FAIL("slots do not increase");
	}
}

static void test_judge(void)
{
	struct sift_batch b = {.sequence = 9, .count = 8};
	static const uint8_t what[8] = {0,      0, SIFT_DISCLOSED, SIFT_X | SIFT_DISCLOSED, SIFT_X,
	                                SIFT_X, 0, SIFT_DISCLOSED};
	static const struct choice c[8] = {
	        {0, 1, 0, 1}, /* same basis, signal: the bit stays home */
	        {1, 1, 0, 1}, /* other basis */
	        {0, 1, 1, 1}, /* disclosed, decoy */
	        {1, 1, 0, 1}, {0, 0, 0, 1}, {1, 0, 0, 0}, /* not valid */
	        {0, 1, 3, 1},                             /* vacuum */
	        {0, 0, 0, 1},
	};
	static const uint8_t verdict[8] = {SIFT_SIGNAL,    SIFT_UNMATCHED, SIFT_DECOY,
	                                   SIFT_SIGNAL,    SIFT_UNMATCHED, SIFT_STALE,
	                                   SIFT_UNMATCHED, SIFT_SIGNAL};
	static const uint8_t bit[8] = {0, 0, 1, 1, 0, 0, 0, 0};
	struct sift_reply r;

	memcpy(b.what, what, sizeof(what));
	sift_judge(&b, c, &r);
	CU_ASSERT_EQUAL(r.sequence, 9);
	CU_ASSERT_EQUAL(r.count, 8);
	CU_ASSERT_EQUAL(memcmp(r.verdict, verdict, 8), 0);
	CU_ASSERT_EQUAL(memcmp(r.bit, bit, 8), 0);
}

static void test_reply_round_trip(void)
{
	uint8_t msg[SIFT_REPLY_MAX + 1] = {0};
	struct choice c[SIFT_BATCH_MAX];
	struct sift_reply in, out;
	uint64_t sequence, block;
	struct sift_batch b;

	for (size_t count = 1; count <= SIFT_BATCH_MAX; count += count < 8 ? 1 : 21) {
		random_batch(&b, count);
		for (size_t i = 0; i < count; i++)
			c[i] = (struct choice){next_random() & 1, next_random() & 1,
			                       next_random() & 1, next_random() % 8 != 0};
		sift_judge(&b, c, &in);
		in.block = next_random();
		size_t len = sift_reply_encode(&in, b.what, msg);

		CU_ASSERT(len <= SIFT_REPLY_MAX);
		CU_ASSERT_EQUAL(sift_reply_head(msg, len, &sequence, &block), 0);
		CU_ASSERT_EQUAL(sequence, b.sequence);
		CU_ASSERT_EQUAL(block, in.block);
		CU_ASSERT_EQUAL(sift_reply_decode(msg, len, b.what, count, &out), 0);
		CU_ASSERT_EQUAL(memcmp(in.verdict, out.verdict, count), 0);
		CU_ASSERT_EQUAL(memcmp(in.bit, out.bit, count), 0);
		CU_ASSERT_EQUAL(sift_reply_decode(msg, len, b.what, count + 1, &out), -EPROTO);
		CU_ASSERT_EQUAL(sift_reply_decode(msg, len + 1, b.what, count, &out), -EPROTO);
		for (size_t cut = 0; cut < len; cut++)
			CU_ASSERT_EQUAL(sift_reply_decode(msg, cut, b.what, count, &out), -EPROTO);
	}
}

UNIT_MAIN(UNIT(test_announce_round_trip), UNIT(test_announce_is_small),
          UNIT(test_announce_malformed), UNIT(test_judge), UNIT(test_reply_round_trip))
