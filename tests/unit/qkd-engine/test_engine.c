/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <math.h>

#include "common/bytes.h"
#include "qkd-engine/engine_state.h"
#include "tests/unit/qkd-engine/engine_rig.h"
#include "tests/unit/unit.h"

#define BLOCK_BITS 120000

static const struct lossy_config good = {.delay_ns = NS_PER_MS};

static void test_makes_key(void)
{
	static struct rig r;
	struct engine_stats a, b;

	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 1));
	CU_ASSERT_TRUE(rig_run_blocks(&r, 4, 5 * NS_PER_S));
	CU_ASSERT_EQUAL(rig_common_blocks(&r), 4);
	engine_stats_read(r.a.engine, &a);
	engine_stats_read(r.b.engine, &b);
	CU_ASSERT_TRUE(a.aligned && b.aligned);
	CU_ASSERT_EQUAL(a.blocks_aborted + b.blocks_aborted, 0);
	CU_ASSERT_EQUAL(a.protocol_errors + b.protocol_errors, 0);
	CU_ASSERT_EQUAL(a.blocks_ok, b.blocks_ok);
	CU_ASSERT_EQUAL(a.secret_bits, b.secret_bits);
	CU_ASSERT_EQUAL(a.leaked_bits, b.leaked_bits);
	CU_ASSERT_EQUAL(a.alarms | b.alarms, 0);
	/* Flips, and half of the dark clicks, 1.1 % of all. */
	CU_ASSERT_DOUBLE_EQUAL(b.qber_z, 0.0125, 0.004);
	CU_ASSERT_DOUBLE_EQUAL(b.qber_x, 0.0125, 0.003);
	CU_ASSERT_DOUBLE_EQUAL(b.block_qber_z, 0.0125, 0.002);
	CU_ASSERT_EQUAL(a.block_qber_z, b.block_qber_z);
	CU_ASSERT(a.efficiency_f > 1 && a.efficiency_f < 1.3);
	CU_ASSERT_DOUBLE_EQUAL(a.eps_total, (double)a.blocks_ok * (1e-9 + 1e-15), 1e-12);
	CU_ASSERT(b.sampled_z <= a.sampled_z && b.sampled_z + 300 > a.sampled_z);
	/* Of both bases, the intensities of all samples. */
	CU_ASSERT_EQUAL(a.sampled_signal + a.sampled_decoy, a.sampled_z + a.sampled_x);
	CU_ASSERT_EQUAL(b.sampled_signal + b.sampled_decoy, b.sampled_z + b.sampled_x);
	CU_ASSERT(b.sampled_decoy <= a.sampled_decoy && b.sampled_decoy + 300 > a.sampled_decoy);
	CU_ASSERT(b.sampled_decoy > b.sampled_signal / 100 && b.sampled_decoy < b.sampled_signal);
	/* But for the detections of the block that fills: they are not sifted yet. */
	CU_ASSERT(b.sifted_z < 33 * b.sampled_z && b.sifted_z + BLOCK_BITS > 29 * b.sampled_z);
	if (getenv("RIG_VERBOSE"))
		fprintf(stderr, "%u bits of %llu, f %.3f\n", r.a.blocks[0]->bits,
		        (unsigned long long)r.a.blocks[0]->sifted_bits, a.efficiency_f);
	rig_fini(&r);
}

/*
 * The key is as long as the bound says of the errors that were planned for, to 256 bits; and the
 * errors that there were allow no less. What was disclosed is within what was charged.
 */
static void check_length(const struct key_block *k)
{
	struct finite_key_input in = {
	        .source = k->source, .counts = k->counts, .leak = (double)k->leaked_bits};
	struct finite_key_result bound;

	CU_ASSERT_EQUAL(finite_key_bound(k->proof, &in, &bound), 0);
	CU_ASSERT(k->bits <= bound.secret_bits);
	memcpy(in.counts.m_z, k->planned_z, sizeof(in.counts.m_z));
	CU_ASSERT_EQUAL(finite_key_bound(k->proof, &in, &bound), 0);
	CU_ASSERT_EQUAL(k->bits, bound.secret_bits & ~255ULL);
	CU_ASSERT(k->disclosed_bits <= k->leaked_bits);
	CU_ASSERT(k->disclosed_bits > k->leaked_bits / 3);
}

