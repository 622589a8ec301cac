/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <string.h>

#include "common/bytes.h"
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

static bool get(const uint64_t *w, size_t i)
{
	return bits_get(w, i);
}

/* Slots up to DISTANCE apart, now and then far more. */
static void random_batch(struct sift_batch *b, size_t count, uint64_t distance, bool far)
{
	uint64_t slot = next_random() % (1ULL << 50);
	struct sift_outcomes *o = &b->outcomes;

	memset(b, 0, sizeof(*b));
	b->sequence = next_random();
	o->count = count;
	for (size_t i = 0; i < count; i++) {
		slot += 1 + next_random() % (far && i % 50 == 7 ? 1ULL << 40 : distance);
		b->slot[i] = slot;
		bits_put(o->x, i, next_random() & 1);
		bits_put(o->disclosed, i, get(o->x, i) || next_random() % 4 == 0);
		bits_put(o->bit, i, next_random() & 1);
		bits_put(o->cross, i, next_random() % 8 == 0);
	}
}

static void test_announce_round_trip(void)
{
	uint8_t msg[SIFT_ANNOUNCE_MAX];
	struct sift_batch in, out;
	int tested = 0;

	for (unsigned int log2 = 0; log2 < 44; log2++) {
		for (size_t count = 1; count <= SIFT_BATCH_MAX; count += count < 8 ? 1 : 63) {
			random_batch(&in, count, 1ULL << log2, log2 % 7 == 3);
			size_t len = sift_announce_encode(&in, msg);

			CU_ASSERT(len <= sizeof(msg));
			memset(&out, 0xff, sizeof(out));
			CU_ASSERT_EQUAL_FATAL(sift_announce_decode(msg, len, in.slot[0], &out), 0);
			CU_ASSERT_EQUAL(out.sequence, in.sequence);
			CU_ASSERT_EQUAL(out.outcomes.count, count);
			CU_ASSERT_EQUAL(memcmp(out.slot, in.slot, count * sizeof(in.slot[0])), 0);
			/* An outcome that is not disclosed does not leave. */
			for (size_t w = 0; w < SIFT_WORDS; w++) {
				in.outcomes.bit[w] &= in.outcomes.disclosed[w];
				in.outcomes.cross[w] &= in.outcomes.x[w];
			}
			CU_ASSERT_EQUAL(memcmp(&out.outcomes, &in.outcomes, sizeof(in.outcomes)),
			                0);
			CU_ASSERT_EQUAL(sift_announce_decode(msg, len, in.slot[0] + 1, &out),
			                -EPROTO);
			tested++;
		}
	}
	CU_ASSERT(tested > 600);
}

/* The widest that may be: from 0 to the last slot there is. */
static void test_announce_extremes(void)
{
	static const uint64_t slots[][3] = {{0, 1, SIFT_SLOT_MAX},
	                                    {0, SIFT_SLOT_MAX - 1, SIFT_SLOT_MAX},
	                                    {SIFT_SLOT_MAX - 2, SIFT_SLOT_MAX - 1, SIFT_SLOT_MAX}};
	uint8_t msg[SIFT_ANNOUNCE_MAX];
	struct sift_batch in, out;

	for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
		in = (struct sift_batch){.outcomes = {.count = 3}};
		memcpy(in.slot, slots[i], sizeof(slots[i]));
		size_t len = sift_announce_encode(&in, msg);

		CU_ASSERT_EQUAL(sift_announce_decode(msg, len, 0, &out), 0);
		CU_ASSERT_EQUAL(memcmp(out.slot, slots[i], sizeof(slots[i])), 0);
		/* The same distances from a later slot leave the range. */
		put_be64(msg + 11, slots[i][0] + 1);
		CU_ASSERT_EQUAL(sift_announce_decode(msg, len, 0, &out), -EPROTO);
	}
}

