/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What may and what may not be left out of key and estimate: both engines with what Bob
 * announces changed on its way (the linker wraps channel_receive()), and with gaps.
 */

#include "qkd-engine/engine_state.h"
#include "qkd-engine/messages.h"
#include "qkd-engine/sift.h"
#include "tests/unit/qkd-engine/engine_rig.h"
#include "tests/unit/unit.h"

#define BLOCK_BITS 120000

const uint8_t *__real_channel_receive(struct channel *ch, enum channel_stream stream, size_t *len);
const uint8_t *__wrap_channel_receive(struct channel *ch, enum channel_stream stream, size_t *len);

static const struct lossy_config good = {.delay_ns = NS_PER_MS};

/* What becomes of one announcement. */
static enum { AS_IT_IS, SLOT_TWICE, SLOT_BEFORE, BATCH_TWICE, BATCH_BEFORE, OTHER_KEYS } forge;
static struct {
	uint8_t msg[SIFT_ANNOUNCE_MAX];
	size_t len;
	uint64_t first, last; /* slots of the announcement before */
	unsigned int done;
} tape;

static void change(uint8_t *msg, size_t *len)
{
	static struct sift_batch b;

	if (sift_announce_decode(msg, *len, 0, &b) < 0 || b.count < 3)
		return;
	if (forge == SLOT_TWICE || forge == SLOT_BEFORE) {
		/* The least distance is 1; one below it, and the second slot is the first again. */
		b.slot[1] = b.slot[0] + 1;
		if (b.slot[2] > b.slot[1] + 1) {
			*len = sift_announce_encode(&b, msg);
			put_be64(msg + 28, forge == SLOT_TWICE ? 0 : UINT64_MAX);
			tape.done++;
		}
	} else if (forge == BATCH_TWICE && tape.len > 0) {
		memcpy(msg, tape.msg, tape.len);
		*len = tape.len;
		tape.done++;
	} else if (forge == OTHER_KEYS) {
		msg[17] ^= 2;
		tape.done++;
	} else if (forge == BATCH_BEFORE && tape.last > b.slot[0] - 1000000) {
		/* The last slot of the batch before once more, as the first of this one. */
		b.slot[0] = tape.last;
		*len = sift_announce_encode(&b, msg);
		tape.done++;
	}
}

/* Which detections are sampled: where in their interval, one in each. */
static struct {
	uint32_t interval;
	uint64_t n;             /* seen */
	unsigned int at[64];    /* samples by place in their interval */
	unsigned int here, bad; /* samples in this interval; intervals with other than one */
} sample;

static void watch_sample(const struct sift_batch *b)
{
	for (size_t i = 0; i < b->count && sample.interval > 0; i++) {
		if (bits_get(b->sampled, i)) {
			sample.at[sample.n % sample.interval]++;
			sample.here++;
		}
		if (++sample.n % sample.interval == 0) {
			sample.bad += sample.here != 1;
			sample.here = 0;
		}
	}
}

const uint8_t *__wrap_channel_receive(struct channel *ch, enum channel_stream stream, size_t *len)
{
	const uint8_t *msg = __real_channel_receive(ch, stream, len);
	static uint8_t copy[2 * SIFT_ANNOUNCE_MAX];
	static struct sift_batch b;

	if (msg == NULL || *len == 0 || *len > SIFT_ANNOUNCE_MAX || msg[0] != MESSAGE_ANNOUNCE)
		return msg;
	memcpy(copy, msg, *len);
	if (forge != AS_IT_IS && tape.done == 0)
		change(copy, len);
	if (sift_announce_decode(msg, *len, 0, &b) == 0) {
		memcpy(tape.msg, msg, *len);
		tape.len = *len;
		tape.last = b.slot[b.count - 1];
		watch_sample(&b);
	}
	return copy;
}