static void test_record(void)
{
	static struct rig r;
	const struct key_block *k;

	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 2));
	CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, 1, 5 * NS_PER_S));
	k = r.b.blocks[0];
	CU_ASSERT_EQUAL(get_be64(k->id + 8), k->number);
	CU_ASSERT_EQUAL(k->proof, FINITE_KEY_RUSCA2018);
	CU_ASSERT_EQUAL(k->leak_mode, LEAK_ONE_WAY);
	CU_ASSERT_EQUAL(k->method, RECONCILE_LDPC);
	CU_ASSERT_EQUAL(k->reason, RECONCILE_MORE_KEY);
	/* So many are expected; dark clicks and chance, six deviations, make it some more or less.
	 */
	CU_ASSERT_DOUBLE_EQUAL((double)k->sifted_bits, BLOCK_BITS, 0.01 * BLOCK_BITS + 512);
	CU_ASSERT_EQUAL(k->counts.n_z[0] + k->counts.n_z[1], k->sifted_bits);
	CU_ASSERT_DOUBLE_EQUAL((double)(k->counts.m_z[0] + k->counts.m_z[1]) /
	                               (double)k->sifted_bits,
	                       k->qber_z, 1e-12);
	CU_ASSERT(k->first_slot >= r.offset_a && k->last_slot > k->first_slot);
	CU_ASSERT(k->eps_auth > 1e-36 && k->eps_auth < 1e-32);
	check_length(k);
	rig_fini(&r);
}

/*
 * The proof is a matter of the configuration. The default allows less of such blocks: an end
 * that has it refuses what the older one allows.
 */
static void test_proofs(void)
{
	static struct rig r;
	struct engine_stats a;

	for (int i = 0; i < 3; i++) {
		CU_ASSERT_TRUE_FATAL(rig_init(&r, 240000, &good, 21));
		engine_destroy(r.a.engine);
		engine_destroy(r.b.engine);
		r.config_a.proof = i != 2 ? FINITE_KEY_WIESEMANN2024 : FINITE_KEY_RUSCA2018;
		r.config_b.proof = r.config_a.proof;
		CU_ASSERT_TRUE_FATAL(rig_engine_start(&r.a) && rig_engine_start(&r.b));
		if (i == 1) {
			/* Bob says that he has the same. */
			rig_agree(&r);
			r.b.engine->config.proof = FINITE_KEY_RUSCA2018;
			rig_run(&r, 4 * NS_PER_S);
			engine_stats_read(r.a.engine, &a);
			CU_ASSERT(a.aborts[ABORT_LENGTH] > 0);
			CU_ASSERT_EQUAL(a.aborts[ABORT_LENGTH], a.blocks_aborted);
			CU_ASSERT_EQUAL(a.blocks_ok, 0);
			CU_ASSERT_STRING_EQUAL(a.last_abort, "key length above the bound");
			rig_fini(&r);
			continue;
		}
		CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, 1, 5 * NS_PER_S));
		CU_ASSERT_EQUAL(r.b.blocks[0]->proof, r.config_b.proof);
		check_length(r.b.blocks[0]);
		CU_ASSERT_EQUAL(r.b.blocks[0]->bits, r.a.blocks[0]->bits);
		rig_fini(&r);
	}
}

static void test_lossy_network(void)
{
	static struct rig r;
	struct lossy_config bad = {.delay_ns = 5 * NS_PER_MS,
	                           .jitter_ns = 3 * NS_PER_MS,
	                           .drop = 0.03,
	                           .duplicate = 0.02,
	                           .reorder = 0.05,
	                           .corrupt = 0.01};

	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &bad, 3));
	CU_ASSERT_TRUE(rig_run_blocks(&r, 2, 10 * NS_PER_S));
	CU_ASSERT(rig_common_blocks(&r) >= 2);
	rig_fini(&r);
}

/* Each end killed in the midst of things, at several moments. */
static void test_restart(void)
{
	static struct rig r;
	unsigned int before;

	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 4));
	for (int i = 0; i < 6; i++) {
		struct rig_end *end = i % 2 ? &r.a : &r.b;

		rig_run(&r, 230 * NS_PER_MS + (uint64_t)i * 37 * NS_PER_MS);
		CU_ASSERT_TRUE_FATAL(rig_restart(end));
		before = r.a.block_count < r.b.block_count ? r.b.block_count : r.a.block_count;
	}
	CU_ASSERT_TRUE(rig_run_blocks(&r, before + 1, 10 * NS_PER_S));
	CU_ASSERT(rig_common_blocks(&r) >= 1);
	for (unsigned int i = 0; i < r.a.block_count; i++)
		for (unsigned int k = 0; k < i; k++)
			CU_ASSERT_NOT_EQUAL(memcmp(r.a.blocks[i]->id, r.a.blocks[k]->id, 16), 0);
	rig_fini(&r);
}

