/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What is fixed before reconciliation, and what becomes of blocks that do not keep to it. The
 * linker wraps random_bytes(), so that Bob's samples and permutations repeat.
 */

#include "tests/unit/qkd-engine/engine_frames.h"
#include "tests/unit/unit.h"

#define BLOCK_BITS 120000

void __wrap_random_bytes(void *buf, size_t n);

void __wrap_random_bytes(void *buf, size_t n)
{
	static uint64_t state = 1;

	lossy_fill(&state, buf, n);
}

static const struct lossy_config good = {.delay_ns = NS_PER_MS};

static struct engine_stats stats_of(const struct rig_end *end)
{
	struct engine_stats s;
	uint64_t sum = 0;

	engine_stats_read(end->engine, &s);
	for (unsigned int i = 1; i < ABORT_REASONS; i++)
		sum += s.aborts[i];
	CU_ASSERT_EQUAL(sum, s.blocks_aborted);
	return s;
}

static bool restart_with(struct rig *r, uint32_t frame_bits, enum leak_mode a, enum leak_mode b)
{
	r->config_a.frame_bits = r->config_b.frame_bits = frame_bits;
	r->config_a.leak_mode = r->config_b.leak_mode = a;
	if (!rig_restart(&r->a) || !rig_restart(&r->b))
		return false;
	/* Bob says that he has the same. */
	rig_agree(r);
	r->b.engine->config.leak_mode = b;
	return true;
}

/* Most of what is planned here is Cascade's. */
static bool start(struct rig *r, uint32_t block_bits, enum reconcile_method method, uint64_t seed)
{
	if (!rig_init(r, block_bits, &good, seed))
		return false;
	r->config_a.reconciliation = r->config_b.reconciliation = method;
	return restart_with(r, 65536, LEAK_AUTO, LEAK_AUTO);
}

/* A frame that failed is disclosed, counted, and its block goes on. */
static void test_frame_is_disclosed(void)
{
	static struct rig r;
	struct engine_stats b;
	uint64_t last;

	CU_ASSERT_TRUE_FATAL(start(&r, BLOCK_BITS, RECONCILE_CASCADE, 31));
	CU_ASSERT_TRUE_FATAL(restart_with(&r, 8192, LEAK_AUTO, LEAK_AUTO));
	CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, 1, 5 * NS_PER_S));
	last = rig_expect_failures(&r);
	for (int i = 0; i < 20000 && r.b.block_count < 4; i++) {
		rig_step(&r);
		rig_break_frames(&r, 1, &last);
	}
	CU_ASSERT_EQUAL_FATAL(r.b.block_count, 4);
	b = stats_of(&r.b);
	CU_ASSERT_EQUAL(b.blocks_aborted, 0);
	CU_ASSERT(b.frames_failed >= 2);
	CU_ASSERT(b.frames >= 4 * 14);
	CU_ASSERT(rig_common_blocks(&r) >= 3);
	/* The last one disclosed a frame more than the first, within its budget. */
	CU_ASSERT(r.b.blocks[3]->disclosed_bits > r.b.blocks[0]->disclosed_bits + 6000);
	CU_ASSERT(r.b.blocks[3]->disclosed_bits <= r.b.blocks[3]->leaked_bits);
	CU_ASSERT_EQUAL(r.b.blocks[3]->disclosed_bits, r.a.blocks[3]->disclosed_bits);
	rig_fini(&r);
}