/* Less than two octets a detection at the demo's rate. */
static void test_announce_is_small(void)
{
	uint8_t msg[SIFT_ANNOUNCE_MAX];
	struct sift_batch b;

	random_batch(&b, SIFT_BATCH_MAX, 2048, false);
	CU_ASSERT(sift_announce_encode(&b, msg) <= 2 * SIFT_BATCH_MAX);
}

/* A slot twice, or an earlier one after a later one, is no announcement. */
static void test_announce_strictly_increasing(void)
{
	uint8_t msg[SIFT_ANNOUNCE_MAX];
	struct sift_batch in, out;
	size_t len;

	for (unsigned int width = 1; width <= 20; width++) {
		random_batch(&in, 100, 1ULL << width, false);
		in.slot[50] = in.slot[49] + 1; /* the least distance: 1 */
		for (size_t i = 51; i < 100; i++)
			in.slot[i] = in.slot[i - 1] + 1 + next_random() % (1ULL << width);
		len = sift_announce_encode(&in, msg);
		CU_ASSERT_EQUAL(sift_announce_decode(msg, len, 0, &out), 0);
		CU_ASSERT_EQUAL(get_be64(msg + 19), 1);
		put_be64(msg + 19, 0); /* then slot 50 is slot 49 again */
		CU_ASSERT_EQUAL(sift_announce_decode(msg, len, 0, &out), -EPROTO);
		put_be64(msg + 19, UINT64_MAX); /* and now the one before it */
		CU_ASSERT_EQUAL(sift_announce_decode(msg, len, 0, &out), -EPROTO);
	}
}

static void test_announce_malformed(void)
{
	uint8_t msg[SIFT_ANNOUNCE_MAX + 1] = {0};
	struct sift_batch in, out;
	size_t len, accepted = 0;

	random_batch(&in, 100, 3000, true);
	len = sift_announce_encode(&in, msg);
	for (size_t cut = 0; cut < len; cut++)
		CU_ASSERT_EQUAL(sift_announce_decode(msg, cut, 0, &out), -EPROTO);
	CU_ASSERT_EQUAL(sift_announce_decode(msg, len + 1, 0, &out), -EPROTO);
	in.outcomes.count = 0;
	put_be16(msg + 9, 0);
	CU_ASSERT_EQUAL(sift_announce_decode(msg, len, 0, &out), -EPROTO);
	put_be16(msg + 9, SIFT_BATCH_MAX + 1);
	CU_ASSERT_EQUAL(sift_announce_decode(msg, len, 0, &out), -EPROTO);
	/* Whatever arrives, what is accepted keeps the promises of the header. */
	for (int n = 0; n < 20000; n++) {
		random_batch(&in, 1 + next_random() % 60, 3000, n % 2 == 0);
		len = sift_announce_encode(&in, msg);
		for (unsigned int flips = 1 + (unsigned int)next_random() % 4; flips > 0; flips--)
			msg[next_random() % len] ^= (uint8_t)(1 + next_random() % 255);
		if (sift_announce_decode(msg, len, 77, &out) < 0)
			continue;
		accepted++;
		size_t count = out.outcomes.count;

		CU_ASSERT(count > 0 && count <= SIFT_BATCH_MAX && out.slot[0] >= 77);
		CU_ASSERT(out.slot[count - 1] <= SIFT_SLOT_MAX);
		for (size_t i = 1; i < count; i++)
			if (out.slot[i] <= out.slot[i - 1])
				CU_FAIL("slots do not increase");
		for (size_t w = 0; w < SIFT_WORDS; w++)
			if ((out.outcomes.x[w] & ~out.outcomes.disclosed[w]) != 0 ||
			    (out.outcomes.bit[w] & ~out.outcomes.disclosed[w]) != 0 ||
			    (out.outcomes.cross[w] & ~out.outcomes.x[w]) != 0)
				CU_FAIL("what is disclosed contradicts itself");
	}
	CU_ASSERT(accepted > 1000);
}

static void random_choices(struct choice *c, size_t count)
{
	for (size_t i = 0; i < count; i++)
		c[i] = (struct choice){next_random() & 1, next_random() & 1,
		                       next_random() % 32 == 0 ? 3 : next_random() & 1,
		                       next_random() % 8 != 0};
}

