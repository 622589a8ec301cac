/* SPDX-License-Identifier: BSD-3-Clause */

/* Parameters of the pages; what is in them is seen through DPDK's socket (test_telemetry.c). */

#include "control/telemetry_page.h"
#include "tests/unit/unit.h"

static void test_parameters(void)
{
	unsigned int offset = 9, count = 9;

	CU_ASSERT_TRUE(telemetry_page_parse(NULL, &offset, &count));
	CU_ASSERT_TRUE(offset == 0 && count == 0);
	CU_ASSERT_TRUE(telemetry_page_parse("", &offset, &count));
	CU_ASSERT_TRUE(telemetry_page_parse("12", &offset, &count));
	CU_ASSERT_TRUE(offset == 12 && count == 0);
	CU_ASSERT_TRUE(telemetry_page_parse("8191,250", &offset, &count));
	CU_ASSERT_TRUE(offset == 8191 && count == 250);
}

static void test_wrong_parameters(void)
{
	static const char *const wrong[] = {"x",     "-1",  " 1",          "1,",   "1,x",
	                                    "1,2,3", "1;2", "99999999999", "1,-5", ",5"};
	unsigned int offset, count;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CU_ASSERT_FALSE(telemetry_page_parse(wrong[i], &offset, &count));
}

UNIT_MAIN(UNIT(test_parameters), UNIT(test_wrong_parameters))
