/* SPDX-License-Identifier: BSD-3-Clause */

/* Blocks whose heavy computations other cores do. */

#include <pthread.h>
#include <sched.h>

#include "common/spsc.h"
#include "qkd-engine/engine_state.h"
#include "tests/unit/qkd-engine/engine_rig.h"
#include "tests/unit/unit.h"

#define BLOCK_BITS 120000
#define HELD_MAX   64
#define THREADS    2

static const struct lossy_config good = {.delay_ns = NS_PER_MS};

/* Jobs that wait until the test does them. */
static struct job *held[HELD_MAX];
static unsigned int held_count, given;

static bool hold(void *ctx, struct job *job)
{
	if (held_count == HELD_MAX)
		return false;
	job->given = true;
	job->stop = job->done = false;
	held[held_count++] = job;
	given++;
	return true;
}

static void do_held(void)
{
	while (held_count > 0)
		if (job_run(held[0]))
			held[0] = held[--held_count];
}

static bool is_of(const struct job *job, const struct engine *e)
{
	for (unsigned int k = 0; k < ENGINE_BLOCKS_MAX; k++)
		if (job == &e->blocks[k].job)
			return true;
	return false;
}

static unsigned int held_of(const struct engine *e)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < held_count; i++)
		n += is_of(held[i], e);
	return n;
}

/* Those of an engine that goes. */
static void forget_held(const struct engine *e)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < held_count; i++)
		if (!is_of(held[i], e))
			held[kept++] = held[i];
	held_count = kept;
}

static unsigned int ending(const struct engine *e)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < ENGINE_BLOCKS_MAX; i++)
		n += e->blocks[i].stage == BLOCK_ENDING;
	return n;
}

/* Until E has given a job and waits for it. */
static void run_until_held(struct rig *r, const struct engine *e)
{
	for (int i = 0; i < 20000 && held_of(e) == 0; i++) {
		do_held();
		rig_step(r);
	}
	CU_ASSERT_TRUE_FATAL(held_of(e) > 0);
}

/* Each job is done at once, between two polls. */
static void makes_key(enum reconcile_method method, unsigned int jobs)
{
	static struct rig r;
	struct engine_stats a, b;

	rig_give = hold;
	given = 0;
	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 1));
	engine_destroy(r.a.engine);
	engine_destroy(r.b.engine);
	r.config_a.reconciliation = r.config_b.reconciliation = method;
	CU_ASSERT_TRUE_FATAL(rig_engine_start(&r.a) && rig_engine_start(&r.b));
	for (int i = 0; i < 50000 && (r.a.block_count < 3 || r.b.block_count < 3); i++) {
		rig_step(&r);
		do_held();
	}
	CU_ASSERT_EQUAL(rig_common_blocks(&r), 3);
	CU_ASSERT_TRUE(given > jobs);
	engine_stats_read(r.a.engine, &a);
	engine_stats_read(r.b.engine, &b);
	CU_ASSERT_EQUAL(a.blocks_aborted + b.blocks_aborted, 0);
	CU_ASSERT_EQUAL(a.protocol_errors + b.protocol_errors, 0);
	do_held();
	rig_fini(&r);
	rig_give = NULL;
}

/* Rounds, at each end, and amplification: of Cascade many, of LDPC two or three. */
static void test_makes_key(void)
{
	makes_key(RECONCILE_CASCADE, 100);
	makes_key(RECONCILE_LDPC, 14);
}

/* Whoever does jobs has too many: the engine does them itself. */
static bool refuse(void *ctx, struct job *job)
{
	return ++given % 2 == 0 && hold(ctx, job);
}

static void test_does_what_is_refused(void)
{
	static struct rig r;

	rig_give = refuse;
	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 2));
	for (int i = 0; i < 50000 && (r.a.block_count < 2 || r.b.block_count < 2); i++) {
		rig_step(&r);
		do_held();
	}
	CU_ASSERT_EQUAL(rig_common_blocks(&r), 2);
	do_held();
	rig_fini(&r);
	rig_give = NULL;
}

