/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/random.h"
#include "tests/unit/unit.h"

#include <stdint.h>
#include <string.h>

static void test_fills_all_and_differs(void)
{
	uint64_t a[1024] = {0}, b[1024] = {0};
	unsigned int ones = 0;

	random_bytes(a, sizeof(a));
	CU_ASSERT_EQUAL(random_kernel.fill(NULL, b, sizeof(b)), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof(a)), 0);
	for (int i = 0; i < 1024; i++)
		ones += (unsigned int)__builtin_popcountll(a[i]);
	/* 65,536 fair bits: sigma 128, so 8 sigma fail once in 10^15. */
	CU_ASSERT(ones > 32768 - 1024 && ones < 32768 + 1024);
}

UNIT_MAIN(UNIT(test_fills_all_and_differs))
