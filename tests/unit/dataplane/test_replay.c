/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/replay.h"
#include "tests/unit/unit.h"

#include <string.h>

static uint64_t bits[REPLAY_WINDOW_MAX / 64];
static uint64_t random_state;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* What the ESP path does with an authentic packet whose header carries SEQ. */
static bool pass(struct replay *r, uint64_t seq)
{
	uint64_t inferred;

	return replay_infer(r, (uint32_t)seq, &inferred) && inferred == seq &&
	       replay_check(r, inferred) && replay_update(r, inferred);
}

static void test_sizes(void)
{
	CU_ASSERT_TRUE(replay_size_valid(64));
	CU_ASSERT_TRUE(replay_size_valid(REPLAY_WINDOW_DEFAULT));
	CU_ASSERT_TRUE(replay_size_valid(32768));
	CU_ASSERT_FALSE(replay_size_valid(0));
	CU_ASSERT_FALSE(replay_size_valid(32));
	CU_ASSERT_FALSE(replay_size_valid(100));
	CU_ASSERT_FALSE(replay_size_valid(65536));
}

static void test_edges_of_each_window(void)
{
	for (uint32_t size = REPLAY_WINDOW_MIN; size <= REPLAY_WINDOW_MAX; size *= 2) {
		struct replay r;

		replay_init(&r, bits, size);
		CU_ASSERT_FALSE(pass(&r, 0));
		CU_ASSERT_TRUE(pass(&r, 1));
		CU_ASSERT_FALSE(pass(&r, 1));
		CU_ASSERT_TRUE(pass(&r, size + 10));
		CU_ASSERT_FALSE(replay_check(&r, 10));
		CU_ASSERT_TRUE(pass(&r, 11));
		CU_ASSERT_FALSE(pass(&r, 11));
		CU_ASSERT_EQUAL(r.top, size + 10);
		/* A leap of exactly a window and of more forgets all that was seen. */
		CU_ASSERT_TRUE(pass(&r, 2 * size + 10));
		CU_ASSERT_TRUE(pass(&r, size + 11));
		CU_ASSERT_FALSE(pass(&r, size + 11));
		CU_ASSERT_TRUE(pass(&r, 1000000));
		for (uint64_t s = 1000000 - size + 1; s < 1000000; s++)
			if (!pass(&r, s))
				CU_FAIL("a number of the window was refused");
		for (uint64_t s = 1000000 - size + 1; s <= 1000000; s++)
			if (pass(&r, s))
				CU_FAIL("a number passed twice");
	}
}

/* Two copies in one burst are both checked before either is marked. */
static void test_second_copy_in_a_burst_fails_at_update(void)
{
	struct replay r;

	replay_init(&r, bits, 64);
	CU_ASSERT_TRUE(replay_check(&r, 7));
	CU_ASSERT_TRUE(replay_check(&r, 7));
	CU_ASSERT_TRUE(replay_update(&r, 7));
	CU_ASSERT_FALSE(replay_update(&r, 7));
	/* Nor does one that the burst pushed out of the window. */
	CU_ASSERT_TRUE(replay_check(&r, 8));
	CU_ASSERT_TRUE(replay_update(&r, 100));
	CU_ASSERT_FALSE(replay_update(&r, 8));
	CU_ASSERT_EQUAL(r.top, 100);
}

static void test_check_changes_nothing(void)
{
	struct replay r;

	replay_init(&r, bits, 64);
	CU_ASSERT_TRUE(replay_check(&r, 1ULL << 40));
	CU_ASSERT_EQUAL(r.top, 0);
	CU_ASSERT_TRUE(pass(&r, 1));
}

