/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/workspace_pool.h"
#include "tests/unit/unit.h"

#include <string.h>

#include "common/secret.h"

static const struct workspace_size size = {200000, 1000};

static void test_all_are_taken_and_given_back(void)
{
	struct workspace *w[3];
	struct workspace_pool p;

	CU_ASSERT_EQUAL_FATAL(workspace_pool_init(&p, 3, 3, &size, 0), 0);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 3; i++) {
			w[i] = workspace_pool_take(&p);
			CU_ASSERT_PTR_NOT_NULL_FATAL(w[i]);
			memset(workspace_secret(w[i], size.secret), 1 + i, size.secret);
			memset(workspace_plain(w[i], size.plain), 1 + i, size.plain);
			CU_ASSERT_TRUE(workspace_fits(w[i]));
		}
		CU_ASSERT_PTR_NULL(workspace_pool_take(&p));
		for (int i = 0; i < 3; i++) {
			CU_ASSERT_EQUAL(w[i]->secret[size.secret - 1], 1 + i);
			CU_ASSERT_EQUAL(w[i]->plain[size.plain - 1], 1 + i);
		}
		for (int i = 0; i < 3; i++)
			workspace_pool_give(&p, w[i]);
		while (workspace_pool_wipe(&p))
			;
	}
	workspace_pool_fini(&p);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

/* What was given back is not had again before it is wiped. */
static void test_wiped_before_use(void)
{
	struct workspace_pool p;
	struct workspace *w;
	unsigned int slices = 0;

	CU_ASSERT_EQUAL_FATAL(workspace_pool_init(&p, 1, 1, &size, 0), 0);
	w = workspace_pool_take(&p);
	memset(workspace_secret(w, size.secret), 0xff, size.secret);
	workspace_pool_give(&p, w);
	while (workspace_pool_take(&p) == NULL && slices++ < 100)
		workspace_pool_wipe(&p);
	CU_ASSERT_TRUE(slices > 0 && slices < 100);
	CU_ASSERT_PTR_NULL(workspace_pool_take(&p));
	for (size_t i = 0; i < size.secret; i += 999)
		CU_ASSERT_EQUAL(w->secret[i], 0);
	workspace_pool_fini(&p);
}

/* As many as there is secret memory for, if these are enough. */
static void test_less_than_wanted(void)
{
	const struct workspace_size large = {1 << 20, 64};
	struct workspace_pool p;

	CU_ASSERT_EQUAL(workspace_pool_init(&p, 8, 8, &large, 0), -ENOMEM);
	CU_ASSERT_EQUAL(secret_used(), 0);
	CU_ASSERT_EQUAL_FATAL(workspace_pool_init(&p, 1, 8, &large, 0), 0);
	CU_ASSERT_TRUE(p.count >= 1 && p.count < 4);
	for (unsigned int i = 0; i < p.count; i++)
		CU_ASSERT_PTR_NOT_NULL(workspace_pool_take(&p));
	CU_ASSERT_PTR_NULL(workspace_pool_take(&p));
	workspace_pool_fini(&p);
	/* Others need some. */
	CU_ASSERT_EQUAL_FATAL(workspace_pool_init(&p, 1, 8, &large, 3 << 20), 0);
	CU_ASSERT_EQUAL(p.count, 1);
	workspace_pool_fini(&p);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

static void test_init(void)
{
	CU_ASSERT_EQUAL_FATAL(secret_init(4 << 20, NULL), 0);
}

UNIT_MAIN(UNIT(test_init), UNIT(test_all_are_taken_and_given_back), UNIT(test_wiped_before_use),
          UNIT(test_less_than_wanted))
