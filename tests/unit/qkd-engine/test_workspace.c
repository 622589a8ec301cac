/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/workspace.h"
#include "tests/unit/unit.h"

#include <string.h>

#include "common/secret.h"

static void test_pieces_follow_each_other(void)
{
	const struct workspace_size size = {1000, 3000};
	uint8_t *secret, *plain, *shared, *next;
	struct workspace w;

	CU_ASSERT_EQUAL_FATAL(workspace_init(&w, &size), 0);
	secret = workspace_secret(&w, 100);
	CU_ASSERT_EQUAL((uintptr_t)secret % 64, 0);
	CU_ASSERT_EQUAL((uint8_t *)workspace_secret(&w, 1) - secret, 128);
	plain = workspace_plain(&w, 65);
	CU_ASSERT_EQUAL((uintptr_t)plain % 64, 0);
	/* The next pieces are taken of what is shared. */
	shared = workspace_plain_shared(&w, 2000);
	next = workspace_plain(&w, 64);
	CU_ASSERT_EQUAL(shared - plain, 128);
	CU_ASSERT_PTR_EQUAL(shared, next);
	CU_ASSERT_EQUAL((uint8_t *)workspace_plain(&w, 64) - next, 64);
	CU_ASSERT_TRUE(workspace_fits(&w));
	CU_ASSERT_EQUAL(w.most.plain, 128 + 2048); /* whole lines of 64 */
	workspace_fini(&w);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

static void test_too_much_does_not_fit(void)
{
	const struct workspace_size size = {1024, 1024};
	struct workspace w;

	CU_ASSERT_EQUAL_FATAL(workspace_init(&w, &size), 0);
	workspace_secret(&w, 1024);
	workspace_plain(&w, 960);
	CU_ASSERT_TRUE(workspace_fits(&w));
	workspace_plain_shared(&w, 65);
	CU_ASSERT_FALSE(workspace_fits(&w));
	while (!workspace_wipe(&w))
		;
	CU_ASSERT_TRUE(workspace_fits(&w));
	workspace_secret(&w, 1025);
	CU_ASSERT_FALSE(workspace_fits(&w));
	/* Wiping keeps within what there is. */
	while (!workspace_wipe(&w))
		;
	CU_ASSERT_TRUE(workspace_fits(&w));
	workspace_fini(&w);
}

/* One without memory says how much it takes. */
static void test_counting(void)
{
	struct workspace w = {0};

	CU_ASSERT_PTR_NULL(workspace_secret(&w, 65));
	CU_ASSERT_PTR_NULL(workspace_plain_shared(&w, 500));
	CU_ASSERT_PTR_NULL(workspace_plain(&w, 10));
	CU_ASSERT_EQUAL(w.most.secret, 128);
	CU_ASSERT_EQUAL(w.most.plain, 512);
	CU_ASSERT_EQUAL(w.taken.plain, 64);
}

/* In slices, and all that was taken. */
static void test_secrets_are_wiped(void)
{
	const struct workspace_size size = {1 << 20, 64};
	struct workspace w;
	unsigned int slices = 1;
	size_t left = 0;
	uint8_t *p;

	CU_ASSERT_EQUAL_FATAL(workspace_init(&w, &size), 0);
	p = workspace_secret(&w, 1 << 20);
	memset(p, 0xa5, 1 << 20);
	while (!workspace_wipe(&w))
		slices++;
	CU_ASSERT_TRUE(slices >= 4);
	CU_ASSERT_PTR_EQUAL(workspace_secret(&w, 1 << 20), p);
	for (size_t i = 0; i < 1 << 20; i++)
		left += p[i] != 0;
	CU_ASSERT_EQUAL(left, 0);
	workspace_fini(&w);
}

static void test_no_memory(void)
{
	const struct workspace_size size = {16 << 20, 64};
	struct workspace w;

	CU_ASSERT_EQUAL(workspace_init(&w, &size), -ENOMEM);
	workspace_fini(&w);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

static void test_init(void)
{
	CU_ASSERT_EQUAL_FATAL(secret_init(4 << 20, NULL), 0);
}

UNIT_MAIN(UNIT(test_init), UNIT(test_pieces_follow_each_other), UNIT(test_too_much_does_not_fit),
          UNIT(test_counting), UNIT(test_secrets_are_wiped), UNIT(test_no_memory))
