/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What Bob says, in the order in which he says it: no basis before the last detection of its block,
 * blocks that end whatever the bases are, alarms from the sample alone. The linker wraps
 * channel_receive(), so that what arrives can be read and changed; engine_detections(), so that
 * the same light can be measured in other bases; random_bytes(), so that samples repeat.
 */

#include "qkd-engine/engine_state.h"
#include "qkd-engine/messages.h"
#include "qkd-engine/sift.h"
#include "tests/unit/qkd-engine/engine_rig.h"
#include "tests/unit/unit.h"

#define BLOCK_BITS    60000
#define ANNOUNCEMENTS 4096
#define BLOCKS        64

const uint8_t *__real_channel_receive(struct channel *ch, enum channel_stream stream, size_t *len);
const uint8_t *__wrap_channel_receive(struct channel *ch, enum channel_stream stream, size_t *len);
void __real_engine_detections(struct engine *e, const struct detection *d, size_t n,
                              uint64_t now_ns);
void __wrap_engine_detections(struct engine *e, const struct detection *d, size_t n,
                              uint64_t now_ns);
void __real_random_bytes(void *buf, size_t n);
void __wrap_random_bytes(void *buf, size_t n);

static const struct lossy_config good = {.delay_ns = NS_PER_MS};

/* Of an announcement, without what the sample shows. */
struct edge {
	uint64_t block, first_slot, last_slot, hash;
	bool last;
};

static struct {
	struct rig rig;
	uint64_t bases;  /* seed of Bob's bases and bits; 0: the rig's */
	uint64_t random; /* state of random_bytes(); 0: the real ones */
	enum { AS_IT_IS, NEVER_LAST, NO_BASES, BASES_AGAIN, BASES_ASKEW, BASES_SHORT } forge;
	unsigned int forged;
	struct edge edge[ANNOUNCEMENTS];
	size_t edges, last_edges;
	/* by block */
	uint64_t detections[BLOCKS], sampled[BLOCKS], based[BLOCKS];
	bool ended[BLOCKS];
	unsigned int bases_seen, early, shown_unsampled;
} run;

void __wrap_random_bytes(void *buf, size_t n)
{
	if (run.random == 0)
		__real_random_bytes(buf, n);
	else if (n == sizeof(((struct bob *)NULL)->sample_pool))
		lossy_fill(&run.random, buf, n);
	else
		memset(buf, 0x5a, n);
}

/* The same slots; a basis of another throw of the dice, and in it what the light shows. */
void __wrap_engine_detections(struct engine *e, const struct detection *d, size_t n,
                              uint64_t now_ns)
{
	const struct rig *r = &run.rig;
	struct detection other[512];

	for (size_t i = 0; i < n && run.bases != 0; i++) {
		uint64_t h = rig_mix(run.bases, d[i].slot);
		struct choice c = rig_choice(r->light_seed,
		                             d[i].slot - r->offset_b - r->flight_ns + r->offset_a);

		other[i] = d[i];
		other[i].basis = (h & 0xff) >= 154;
		other[i].bit = other[i].basis == c.basis ? c.bit : h >> 8 & 1;
	}
	__real_engine_detections(e, run.bases != 0 ? other : d, n, now_ns);
}

static uint64_t hash_of(const uint8_t *p, size_t n)
{
	uint64_t h = 14695981039346656037ULL;

	while (n-- > 0)
		h = (h ^ *p++) * 1099511628211ULL;
	return h;
}

static void see_announcement(const uint8_t *msg, size_t len)
{
	static struct sift_batch b;
	size_t shown;

	if (sift_announce_decode(msg, len, 0, &b) < 0 || b.block >= BLOCKS)
		return;
	/* Basis and outcome of the sampled ones are the message's end, and nothing else is in it.
	 */
	shown = 2 * ((b.sample.count + 7) / 8);
	run.detections[b.block] += b.count;
	run.sampled[b.block] += b.sample.count;
	run.early += run.ended[b.block] || run.based[b.block] > 0;
	run.ended[b.block] = b.last;
	run.last_edges += b.last;
	if (run.edges < ANNOUNCEMENTS)
		run.edge[run.edges++] = (struct edge){.block = b.block,
		                                      .first_slot = b.slot[0],
		                                      .last_slot = b.slot[b.count - 1],
		                                      .hash = hash_of(msg, len - shown),
		                                      .last = b.last};
}

static void see_bases(const struct message *m)
{
	struct sift_outcomes o;
	uint64_t left;

	if (m->block >= BLOCKS)
		return;
	left = run.detections[m->block] - run.sampled[m->block] - run.based[m->block];
	run.bases_seen++;
	run.early += !run.ended[m->block];
	if (sift_bases_decode(m->sift.data, m->sift.len,
	                      left < SIFT_BATCH_MAX ? (size_t)left : SIFT_BATCH_MAX, &o) == 0)
		run.based[m->block] += o.count;
}

