/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/key_share.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

static struct key_share s;

static void empty(void)
{
	memset(&s, 0, sizeof(s));
}

static void test_dealt_by_weight(void)
{
	empty();
	CU_ASSERT_EQUAL(key_share_add(&s, 1, 10000), 0);
	CU_ASSERT_EQUAL(key_share_add(&s, 3, 10000), 1);
	key_share_arrive(&s, 4000);
	CU_ASSERT_EQUAL(key_share_bits(&s, 0), 1000);
	CU_ASSERT_EQUAL(key_share_bits(&s, 1), 3000);
	CU_ASSERT_EQUAL(key_share_take(&s, 0, 1001), -EAGAIN);
	CU_ASSERT_EQUAL(key_share_take(&s, 0, 1000), 0);
	CU_ASSERT_EQUAL(key_share_bits(&s, 1), 3000);
}

/* What one has no room for goes to the others, and then to all. */
static void test_overflow(void)
{
	empty();
	key_share_add(&s, 1, 100);
	key_share_add(&s, 1, 1000);
	key_share_arrive(&s, 600);
	CU_ASSERT_EQUAL(s.member[0].credit_bits, 100);
	CU_ASSERT_EQUAL(s.member[1].credit_bits, 500);
	key_share_arrive(&s, 700);
	CU_ASSERT_EQUAL(s.common_bits, 200);
	CU_ASSERT_EQUAL(key_share_bits(&s, 0), 300);
	CU_ASSERT_EQUAL(key_share_bits(&s, 1), 1200);
	/* Own credit first. */
	CU_ASSERT_EQUAL(key_share_take(&s, 0, 150), 0);
	CU_ASSERT_EQUAL(s.member[0].credit_bits, 0);
	CU_ASSERT_EQUAL(s.common_bits, 150);
}

/* Common key that is short is for those with a small reserve; own credit is always one's own. */
static void test_reserve(void)
{
	empty();
	CU_ASSERT_EQUAL(key_share_put(&s, 5, 1, 100, 300), 0);
	CU_ASSERT_EQUAL(key_share_put(&s, 2, 1, 100, 0), 0);
	CU_ASSERT_EQUAL(s.count, 6);
	key_share_arrive(&s, 600);
	CU_ASSERT_EQUAL(s.common_bits, 400);
	CU_ASSERT_EQUAL(key_share_bits(&s, 5), 200);
	CU_ASSERT_EQUAL(key_share_bits(&s, 2), 500);
	CU_ASSERT_EQUAL(key_share_take(&s, 5, 201), -EAGAIN);
	CU_ASSERT_EQUAL(key_share_take(&s, 2, 500), 0);
	CU_ASSERT_EQUAL(key_share_bits(&s, 5), 100);
	CU_ASSERT_EQUAL(key_share_take(&s, 5, 100), 0);
}

static void test_other_terms(void)
{
	empty();
	CU_ASSERT_EQUAL(key_share_put(&s, 0, 1, 100, 0), 0);
	key_share_arrive(&s, 100);
	CU_ASSERT_EQUAL(key_share_put(&s, 0, 0, 100, 0), -EINVAL);
	CU_ASSERT_EQUAL(key_share_put(&s, 0, KEY_SHARE_WEIGHT + 1, 100, 0), -EINVAL);
	CU_ASSERT_EQUAL(key_share_put(&s, KEY_SHARE_MAX, 1, 100, 0), -ENOSPC);
	CU_ASSERT_EQUAL(s.common_bits, 0);
	CU_ASSERT_EQUAL(key_share_put(&s, 0, 1, 30, 0), 0);
	CU_ASSERT_EQUAL(s.common_bits, 70);
	key_share_remove(&s, 0);
	CU_ASSERT_EQUAL(s.common_bits, 100);
	key_share_arrive(&s, 1);
	CU_ASSERT_EQUAL(s.common_bits, 101);
}

static void test_nobody(void)
{
	empty();
	key_share_arrive(&s, 77);
	CU_ASSERT_EQUAL(key_share_total(&s), 77);
	key_share_lose(&s, 70);
	CU_ASSERT_EQUAL(key_share_total(&s), 7);
}