/* Pads of a cipher for one end's tags, as an operator may choose: both ends mark the blocks. */
static int computational_take(void *ctx, struct auth_pad *pad)
{
	uint64_t *taken = ctx;

	*pad = (struct auth_pad){.id = AUTH_PAD_COMPUTATIONAL | *taken, .bits = {1, 2, 3}};
	put_be64(pad->bits + 8, (*taken)++);
	return 0;
}

static int any_fetch(void *ctx, uint64_t id, struct auth_pad *pad)
{
	if ((id & AUTH_PAD_COMPUTATIONAL) == 0)
		return 0; /* the rig's */
	*pad = (struct auth_pad){.id = id, .bits = {1, 2, 3}};
	put_be64(pad->bits + 8, id & ~AUTH_PAD_COMPUTATIONAL);
	return 0;
}

static void test_computational_pads_mark_the_block(void)
{
	static struct rig r;
	static uint64_t taken;
	const struct rig_pads own = {computational_take, any_fetch, &taken};
	struct engine_stats b;

	for (int way = 0; way < 2; way++) {
		struct rig_end *from = way == 0 ? &r.a : &r.b, *to = way == 0 ? &r.b : &r.a;

		CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 33));
		CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, 1, 5 * NS_PER_S));
		CU_ASSERT_FALSE(r.a.blocks[0]->computational);
		from->pads = &own;
		to->fetch_own = &own;
		CU_ASSERT_TRUE_FATAL(rig_run_blocks(&r, 9, 5 * NS_PER_S));
		CU_ASSERT(rig_common_blocks(&r) >= 9);
		CU_ASSERT_TRUE(r.a.blocks[8]->computational);
		CU_ASSERT_TRUE(r.b.blocks[8]->computational);
		engine_stats_read(r.b.engine, &b);
		CU_ASSERT(b.blocks_computational >= 2 && b.blocks_computational < b.blocks_ok);
		CU_ASSERT_EQUAL(b.blocks_aborted, 0);
		rig_fini(&r);
	}
}

static void test_pads_run_out(void)
{
	static struct rig r;
	struct engine_stats a, b;

	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 5));
	r.a.pads_left = 1;
	CU_ASSERT_TRUE(rig_run_blocks(&r, 1, 5 * NS_PER_S));
	rig_run(&r, 4 * NS_PER_S);
	CU_ASSERT_EQUAL(r.a.block_count, 1);
	CU_ASSERT_EQUAL(r.a.raised[ENGINE_ALARM_PADS], 1);
	/* Bounded: detections are dropped, and counted. */
	engine_stats_read(r.b.engine, &b);
	CU_ASSERT(b.blocks_in_flight <= 6);
	CU_ASSERT(b.dropped > 0 && b.gaps > 0);
	r.a.pads_left = 100;
	CU_ASSERT_TRUE(rig_run_blocks(&r, 5, 5 * NS_PER_S));
	CU_ASSERT_EQUAL(r.a.cleared[ENGINE_ALARM_PADS], 1);
	CU_ASSERT(rig_common_blocks(&r) >= 5);
	engine_stats_read(r.a.engine, &a);
	CU_ASSERT_EQUAL(a.blocks_aborted, 0);
	rig_fini(&r);
}

/* The ends' hash keys differ: no block becomes key, and both say so. */
static void test_wrong_hash_key(void)
{
	static struct rig r;
	struct engine_stats b;

	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 6));
	engine_destroy(r.b.engine);
	r.config_b.hash_key_ab[3] ^= 1;
	CU_ASSERT_TRUE_FATAL(rig_engine_start(&r.b));
	rig_run(&r, NS_PER_S);
	engine_stats_read(r.b.engine, &b);
	CU_ASSERT_EQUAL(r.a.block_count + r.b.block_count, 0);
	CU_ASSERT(b.auth_failures > 0);
	CU_ASSERT_EQUAL(r.b.raised[ENGINE_ALARM_AUTH], 1);
	CU_ASSERT_EQUAL(r.a.raised[ENGINE_ALARM_AUTH], 1);
	/* Not the kind of the channel's alarm at the same link. */
	CU_ASSERT_STRING_EQUAL(engine_alarm_name(ENGINE_ALARM_AUTH), "transcript");
	CU_ASSERT_STRING_EQUAL(b.last_abort, "transcript tag refused");
	rig_fini(&r);
}

