/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/ldpc_plan.h"
#include "tests/unit/unit.h"

#include "common/gcm.h"
#include "tests/unit/qkd-engine/ldpc_frames.h"

static const size_t sizes[] = {32, 64, 128, 512, 1024};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* The frame's bit at lane I of column C. */
static bool code_bit(const struct ldpc_plan *plan, const uint64_t *frame, size_t c, size_t i)
{
	return bits_get(frame + c * plan->words, i);
}

/* As ldpc_code.h defines it, a bit at a time. */
static bool check_parity(const struct ldpc_plan *plan, const uint64_t *frame, unsigned int row,
                         size_t i)
{
	const struct ldpc_code *code = plan->code;
	bool parity = false;

	for (unsigned int e = code->row_start[row]; e < code->row_start[row + 1]; e++)
		parity ^= code_bit(plan, frame, code->col[e], (i + code->shift[e]) % plan->z);
	return parity;
}

static void test_frame_takes_every_bit_once(void)
{
	for (unsigned int code = 0; code < ldpc_code_count; code++) {
		for (size_t s = 0; s < SIZES; s++) {
			size_t full = ldpc_codes[code].cols * sizes[s];
			struct ldpc_plan plan = one_frame(code, sizes[s], 3 * full - 1235, 0.02);
			uint64_t *key = random_bits(plan.bits), *back, *words;
			size_t ones = 0;

			plan.frames = 3;
			back = calloc(BITS_WORDS(plan.bits), sizeof(*back));
			words = calloc(plan.frame_words, sizeof(*words));
			for (size_t f = 0; f < 3; f++) {
				ldpc_frame_load(&plan, key, f, words);
				for (size_t c = 0; c < plan.code->cols; c++)
					for (size_t i = 0; i < plan.z; i++)
						ones += code_bit(&plan, words, c, i);
				ldpc_frame_add(&plan, back, f, words);
			}
			CU_ASSERT_EQUAL(memcmp(back, key, BITS_WORDS(plan.bits) * 8), 0);
			for (size_t i = 0; i < BITS_WORDS(plan.bits); i++)
				ones -= (size_t)__builtin_popcountll(key[i]);
			CU_ASSERT_EQUAL(ones, 0);
			free(key);
			free(back);
			free(words);
		}
	}
}

static void test_mask_keeps_the_key(void)
{
	for (size_t s = 0; s < SIZES; s++) {
		size_t bits = ldpc_codes[0].cols * sizes[s] * 7 / 8 + 3;
		struct ldpc_plan plan = one_frame(0, sizes[s], bits, 0.02);
		uint64_t *ones = malloc(plan.frame_words * 8), *key = random_bits(bits), *words;

		words = malloc(plan.frame_words * 8);
		memset(ones, 0xff, plan.frame_words * 8);
		ldpc_frame_mask(&plan, 0, ones);
		ldpc_frame_load(&plan, key, 0, words);
		for (size_t w = 0; w < plan.frame_words; w++)
			CU_ASSERT_EQUAL(words[w] & ~ones[w], 0);
		memset(key, 0xff, bits / 8);
		key[bits / 64] = (1ULL << bits % 64) - 1;
		ldpc_frame_load(&plan, key, 0, words);
		CU_ASSERT_EQUAL(memcmp(words, ones, plan.frame_words * 8), 0);
		free(ones);
		free(key);
		free(words);
	}
}

static void test_syndrome_is_the_parity_of_each_check(void)
{
	for (unsigned int code = 0; code < ldpc_code_count; code++) {
		for (size_t s = 0; s < SIZES; s++) {
			size_t bits = ldpc_codes[code].cols * sizes[s] - 77, wrong = 0;
			struct ldpc_plan plan = one_frame(code, sizes[s], bits, 0.02);
			unsigned int merged = plan.code->pairs / 2, alone;
			uint64_t *key = random_bits(bits), *frame = malloc(plan.frame_words * 8);
			uint64_t *syndrome = malloc(plan.syndrome_words * 8);

			ldpc_frame_load(&plan, key, 0, frame);
			ldpc_syndrome(&plan, frame, merged, syndrome);
			alone = 2u * (plan.code->pairs - merged);
			for (unsigned int row = 0; row < plan.code->rows; row++) {
				bool pair = row >= alone && row < 2u * plan.code->pairs;

				if (pair && row % 2 == 1)
					continue;
				for (size_t i = 0; i < plan.z; i++)
					wrong += bits_get(syndrome + row * plan.words, i) !=
					         (check_parity(&plan, frame, row, i) ^
					          (pair && check_parity(&plan, frame, row + 1, i)));
			}
			CU_ASSERT_EQUAL(wrong, 0);
			free(key);
			free(frame);
			free(syndrome);
		}
	}
}