/* Slots strictly increase, each once: what breaks that voids the blocks under way. */
static void violation(int how)
{
	static struct rig r;
	struct engine_stats before, a;
	unsigned int blocks;

	memset(&tape, 0, sizeof(tape));
	forge = AS_IT_IS;
	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 11 + (uint64_t)how));
	CU_ASSERT_TRUE(rig_run_blocks(&r, 1, 5 * NS_PER_S));
	engine_stats_read(r.a.engine, &before);
	CU_ASSERT_EQUAL(before.protocol_errors, 0);
	forge = how;
	rig_run(&r, NS_PER_S / 5);
	CU_ASSERT_EQUAL(tape.done, 1);
	engine_stats_read(r.a.engine, &a);
	CU_ASSERT(a.protocol_errors >= 1);
	CU_ASSERT(a.blocks_aborted > before.blocks_aborted);
	forge = AS_IT_IS;
	blocks = r.a.block_count;
	CU_ASSERT_TRUE(rig_run_blocks(&r, blocks + 2, 30 * NS_PER_S));
	CU_ASSERT(rig_common_blocks(&r) >= (int)blocks + 1);
	rig_fini(&r);
}

static void test_slots_strictly_increase(void)
{
	for (int how = SLOT_TWICE; how <= OTHER_KEYS; how++)
		violation(how);
}

/*
 * One Z detection of each interval, across batches of any length, and at each place as often: chi
 * square of 31 degrees exceeds 100 once in 10^9 times.
 */
static void test_sample_is_random(void)
{
	static struct rig r;
	double chi = 0, expected;

	forge = AS_IT_IS;
	memset(&sample, 0, sizeof(sample));
	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 9));
	sample.interval = r.config_b.sample_interval;
	CU_ASSERT_EQUAL_FATAL(sample.interval, 32);
	CU_ASSERT_TRUE(rig_run_blocks(&r, 2, 10 * NS_PER_S));
	CU_ASSERT_EQUAL(sample.bad, 0);
	CU_ASSERT(sample.n > 200000);
	expected = (double)(sample.n / sample.interval) / sample.interval;
	for (unsigned int i = 0; i < sample.interval; i++)
		chi += (sample.at[i] - expected) * (sample.at[i] - expected) / expected;
	CU_ASSERT(chi < 100 && chi > 1);
	sample.interval = 0;
	rig_fini(&r);
}

/*
 * A gap takes out what is not announced yet and all that comes with a slot in it, whatever it
 * shows: Alice is asked for none of these slots, so they are neither key nor estimate.
 */
static void test_gap_leaves_key_and_estimate(void)
{
	static struct rig r;
	struct engine_stats before, b;
	uint64_t first, last;
	unsigned int asked = 0;
	const struct bob *bob;

	forge = AS_IT_IS;
	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 5));
	CU_ASSERT_TRUE(rig_run_blocks(&r, 1, 5 * NS_PER_S));
	bob = &r.b.engine->bob;
	/* In Bob's slots: what he has not announced yet, and 1 ms of what he will be given. */
	while (bob->pending->outcomes.count < 100)
		rig_step(&r);
	engine_stats_read(r.b.engine, &before);
	first = bob->pending->batch.slot[0] - (uint64_t)bob->offset;
	last = r.wire.now_ns + r.offset_b + NS_PER_MS;
	engine_gap(r.b.engine, first, last);
	engine_stats_read(r.b.engine, &b);
	CU_ASSERT_EQUAL(b.gaps, before.gaps + 1);
	CU_ASSERT(b.dropped >= before.dropped + 100);
	for (int i = 0; i < 100; i++) {
		/* Lookups are answered in the next step: read them here. */
		rig_step(&r);
		for (unsigned int k = 0; k < r.lookup_count; k++)
			for (size_t s = 0; s < r.lookups[k].n; s++) {
				uint64_t slot = r.lookups[k].slot[s] + r.flight_ns - r.offset_a +
				                r.offset_b;

				if (slot >= first && slot <= last)
					CU_FAIL("a slot of the gap was looked up");
				asked++;
			}
	}
	CU_ASSERT(asked > 5000);
	engine_stats_read(r.b.engine, &b);
	/* About one click in 1080 ns. */
	CU_ASSERT(b.dropped - before.dropped > 700);
	CU_ASSERT(b.dropped - before.dropped < 2000);
	CU_ASSERT_TRUE(rig_run_blocks(&r, 4, 10 * NS_PER_S));
	CU_ASSERT(rig_common_blocks(&r) >= 4);
	CU_ASSERT_EQUAL(b.blocks_aborted, 0);
	rig_fini(&r);
}

UNIT_MAIN(UNIT(test_slots_strictly_increase), UNIT(test_sample_is_random),
          UNIT(test_gap_leaves_key_and_estimate))