/* One takes all that it can get at each step; the other never waits for its half. */
static void test_greedy_one_starves_nobody(void)
{
	uint64_t greedy = 0, refused = 0;

	empty();
	key_share_add(&s, 1, 100000);
	key_share_add(&s, 1, 100000);
	for (int step = 0; step < 10000; step++) {
		key_share_arrive(&s, 1001);
		for (uint64_t n = 1 << 16; n > 0; n /= 2)
			while (key_share_take(&s, 0, n) == 0)
				greedy += n;
		refused += key_share_take(&s, 1, 500) != 0;
	}
	CU_ASSERT_EQUAL(refused, 0);
	/* All that the modest one leaves beyond its cap. */
	CU_ASSERT_EQUAL(greedy, 10000 * 1001 - 10000 * 500 - s.member[1].credit_bits);
}

/* An idle one keeps its cap and no more: the rest is the other's. */
static void test_idle_one_costs_nothing(void)
{
	uint64_t taken = 0;

	empty();
	key_share_add(&s, 1, 5000);
	key_share_add(&s, 9, 5000);
	for (int step = 0; step < 1000; step++) {
		uint64_t n;

		key_share_arrive(&s, 1000);
		n = key_share_bits(&s, 0);
		CU_ASSERT_EQUAL(key_share_take(&s, 0, n), 0);
		taken += n;
	}
	CU_ASSERT_EQUAL(taken, 1000 * 1000 - 5000);
	CU_ASSERT_EQUAL(key_share_bits(&s, 1), 5000);
}

/* Bits that do not divide go round. */
static void test_odd_bits(void)
{
	empty();
	for (int i = 0; i < 3; i++)
		key_share_add(&s, 1, 100000);
	for (int i = 0; i < 3000; i++)
		key_share_arrive(&s, 1);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(s.member[i].credit_bits, 1000);
}

static void test_no_bit_made_or_lost(void)
{
	uint64_t total = 0;

	empty();
	for (int i = 0; i < 20; i++)
		key_share_add(&s, 1 + dice(KEY_SHARE_WEIGHT), dice(50000));
	for (int step = 0; step < 20000; step++) {
		uint32_t who = dice(20), n = dice(20000);
		uint64_t had = key_share_bits(&s, who);

		if (step % 3 == 0) {
			key_share_arrive(&s, n);
			total += n;
		} else if (step % 7 == 0) {
			n = n > total ? (uint32_t)total : n;
			key_share_lose(&s, n);
			total -= n;
		} else if (key_share_take(&s, who, n) == 0) {
			CU_ASSERT(n <= had);
			total -= n;
		} else {
			CU_ASSERT(n > had);
		}
		CU_ASSERT_EQUAL_FATAL(key_share_total(&s), total);
		for (int i = 0; i < 20; i++)
			CU_ASSERT_FATAL(s.member[i].credit_bits <= s.member[i].cap_bits);
	}
}

static void test_loss(void)
{
	empty();
	key_share_add(&s, 1, 1000);
	key_share_add(&s, 3, 3000);
	key_share_arrive(&s, 4100);
	key_share_lose(&s, 100);
	CU_ASSERT_EQUAL(key_share_total(&s), 4000);
	CU_ASSERT_EQUAL(s.common_bits, 0);
	key_share_lose(&s, 2000);
	CU_ASSERT_EQUAL(s.member[0].credit_bits, 500);
	CU_ASSERT_EQUAL(s.member[1].credit_bits, 1500);
	key_share_lose(&s, 2000);
	CU_ASSERT_EQUAL(key_share_total(&s), 0);
}

static void test_limits(void)
{
	empty();
	CU_ASSERT_EQUAL(key_share_add(&s, 0, 1), -EINVAL);
	CU_ASSERT_EQUAL(key_share_add(&s, KEY_SHARE_WEIGHT + 1, 1), -EINVAL);
	for (int i = 0; i < KEY_SHARE_MAX; i++)
		CU_ASSERT_EQUAL(key_share_add(&s, 1, UINT64_MAX), i);
	CU_ASSERT_EQUAL(key_share_add(&s, 1, 1), -ENOSPC);
	key_share_arrive(&s, KEY_SHARE_BITS);
	CU_ASSERT_EQUAL(s.member[7].credit_bits, KEY_SHARE_BITS / KEY_SHARE_MAX);
}

UNIT_MAIN(UNIT(test_dealt_by_weight), UNIT(test_overflow), UNIT(test_reserve),
          UNIT(test_other_terms), UNIT(test_nobody), UNIT(test_greedy_one_starves_nobody),
          UNIT(test_idle_one_costs_nothing), UNIT(test_odd_bits), UNIT(test_no_bit_made_or_lost),
          UNIT(test_loss), UNIT(test_limits))