/* One detection at a time: what judging must come to. */
static void expect(const struct sift_batch *b, const struct choice *c, struct sift_reply *r,
                   struct sift_gain *g)
{
	memset(r, 0, sizeof(*r));
	memset(g, 0, sizeof(*g));
	r->sequence = b->sequence;
	for (size_t i = 0; i < b->outcomes.count; i++) {
		bool x = get(b->outcomes.x, i), bob = get(b->outcomes.bit, i);

		bool matched = c[i].valid && c[i].intensity <= 1 && c[i].basis == x;

		r->stale += !c[i].valid;
		g->cross[!matched] += x && get(b->outcomes.cross, i);
		if (!matched)
			continue;
		bits_put(r->matched, i, true);
		if (!get(b->outcomes.disclosed, i)) {
			bits_put(g->key_decoy, g->keys, c[i].intensity);
			bits_put(g->key, g->keys++, c[i].bit);
			continue;
		}
		bits_put(r->bit, g->shown, c[i].bit);
		bits_put(g->shown_x, g->shown, x);
		bits_put(g->shown_decoy, g->shown, c[i].intensity);
		bits_put(g->shown_error, g->shown++, bob != c[i].bit);
	}
}

static bool same(const uint64_t *a, const uint64_t *b, size_t bits)
{
	for (size_t i = 0; i < bits; i++)
		if (get(a, i) != get(b, i))
			return false;
	return true;
}

static void check_gain(const struct sift_gain *g, const struct sift_gain *want)
{
	CU_ASSERT_EQUAL_FATAL(g->keys, want->keys);
	CU_ASSERT_EQUAL_FATAL(g->shown, want->shown);
	CU_ASSERT_EQUAL(g->cross[0], want->cross[0]);
	CU_ASSERT_EQUAL(g->cross[1], want->cross[1]);
	CU_ASSERT(same(g->key_decoy, want->key_decoy, g->keys));
	CU_ASSERT(same(g->shown_x, want->shown_x, g->shown));
	CU_ASSERT(same(g->shown_decoy, want->shown_decoy, g->shown));
	CU_ASSERT(same(g->shown_error, want->shown_error, g->shown));
}

static void test_judge_and_reply(void)
{
	uint8_t announcement[SIFT_ANNOUNCE_MAX], msg[SIFT_REPLY_MAX + 1] = {0};
	struct choice c[SIFT_BATCH_MAX];
	struct sift_gain alice, bob, want;
	struct sift_reply r, want_r, got;
	struct sift_batch b, seen;
	uint64_t sequence, block;

	for (size_t count = 1; count <= SIFT_BATCH_MAX; count += count < 8 ? 1 : 21) {
		random_batch(&b, count, 1000, false);
		random_choices(c, count);
		size_t len = sift_announce_encode(&b, announcement);

		CU_ASSERT_EQUAL(sift_announce_decode(announcement, len, 0, &seen), 0);
		expect(&b, c, &want_r, &want);
		sift_judge(&seen, c, &r, &alice);
		check_gain(&alice, &want);
		CU_ASSERT(same(alice.key, want.key, want.keys));
		CU_ASSERT(same(r.matched, want_r.matched, count));
		CU_ASSERT(same(r.bit, want_r.bit, want.shown));
		CU_ASSERT_EQUAL(r.stale, want_r.stale);
		r.block = next_random();
		len = sift_reply_encode(&r, &alice, count, msg);
		CU_ASSERT(len <= SIFT_REPLY_MAX);
		CU_ASSERT_EQUAL(sift_reply_head(msg, len, &sequence, &block), 0);
		CU_ASSERT_EQUAL(sequence, b.sequence);
		CU_ASSERT_EQUAL(block, r.block);
		CU_ASSERT_EQUAL_FATAL(sift_reply_decode(msg, len, &b.outcomes, &got, &bob), 0);
		check_gain(&bob, &want);
		CU_ASSERT_EQUAL(got.stale, r.stale);
		CU_ASSERT(same(got.matched, r.matched, count));
		/* His key bits are his own outcomes of those that matched. */
		for (size_t i = 0, k = 0; i < count; i++)
			if (get(r.matched, i) && !get(b.outcomes.disclosed, i))
				CU_ASSERT_EQUAL(get(bob.key, k++), get(b.outcomes.bit, i));
		CU_ASSERT_EQUAL(sift_reply_decode(msg, len + 1, &b.outcomes, &got, &bob), -EPROTO);
		for (size_t cut = 0; cut < len; cut++)
			CU_ASSERT_EQUAL(sift_reply_decode(msg, cut, &b.outcomes, &got, &bob),
			                -EPROTO);
		b.outcomes.count = count < SIFT_BATCH_MAX ? count + 1 : count - 1;
		CU_ASSERT_EQUAL(sift_reply_decode(msg, len, &b.outcomes, &got, &bob), -EPROTO);
	}
}

