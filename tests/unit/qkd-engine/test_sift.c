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

/* Outcomes; all disclosed, or those in X alone. */
static void random_outcomes(struct sift_outcomes *o, size_t count, bool all)
{
	memset(o, 0, sizeof(*o));
	o->count = count;
	for (size_t i = 0; i < count; i++) {
		bits_put(o->x, i, next_random() & 1);
		bits_put(o->disclosed, i, all || get(o->x, i));
		bits_put(o->bit, i, next_random() & 1);
		bits_put(o->cross, i, next_random() % 8 == 0);
	}
}

/* Slots up to DISTANCE apart, now and then far more. */
static void random_batch(struct sift_batch *b, size_t count, uint64_t distance, bool far)
{
	uint64_t slot = next_random() % (1ULL << 50);
	size_t samples = 0;

	memset(b, 0, sizeof(*b));
	b->sequence = next_random();
	b->block = next_random();
	b->last = next_random() & 1;
	b->odd_keys = next_random() & 1;
	b->count = count;
	for (size_t i = 0; i < count; i++) {
		slot += 1 + next_random() % (far && i % 50 == 7 ? 1ULL << 40 : distance);
		b->slot[i] = slot;
		if (next_random() % 4 == 0) {
			bits_put(b->sampled, i, true);
			samples++;
		}
	}
	random_outcomes(&b->sample, samples, true);
	memset(b->sample.cross, 0, sizeof(b->sample.cross));
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
			CU_ASSERT_EQUAL(out.block, in.block);
			CU_ASSERT_EQUAL(out.last, in.last);
			CU_ASSERT_EQUAL(out.odd_keys, in.odd_keys);
			CU_ASSERT_EQUAL(out.count, count);
			CU_ASSERT_EQUAL(memcmp(out.slot, in.slot, count * sizeof(in.slot[0])), 0);
			CU_ASSERT_EQUAL(memcmp(out.sampled, in.sampled, sizeof(in.sampled)), 0);
			CU_ASSERT_EQUAL(memcmp(&out.sample, &in.sample, sizeof(in.sample)), 0);
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
		in = (struct sift_batch){.count = 3};
		memcpy(in.slot, slots[i], sizeof(slots[i]));
		size_t len = sift_announce_encode(&in, msg);

		CU_ASSERT_EQUAL(sift_announce_decode(msg, len, 0, &out), 0);
		CU_ASSERT_EQUAL(memcmp(out.slot, slots[i], sizeof(slots[i])), 0);
		/* The same distances from a later slot leave the range. */
		put_be64(msg + 20, slots[i][0] + 1);
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
		CU_ASSERT_EQUAL(get_be64(msg + 28), 1);
		put_be64(msg + 28, 0); /* then slot 50 is slot 49 again */
		CU_ASSERT_EQUAL(sift_announce_decode(msg, len, 0, &out), -EPROTO);
		put_be64(msg + 28, UINT64_MAX); /* and now the one before it */
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
	msg[17] = 4;
	CU_ASSERT_EQUAL(sift_announce_decode(msg, len, 0, &out), -EPROTO);
	msg[17] = 1;
	put_be16(msg + 18, 0);
	CU_ASSERT_EQUAL(sift_announce_decode(msg, len, 0, &out), -EPROTO);
	put_be16(msg + 18, SIFT_BATCH_MAX + 1);
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
		size_t count = out.count;

		CU_ASSERT(count > 0 && count <= SIFT_BATCH_MAX && out.slot[0] >= 77);
		CU_ASSERT(out.slot[count - 1] <= SIFT_SLOT_MAX);
		for (size_t i = 1; i < count; i++)
			if (out.slot[i] <= out.slot[i - 1])
				CU_FAIL("slots do not increase");
		size_t samples = 0;

		for (size_t i = 0; i < SIFT_BATCH_MAX; i++) {
			samples += get(out.sampled, i);
			if (i >= count && get(out.sampled, i))
				CU_FAIL("a sample that is not there");
		}
		CU_ASSERT_EQUAL(out.sample.count, samples);
		for (size_t i = 0; i < SIFT_BATCH_MAX; i++)
			if (get(out.sample.disclosed, i) != (i < samples) ||
			    (i >= samples && (get(out.sample.x, i) || get(out.sample.bit, i))) ||
			    get(out.sample.cross, i))
				CU_FAIL("what is disclosed contradicts itself");
	}
	CU_ASSERT(accepted > 1000);
}

