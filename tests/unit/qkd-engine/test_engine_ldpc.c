/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A frame that LDPC does not decode in all its rounds, in a block of two engines: a burst of errors
 * is put into one frame of Bob's behind the engine's back. Budgets provide for a frame in full from
 * some 160 frames on; the linker wraps what fixes them, so that a short block's does for one, too.
 */

#include "qkd-engine/ldpc_plan.h"
#include "tests/unit/qkd-engine/engine_rig.h"
#include "tests/unit/unit.h"

#define BLOCK_BITS 1200000
#define FRAME      2 /* of five, the one that is hit */

static const struct lossy_config good = {.delay_ns = NS_PER_MS};
static unsigned int provided; /* frames in full, beyond what the plan says */

int __real_ldpc_plan_init(struct ldpc_plan *plan, const struct ldpc_params *p);
int __wrap_ldpc_plan_init(struct ldpc_plan *plan, const struct ldpc_params *p);
uint64_t __wrap_ldpc_budget(const struct ldpc_params *p);
size_t __real_ldpc_message_max(const struct ldpc_params *p);
size_t __wrap_ldpc_message_max(const struct ldpc_params *p);

int __wrap_ldpc_plan_init(struct ldpc_plan *plan, const struct ldpc_params *p)
{
	int ret = __real_ldpc_plan_init(plan, p);

	if (ret == 0)
		plan->budget += provided * (plan->bits / plan->frames + 1);
	return ret;
}

uint64_t __wrap_ldpc_budget(const struct ldpc_params *p)
{
	struct ldpc_plan plan;

	return __wrap_ldpc_plan_init(&plan, p) < 0 ? 0 : plan.budget;
}

size_t __wrap_ldpc_message_max(const struct ldpc_params *p)
{
	return __real_ldpc_message_max(p) + (provided << LDPC_FRAME_LOG2_MAX) / 8;
}

/* Turn bits of one frame, at random, as soon as a block is about to be reconciled; its plan. */
static bool burst(struct rig *r, struct ldpc_plan *plan)
{
	for (unsigned int i = 0; i < ENGINE_BLOCKS_MAX; i++) {
		struct block *b = &r->b.engine->blocks[i];
		struct ldpc_params p = {b->bits, 1 << LDPC_FRAME_LOG2_MAX, b->params.qber, 0};

		if (b->stage != BLOCK_RECONCILE)
			continue;
		CU_ASSERT_EQUAL_FATAL(__real_ldpc_plan_init(plan, &p), 0);
		for (size_t k = ldpc_frame_start(plan, FRAME);
		     k < ldpc_frame_start(plan, FRAME + 1); k++)
			bits_put(b->key, k, bits_get(b->key, k) ^ (lossy_random(&r->state) & 1));
		return true;
	}
	return false;
}

/* Run with a burst in the first block until it has ended at both ends. */
static struct ldpc_plan run(struct rig *r, uint64_t seed, unsigned int frames_provided)
{
	struct ldpc_plan plan;
	struct engine_stats s;
	uint64_t limit;

	provided = frames_provided;
	rig_p_z = 0.9;
	if (secret_size() == 0)
		CU_ASSERT_EQUAL_FATAL(secret_init(64 << 20, NULL), 0);
	CU_ASSERT_TRUE_FATAL(rig_init(r, BLOCK_BITS, &good, seed));
	r->config_a.reconciliation = r->config_b.reconciliation = RECONCILE_LDPC;
	CU_ASSERT_TRUE_FATAL(rig_restart(&r->a) && rig_restart(&r->b));
	limit = r->wire.now_ns + 20 * NS_PER_S;
	while (!burst(r, &plan) && r->wire.now_ns < limit)
		rig_step(r);
	CU_ASSERT_EQUAL_FATAL(plan.frames, 5);
	do {
		rig_step(r);
		engine_stats_read(r->a.engine, &s);
	} while (r->a.block_count + s.blocks_aborted == 0 && r->wire.now_ns < limit);
	rig_run(r, 100 * NS_PER_MS);
	return plan;
}

/* It is disclosed and counted, at the price of its bits, and the block becomes equal key. */
static void test_failed_frame_is_disclosed(void)
{
	static struct rig r;
	const struct key_block *a, *b;
	struct engine_stats s[2];
	struct ldpc_plan plan = run(&r, 61, 1);
	size_t frame = ldpc_frame_bits(&plan, FRAME);

	engine_stats_read(r.a.engine, &s[0]);
	engine_stats_read(r.b.engine, &s[1]);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(s[i].frames, 5);
		CU_ASSERT_EQUAL(s[i].frames_failed, 1);
		CU_ASSERT_EQUAL(s[i].blocks_aborted, 0);
	}
	CU_ASSERT_EQUAL_FATAL(r.a.block_count, 1);
	CU_ASSERT_EQUAL_FATAL(r.b.block_count, 1);
	CU_ASSERT_EQUAL(rig_common_blocks(&r), 1);
	a = r.a.blocks[0];
	b = r.b.blocks[0];
	CU_ASSERT_EQUAL(a->method, RECONCILE_LDPC);
	CU_ASSERT_EQUAL(b->disclosed_bits, a->disclosed_bits);
	CU_ASSERT_EQUAL(b->leaked_bits, a->leaked_bits);
	/* Whatever else was sent before it, the frame is counted in full. */
	CU_ASSERT_TRUE(b->disclosed_bits > plan.frames * plan.syndrome_bits + frame);
	CU_ASSERT_TRUE(b->disclosed_bits <= b->leaked_bits);
	rig_fini(&r);
}

/* Where the budget has no room for it nothing of it is disclosed: the block is void. */
static void test_no_room_in_the_budget(void)
{
	static struct rig r;
	struct engine_stats s[2];

	run(&r, 62, 0);
	engine_stats_read(r.a.engine, &s[0]);
	engine_stats_read(r.b.engine, &s[1]);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(s[i].aborts[ABORT_BUDGET], 1);
		CU_ASSERT_EQUAL(s[i].frames_failed, 0);
	}
	CU_ASSERT_EQUAL(r.a.block_count + r.b.block_count, 0);
	rig_fini(&r);
}

UNIT_MAIN(UNIT(test_failed_frame_is_disclosed), UNIT(test_no_room_in_the_budget))
