/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/clock.h"
#include "tests/unit/unit.h"

#include <string.h>

static void test_format_is_rfc3339(void)
{
	char buf[32];

	CU_ASSERT_STRING_EQUAL(clock_format(0, buf), "1970-01-01T00:00:00.000Z");
	CU_ASSERT_STRING_EQUAL(clock_format(951782400ULL * NS_PER_S + 42 * NS_PER_MS, buf),
	                       "2000-02-29T00:00:00.042Z");
}

static void test_monotonic_does_not_go_back(void)
{
	uint64_t last = clock_mono_ns();

	for (int i = 0; i < 1000; i++) {
		uint64_t now = clock_mono_ns();

		CU_ASSERT(now >= last);
		last = now;
	}
}

static void test_wall_is_this_century(void)
{
	CU_ASSERT(clock_wall_ns() > 1700000000ULL * NS_PER_S);
}

UNIT_MAIN(UNIT(test_format_is_rfc3339), UNIT(test_monotonic_does_not_go_back),
          UNIT(test_wall_is_this_century))