/* Detections of another link's transmitter: never key, and said so. */
static void test_crossed_fibres(void)
{
	static struct rig r;
	struct engine_stats b;

	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 7));
	r.light_seed ^= 12345;
	r.polls = 1;
	r.step_ns = NS_PER_MS;
	r.holdoff_ns = 10 * NS_PER_US;
	rig_run(&r, 12 * NS_PER_S);
	engine_stats_read(r.b.engine, &b);
	CU_ASSERT_EQUAL(r.a.block_count + r.b.block_count, 0);
	CU_ASSERT_FALSE(b.aligned);
	CU_ASSERT_EQUAL(b.announced, 0);
	CU_ASSERT(b.unaligned > 500000);
	CU_ASSERT_EQUAL(r.b.raised[ENGINE_ALARM_SYNC], 1);
	CU_ASSERT_EQUAL(r.b.cleared[ENGINE_ALARM_SYNC], 0);
	rig_fini(&r);
}

/* The receiver's grid slips: both bases at 50 %; aligned anew, without an alarm. */
static void test_slip(void)
{
	static struct rig r;
	unsigned int before;
	struct engine_stats b;

	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 8));
	CU_ASSERT_TRUE(rig_run_blocks(&r, 1, 5 * NS_PER_S));
	before = r.b.block_count;
	r.offset_b += 1;
	CU_ASSERT_TRUE(rig_run_blocks(&r, before + 2, 5 * NS_PER_S));
	engine_stats_read(r.b.engine, &b);
	CU_ASSERT_EQUAL(b.realignments, 1);
	CU_ASSERT_EQUAL(r.b.raised[ENGINE_ALARM_INTERCEPT] + r.b.raised[ENGINE_ALARM_SYNC], 0);
	CU_ASSERT(rig_common_blocks(&r) >= 2);
	rig_fini(&r);
}

static void test_light_lost(void)
{
	static struct rig r;

	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 9));
	CU_ASSERT_TRUE(rig_run_blocks(&r, 1, 5 * NS_PER_S));
	r.fibre_cut = true;
	rig_run(&r, 14 * NS_PER_S);
	CU_ASSERT_EQUAL(r.b.raised[ENGINE_ALARM_NO_LIGHT], 1);
	r.fibre_cut = false;
	CU_ASSERT_TRUE(rig_run_blocks(&r, r.b.block_count + 1, 8 * NS_PER_S));
	/* The dark was no light that could not be aligned. */
	CU_ASSERT_EQUAL(r.b.raised[ENGINE_ALARM_SYNC], 0);
	CU_ASSERT_EQUAL(r.b.cleared[ENGINE_ALARM_NO_LIGHT], 1);
	CU_ASSERT_EQUAL(r.b.raised[ENGINE_ALARM_NO_LIGHT], 1);
	rig_fini(&r);
}

/*
 * A network that is gone for 30 s says nothing of light or errors: no alarm but the channel's own,
 * and what filled is void for lost alignment.
 */
static void test_outage(void)
{
	static struct rig r;
	struct engine_stats b;
	unsigned int before;

	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 23));
	CU_ASSERT_TRUE(rig_run_blocks(&r, 2, 5 * NS_PER_S));
	before = r.b.block_count;
	r.wire.ab.cut = r.wire.ba.cut = true;
	rig_run(&r, 30 * NS_PER_S);
	r.wire.ab.cut = r.wire.ba.cut = false;
	CU_ASSERT_TRUE(rig_run_blocks(&r, before + 2, 15 * NS_PER_S));
	for (int i = 0; i < ENGINE_ALARM_COUNT; i++)
		CU_ASSERT_EQUAL(r.a.raised[i] + r.b.raised[i], 0);
	engine_stats_read(r.b.engine, &b);
	CU_ASSERT(b.aborts[ABORT_ALIGNMENT] >= 1);
	CU_ASSERT_EQUAL(b.aborts[ABORT_ALIGNMENT], b.blocks_aborted);
	CU_ASSERT_PTR_NOT_NULL(strstr(b.last_abort, "alignment lost"));
	CU_ASSERT(rig_common_blocks(&r) >= 2);
	rig_fini(&r);
}

