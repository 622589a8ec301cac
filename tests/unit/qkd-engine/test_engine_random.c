/* SPDX-License-Identifier: BSD-3-Clause */

/* What the health of a card's random source means to blocks under way. */

#include "qkd-engine/engine_state.h"
#include "tests/unit/qkd-engine/engine_rig.h"
#include "tests/unit/unit.h"

static const struct lossy_config good = {.delay_ns = NS_PER_MS};

static struct engine_stats stats_of(const struct rig_end *end)
{
	struct engine_stats s;

	engine_stats_read(end->engine, &s);
	return s;
}

/* No block becomes key whose light is later than what the source's tests have seen. */
static void held(struct rig_end *end, struct rig *r)
{
	uint64_t until = r->wire.now_ns;
	unsigned int before = r->a.block_count, at_hold;

	engine_random_tested(end->engine, until);
	rig_run(r, 3 * NS_PER_S);
	at_hold = r->a.block_count;
	/* Those whose light was through before. */
	CU_ASSERT(at_hold - before <= ENGINE_BLOCKS_DEFAULT);
	rig_run(r, 2 * NS_PER_S);
	CU_ASSERT_EQUAL(r->a.block_count, at_hold);
	CU_ASSERT_EQUAL(r->b.block_count, at_hold);
	engine_random_tested(end->engine, UINT64_MAX);
	rig_run(r, 2 * NS_PER_S);
	CU_ASSERT(r->a.block_count > at_hold);
}

static void test_held_until_tested(void)
{
	static struct rig r;

	CU_ASSERT_TRUE_FATAL(rig_init(&r, 100000, &good, 3));
	CU_ASSERT_TRUE(rig_run_blocks(&r, 2, 10 * NS_PER_S));
	held(&r.a, &r);
	held(&r.b, &r);
	CU_ASSERT_EQUAL(stats_of(&r.a).aborts[ABORT_RANDOM], 0);
	/* Alice's keys of hashes and seeds; samples and seeds of Bob. */
	CU_ASSERT(stats_of(&r.a).random_card > 0 && stats_of(&r.b).random_card > 0);
	CU_ASSERT_EQUAL(stats_of(&r.a).random_kernel, 0);
	rig_fini(&r);
}

static void failed(struct rig_end *end, struct rig_end *other, struct rig *r)
{
	struct engine_stats before = stats_of(other), mine = stats_of(end), after;
	unsigned int blocks;

	engine_random_failed(end->engine);
	CU_ASSERT(stats_of(end).aborts[ABORT_RANDOM] > mine.aborts[ABORT_RANDOM]);
	rig_run(r, 100 * NS_PER_MS);
	after = stats_of(other);
	CU_ASSERT(after.aborts[ABORT_RANDOM] > before.aborts[ABORT_RANDOM]);
	CU_ASSERT_EQUAL(after.protocol_errors, before.protocol_errors);
	blocks = r->a.block_count;
	rig_run(r, 3 * NS_PER_S);
	CU_ASSERT_EQUAL(r->a.block_count, blocks);
	CU_ASSERT_EQUAL(r->b.block_count, blocks);
	/* The source is well again, and so is key. */
	engine_random_tested(end->engine, UINT64_MAX);
	rig_run(r, 3 * NS_PER_S);
	CU_ASSERT(r->a.block_count > blocks);
}

static void test_failure_voids(void)
{
	static struct rig r;

	CU_ASSERT_TRUE_FATAL(rig_init(&r, 100000, &good, 4));
	CU_ASSERT_TRUE(rig_run_blocks(&r, 2, 10 * NS_PER_S));
	failed(&r.a, &r.b, &r);
	failed(&r.b, &r.a, &r);
	rig_fini(&r);
}

/* Bob goes on with the kernel's numbers, and says so. */
static void test_source_is_told(void)
{
	static struct rig r;

	CU_ASSERT_TRUE_FATAL(rig_init(&r, 100000, &good, 5));
	r.b.random_dry = true;
	CU_ASSERT_TRUE(rig_run_blocks(&r, 2, 10 * NS_PER_S));
	CU_ASSERT_EQUAL(stats_of(&r.b).random_card, 0);
	CU_ASSERT(stats_of(&r.b).random_kernel > 0);
	rig_fini(&r);
}

UNIT_MAIN(UNIT(test_held_until_tested), UNIT(test_failure_voids), UNIT(test_source_is_told))
