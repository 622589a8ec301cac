/* SPDX-License-Identifier: BSD-3-Clause */

/* Workspaces for reconciliation: how many there are, what blocks do that find none. */

#include "qkd-engine/engine_state.h"
#include "tests/unit/qkd-engine/engine_rig.h"
#include "tests/unit/unit.h"

#define BLOCK_BITS 60000

/* Reconciliation takes so many round trips that blocks come faster than they are done. */
static const struct lossy_config far = {.delay_ns = 5 * NS_PER_MS};

static struct rig r;

static void start(enum reconcile_method method)
{
	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &far, 11));
	engine_destroy(r.a.engine);
	engine_destroy(r.b.engine);
	r.config_a.reconciliation = r.config_b.reconciliation = method;
	CU_ASSERT_TRUE_FATAL(rig_engine_start(&r.a) && rig_engine_start(&r.b));
}

/* The workspaces of an end are in use for two seconds: blocks wait, and none is lost. */
static void waits(enum reconcile_method method, bool alice)
{
	struct workspace *held[ENGINE_BLOCKS_MAX];
	struct engine_stats a, b;
	struct engine *e;
	unsigned int n = 0;

	start(method);
	e = alice ? r.a.engine : r.b.engine;
	while ((held[n] = workspace_pool_take(&e->spaces)) != NULL)
		n++;
	CU_ASSERT_EQUAL(n, 4);
	rig_run(&r, 3 * NS_PER_S);
	CU_ASSERT_EQUAL(r.a.block_count + r.b.block_count, 0);
	engine_stats_read(r.b.engine, &b);
	/* All places for blocks are taken: clicks stay at the card. */
	CU_ASSERT_EQUAL(b.blocks_in_flight, ENGINE_BLOCKS_DEFAULT);
	CU_ASSERT_TRUE(r.card.lost > 0);
	while (n > 0)
		workspace_pool_give(&e->spaces, held[--n]);
	CU_ASSERT_TRUE(rig_run_blocks(&r, 7, 10 * NS_PER_S));
	CU_ASSERT_TRUE(rig_common_blocks(&r) >= 7);
	engine_stats_read(r.a.engine, &a);
	engine_stats_read(r.b.engine, &b);
	CU_ASSERT_EQUAL(a.blocks_aborted, a.aborts[ABORT_NO_SECRET]);
	CU_ASSERT_EQUAL(b.blocks_aborted, b.aborts[ABORT_NO_SECRET]);
	CU_ASSERT_EQUAL(a.protocol_errors + b.protocol_errors, 0);
	CU_ASSERT_TRUE((alice ? a.reconcile_waits : b.reconcile_waits) >= 4);
	rig_fini(&r);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

static void test_bob_waits(void)
{
	waits(RECONCILE_CASCADE, false);
	waits(RECONCILE_LDPC, false);
}

static void test_alice_waits(void)
{
	waits(RECONCILE_CASCADE, true);
	waits(RECONCILE_LDPC, true);
}

/* Likewise with what amplification takes, and with the blocks of key. */
static void test_amplification_waits(void)
{
	static const enum reconcile_method method[] = {RECONCILE_CASCADE, RECONCILE_LDPC};
	struct workspace *held[ENGINE_BLOCKS_MAX];
	struct engine_stats s;

	for (int end = 0; end < 2; end++) {
		unsigned int n = 0;
		struct engine *e;

		start(method[end]);
		e = end == 0 ? r.a.engine : r.b.engine;
		while ((held[n] = workspace_pool_take(&e->products)) != NULL)
			n++;
		CU_ASSERT_EQUAL(n, 2);
		/* Chance decides which blocks have key, and so when so many wait. */
		for (int i = 0; i < 10; i++) {
			rig_run(&r, NS_PER_S);
			engine_stats_read(e, &s);
			if (s.amplify_waits >= 2)
				break;
		}
		CU_ASSERT_EQUAL(r.a.block_count + r.b.block_count, 0);
		CU_ASSERT_EQUAL(s.blocks_amplifying, 2);
		CU_ASSERT_TRUE(s.amplify_waits >= 2);
		while (n > 0)
			workspace_pool_give(&e->products, held[--n]);
		CU_ASSERT_TRUE(rig_run_blocks(&r, 7, 10 * NS_PER_S));
		CU_ASSERT_TRUE(rig_common_blocks(&r) >= 7);
		engine_stats_read(e, &s);
		CU_ASSERT_EQUAL(s.blocks_aborted, s.aborts[ABORT_NO_SECRET]);
		CU_ASSERT_EQUAL(s.protocol_errors, 0);
		rig_fini(&r);
		CU_ASSERT_EQUAL(secret_used(), 0);
	}
}

static void test_key_waits_for_its_owner(void)
{
	struct key_block *held[ENGINE_BLOCKS_MAX];
	struct engine_stats s;

	for (int end = 0; end < 2; end++) {
		unsigned int n = 0;
		struct engine *e;

		start(RECONCILE_LDPC);
		e = end == 0 ? r.a.engine : r.b.engine;
		while ((held[n] = key_blocks_take(e->results)) != NULL)
			n++;
		CU_ASSERT_EQUAL(n, 4);
		rig_run(&r, 4 * NS_PER_S);
		CU_ASSERT_EQUAL(r.a.block_count + r.b.block_count, 0);
		engine_stats_read(e, &s);
		CU_ASSERT_TRUE(s.result_waits >= 1);
		CU_ASSERT_EQUAL(s.blocks_aborted, s.aborts[ABORT_NO_SECRET]);
		while (n > 0)
			key_block_free(held[--n]);
		CU_ASSERT_TRUE(rig_run_blocks(&r, 7, 10 * NS_PER_S));
		CU_ASSERT_TRUE(rig_common_blocks(&r) >= 7);
		rig_fini(&r);
		CU_ASSERT_EQUAL(secret_used(), 0);
	}
}

/* All that is large was taken at the start: blocks become key where no secret memory is left. */
static void test_no_memory_left(void)
{
	static const size_t bytes[] = {1 << 20, 128 << 10, 24 << 10};
	static void *taken[256];
	struct engine_stats a, b;
	unsigned int n = 0;

	start(RECONCILE_AUTO);
	for (unsigned int i = 0; i < 3; i++)
		while (n < 256 && (taken[n] = secret_alloc(bytes[i])) != NULL)
			n++;
	CU_ASSERT_TRUE_FATAL(n < 256);
	/* Of one block at the least, each of these would take more. */
	CU_ASSERT_TRUE(r.a.engine->stats.memory.product.secret > bytes[2]);
	CU_ASSERT_TRUE(rig_run_blocks(&r, 3, 20 * NS_PER_S));
	CU_ASSERT_TRUE(rig_common_blocks(&r) >= 3);
	engine_stats_read(r.a.engine, &a);
	engine_stats_read(r.b.engine, &b);
	CU_ASSERT_EQUAL(a.aborts[ABORT_RECONCILE] + b.aborts[ABORT_RECONCILE], 0);
	while (n > 0)
		secret_free(taken[--n]);
	rig_fini(&r);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

/* All workspaces come back, wiped, when a session ends with blocks under way. */
static size_t not_zero(const struct workspace_pool *p)
{
	size_t left = 0;

	for (unsigned int i = 0; i < p->count; i++)
		for (size_t k = 0; k < p->spaces[i].size.secret; k++)
			left += p->spaces[i].secret[k] != 0;
	return left;
}

static void test_all_come_back(void)
{
	struct engine *e;
	size_t left;

	start(RECONCILE_CASCADE);
	rig_run(&r, 3 * NS_PER_S);
	e = r.a.engine;
	CU_ASSERT_TRUE(e->spaces.clean_count < e->spaces.count);
	CU_ASSERT_TRUE(rig_restart(&r.b));
	rig_run(&r, 2 * NS_PER_S);
	/* Those of the old session are among these, and of the new one no block is so far yet. */
	for (unsigned int i = 0; i < e->block_count; i++)
		if (e->blocks[i].stage >= BLOCK_FILLING)
			block_release(e, &e->blocks[i]);
	while (workspace_pool_wipe(&e->spaces))
		;
	CU_ASSERT_EQUAL(e->spaces.clean_count, e->spaces.count);
	while (workspace_pool_wipe(&e->products))
		;
	CU_ASSERT_EQUAL(e->products.clean_count, e->products.count);
	left = not_zero(&e->spaces) + not_zero(&e->products);
	CU_ASSERT_EQUAL(left, 0);
	rig_fini(&r);
}

static bool refused(unsigned int blocks, uint32_t bits, const char *says)
{
	struct engine_config c = r.config_a;
	struct engine_ops ops = {0};
	struct err err = {0};

	c.blocks_in_flight = blocks;
	c.block_bits = bits;
	if (engine_create(&c, &ops, NULL, NULL, &err) != NULL)
		return false;
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, says));
	return strncmp(err.text, "blocks-in-flight: ", 18) == 0 && secret_used() == 0;
}