/*
 * Blocks are given up while a job of theirs is under way: the memory stays until it is back, and
 * then they are free again. What the peer says of new blocks waits for that.
 */
static void test_session_ends_meanwhile(void)
{
	static struct rig r;
	struct engine_stats s;
	unsigned int waiting;
	uint64_t sifted;

	rig_give = hold;
	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 3));
	run_until_held(&r, r.a.engine);
	rig_give = NULL; /* the new B does all itself */
	forget_held(r.b.engine);
	waiting = held_count;
	CU_ASSERT_TRUE_FATAL(rig_restart(&r.b));
	rig_run(&r, NS_PER_S);
	engine_stats_read(r.a.engine, &s);
	sifted = s.sifted_z;
	rig_run(&r, NS_PER_S);
	CU_ASSERT_EQUAL(ending(r.a.engine), waiting);
	engine_stats_read(r.a.engine, &s);
	CU_ASSERT_EQUAL(s.sifted_z, sifted);
	CU_ASSERT_EQUAL(s.protocol_errors, 0);
	do_held();
	rig_step(&r);
	CU_ASSERT_EQUAL(ending(r.a.engine), 0);
	for (int i = 0; i < 50000 && (r.a.block_count < 2 || r.b.block_count < 2); i++) {
		rig_step(&r);
		do_held();
	}
	CU_ASSERT_TRUE(rig_common_blocks(&r) >= 2);
	do_held();
	rig_fini(&r);
}

/* The engine goes, and those who had jobs have stopped without doing them. */
static void test_destroyed_meanwhile(void)
{
	static struct rig r;
	size_t before = secret_used();

	rig_give = hold;
	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 4));
	run_until_held(&r, r.b.engine);
	held_count = 0;
	rig_fini(&r);
	CU_ASSERT_EQUAL(secret_used(), before);
	rig_give = NULL;
}

/* The jobs of one end wait, the small of them only if SMALL; all others are done. */
static void do_held_but(const struct engine *e, bool small)
{
	for (unsigned int i = 0; i < held_count;)
		if ((is_of(held[i], e) && (small || !held[i]->small)) || !job_run(held[i]))
			i++;
		else
			held[i] = held[--held_count];
}

/*
 * Each click that Bob's card made was given to the engine, waits at the card, or was lost in a gap
 * that the engine is told of; and what the engine was given was announced, or is about to be, or is
 * counted among those that were not.
 */
static void expect_all_counted(const struct rig *r)
{
	const struct rig_card *c = &r->card;
	struct engine_stats s;

	engine_stats_read(r->b.engine, &s);
	CU_ASSERT_EQUAL(c->made, c->given + c->count + c->lost + c->old);
	CU_ASSERT_EQUAL(c->given, s.detections);
	CU_ASSERT_EQUAL(s.detections, s.announced + s.dropped + s.unaligned +
	                                      r->b.engine->bob.pending->outcomes.count);
}

/*
 * One end falls behind for four seconds: blocks wait for it, and when there are as many as may be,
 * clicks stay at the card, whose ring fills. Nothing is aborted, and blocks go on when it does.
 */
