/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/cascade_plan.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"

static const size_t frame_lengths[] = {64,   65,    100,   1000,   1024,    4095,
                                       9973, 65536, 65790, 131071, 1000000, 1 << 20};

/* Of the plan. */
static struct workspace memory;

static void plan_place(struct cascade_plan *plan, const struct cascade_params *p)
{
	struct workspace_size size = {0, 16 << 20};

	CU_ASSERT_EQUAL_FATAL(workspace_init(&memory, &size), 0);
	CU_ASSERT_EQUAL_FATAL(cascade_plan_init(plan, p), 0);
	cascade_plan_place(plan, &memory);
	plan->order = workspace_plain(&memory, cascade_orders_bytes(plan));
	CU_ASSERT_TRUE_FATAL(workspace_fits(&memory));
	cascade_plan_draw(plan, p->seed);
}

/* One frame of so many bits. */
static void plan_init(struct cascade_plan *plan, size_t bits, uint64_t seed)
{
	struct cascade_params p = {bits, CASCADE_FRAME_MAX, 0.02, seed};

	plan_place(plan, &p);
	CU_ASSERT_EQUAL(plan->frames, 1);
	CU_ASSERT_TRUE(plan->frame_bits >= bits);
	CU_ASSERT_EQUAL(plan->frame_bits % 2, 0);
}

static void test_permutations_are_bijections(void)
{
	uint8_t *seen = malloc(CASCADE_FRAME_MAX + 2048);

	for (size_t k = 0; k < sizeof(frame_lengths) / sizeof(frame_lengths[0]); k++) {
		struct cascade_plan plan;
		size_t wrong = 0;

		plan_init(&plan, frame_lengths[k], k);
		for (unsigned int pass = 0; pass < CASCADE_PASSES; pass++) {
			memset(seen, 0, plan.frame_bits);
			for (size_t i = 0; i < plan.frame_bits; i++) {
				size_t position = cascade_position(&plan, pass, i);

				CU_ASSERT_TRUE_FATAL(position < plan.frame_bits);
				wrong += seen[position]++ != 0;
				wrong += cascade_index(&plan, pass, position) != i;
			}
		}
		CU_ASSERT_EQUAL(wrong, 0);
		workspace_fini(&memory);
	}
	free(seen);
}

/*
 * Pairs of bits that share a block of 64 in the first pass share one of 256 in the second as
 * often as chance has it: 2^16 * 63 / 2 pairs, each with probability 255 / 65535. The number
 * is within six standard deviations of its mean; a false alarm has probability 2e-9 a seed.
 */
static void test_passes_are_independent(void)
{
	for (uint64_t seed = 0; seed < 4; seed++) {
		struct cascade_plan plan;
		double mean = 65536.0 * 63 / 2 * 255 / 65535, n = 0;

		plan_init(&plan, 65536, seed);
		for (size_t block = 0; block < 65536; block += 64) {
			size_t in[64];

			for (size_t i = 0; i < 64; i++)
				in[i] = cascade_position(&plan, 1, block + i) / 256;
			for (size_t i = 0; i < 64; i++)
				for (size_t j = 0; j < i; j++)
					n += in[i] == in[j];
		}
		CU_ASSERT_TRUE((n - mean) * (n - mean) < 36 * mean);
		workspace_fini(&memory);
	}
}

static void check_frames(const struct cascade_params *p, size_t frames)
{
	struct cascade_plan plan;
	uint64_t *key, *out;
	uint8_t *lanes;
	size_t at = 0, wrong = 0;

	plan_place(&plan, p);
	CU_ASSERT_EQUAL(plan.frames, frames);
	key = calloc(BITS_WORDS(p->bits), 8);
	out = calloc(plan.frames * CASCADE_PASSES * plan.frame_words, 8);
	lanes = calloc(cascade_lanes(&plan), 1);
	for (size_t i = 0; i < p->bits; i++)
		bits_put(key, i, dice(2) != 0);
	while (!cascade_plan_build(&plan))
		;
	while (!cascade_permute(&plan, key, out, lanes, &at))
		;
	for (size_t f = 0; f < plan.frames; f++)
		for (unsigned int pass = 0; pass < CASCADE_PASSES; pass++) {
			const uint64_t *frame =
			        out + (f * CASCADE_PASSES + pass) * plan.frame_words;
			size_t start = cascade_frame_start(&plan, f);
			size_t bits = cascade_frame_start(&plan, f + 1) - start;

			for (size_t i = 0; i < plan.frame_bits; i++) {
				size_t first = cascade_position(&plan, 0, i);
				size_t position =
				        pass == 0 ? first : cascade_position(&plan, pass, first);
				bool v = i < bits && bits_get(key, start + i);

				wrong += bits_get(frame, position) != v;
			}
		}
	CU_ASSERT_EQUAL(wrong, 0);
	free(key);
	free(out);
	free(lanes);
	workspace_fini(&memory);
}

/*
 * Frames of unequal length, more of them than lanes, and one that ends inside of a word; and the
 * longest with 16 bits a position, and the shortest with more.
 */
static void test_frames_are_permuted(void)
{
	static const struct cascade_params p[] = {
	        {12345, 1024, 0.02, 5}, {3 * 65536 - 9, 65536, 0.02, 6}, {65537, 65536, 0.02, 7}};

	check_frames(&p[0], 12);
	check_frames(&p[1], 3);
	check_frames(&p[2], 1);
}

/* Blocks leave at least two to a pass, whatever the rate and the frame. */
static void test_block_sizes(void)
{
	static const size_t frame_bits[] = {64, 1024, 16384, 65536, 1 << 20};

	for (size_t i = 0; i < sizeof(frame_bits) / sizeof(frame_bits[0]); i++) {
		uint8_t before[CASCADE_PASSES] = {32, 32, 32};

		for (double q = 0; q <= 0.5; q += 0.0001) {
			uint8_t size[CASCADE_PASSES];

			cascade_block_sizes(q, frame_bits[i], size);
			for (unsigned int p = 0; p < CASCADE_PASSES; p++)
				CU_ASSERT_TRUE(size[p] >= 1 &&
				               (size_t)2 << size[p] <= frame_bits[i]);
			/* More errors, smaller blocks. */
			CU_ASSERT_TRUE(size[0] <= before[0]);
			memcpy(before, size, sizeof(before));
		}
	}
}

static void test_parity(void)
{
	uint64_t w[64];

	for (size_t i = 0; i < 64; i++)
		w[i] = (uint64_t)dice(1u << 31) << 33 ^ (uint64_t)dice(1u << 31) << 10 ^
		       dice(1u << 16);
	for (unsigned int level = 0; level <= 12; level++)
		for (size_t start = 0; start < 4096; start += (size_t)1 << level) {
			bool sum = false;

			for (size_t i = 0; i < (size_t)1 << level; i++)
				sum ^= bits_get(w, start + i);
			CU_ASSERT_EQUAL(cascade_parity(w, start, level), sum);
		}
}

UNIT_MAIN(UNIT(test_permutations_are_bijections), UNIT(test_passes_are_independent),
          UNIT(test_frames_are_permuted), UNIT(test_block_sizes), UNIT(test_parity))
