/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>

#include "qkd-engine/leak.h"
#include "qkd-engine/reconcile.h"
#include "tests/unit/unit.h"

static void test_names(void)
{
	enum leak_mode mode;
	enum reconcile_method method;

	for (unsigned int i = 0; i < LEAK_MODES; i++) {
		CU_ASSERT_EQUAL(leak_mode_find(leak_mode_name((enum leak_mode)i), &mode), 0);
		CU_ASSERT_EQUAL(mode, i);
	}
	CU_ASSERT_EQUAL(leak_mode_find("both-ways", &mode), -EINVAL);
	CU_ASSERT_STRING_EQUAL(leak_mode_name(LEAK_MODES), "none");
	for (unsigned int i = 0; i < RECONCILE_METHODS; i++) {
		CU_ASSERT_EQUAL(reconcile_method_find(
		                        reconcile_method_name((enum reconcile_method)i), &method),
		                0);
		CU_ASSERT_EQUAL(method, i);
	}
	CU_ASSERT_EQUAL(reconcile_method_find("winnow", &method), -EINVAL);
	for (unsigned int i = 0; i < RECONCILE_REASONS; i++)
		CU_ASSERT_STRING_NOT_EQUAL(reconcile_reason_name((enum reconcile_reason)i),
		                           "unknown");
}

/* Only what docs/security.md proves. */
static void test_proven(void)
{
	CU_ASSERT_TRUE(leak_mode_proven(LEAK_ONE_WAY));
	CU_ASSERT_TRUE(leak_mode_proven(LEAK_TWO_WAY));
	CU_ASSERT_FALSE(leak_mode_proven(LEAK_AUTO));
	CU_ASSERT_FALSE(leak_mode_proven(LEAK_ERROR_PATTERN));
	CU_ASSERT_FALSE(leak_mode_proven(LEAK_ALICE_ONLY));
	CU_ASSERT_FALSE(leak_mode_proven(LEAK_MODES));
}

/* By hand: 16 frames of 32 + 1, hash 128, counts 128, verdicts 4. */
static void test_totals(void)
{
	const struct leak_count c = {.alice = 117000, .bob = 116900, .revealed = 65536};

	CU_ASSERT_EQUAL(leak_fixed_bits(16), 16 * 33 + 260);
	CU_ASSERT_EQUAL(leak_total_bits(LEAK_TWO_WAY, 16, &c), 788 + 117000 + 116900 + 65536);
	CU_ASSERT_EQUAL(leak_total_bits(LEAK_ONE_WAY, 16, &c), 788 + 117000 + 116900 + 65536);
	CU_ASSERT_EQUAL(leak_total_bits(LEAK_ALICE_ONLY, 16, &c), 788 + 117000 + 65536);
}

/* What a peer states cannot add up to little. */
static void test_no_overflow(void)
{
	const struct leak_count most = {.alice = UINT64_MAX, .bob = 1};
	const struct leak_count halves = {.alice = 1ULL << 63, .bob = 1ULL << 63};
	const struct leak_count nearly = {.alice = UINT64_MAX - 787};

	CU_ASSERT_EQUAL(leak_total_bits(LEAK_TWO_WAY, 16, &most), UINT64_MAX);
	CU_ASSERT_EQUAL(leak_total_bits(LEAK_ALICE_ONLY, 16, &most), UINT64_MAX);
	CU_ASSERT_EQUAL(leak_total_bits(LEAK_ONE_WAY, 0, &halves), UINT64_MAX);
	CU_ASSERT_EQUAL(leak_total_bits(LEAK_ONE_WAY, 16, &nearly), UINT64_MAX);
}

UNIT_MAIN(UNIT(test_names), UNIT(test_proven), UNIT(test_totals), UNIT(test_no_overflow))