static void test_bases(void)
{
	uint8_t msg[SIFT_BASES_MAX + 1] = {0};
	struct sift_outcomes in, out;

	for (size_t count = 1; count <= SIFT_BATCH_MAX; count += count < 8 ? 1 : 21) {
		random_outcomes(&in, count, false);
		size_t len = sift_bases_encode(&in, msg);

		CU_ASSERT(len <= SIFT_BASES_MAX);
		CU_ASSERT_EQUAL_FATAL(sift_bases_decode(msg, len, count, &out), 0);
		/* An outcome in Z does not leave. */
		for (size_t w = 0; w < SIFT_WORDS; w++) {
			in.bit[w] &= in.x[w];
			in.cross[w] &= in.x[w];
		}
		CU_ASSERT_EQUAL(memcmp(&out, &in, sizeof(in)), 0);
		CU_ASSERT_EQUAL(sift_bases_decode(msg, len + 1, count, &out), -EPROTO);
		for (size_t cut = 0; cut < len; cut++)
			CU_ASSERT_EQUAL(sift_bases_decode(msg, cut, count, &out), -EPROTO);
	}
}

static void random_choices(struct sift_choices *c, size_t count)
{
	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < count; i++) {
		bits_put(c->x, i, next_random() & 1);
		bits_put(c->bit, i, next_random() & 1);
		bits_put(c->decoy, i, next_random() & 1);
		bits_put(c->light, i, next_random() % 8 != 0);
	}
}