/* Gaps, cards that start anew, a QRNG that stops for a while, and one that is not there. */
static void test_card_trouble(void)
{
	static struct rig r;
	struct engine_stats a, b;

	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 10));
	r.b.random_dry = true;
	CU_ASSERT_TRUE(rig_run_blocks(&r, 1, 5 * NS_PER_S));
	uint64_t now = r.wire.now_ns + r.offset_b;
	engine_gap(r.b.engine, now, now + 10 * NS_PER_MS);
	rig_run(&r, 20 * NS_PER_MS);
	engine_stats_read(r.b.engine, &b);
	CU_ASSERT_EQUAL(b.gaps, 1);
	CU_ASSERT(b.dropped > 8000 && b.dropped < 9000);
	r.a.random_dry = true;
	rig_run(&r, NS_PER_S);
	r.a.random_dry = false;
	CU_ASSERT_TRUE(rig_run_blocks(&r, r.b.block_count + 2, 5 * NS_PER_S));
	engine_stats_read(r.a.engine, &a);
	CU_ASSERT_EQUAL(a.blocks_aborted, 0);
	/* Bob's card and Alice's lookups are lost. */
	r.offset_b = 1000;
	engine_slots_restarted(r.b.engine);
	rig_run(&r, NS_PER_MS);
	engine_lookups_lost(r.a.engine);
	r.lookup_count = 0;
	CU_ASSERT_TRUE(rig_run_blocks(&r, r.b.block_count + 1, 5 * NS_PER_S));
	CU_ASSERT(rig_common_blocks(&r) >= 3);
	rig_fini(&r);
}

/* Alice's card goes with questions under way when the session ends, too. */
static void test_card_lost_with_the_session(void)
{
	static struct rig r;
	struct engine_stats a;
	unsigned int blocks;

	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 17));
	CU_ASSERT_TRUE(rig_run_blocks(&r, 1, 5 * NS_PER_S));
	r.card_stuck = true;
	rig_run(&r, 20 * NS_PER_MS);
	CU_ASSERT(r.lookup_count > 1);
	rig_restart(&r.b);
	for (uint64_t end = r.wire.now_ns + NS_PER_S; r.wire.now_ns < end;)
		lossy_pair_step(&r.wire, NS_PER_MS);
	engine_lookups_lost(r.a.engine);
	r.lookup_count = 0;
	r.card_stuck = false;
	blocks = r.b.block_count;
	CU_ASSERT_TRUE(rig_run_blocks(&r, blocks + 2, 8 * NS_PER_S));
	engine_stats_read(r.a.engine, &a);
	CU_ASSERT_EQUAL(a.alarms, 0);
	CU_ASSERT_EQUAL(a.protocol_errors, 0);
	CU_ASSERT(rig_common_blocks(&r) >= 2);
	rig_fini(&r);
}

/* Alice's card does not answer: clicks stay at Bob's, and he starts over in time. */
static void test_card_stuck(void)
{
	static struct rig r;
	struct engine_stats a, b;

	CU_ASSERT_TRUE_FATAL(rig_init(&r, BLOCK_BITS, &good, 15));
	CU_ASSERT_TRUE(rig_run_blocks(&r, 1, 5 * NS_PER_S));
	r.card_stuck = true;
	rig_run(&r, 11 * NS_PER_S);
	engine_stats_read(r.b.engine, &b);
	CU_ASSERT_EQUAL(b.realignments, 1);
	CU_ASSERT(r.card.lost + r.card.old > 5000000);
	r.card_stuck = false;
	CU_ASSERT_TRUE(rig_run_blocks(&r, r.b.block_count + 1, 15 * NS_PER_S));
	engine_stats_read(r.a.engine, &a);
	CU_ASSERT_EQUAL(a.protocol_errors, 0);
	CU_ASSERT_EQUAL(a.alarms, 0);
	CU_ASSERT(rig_common_blocks(&r) >= 2);
	rig_fini(&r);
}

