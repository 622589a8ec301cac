/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdlib.h>

#include "common/sync_pattern.h"
#include "qkd-engine/align.h"
#include "tests/unit/unit.h"

static uint64_t state;

static uint64_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* COUNT detections in the receiver's slots, a share of NOISE_PERCENT at random. */
static void detect(uint64_t *slots, size_t count, uint64_t first, int64_t offset,
                   unsigned int noise_percent)
{
	uint64_t s = first;

	for (size_t i = 0; i < count;) {
		s += 900 + next_random() % 600;
		if (next_random() % 100 >= noise_percent && !sync_pattern_on(s + (uint64_t)offset))
			continue;
		slots[i++] = s;
	}
}

static enum align_result search(struct align *a, const uint64_t *slots, size_t count, int64_t first,
                                int64_t last)
{
	enum align_result r;

	align_start(a, slots, count, first, last);
	do {
		r = align_step(a, 256);
	} while (r == ALIGN_MORE);
	return r;
}

static void test_finds_offset(void)
{
	static const int64_t offsets[] = {0, 1, -1, 63, 64, 65, 1000003, -1234567, 3999999};
	uint64_t slots[ALIGN_DETECTIONS];
	struct align a;

	state = 1;
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		detect(slots, ALIGN_DETECTIONS, 50000000 + next_random() % 64, offsets[i], 2);
		CU_ASSERT_EQUAL(search(&a, slots, ALIGN_DETECTIONS, -4000000, 4000000),
		                ALIGN_FOUND);
		CU_ASSERT_EQUAL(a.found, offsets[i]);
		CU_ASSERT(a.score > 240);
	}
}

/* The first and the last offset of the window count, the ones beyond do not. */
static void test_window_is_exact(void)
{
	uint64_t slots[ALIGN_DETECTIONS];
	struct align a;

	state = 2;
	detect(slots, ALIGN_DETECTIONS, 1000000, 5000, 0);
	CU_ASSERT_EQUAL(search(&a, slots, ALIGN_DETECTIONS, 5000, 5000), ALIGN_FOUND);
	CU_ASSERT_EQUAL(search(&a, slots, ALIGN_DETECTIONS, 4900, 5000), ALIGN_FOUND);
	CU_ASSERT_EQUAL(search(&a, slots, ALIGN_DETECTIONS, 4900, 4999), ALIGN_FAILED);
	CU_ASSERT_EQUAL(search(&a, slots, ALIGN_DETECTIONS, 5001, 5100), ALIGN_FAILED);
}

/* Slot numbers that differ by hours, and a window in which some slots do not exist. */
static void test_far_apart(void)
{
	uint64_t slots[ALIGN_DETECTIONS];
	struct align a;

	state = 3;
	detect(slots, ALIGN_MIN, 100, 7200000000000LL, 2);
	CU_ASSERT_EQUAL(search(&a, slots, ALIGN_MIN, 7199999000000LL, 7200001000000LL),
	                ALIGN_FOUND);
	CU_ASSERT_EQUAL(a.found, 7200000000000LL);
	detect(slots, ALIGN_MIN, 7200000000000LL, -7199999990000LL, 2);
	CU_ASSERT_EQUAL(search(&a, slots, ALIGN_MIN, -7200001000000LL, -7199999000000LL),
	                ALIGN_FOUND);
	CU_ASSERT_EQUAL(a.found, -7199999990000LL);
}

static void test_noise(void)
{
	uint64_t slots[ALIGN_DETECTIONS];
	unsigned int found = 0;
	struct align a;

	state = 4;
	for (int i = 0; i < 50; i++) {
		detect(slots, ALIGN_DETECTIONS, 50000000, 4242, 11); /* 10 % on dark slots */
		found += search(&a, slots, ALIGN_DETECTIONS, -20000, 20000) == ALIGN_FOUND &&
		         a.found == 4242;
	}
	CU_ASSERT(found >= 49);
}

/* Light that does not know the pattern is never taken for it. */
static void test_random_light(void)
{
	uint64_t slots[ALIGN_DETECTIONS];
	struct align a;

	state = 5;
	detect(slots, ALIGN_DETECTIONS, 50000000, 0, 100);
	CU_ASSERT_EQUAL(search(&a, slots, ALIGN_DETECTIONS, -(1LL << 24), 1LL << 24), ALIGN_FAILED);
}

UNIT_MAIN(UNIT(test_finds_offset), UNIT(test_window_is_exact), UNIT(test_far_apart),
          UNIT(test_noise), UNIT(test_random_light))