/* One detection at a time: what judging must come to. */
static void expect(const struct sift_outcomes *o, const struct sift_choices *c,
                   struct sift_reply *r, struct sift_gain *g)
{
	memset(r, 0, sizeof(*r));
	memset(g, 0, sizeof(*g));
	for (size_t i = 0; i < o->count; i++) {
		bool x = get(o->x, i), matched = get(c->light, i) && get(c->x, i) == x;

		g->cross[!matched] += x && get(o->cross, i);
		if (!matched)
			continue;
		bits_put(r->matched, i, true);
		if (!get(o->disclosed, i)) {
			bits_put(g->key_decoy, g->keys, get(c->decoy, i));
			bits_put(g->key, g->keys++, get(c->bit, i));
			continue;
		}
		bits_put(r->bit, g->shown, get(c->bit, i));
		bits_put(g->shown_x, g->shown, x);
		bits_put(g->shown_decoy, g->shown, get(c->decoy, i));
		bits_put(g->shown_error, g->shown++, get(o->bit, i) != get(c->bit, i));
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

/* Of a block's detections, and of a sample. */
static void test_judge_and_reply(void)
{
	uint8_t data[SIFT_BASES_MAX], msg[SIFT_REPLY_MAX + 1] = {0};
	struct sift_outcomes o, seen;
	struct sift_reply r, want_r, got;
	struct sift_gain alice, bob, want;
	struct sift_choices c;

	for (size_t n = 2; n <= 2 * SIFT_BATCH_MAX; n += n < 16 ? 1 : 43) {
		size_t count = n / 2, len;
		bool sample = n % 2;

		random_outcomes(&o, count, sample);
		random_choices(&c, count);
		if (sample)
			memset(o.cross, 0, sizeof(o.cross));
		expect(&o, &c, &want_r, &want);
		seen = o;
		if (!sample)
			CU_ASSERT_EQUAL(
			        sift_bases_decode(data, sift_bases_encode(&o, data), count, &seen),
			        0);
		sift_judge(&seen, &c, &r, &alice);
		check_gain(&alice, &want);
		CU_ASSERT(!sample || alice.keys == 0);
		CU_ASSERT(same(alice.key, want.key, want.keys));
		CU_ASSERT(same(r.matched, want_r.matched, count));
		CU_ASSERT(same(r.bit, want_r.bit, want.shown));
		len = sift_reply_encode(&r, &alice, count, msg);
		CU_ASSERT(len <= SIFT_REPLY_MAX);
		CU_ASSERT_EQUAL_FATAL(sift_reply_decode(msg, len, &o, &got, &bob), 0);
		check_gain(&bob, &want);
		CU_ASSERT(same(got.matched, r.matched, count));
		/* His key bits are his own outcomes of those that matched. */
		for (size_t i = 0, k = 0; i < count; i++)
			if (get(r.matched, i) && !get(o.disclosed, i))
				CU_ASSERT_EQUAL(get(bob.key, k++), get(o.bit, i));
		CU_ASSERT_EQUAL(sift_reply_decode(msg, len + 1, &o, &got, &bob), -EPROTO);
		for (size_t cut = 0; cut < len; cut++)
			CU_ASSERT_EQUAL(sift_reply_decode(msg, cut, &o, &got, &bob), -EPROTO);
	}
}

/*
 * Nothing is chosen by bits or errors: with any outcomes of Bob and any bits of Alice the same
 * detections become key, or are shown, and as many octets are sent.
 */
static void test_bits_choose_nothing(void)
{
	uint8_t msg[SIFT_BASES_MAX + SIFT_REPLY_MAX];
	struct sift_outcomes o;
	struct sift_choices c;
	struct sift_reply r[2];
	struct sift_gain g[2];
	size_t announced[2], replied[2];

	for (int run = 0; run < 50; run++) {
		random_outcomes(&o, 1 + next_random() % SIFT_BATCH_MAX, false);
		random_choices(&c, o.count);
		for (int i = 0; i < 2; i++) {
			for (size_t k = 0; k < o.count; k++) {
				bits_put(o.bit, k, next_random() & 1);
				bits_put(c.bit, k, next_random() & 1);
			}
			announced[i] = sift_bases_encode(&o, msg);
			sift_judge(&o, &c, &r[i], &g[i]);
			replied[i] = sift_reply_encode(&r[i], &g[i], o.count, msg);
		}
		CU_ASSERT_EQUAL(announced[0], announced[1]);
		CU_ASSERT_EQUAL(replied[0], replied[1]);
		CU_ASSERT(same(r[0].matched, r[1].matched, o.count));
		CU_ASSERT_EQUAL(g[0].keys, g[1].keys);
		CU_ASSERT_EQUAL(g[0].shown, g[1].shown);
		CU_ASSERT(same(g[0].key_decoy, g[1].key_decoy, g[0].keys));
		CU_ASSERT(same(g[0].shown_x, g[1].shown_x, g[0].shown));
		CU_ASSERT(same(g[0].shown_decoy, g[1].shown_decoy, g[0].shown));
	}
}

/* The reply to a sample; more stale slots than did not match are a lie. */
static void test_sample_reply(void)
{
	uint8_t msg[SIFT_REPLY_MAX + 1] = {0};
	struct sift_outcomes o;
	struct sift_choices c;
	struct sift_reply r, got;
	struct sift_gain g, bob;
	unsigned int stale;
	uint64_t sequence;

	for (size_t count = 0; count <= 40; count++) {
		size_t len;

		random_outcomes(&o, count, true);
		memset(o.cross, 0, sizeof(o.cross));
		random_choices(&c, count);
		sift_judge(&o, &c, &r, &g);
		len = sift_sample_encode(count + 7, 3, &r, &g, count, msg);
		CU_ASSERT_EQUAL(sift_sample_head(msg, len, &sequence), 0);
		CU_ASSERT_EQUAL(sequence, count + 7);
		CU_ASSERT_EQUAL(sift_sample_decode(msg, len, 50, &o, &stale, &got, &bob), 0);
		CU_ASSERT_EQUAL(stale, 3);
		check_gain(&bob, &g);
		put_be16(msg + 9, (uint16_t)(50 - g.shown));
		CU_ASSERT_EQUAL(sift_sample_decode(msg, len, 50, &o, &stale, &got, &bob), 0);
		put_be16(msg + 9, (uint16_t)(51 - g.shown));
		CU_ASSERT_EQUAL(sift_sample_decode(msg, len, 50, &o, &stale, &got, &bob), -EPROTO);
		put_be16(msg + 9, 0);
		CU_ASSERT_EQUAL(sift_sample_decode(msg, len + 1, 50, &o, &stale, &got, &bob),
		                -EPROTO);
		for (size_t cut = 0; cut < len; cut++)
			CU_ASSERT_EQUAL(sift_sample_decode(msg, cut, 50, &o, &stale, &got, &bob),
			                -EPROTO);
	}
}

UNIT_MAIN(UNIT(test_announce_round_trip), UNIT(test_announce_extremes),
          UNIT(test_announce_is_small), UNIT(test_announce_strictly_increasing),
          UNIT(test_announce_malformed), UNIT(test_bases), UNIT(test_judge_and_reply),
          UNIT(test_bits_choose_nothing), UNIT(test_sample_reply))