/* What arrives instead; NULL: nothing. */
static const uint8_t *change(const uint8_t *msg, size_t *len)
{
	static uint8_t copy[SIFT_ANNOUNCE_MAX], before[SIFT_ANNOUNCE_MAX];
	static size_t before_len;
	size_t n = *len;

	if (n > sizeof(copy))
		return msg;
	memcpy(copy, msg, n);
	if (run.forge == NEVER_LAST && msg[0] == MESSAGE_ANNOUNCE) {
		run.forged += copy[17];
		copy[17] = 0;
	}
	if (msg[0] == MESSAGE_BASES && run.forge >= NO_BASES && run.forged == 0) {
		if (run.forge == NO_BASES)
			return NULL;
		run.forged = run.forge != BASES_AGAIN || before_len > 0;
		if (run.forge == BASES_AGAIN && run.forged) {
			memcpy(copy, before, before_len);
			*len = before_len;
		} else if (run.forge == BASES_ASKEW) {
			put_be32(copy + 9, get_be32(copy + 9) + 64);
		} else if (run.forge == BASES_SHORT) {
			*len = n - 1;
		}
	}
	before_len = msg[0] == MESSAGE_BASES ? n : 0;
	memcpy(before, msg, n);
	return copy;
}

const uint8_t *__wrap_channel_receive(struct channel *ch, enum channel_stream stream, size_t *len)
{
	struct message m;

	for (;;) {
		const uint8_t *msg = __real_channel_receive(ch, stream, len);

		if (msg == NULL || *len == 0)
			return msg;
		if (msg[0] == MESSAGE_ANNOUNCE)
			see_announcement(msg, *len);
		if (msg[0] == MESSAGE_BASES && message_decode(msg, *len, &m) == 0)
			see_bases(&m);
		msg = change(msg, len);
		if (msg != NULL)
			return msg;
	}
}

static bool begin(uint32_t block_bits, uint64_t seed)
{
	memset(&run, 0, sizeof(run));
	return rig_init(&run.rig, block_bits, &good, seed);
}

/* All that Bob says, in order: the bases of a block come when its last detection is announced. */
static void test_bases_come_last(void)
{
	unsigned int whole = 0;

	CU_ASSERT_TRUE_FATAL(begin(BLOCK_BITS, 1));
	CU_ASSERT_TRUE(rig_run_blocks(&run.rig, 4, 5 * NS_PER_S));
	CU_ASSERT_EQUAL(run.early, 0);
	CU_ASSERT(run.bases_seen > 4 * 300);
	for (unsigned int i = 0; i < BLOCKS; i++) {
		uint64_t rest = run.detections[i] - run.sampled[i];

		/* Of all but the sampled ones, one in each interval. */
		CU_ASSERT(run.based[i] == 0 || run.ended[i]);
		CU_ASSERT(run.based[i] <= rest);
		if (!run.ended[i])
			continue;
		whole += run.based[i] == rest;
		CU_ASSERT(rest >= run.rig.b.engine->block_detections);
		CU_ASSERT(rest < run.rig.b.engine->block_detections + SIFT_BATCH_MAX);
		CU_ASSERT_DOUBLE_EQUAL((double)run.sampled[i], (double)run.detections[i] / 32, 2);
	}
	CU_ASSERT(whole >= 4);
	rig_fini(&run.rig);
}

/* The same clicks, measured in other bases: the same announcements but for the sample's outcomes.
 */
static void test_bases_decide_nothing(void)
{
	static struct edge first[ANNOUNCEMENTS];
	size_t n = 0, edges = 0;
	uint64_t sifted[2];

	for (unsigned int i = 0; i < 2; i++) {
		struct engine_stats s;

		CU_ASSERT_TRUE_FATAL(begin(BLOCK_BITS, 3));
		run.random = 17;
		run.bases = 100 + 7 * i;
		run.rig.b.random_dry = true;
		rig_run(&run.rig, NS_PER_S);
		engine_stats_read(run.rig.b.engine, &s);
		CU_ASSERT_EQUAL(s.dropped + s.protocol_errors + s.realignments, 0);
		sifted[i] = s.sifted_z;
		if (i == 0) {
			n = run.edges;
			edges = run.last_edges;
			memcpy(first, run.edge, sizeof(first));
		}
		rig_fini(&run.rig);
	}
	CU_ASSERT(edges >= 4);
	CU_ASSERT(sifted[0] > 4 * BLOCK_BITS * 9 / 10);
	CU_ASSERT_NOT_EQUAL(sifted[0], sifted[1]);
	CU_ASSERT_EQUAL(run.edges, n);
	CU_ASSERT_EQUAL(run.last_edges, edges);
	for (size_t i = 0; i < n; i++) {
		CU_ASSERT_EQUAL(run.edge[i].block, first[i].block);
		CU_ASSERT_EQUAL(run.edge[i].last, first[i].last);
		CU_ASSERT_EQUAL(run.edge[i].first_slot, first[i].first_slot);
		CU_ASSERT_EQUAL(run.edge[i].last_slot, first[i].last_slot);
		CU_ASSERT_EQUAL(run.edge[i].hash, first[i].hash);
	}
}