/* Frames of which nobody thought that they could fail: nothing else is left to the block. */
static void test_frames_above_the_budget(void)
{
	static struct rig r;
	struct engine_stats a, b;
	unsigned int before;
	uint64_t last = 0;

	CU_ASSERT_TRUE_FATAL(start(&r, BLOCK_BITS, RECONCILE_CASCADE, 32));
	CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, 2, 5 * NS_PER_S));
	for (int i = 0; i < 20000 && last == 0; i++) {
		rig_step(&r);
		rig_break_frames(&r, 1, &last);
	}
	before = r.b.block_count;
	rig_run(&r, 200 * NS_PER_MS);
	a = stats_of(&r.a);
	b = stats_of(&r.b);
	CU_ASSERT_EQUAL(b.aborts[ABORT_BUDGET], 1);
	CU_ASSERT_EQUAL(a.aborts[ABORT_BUDGET], 1);
	CU_ASSERT_EQUAL(a.blocks_aborted, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(b.last_abort, "leak above its budget"));
	for (unsigned int i = 0; i < r.b.block_count; i++)
		CU_ASSERT_NOT_EQUAL(r.b.blocks[i]->number, last);
	CU_ASSERT_TRUE(rig_run_blocks(&r, before + 2, 5 * NS_PER_S));
	CU_ASSERT(rig_common_blocks(&r) >= 3);
	rig_fini(&r);
}

/* Bits that differ where the frames' check does not see it: verification does. */
static void test_verification(void)
{
	static struct rig r;
	struct engine_stats b;
	bool done = false;

	CU_ASSERT_TRUE_FATAL(start(&r, BLOCK_BITS, RECONCILE_CASCADE, 33));
	CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, 1, 5 * NS_PER_S));
	for (int i = 0; i < 20000 && !done; i++) {
		rig_step(&r);
		for (unsigned int k = 0; k < ENGINE_BLOCKS_MAX && !done; k++) {
			struct block *block = &r.b.engine->blocks[k];

			if (block->stage != BLOCK_VERIFY)
				continue;
			block->key[1] ^= 2;
			done = true;
		}
	}
	CU_ASSERT_TRUE_FATAL(done);
	rig_run(&r, 100 * NS_PER_MS);
	b = stats_of(&r.b);
	CU_ASSERT_EQUAL(b.aborts[ABORT_VERIFICATION], 1);
	CU_ASSERT_EQUAL(b.blocks_aborted, 1);
	CU_ASSERT(rig_common_blocks(&r) >= 1);
	rig_fini(&r);
}

/* Until a block of Bob's is lost, plan with T, whatever is learnt. */
static void plan_with(struct rig *r, const struct leak_track *t)
{
	uint64_t before = stats_of(&r->b).blocks_aborted;

	for (int i = 0; i < 20000 && stats_of(&r->b).blocks_aborted == before; i++) {
		r->b.engine->leak_track = *t;
		rig_step(r);
	}
}

/* Reconciliation takes more than was planned: void, and the next plans are wider. */
static void test_leak_above_the_budget(void)
{
	static struct rig r;
	struct engine_stats a, b;
	struct leak_track t;

	CU_ASSERT_TRUE_FATAL(start(&r, BLOCK_BITS, RECONCILE_CASCADE, 34));
	CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, 2, 5 * NS_PER_S));
	t = r.b.engine->leak_track;
	t.f = 0.8;
	t.f_spread = 0;
	plan_with(&r, &t);
	CU_ASSERT_EQUAL(stats_of(&r.b).aborts[ABORT_BUDGET], 1);
	CU_ASSERT_TRUE(rig_run_blocks(&r, r.b.block_count + 4, 15 * NS_PER_S));
	a = stats_of(&r.a);
	b = stats_of(&r.b);
	CU_ASSERT(b.blocks_aborted <= 4);
	CU_ASSERT_EQUAL(a.aborts[ABORT_BUDGET], b.aborts[ABORT_BUDGET]);
	for (unsigned int i = 0; i < r.b.block_count; i++)
		CU_ASSERT(r.b.blocks[i]->disclosed_bits <= r.b.blocks[i]->leaked_bits);
	CU_ASSERT(rig_common_blocks(&r) >= 5);
	rig_fini(&r);
}