static void test_split_gives_the_syndromes_of_both(void)
{
	for (size_t s = 0; s < SIZES; s++) {
		size_t bits = ldpc_codes[0].cols * sizes[s];
		struct ldpc_plan plan = one_frame(0, sizes[s], bits, 0.02);
		uint64_t *key = random_bits(bits), *frame = malloc(plan.frame_words * 8);
		uint64_t *merged = malloc(plan.syndrome_words * 8);
		uint64_t *split = malloc(plan.syndrome_words * 8);
		uint8_t *revealed = malloc(plan.syndrome_words * 8), *p = revealed;
		unsigned int pairs = plan.code->pairs;

		plan.choice.merged[0] = (uint16_t)pairs;
		plan.choice.merged[1] = (uint16_t)(pairs / 3);
		ldpc_frame_load(&plan, key, 0, frame);
		ldpc_syndrome(&plan, frame, pairs, merged);
		ldpc_syndrome(&plan, frame, pairs / 3, split);
		for (unsigned int i = 0; i < pairs - pairs / 3; i++, p += plan.z / 8)
			ldpc_row_put(&plan, split + 2 * i * plan.words, p);
		CU_ASSERT_EQUAL((size_t)(p - revealed) * 8, ldpc_revealed_bits(&plan, 1));
		ldpc_split(&plan, merged, 1, revealed);
		CU_ASSERT_EQUAL(memcmp(merged, split, plan.syndrome_words * 8), 0);
		free(key);
		free(frame);
		free(merged);
		free(split);
		free(revealed);
	}
}

/* Linear, another for each frame and seed, and seldom equal for different frames. */
static void test_check_hash(void)
{
	struct ldpc_plan plan = one_frame(0, 64, ldpc_codes[0].cols * 64, 0.02);
	uint64_t *a = malloc(plan.frame_words * 8), *b = malloc(plan.frame_words * 8);
	uint64_t *zero = calloc(plan.frame_words, 8);
	uint64_t *key = random_bits(plan.bits);
	uint32_t first;

	CU_ASSERT_EQUAL_FATAL(gcm_provider_init(NULL, NULL), 0);
	ldpc_frame_load(&plan, key, 0, a);
	first = ldpc_check(&plan, a, 0);
	CU_ASSERT_NOT_EQUAL(first, ldpc_check(&plan, a, 1));
	plan.check_seed = 1;
	CU_ASSERT_NOT_EQUAL(first, ldpc_check(&plan, a, 0));
	for (size_t i = 0; i < 1000; i++) {
		memcpy(b, a, plan.frame_words * 8);
		b[dice((uint32_t)plan.frame_words)] ^= 1ULL << dice(64);
		CU_ASSERT_NOT_EQUAL(ldpc_check(&plan, b, 0), ldpc_check(&plan, a, 0));
	}
	first = ldpc_check(&plan, a, 0) ^ ldpc_check(&plan, b, 0) ^ ldpc_check(&plan, zero, 0);
	for (size_t w = 0; w < plan.frame_words; w++)
		b[w] ^= a[w];
	CU_ASSERT_EQUAL(ldpc_check(&plan, b, 0), first);
	free(a);
	free(b);
	free(zero);
	free(key);
}

UNIT_MAIN(UNIT(test_frame_takes_every_bit_once), UNIT(test_mask_keeps_the_key),
          UNIT(test_syndrome_is_the_parity_of_each_check),
          UNIT(test_split_gives_the_syndromes_of_both), UNIT(test_check_hash))
