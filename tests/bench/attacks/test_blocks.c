/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/bench/attacks/blocks.h"

#include "common/clock.h"
#include "tests/unit/unit.h"

#define SIZE   420000
#define MOMENT (100 * NS_PER_MS)

static const struct finite_key_source source = {
        .mu = {0.5, 0.1}, .p = {0.7, 0.3}, .eps_sec = 1e-12, .eps_cor = 1e-15};
static struct blocks b;
static uint64_t now, count;
static bool less_decoys;

/*
 * A block of light and some moments more: one error in EVERY, decoys as loss alone leaves them.
 * Returns the outcomes in X that were told.
 */
static uint64_t block(unsigned int every, bool attacked)
{
	struct blocks_told told;
	uint64_t x = 0;

	for (uint32_t i = 0; i < SIZE; i++) {
		struct detected d = {
		        .basis = count % 7 == 6, .matched = true, .attacked = attacked};

		d.intensity = count % (less_decoys ? 17 : 12) == 0;
		d.wrong = every != 0 && (count / 7) % every == 0;
		count++;
		blocks_add(&b, &d, now);
		if (i % (SIZE / 10) == 0)
			blocks_turn(&b, now += MOMENT, &told);
	}
	for (unsigned int i = 0; i < 50; i++) {
		blocks_turn(&b, now += MOMENT, &told);
		x += told.x;
	}
	return x;
}

static void begin(void)
{
	now = 1000 * NS_PER_S;
	count = 0;
	CU_ASSERT_EQUAL_FATAL(blocks_init(&b, &source, SIZE, 0.08, 0.05), 0);
}

static void test_honest(void)
{
	begin();
	CU_ASSERT_EQUAL(block(50, false), SIZE / 7);
	CU_ASSERT_EQUAL(b.released_blocks, 1);
	CU_ASSERT(b.released_bits > 1000 && b.released_bits < SIZE);
	CU_ASSERT_EQUAL(b.released_bits % 256, 0);
	CU_ASSERT_EQUAL(b.released_attacked_bits, 0);
	CU_ASSERT_EQUAL(b.counted[0] + b.counted[1], SIZE);
	block(50, true);
	CU_ASSERT_EQUAL(b.released_blocks, 2);
	CU_ASSERT_EQUAL(b.released_attacked_bits * 2, b.released_bits);
	blocks_free(&b);
}

/* A tenth of the samples err: the engine's own monitor says so, and nothing becomes key. */
static void test_errors(void)
{
	const struct monitor_counts bad = {.n = {100, 50}, .e = {10, 5}};
	struct blocks_told told;

	begin();
	block(50, true);
	CU_ASSERT_EQUAL(b.released_blocks, 1);
	blocks_add(&b, &(struct detected){.matched = true, .attacked = true}, now);
	for (unsigned int i = 0; i < 20; i++) {
		blocks_sampled(&b, &bad, now);
		blocks_turn(&b, now += MOMENT, &told);
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(blocks_alarm(&b));
	CU_ASSERT_STRING_EQUAL(blocks_alarm(&b), "intercept-resend");
	CU_ASSERT_EQUAL(b.void_attacked_blocks, 1);
	block(50, true);
	CU_ASSERT_EQUAL(b.released_blocks, 1);
	blocks_free(&b);
}

/* Photon-number splitting leaves fewer decoys than loss does. */
static void test_decoys(void)
{
	begin();
	less_decoys = true;
	block(50, true);
	less_decoys = false;
	CU_ASSERT_EQUAL(b.released_blocks + b.no_key_blocks, 0);
	CU_ASSERT_EQUAL(b.void_attacked_blocks, 1);
	blocks_free(&b);
}

static void test_hold(void)
{
	struct blocks_told told;

	begin();
	blocks_hold(&b, true, now);
	block(50, false);
	CU_ASSERT_EQUAL(b.released_bits, 0);
	blocks_hold(&b, false, now);
	for (unsigned int i = 0; i < 50; i++)
		blocks_turn(&b, now += MOMENT, &told);
	CU_ASSERT_EQUAL(b.released_blocks, 1);
	/* What is young when it begins is void. */
	block(50, false);
	blocks_add(&b, &(struct detected){.matched = true}, now);
	blocks_hold(&b, true, now);
	CU_ASSERT_EQUAL(b.void_blocks, 1);
	blocks_free(&b);
}

UNIT_MAIN(UNIT(test_honest), UNIT(test_errors), UNIT(test_decoys), UNIT(test_hold))
