/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A unit test program is one file that mirrors one source file:
 *
 *     static void test_wraps(void) { CU_ASSERT_EQUAL(f(1), 2); }
 *     UNIT_MAIN(UNIT(test_wraps), UNIT(test_more))
 *
 * It prints "N passed, M failed" over its tests and exits non-zero when one failed.
 */

#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <stdio.h>

struct unit {
	const char *name;
	void (*run)(void);
};

#define UNIT(f)                                                                                    \
	{                                                                                          \
#f, f                                                                              \
	}

static int unit_main(const char *suite_name, const struct unit *units, size_t count)
{
	CU_pSuite suite;
	unsigned int failed;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite(suite_name, NULL, NULL);
	for (size_t i = 0; i < count; i++)
		if (CU_add_test(suite, units[i].name, units[i].run) == NULL)
			return 2;
	CU_basic_set_mode(CU_BRM_NORMAL);
	CU_basic_run_tests();
	failed = CU_get_number_of_tests_failed();
	printf("%u passed, %u failed\n", CU_get_number_of_tests_run() - failed, failed);
	CU_cleanup_registry();
	return failed == 0 ? 0 : 1;
}

#define UNIT_MAIN(...)                                                                             \
	int main(void)                                                                             \
	{                                                                                          \
		static const struct unit units[] = {__VA_ARGS__};                                  \
		return unit_main(__FILE__, units, sizeof(units) / sizeof(units[0]));               \
	}

#endif