static void test_alarm_names(void)
{
	for (int i = 0; i < ENGINE_ALARM_COUNT; i++)
		for (int k = 0; k < i; k++)
			CU_ASSERT_STRING_NOT_EQUAL(engine_alarm_name((enum engine_alarm)i),
			                           engine_alarm_name((enum engine_alarm)k));
	CU_ASSERT_STRING_EQUAL(engine_alarm_name(ENGINE_ALARM_INTERCEPT), "intercept-resend");
	CU_ASSERT_STRING_EQUAL(engine_alarm_name(ENGINE_ALARM_COUNT), "unknown");
}

/* Round trips cost latency, not rate: hardly anything is dropped for want of room. */
static void test_long_link(void)
{
	static struct rig r;
	struct lossy_config far = {.delay_ns = 5 * NS_PER_MS, .drop = 0.01};
	struct engine_stats b;

	CU_ASSERT_TRUE_FATAL(rig_init(&r, 250000, &far, 14));
	CU_ASSERT_TRUE(rig_run_blocks(&r, 2, 10 * NS_PER_S));
	engine_stats_read(r.b.engine, &b);
	CU_ASSERT(b.dropped * 100 < b.detections);
	CU_ASSERT_EQUAL(b.blocks_aborted, 0);
	CU_ASSERT(rig_common_blocks(&r) >= 2);
	rig_fini(&r);
}

static void test_bad_config(void)
{
	struct engine_config c = {.role = ENGINE_BOB,
	                          .block_bits = 100,
	                          .p_z = 0.8,
	                          .frame_bits = 65536,
	                          .source = {{0.3, 0.1}, {0.3, 0.7}, 1e-9, 1e-15},
	                          .qber_abort = 0.08,
	                          .qber_alarm = 0.05,
	                          .sample_interval = 64};
	struct engine_ops ops = {0};
	struct err err = {0};

	CU_ASSERT_PTR_NULL(engine_create(&c, &ops, NULL, NULL, &err));
	CU_ASSERT_EQUAL(err.code, EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "block-bits"));
	c.block_bits = 100000;
	c.p_z = 0.03; /* 1.1 10^8 detections */
	CU_ASSERT_PTR_NULL(engine_create(&c, &ops, NULL, NULL, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "p-z: with 0.03 a block"));
	c.p_z = 0.8;
	c.source.mu[1] = 0.4;
	CU_ASSERT_PTR_NULL(engine_create(&c, &ops, NULL, NULL, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "intensities"));
	c.source.mu[1] = 0.1;
	c.proof = FINITE_KEY_LIM2014;
	CU_ASSERT_PTR_NULL(engine_create(&c, &ops, NULL, NULL, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "proof: lim2014 is not for one decoy"));
	c.proof = FINITE_KEY_WIESEMANN2024;
	c.source.p[1] = 0.6999;
	CU_ASSERT_PTR_NULL(engine_create(&c, &ops, NULL, NULL, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "p: 0.9999 is the sum"));
	c.source.p[1] = 0.7;
	c.leak_mode = LEAK_ERROR_PATTERN;
	CU_ASSERT_PTR_NULL(engine_create(&c, &ops, NULL, NULL, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "leak-mode: error-pattern needs a proof"));
	c.leak_mode = LEAK_TWO_WAY;
	c.reconciliation = RECONCILE_LDPC;
	CU_ASSERT_PTR_NULL(engine_create(&c, &ops, NULL, NULL, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "leak-mode: two-way is not for ldpc"));
	c.reconciliation = RECONCILE_CASCADE;
	c.leak_mode = LEAK_ONE_WAY;
	CU_ASSERT_PTR_NULL(engine_create(&c, &ops, NULL, NULL, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "leak-mode: one-way is not for cascade"));
	c.leak_mode = LEAK_AUTO;
	c.qber_alarm = NAN;
	CU_ASSERT_PTR_NULL(engine_create(&c, &ops, NULL, NULL, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "qber-alarm"));
}

UNIT_MAIN(UNIT(test_makes_key), UNIT(test_record), UNIT(test_proofs), UNIT(test_lossy_network),
          UNIT(test_restart), UNIT(test_pads_run_out), UNIT(test_computational_pads_mark_the_block),
          UNIT(test_wrong_hash_key), UNIT(test_crossed_fibres), UNIT(test_slip),
          UNIT(test_light_lost), UNIT(test_card_trouble), UNIT(test_outage), UNIT(test_long_link),
          UNIT(test_alarm_names), UNIT(test_card_lost_with_the_session), UNIT(test_card_stuck),
          UNIT(test_bad_config))