/* Of blocks that do not end for long: the sample alone raises the alarm, and soon. */
static void test_alarm_from_the_sample(void)
{
	struct rig *r = &run.rig;
	struct engine_stats s;
	uint64_t start;

	CU_ASSERT_TRUE_FATAL(begin(1000000, 5));
	rig_run(r, NS_PER_S / 2);
	CU_ASSERT_EQUAL(r->b.raised[ENGINE_ALARM_INTERCEPT], 0);
	start = r->wire.now_ns;
	r->eve = 1;
	r->eve_z = 0.5;
	rig_run(r, NS_PER_S);
	engine_stats_read(r->b.engine, &s);
	CU_ASSERT_EQUAL(run.bases_seen, 0);
	CU_ASSERT_EQUAL(s.sifted_z, 0);
	CU_ASSERT(s.sampled_z > 1000);
	CU_ASSERT(s.aborts[ABORT_ALARM] >= 1);
	CU_ASSERT_EQUAL(r->a.raised[ENGINE_ALARM_INTERCEPT], 1);
	CU_ASSERT_EQUAL(r->b.raised[ENGINE_ALARM_INTERCEPT], 1);
	CU_ASSERT(r->a.raised_ns[ENGINE_ALARM_INTERCEPT] - start < NS_PER_S / 2);
	CU_ASSERT(r->b.raised_ns[ENGINE_ALARM_INTERCEPT] - start < NS_PER_S / 2);
	rig_fini(r);
}

/* A peer that does not keep to the order costs the blocks under way, no memory, and no more. */
static void violation(int how)
{
	struct rig *r = &run.rig;
	struct engine_stats a;
	unsigned int blocks;

	CU_ASSERT_TRUE_FATAL(begin(BLOCK_BITS, 20 + (uint64_t)how));
	CU_ASSERT_TRUE(rig_run_blocks(r, 1, 5 * NS_PER_S));
	run.forge = how;
	rig_run(r, NS_PER_S / 2);
	CU_ASSERT(run.forged >= 1);
	engine_stats_read(r->a.engine, &a);
	CU_ASSERT(a.protocol_errors >= 1);
	CU_ASSERT(a.aborts[ABORT_PROTOCOL] >= 1);
	run.forge = AS_IT_IS;
	blocks = r->a.block_count;
	CU_ASSERT_TRUE(rig_run_blocks(r, blocks + 2, 30 * NS_PER_S));
	CU_ASSERT(rig_common_blocks(r) >= (int)blocks + 1);
	rig_fini(r);
}

static void test_order_is_kept(void)
{
	violation(NEVER_LAST);
	violation(BASES_AGAIN);
	violation(BASES_ASKEW);
	violation(BASES_SHORT);
}

/* Bases that never come: the blocks' places are free again after BLOCK_TIMEOUT_NS. */
static void test_no_bases(void)
{
	struct rig *r = &run.rig;
	unsigned int waiting = 0;
	struct engine_stats a;

	CU_ASSERT_TRUE_FATAL(begin(BLOCK_BITS, 30));
	run.forge = NO_BASES;
	rig_run(r, 2 * NS_PER_S);
	for (unsigned int i = 0; i < ENGINE_BLOCKS_DEFAULT; i++) {
		struct block *b = &r->a.engine->blocks[i];

		waiting += b->stage == BLOCK_SIFT;
		b->progress_ns -= BLOCK_TIMEOUT_NS;
	}
	CU_ASSERT_EQUAL(waiting, ENGINE_BLOCKS_DEFAULT);
	CU_ASSERT_EQUAL(r->a.block_count, 0);
	run.forge = AS_IT_IS;
	rig_run(r, NS_PER_S / 10);
	engine_stats_read(r->a.engine, &a);
	CU_ASSERT_EQUAL(a.aborts[ABORT_TIMEOUT], ENGINE_BLOCKS_DEFAULT);
	CU_ASSERT_EQUAL(a.protocol_errors, 0);
	CU_ASSERT_TRUE(rig_run_blocks(r, 2, 5 * NS_PER_S));
	CU_ASSERT(rig_common_blocks(r) >= 2);
	rig_fini(r);
}

UNIT_MAIN(UNIT(test_bases_come_last), UNIT(test_bases_decide_nothing),
          UNIT(test_alarm_from_the_sample), UNIT(test_order_is_kept), UNIT(test_no_bases))
