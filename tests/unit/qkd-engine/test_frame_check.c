/* SPDX-License-Identifier: BSD-3-Clause */

#include <string.h>

#include "common/bytes.h"
#include "common/gcm.h"
#include "qkd-engine/frame_check.h"
#include "qkd-engine/verify.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

/* The frames cover all bits, once, at word boundaries. */
static void test_pieces(void)
{
	static const size_t bits[] = {1, 63, 64, 65, 4096, 60044, 1000137, 4000511};
	static const size_t frame[] = {1024, 65536, 1 << 20};

	for (unsigned int i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		for (unsigned int k = 0; k < 3; k++) {
			unsigned int frames = frame_check_count(bits[i], frame[k]);
			size_t sum = 0;

			CU_ASSERT_FATAL(frames >= 1);
			for (unsigned int f = 0; f < frames; f++) {
				CU_ASSERT_EQUAL(64 * frame_check_word(bits[i], frames, f), sum);
				CU_ASSERT(frame_check_size(bits[i], frames, f) > 0);
				CU_ASSERT(frame_check_size(bits[i], frames, f) <=
				          frame_check_size_max(bits[i], frames));
				CU_ASSERT(frame_check_size(bits[i], frames, f) <
				          3 * frame[k] / 2 + 64);
				sum += frame_check_size(bits[i], frames, f);
			}
			CU_ASSERT_EQUAL(sum, bits[i]);
		}
	}
}

static uint64_t word(void)
{
	return (uint64_t)dice(UINT32_MAX) << 32 | dice(UINT32_MAX);
}

static void test_most(void)
{
	CU_ASSERT_EQUAL(frame_check_count(16000511, 1024), FRAME_CHECK_FRAMES_MAX);
	CU_ASSERT_EQUAL(frame_check_count(16000511, 65536), 244);
}

/* A turned bit shows in its own frame, and in no other. */
static void test_finds_the_frame(void)
{
	static uint64_t a[BITS_WORDS(300001)], b[BITS_WORDS(300001)];
	uint8_t key[16], ta[FRAME_CHECK_BYTES], tb[FRAME_CHECK_BYTES];
	unsigned int frames = frame_check_count(300001, 65536);

	CU_ASSERT_EQUAL_FATAL(gcm_provider_init(NULL, NULL), 0);
	for (unsigned int i = 0; i < BITS_WORDS(300001); i++)
		a[i] = word();
	a[BITS_WORDS(300001) - 1] &= ~0ULL >> (64 - 300001 % 64);
	for (int run = 0; run < 200; run++) {
		size_t bit = dice(300001), from = 0;

		put_be64(key, word());
		put_be64(key + 8, word());
		memcpy(b, a, sizeof(a));
		b[bit / 64] ^= 1ULL << bit % 64;
		for (unsigned int f = 0; f < frames; f++) {
			size_t to = from + frame_check_size(300001, frames, f);

			frame_check_tag(a, 300001, frames, f, key, ta);
			frame_check_tag(b, 300001, frames, f, key, tb);
			CU_ASSERT_EQUAL(memcmp(ta, tb, sizeof(ta)) == 0, bit < from || bit >= to);
			from = to;
		}
	}
}

UNIT_MAIN(UNIT(test_pieces), UNIT(test_most), UNIT(test_finds_the_frame))