/*
 * Nothing is chosen by bits or errors: with any outcomes of Bob and any bits of Alice the same
 * detections become key, or are shown, and as many octets are sent.
 */
static void test_bits_choose_nothing(void)
{
	uint8_t msg[SIFT_ANNOUNCE_MAX];
	struct choice c[SIFT_BATCH_MAX];
	struct sift_reply r[2];
	struct sift_gain g[2];
	struct sift_batch b;
	size_t announced[2], replied[2];

	for (int run = 0; run < 50; run++) {
		random_batch(&b, 1 + next_random() % SIFT_BATCH_MAX, 1000, false);
		random_choices(c, b.outcomes.count);
		for (int i = 0; i < 2; i++) {
			for (size_t k = 0; k < b.outcomes.count; k++) {
				bits_put(b.outcomes.bit, k, next_random() & 1);
				c[k].bit = next_random() & 1;
			}
			announced[i] = sift_announce_encode(&b, msg);
			sift_judge(&b, c, &r[i], &g[i]);
			replied[i] = sift_reply_encode(&r[i], &g[i], b.outcomes.count, msg);
		}
		CU_ASSERT_EQUAL(announced[0], announced[1]);
		CU_ASSERT_EQUAL(replied[0], replied[1]);
		CU_ASSERT(same(r[0].matched, r[1].matched, b.outcomes.count));
		CU_ASSERT_EQUAL(g[0].keys, g[1].keys);
		CU_ASSERT_EQUAL(g[0].shown, g[1].shown);
		CU_ASSERT(same(g[0].key_decoy, g[1].key_decoy, g[0].keys));
		CU_ASSERT(same(g[0].shown_x, g[1].shown_x, g[0].shown));
		CU_ASSERT(same(g[0].shown_decoy, g[1].shown_decoy, g[0].shown));
	}
}

/* More stale slots than did not match are a lie. */
static void test_reply_stale(void)
{
	struct sift_batch b;
	struct choice c[100];
	uint8_t msg[SIFT_REPLY_MAX];
	struct sift_reply r;
	struct sift_gain g;
	size_t len;

	random_batch(&b, 100, 1000, false);
	random_choices(c, 100);
	sift_judge(&b, c, &r, &g);
	len = sift_reply_encode(&r, &g, 100, msg);
	put_be16(msg + 19, (uint16_t)(100 - g.keys - g.shown));
	CU_ASSERT_EQUAL(sift_reply_decode(msg, len, &b.outcomes, &r, &g), 0);
	put_be16(msg + 19, (uint16_t)(101 - g.keys - g.shown));
	CU_ASSERT_EQUAL(sift_reply_decode(msg, len, &b.outcomes, &r, &g), -EPROTO);
}

UNIT_MAIN(UNIT(test_announce_round_trip), UNIT(test_announce_extremes),
          UNIT(test_announce_is_small), UNIT(test_announce_strictly_increasing),
          UNIT(test_announce_malformed), UNIT(test_judge_and_reply), UNIT(test_bits_choose_nothing),
          UNIT(test_reply_stale))