/* RFC 4303 appendix A2.1, both cases, around 2^32. */
static void test_high_half_is_inferred(void)
{
	static const struct {
		uint64_t top;
		uint32_t low;
		uint64_t want; /* 0: none */
	} cases[] = {
	        {0, 1, 1},
	        {0, 0, 0},
	        {10, 0xffffffff, 0}, /* would be before number 0 */
	        {0x100000000 - 2, 0xfffffffe, 0x0fffffffe},
	        {0x100000000 - 2, 0, 0x100000000},
	        {0x100000000 - 2, 5, 0x100000005},
	        {0x100000005, 0xfffffff0, 0x0fffffff0},
	        {0x100000005, 6, 0x100000006},
	        {0x10000003f, 0, 0x100000000}, /* the bottom of the window is number 2^32 */
	        {0x10000003f, 0xffffffff, 0x1ffffffff},
	        {0x10000003e, 0xffffffff, 0x0ffffffff}, /* ... is 2^32 - 1 */
	        {0x500000100, 0xc0, 0x6000000c0},       /* left of the window: next subspace */
	        {0x500000100, 0xc1, 0x5000000c1},
	        {0xffffffff00000100, 0xff, 0xffffffff000000ff},
	        {0xffffffff00000100, 0x10, 0}, /* past 2^64 - 1 */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct replay r;
		uint64_t seq = 0;
		bool found;

		replay_init(&r, bits, 64);
		r.top = cases[i].top;
		found = replay_infer(&r, cases[i].low, &seq);
		CU_ASSERT_EQUAL(found, cases[i].want != 0);
		if (found)
			CU_ASSERT_EQUAL(seq, cases[i].want);
	}
}

/* Every number from the bottom of the window to 2^32 above it is found from its low half. */
static void test_inference_over_its_whole_range(void)
{
	random_state = 1;
	for (int i = 0; i < 200000; i++) {
		uint32_t size = REPLAY_WINDOW_MIN << next_random() % 10;
		struct replay r = {.top = 0x700000000 + next_random() % 0x200000000, .size = size};
		uint64_t bottom = r.top - size + 1, found = 0;
		uint64_t seq = bottom + next_random() % 0x100000000;

		if (!replay_infer(&r, (uint32_t)seq, &found) || found != seq)
			CU_FAIL("wrong high half");
	}
}

static void test_rolls_over_2_to_32(void)
{
	const uint64_t around = 0x100000000;
	struct replay r;

	replay_init(&r, bits, 256);
	r.top = around - 1000;
	for (uint64_t s = around - 999; s < around + 1000; s += 2)
		if (!pass(&r, s))
			CU_FAIL("a fresh number was refused");
	for (uint64_t s = around + 1000 - 256; s < around + 1000; s += 2)
		if (!pass(&r, s))
			CU_FAIL("a late number was refused");
	for (uint64_t s = around - 999; s < around + 1000; s++)
		if (pass(&r, s))
			CU_FAIL("a number passed twice");
}

/* Against a list of all numbers that passed. */
static void test_against_plain_list(void)
{
	static uint8_t seen[1 << 17];

	for (uint32_t size = 64; size <= 4096; size *= 8) {
		uint64_t top = 0;
		struct replay r;

		random_state = size;
		memset(seen, 0, sizeof(seen));
		replay_init(&r, bits, size);
		for (int i = 0; i < 60000; i++) {
			uint64_t leap = next_random() % 100 == 0 ? next_random() % (2 * size) : 4;
			uint64_t back = next_random() % (size + size / 4);
			uint64_t seq = next_random() % 2 ? top + next_random() % (leap + 1)
			                                 : top - (back < top ? back : top);
			bool want;

			if (seq == 0 || seq >= sizeof(seen))
				continue;
			want = seq > top || (top - seq < size && !seen[seq]);
			if (replay_check(&r, seq) != want || replay_update(&r, seq) != want)
				CU_FAIL("the window differs from the list");
			seen[seq] = 1;
			if (seq > top)
				top = seq;
		}
		CU_ASSERT_EQUAL(r.top, top);
		CU_ASSERT_TRUE(top > 10000);
	}
}

UNIT_MAIN(UNIT(test_sizes), UNIT(test_edges_of_each_window),
          UNIT(test_second_copy_in_a_burst_fails_at_update), UNIT(test_check_changes_nothing),
          UNIT(test_high_half_is_inferred), UNIT(test_inference_over_its_whole_range),
          UNIT(test_rolls_over_2_to_32), UNIT(test_against_plain_list))