/* More errors than the length was fixed for, in a block whose leak was within its budget. */
static void test_errors_above_the_plan(void)
{
	static struct rig r;
	struct leak_track honest, t;
	struct engine_stats a, b;

	CU_ASSERT_TRUE_FATAL(start(&r, BLOCK_BITS, RECONCILE_CASCADE, 35));
	CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, 2, 5 * NS_PER_S));
	honest = t = r.b.engine->leak_track;
	/* Told that parities are dear and errors are few. */
	t.f = 1.5;
	t.f_spread = 0;
	for (unsigned int k = 0; k < 2; k++) {
		t.rate[k] *= 0.7;
		t.variance[k] = t.drift[k] = 0;
	}
	plan_with(&r, &t);
	r.b.engine->leak_track = honest;
	CU_ASSERT_TRUE(rig_run_blocks(&r, r.b.block_count + 3, 10 * NS_PER_S));
	a = stats_of(&r.a);
	b = stats_of(&r.b);
	CU_ASSERT(b.aborts[ABORT_PLAN] >= 1);
	CU_ASSERT_EQUAL(a.aborts[ABORT_PLAN], b.aborts[ABORT_PLAN]);
	CU_ASSERT_EQUAL(b.aborts[ABORT_PLAN], b.blocks_aborted);
	CU_ASSERT(rig_common_blocks(&r) >= 4);
	rig_fini(&r);
}

/* Errors creep up and down again: the estimate follows, hardly a block is lost. */
static void test_drift(void)
{
	static struct rig r;
	const struct key_block *k;
	struct engine_stats b;
	double errors = 0, planned = 0;

	CU_ASSERT_TRUE_FATAL(start(&r, BLOCK_BITS, RECONCILE_CASCADE, 36));
	CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, 2, 5 * NS_PER_S));
	for (int i = 0; i < 24; i++) {
		r.flip += i < 12 ? 0.0004 : -0.0004;
		rig_run_blocks(&r, r.b.block_count + 1, 5 * NS_PER_S);
	}
	b = stats_of(&r.b);
	CU_ASSERT(r.b.block_count >= 24);
	CU_ASSERT(b.blocks_aborted <= 2);
	CU_ASSERT_EQUAL(b.alarms, 0);
	for (unsigned int i = 1; i < r.b.block_count; i++) {
		k = r.b.blocks[i];
		errors += (double)(k->counts.m_z[0] + k->counts.m_z[1]);
		planned += (double)(k->planned_z[0] + k->planned_z[1]);
	}
	CU_ASSERT(planned > errors && planned < 1.5 * errors);
	rig_fini(&r);
}

/* Three times the errors from one moment on, and back: a block or two are lost each time. */
static void test_sudden_change(void)
{
	static struct rig r;
	const struct key_block *k;
	struct engine_stats b;

	CU_ASSERT_TRUE_FATAL(start(&r, 2 * BLOCK_BITS, RECONCILE_CASCADE, 37));
	CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, 3, 5 * NS_PER_S));
	r.flip = 0.015;
	CU_ASSERT_TRUE(rig_run_blocks(&r, r.b.block_count + 3, 10 * NS_PER_S));
	k = r.b.blocks[r.b.block_count - 1];
	CU_ASSERT_DOUBLE_EQUAL(k->qber_z, 0.0205, 0.002);
	r.flip = 0.007;
	CU_ASSERT_TRUE(rig_run_blocks(&r, r.b.block_count + 3, 10 * NS_PER_S));
	b = stats_of(&r.b);
	CU_ASSERT(b.blocks_aborted <= 4);
	CU_ASSERT_EQUAL(b.aborts[ABORT_BUDGET] + b.aborts[ABORT_PLAN] + b.aborts[ABORT_NO_SECRET],
	                b.blocks_aborted);
	CU_ASSERT(rig_common_blocks(&r) >= 9);
	rig_fini(&r);
}

/* So short that the bound leaves nothing: said before anything is reconciled. */
static void test_too_short(void)
{
	static struct rig r;
	struct engine_stats a, b;

	CU_ASSERT_TRUE_FATAL(start(&r, 10000, RECONCILE_CASCADE, 38));
	rig_run(&r, NS_PER_S);
	a = stats_of(&r.a);
	b = stats_of(&r.b);
	CU_ASSERT_EQUAL(r.a.block_count + r.b.block_count, 0);
	CU_ASSERT(b.aborts[ABORT_NO_SECRET] > 5);
	CU_ASSERT_EQUAL(b.aborts[ABORT_NO_SECRET], b.blocks_aborted);
	CU_ASSERT(a.aborts[ABORT_NO_SECRET] > 5);
	CU_ASSERT_EQUAL(b.frames, 0);
	CU_ASSERT_STRING_EQUAL(b.last_abort, "no secret bits left");
	rig_fini(&r);
}