static void test_limits(void)
{
	struct engine_memory small, large;

	start(RECONCILE_AUTO);
	rig_fini(&r);
	CU_ASSERT_TRUE(refused(1, BLOCK_BITS, "1 is not within 2 to 64"));
	CU_ASSERT_TRUE(refused(65, BLOCK_BITS, "65 is not within 2 to 64"));
	CU_ASSERT_TRUE(refused(64, 16000000, "64 blocks of 16000000 bits take "));
	/* The bound grows with either. */
	r.config_a.blocks_in_flight = 6;
	engine_memory(&r.config_a, &small);
	r.config_a.blocks_in_flight = 12;
	engine_memory(&r.config_a, &large);
	CU_ASSERT_EQUAL(small.reconciling, 4);
	CU_ASSERT_EQUAL(large.reconciling, 10);
	CU_ASSERT_TRUE(large.all.secret > 2 * small.all.secret);
	r.config_a.block_bits *= 4;
	engine_memory(&r.config_a, &small);
	CU_ASSERT_TRUE(small.all.plain > large.all.plain);
}

/* What the engine says it takes, it takes when it is created. */
static void test_said_is_taken(void)
{
	struct engine_stats s;
	size_t before;

	start(RECONCILE_AUTO);
	engine_destroy(r.a.engine);
	r.a.engine = NULL;
	before = secret_used();
	CU_ASSERT_TRUE_FATAL(rig_engine_start(&r.a));
	engine_stats_read(r.a.engine, &s);
	CU_ASSERT_EQUAL(s.memory.blocks, ENGINE_BLOCKS_DEFAULT);
	CU_ASSERT_EQUAL(s.memory.reconciling, 4);
	CU_ASSERT_TRUE(secret_used() - before >= s.memory.all.secret);
	CU_ASSERT_TRUE(secret_used() - before <=
	               s.memory.all.secret * 5 / 4 + 2 * sizeof(struct engine));
	rig_fini(&r);
}

UNIT_MAIN(UNIT(test_bob_waits), UNIT(test_alice_waits), UNIT(test_amplification_waits),
          UNIT(test_key_waits_for_its_owner), UNIT(test_no_memory_left), UNIT(test_all_come_back),
          UNIT(test_limits), UNIT(test_said_is_taken))
