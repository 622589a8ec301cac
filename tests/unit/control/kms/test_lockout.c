/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/lockout.h"

#include "common/clock.h"
#include "tests/unit/control/http/check.h"

static const struct lockout five = {
        .failures_max = 5, .window_ns = 60 * NS_PER_S, .lock_ns = 300 * NS_PER_S};
static struct http_fault f;

static void test_locks_at_the_fifth(void)
{
	struct lockout l = five;
	uint64_t now = 1000 * NS_PER_S;

	for (int i = 0; i < 4; i++) {
		CU_ASSERT_FALSE(lockout_failure(&l, now));
		CU_ASSERT_EQUAL(lockout_check(&l, now, &f), 0);
	}
	CU_ASSERT_TRUE(lockout_failure(&l, now));
	check_fault(lockout_check(&l, now, &f), &f, 401, "this SAE asked too often");
	CU_ASSERT_EQUAL(f.retry_after_s, 300);
	check_fault(lockout_check(&l, now + 300 * NS_PER_S - 1, &f), &f, 401, "this SAE");
	CU_ASSERT_EQUAL(f.retry_after_s, 1);
	now += 300 * NS_PER_S;
	CU_ASSERT_EQUAL(lockout_check(&l, now, &f), 0);
	/* Again from the start. */
	for (int i = 0; i < 4; i++)
		CU_ASSERT_FALSE(lockout_failure(&l, now));
	CU_ASSERT_TRUE(lockout_failure(&l, now));
}

static void test_forgets(void)
{
	struct lockout l = five;
	uint64_t now = 0;

	for (int i = 0; i < 100; i++) {
		CU_ASSERT_FALSE(lockout_failure(&l, now));
		now += 60 * NS_PER_S + 1;
	}
	now += 60 * NS_PER_S;
	for (int i = 0; i < 4; i++) {
		CU_ASSERT_FALSE(lockout_failure(&l, now));
		now += 60 * NS_PER_S;
	}
	CU_ASSERT_TRUE(lockout_failure(&l, now));
}

/* A request that waited ends with the time at which it came. */
static void test_failures_out_of_order(void)
{
	struct lockout l = five;
	uint64_t now = 1000 * NS_PER_S;

	for (int i = 0; i < 4; i++)
		CU_ASSERT_FALSE(lockout_failure(&l, now - (uint64_t)i * NS_PER_S));
	CU_ASSERT_EQUAL(l.last_ns, now);
	CU_ASSERT_TRUE(lockout_failure(&l, now - 2 * NS_PER_S));
}

UNIT_MAIN(UNIT(test_locks_at_the_fifth), UNIT(test_forgets), UNIT(test_failures_out_of_order))