static void falls_behind(bool alice, bool small)
{
	static struct rig r;
	struct engine_stats before, b, a;
	unsigned int blocks;
	struct engine *slow;
	uint64_t taken;

	rig_give = hold;
	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 6 + alice));
	slow = alice ? r.a.engine : r.b.engine;
	for (int i = 0; i < 50000 && (r.a.block_count < 1 || r.b.block_count < 1); i++) {
		rig_step(&r);
		do_held();
	}
	CU_ASSERT_EQUAL_FATAL(rig_common_blocks(&r), 1);
	engine_stats_read(r.b.engine, &before);
	CU_ASSERT_EQUAL(before.gaps, 0);
	CU_ASSERT_EQUAL(r.card.lost, 0);
	expect_all_counted(&r);
	blocks = r.b.block_count;
	for (uint64_t end = r.wire.now_ns + 4 * NS_PER_S; r.wire.now_ns < end;) {
		rig_step(&r);
		do_held_but(slow, small);
	}
	engine_stats_read(r.b.engine, &b);
	CU_ASSERT(r.card.lost > 100000);
	/* But the few with which no block has begun, and which are too old after half a second. */
	CU_ASSERT(b.dropped - before.dropped <= 8 * SIFT_BATCH_MAX);
	CU_ASSERT_EQUAL(b.blocks_in_flight, r.b.engine->block_count);
	CU_ASSERT(r.b.block_count <= blocks + 1); /* one may have been all but done */
	expect_all_counted(&r);
	engine_stats_read(slow, &a);
	CU_ASSERT(a.jobs_given > a.jobs_back);
	taken = r.card.given;
	for (int i = 0; i < 50000 && r.b.block_count < blocks + 8; i++) {
		rig_step(&r);
		do_held();
	}
	CU_ASSERT(rig_common_blocks(&r) >= (int)blocks + 7);
	expect_all_counted(&r);
	CU_ASSERT(r.card.given > taken + 100000);
	CU_ASSERT(r.card.old > RIG_RING / 2);
	engine_stats_read(r.a.engine, &a);
	engine_stats_read(r.b.engine, &b);
	/* The gap of the card, what was too old in front of it, and those few, twice a second. */
	CU_ASSERT(b.gaps >= 3 && b.gaps <= 27);
	CU_ASSERT_EQUAL(a.stale_choices + b.stale_choices, 0);
	CU_ASSERT_EQUAL(a.blocks_aborted + b.blocks_aborted, 0);
	CU_ASSERT_EQUAL(a.protocol_errors + b.protocol_errors + b.realignments, 0);
	CU_ASSERT_EQUAL(a.alarms | b.alarms, 0);
	do_held();
	rig_fini(&r);
	rig_give = NULL;
}

static void test_falls_behind(void)
{
	falls_behind(true, false);
	falls_behind(false, false);
	/* Not even the comparison of bases: the card's memory of what was sent is asked in time. */
	falls_behind(true, true);
	falls_behind(false, true);
}

/* Threads do them. */
static struct spsc ring[THREADS];
static bool over;

static void *work(void *ctx)
{
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		struct job *j = spsc_pop(ctx);

		while (j != NULL && !job_run(j))
			;
		if (j == NULL)
			sched_yield();
	}
	return NULL;
}

static bool to_thread(void *ctx, struct job *job)
{
	struct spsc *r = &ring[given % THREADS];

	job->given = true;
	job->stop = job->done = false;
	given++;
	if (spsc_push(r, job))
		return true;
	job->given = false;
	return false;
}

static void test_threads(void)
{
	static struct rig r;
	pthread_t thread[THREADS];

	rig_give = to_thread;
	for (int i = 0; i < THREADS; i++) {
		CU_ASSERT_EQUAL_FATAL(spsc_init(&ring[i], 64), 0);
		CU_ASSERT_EQUAL_FATAL(pthread_create(&thread[i], NULL, work, &ring[i]), 0);
	}
	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 5));
	CU_ASSERT_TRUE(rig_run_blocks(&r, 2, 60 * NS_PER_S));
	/* a new session with jobs under way, and again */
	for (int i = 0; i < 2; i++) {
		lossy_pair_restart_a(&r.wire);
		r.a.engine->channel = r.wire.a;
		rig_run(&r, NS_PER_S);
	}
	CU_ASSERT_TRUE(rig_run_blocks(&r, r.a.block_count + 2, 60 * NS_PER_S));
	CU_ASSERT_TRUE(rig_common_blocks(&r) >= 4);
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		spsc_fini(&ring[i]);
	}
	rig_fini(&r);
}

UNIT_MAIN(UNIT(test_makes_key), UNIT(test_does_what_is_refused), UNIT(test_session_ends_meanwhile),
          UNIT(test_destroyed_meanwhile), UNIT(test_falls_behind), UNIT(test_threads))