/* So many errors that nothing is left, by and by; then the light is good again. */
static void test_rate_to_zero_and_back(void)
{
	static struct rig r;
	struct engine_stats b;
	unsigned int before;

	CU_ASSERT_TRUE_FATAL(start(&r, BLOCK_BITS, RECONCILE_CASCADE, 39));
	CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, 2, 5 * NS_PER_S));
	for (r.flip = 0.01; r.flip < 0.034; r.flip += 0.004)
		rig_run(&r, 300 * NS_PER_MS);
	before = r.b.block_count;
	rig_run(&r, NS_PER_S);
	CU_ASSERT_EQUAL(r.b.block_count, before);
	b = stats_of(&r.b);
	CU_ASSERT(b.aborts[ABORT_NO_SECRET] > 0);
	r.flip = 0.007;
	CU_ASSERT_TRUE(rig_run_blocks(&r, before + 3, 10 * NS_PER_S));
	CU_ASSERT(rig_common_blocks(&r) >= 5);
	rig_fini(&r);
}

/* Counted as no proof allows: reconciled, amplified, and never key. */
static void test_alice_only(void)
{
	static struct rig r;
	struct engine_stats a, b;

	CU_ASSERT_TRUE_FATAL(start(&r, BLOCK_BITS, RECONCILE_CASCADE, 40));
	CU_ASSERT_TRUE_FATAL(restart_with(&r, 65536, LEAK_ALICE_ONLY, LEAK_ALICE_ONLY));
	rig_run(&r, 2 * NS_PER_S);
	a = stats_of(&r.a);
	b = stats_of(&r.b);
	CU_ASSERT(a.blocks_benchmark > 2 && b.blocks_benchmark > 2);
	CU_ASSERT_EQUAL(r.a.block_count + r.b.block_count, 0);
	CU_ASSERT_EQUAL(a.blocks_ok + a.secret_bits + b.blocks_ok + b.secret_bits, 0);
	CU_ASSERT_EQUAL(a.blocks_aborted + b.blocks_aborted, 0);
	CU_ASSERT_EQUAL(b.leak_mode, LEAK_ALICE_ONLY);
	CU_ASSERT(b.efficiency_f > 1 && b.efficiency_f < 1.2);
	rig_fini(&r);
}

/* Alice takes none of Bob's plans. */
static void expect_refused_mode(struct rig *r)
{
	struct engine_stats a;

	rig_run(r, NS_PER_S);
	a = stats_of(&r->a);
	CU_ASSERT_EQUAL(r->a.block_count + r->b.block_count, 0);
	CU_ASSERT(a.aborts[ABORT_MODE] > 0);
	CU_ASSERT_EQUAL(a.aborts[ABORT_MODE], a.blocks_aborted);
}

/* One end alone counts so: neither makes key. */
static void test_modes_differ(void)
{
	static struct rig r;

	for (int i = 0; i < 2; i++) {
		CU_ASSERT_TRUE_FATAL(start(&r, BLOCK_BITS, RECONCILE_CASCADE, 41));
		CU_ASSERT_TRUE_FATAL(restart_with(&r, 65536,
		                                  i == 0 ? LEAK_ALICE_ONLY : LEAK_TWO_WAY,
		                                  i == 0 ? LEAK_AUTO : LEAK_ALICE_ONLY));
		expect_refused_mode(&r);
		rig_fini(&r);
	}
}

