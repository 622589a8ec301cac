/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/histogram.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static struct histogram h;

static void test_each_value_has_its_bucket(void)
{
	CU_ASSERT_EQUAL(histogram_index(0), 0);
	for (uint64_t v = 1; v >> HISTOGRAM_TOP_BIT == 0; v += 1 + v / 97) {
		unsigned int i = histogram_index(v);

		CU_ASSERT_TRUE_FATAL(i < HISTOGRAM_BUCKETS);
		CU_ASSERT_TRUE(histogram_upper(i) >= v);
		CU_ASSERT_TRUE(histogram_upper(i - 1) < v);
		/* Known to one in 64. */
		CU_ASSERT_TRUE(histogram_upper(i) - v <= v / 64);
	}
	CU_ASSERT_EQUAL(histogram_index((UINT64_C(2) << HISTOGRAM_TOP_BIT) - 1),
	                HISTOGRAM_BUCKETS - 1);
	CU_ASSERT_EQUAL(histogram_index(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

static void test_percentiles(void)
{
	memset(&h, 0, sizeof(h));
	CU_ASSERT_EQUAL(histogram_percentile(&h, 0.5), 0);
	for (uint64_t v = 1; v <= 50; v++)
		histogram_add(&h, v);
	CU_ASSERT_EQUAL(histogram_percentile(&h, 0), 1);
	CU_ASSERT_EQUAL(histogram_percentile(&h, 0.5), 25);
	CU_ASSERT_EQUAL(histogram_percentile(&h, 0.9), 45);
	CU_ASSERT_EQUAL(histogram_percentile(&h, 0.91), 46);
	CU_ASSERT_EQUAL(histogram_percentile(&h, 1), 50);
	/* One far off shows in max alone, exactly. */
	histogram_add(&h, 1000003);
	CU_ASSERT_EQUAL(histogram_percentile(&h, 0.9), 46);
	CU_ASSERT_EQUAL(histogram_percentile(&h, 1), 1000003);
	CU_ASSERT_EQUAL(h.sum, 50 * 51 / 2 + 1000003);
}

static void test_merge(void)
{
	static struct histogram all, other;

	memset(&h, 0, sizeof(h));
	for (uint64_t v = 0; v < 1000; v++) {
		histogram_add(&h, v);
		histogram_add(&other, v + 1000);
	}
	histogram_merge(&all, &h);
	histogram_merge(&all, &other);
	CU_ASSERT_EQUAL(all.count, 2000);
	CU_ASSERT_EQUAL(all.max, 1999);
	CU_ASSERT_EQUAL(all.sum, 1999 * 1000);
	CU_ASSERT_TRUE(histogram_percentile(&all, 0.5) >= 999);
	CU_ASSERT_TRUE(histogram_percentile(&all, 0.5) <= 999 + 999 / 64);
}

UNIT_MAIN(UNIT(test_each_value_has_its_bucket), UNIT(test_percentiles), UNIT(test_merge))
