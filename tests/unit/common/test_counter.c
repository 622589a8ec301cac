/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/counter.h"
#include "tests/unit/unit.h"

COUNTER_DEFINE(second, "test.second", "the second in order of names");
COUNTER_DEFINE(first, "test.first", "the first in order of names");

static void test_listed_by_name(void)
{
	CU_ASSERT_PTR_EQUAL(counter_first(), &first);
	CU_ASSERT_PTR_EQUAL(counter_first()->next, &second);
	CU_ASSERT_PTR_EQUAL(counter_find("test.second"), &second);
	CU_ASSERT_PTR_NULL(counter_find("test.third"));
	CU_ASSERT_NOT_EQUAL(first.index, second.index);
}

static void test_sums_over_sets_and_keeps_what_left(void)
{
	static struct counter_set a, b;

	counter_set_attach(&a, "a");
	counter_set_attach(&b, "b");
	counter_add(&a, &first, 3);
	counter_add(&b, &first, 4);
	counter_add(&b, &second, 1);
	CU_ASSERT_EQUAL(counter_get(&a, &first), 3);
	CU_ASSERT_EQUAL(counter_sum(&first), 7);
	counter_set_detach(&b);
	CU_ASSERT_EQUAL(counter_sum(&first), 7);
	CU_ASSERT_EQUAL(counter_sum(&second), 1);
	CU_ASSERT_PTR_EQUAL(counter_set_first(), &a);
	counter_set_detach(&a);
}

UNIT_MAIN(UNIT(test_listed_by_name), UNIT(test_sums_over_sets_and_keeps_what_left))