static void set_methods(struct rig *r, enum reconcile_method a, enum reconcile_method b)
{
	r->config_a.reconciliation = r->config_b.reconciliation = a;
	CU_ASSERT_TRUE_FATAL(rig_restart(&r->a) && rig_restart(&r->b));
	rig_agree(r);
	r->b.engine->config.reconciliation = b;
}

/* One-way LDPC leaves more than Cascade, whose questions cost as much as its answers. */
static void test_method(void)
{
	static struct rig r;
	const struct key_block *ldpc, *cascade;
	struct engine_stats a;

	CU_ASSERT_TRUE_FATAL(start(&r, 2 * BLOCK_BITS, RECONCILE_AUTO, 51));
	CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, 3, 10 * NS_PER_S));
	a = stats_of(&r.a);
	CU_ASSERT_EQUAL(a.method, RECONCILE_LDPC);
	CU_ASSERT_EQUAL(a.reason, RECONCILE_MORE_KEY);
	CU_ASSERT_EQUAL(a.leak_mode, LEAK_ONE_WAY);
	CU_ASSERT(a.frames >= 3);
	set_methods(&r, RECONCILE_CASCADE, RECONCILE_CASCADE);
	CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, r.b.block_count + 3, 20 * NS_PER_S));
	CU_ASSERT_EQUAL(stats_of(&r.a).reason, RECONCILE_CONFIGURED);
	ldpc = r.b.blocks[2];
	cascade = r.b.blocks[r.b.block_count - 1];
	CU_ASSERT_EQUAL(ldpc->method, RECONCILE_LDPC);
	CU_ASSERT_EQUAL(ldpc->leak_mode, LEAK_ONE_WAY);
	CU_ASSERT_EQUAL(cascade->method, RECONCILE_CASCADE);
	CU_ASSERT_EQUAL(cascade->leak_mode, LEAK_TWO_WAY);
	CU_ASSERT(ldpc->bits > cascade->bits * 11 / 10);
	CU_ASSERT(rig_common_blocks(&r) >= 6);
	rig_fini(&r);
}

static void test_methods_differ(void)
{
	static struct rig r;

	CU_ASSERT_TRUE_FATAL(start(&r, BLOCK_BITS, RECONCILE_AUTO, 52));
	set_methods(&r, RECONCILE_CASCADE, RECONCILE_LDPC);
	expect_refused_mode(&r);
	rig_fini(&r);
}

/* More errors than the code was chosen for: void at the budget, then another code. */
static void test_ldpc_above_the_budget(void)
{
	static struct rig r;
	struct engine_stats b;
	struct leak_track t;

	CU_ASSERT_TRUE_FATAL(start(&r, 2 * BLOCK_BITS, RECONCILE_LDPC, 53));
	CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, 2, 10 * NS_PER_S));
	t = r.b.engine->leak_track;
	/* Not so few that the sample contradicts it. */
	for (unsigned int k = 0; k < 2; k++) {
		t.rate[k] *= 0.65;
		t.variance[k] = t.drift[k] = 0;
	}
	plan_with(&r, &t);
	b = stats_of(&r.b);
	CU_ASSERT_EQUAL(b.aborts[ABORT_BUDGET], 1);
	CU_ASSERT_TRUE(rig_run_blocks(&r, r.b.block_count + 3, 15 * NS_PER_S));
	for (unsigned int i = 0; i < r.b.block_count; i++)
		CU_ASSERT(r.b.blocks[i]->disclosed_bits <= r.b.blocks[i]->leaked_bits);
	CU_ASSERT(rig_common_blocks(&r) >= 4);
	rig_fini(&r);
}

UNIT_MAIN(UNIT(test_method), UNIT(test_methods_differ), UNIT(test_ldpc_above_the_budget),
          UNIT(test_frame_is_disclosed), UNIT(test_frames_above_the_budget),
          UNIT(test_verification), UNIT(test_leak_above_the_budget),
          UNIT(test_errors_above_the_plan), UNIT(test_drift), UNIT(test_sudden_change),
          UNIT(test_too_short), UNIT(test_rate_to_zero_and_back), UNIT(test_alice_only),
          UNIT(test_modes_differ))
