/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/key_level.h"
#include "tests/unit/unit.h"

static void test_raised_below_and_cleared_well_above(void)
{
	struct key_level l = {.low_water = 60, .max_keys = 1000, .expected = true};

	CU_ASSERT_TRUE(key_level_low(&l, 0));
	CU_ASSERT_TRUE(key_level_low(&l, 60));
	CU_ASSERT_TRUE(key_level_low(&l, 74));
	CU_ASSERT_FALSE(key_level_low(&l, 75));
	CU_ASSERT_FALSE(key_level_low(&l, 60));
	CU_ASSERT_TRUE(key_level_low(&l, 59));
}

/* A gateway without light whose operator has imported nothing is not short of keys. */
static void test_silent_until_keys_are_expected(void)
{
	struct key_level l = {.low_water = 60, .max_keys = 1000};

	CU_ASSERT_FALSE(key_level_low(&l, 0));
	CU_ASSERT_FALSE(key_level_low(&l, 100));
	CU_ASSERT_TRUE(key_level_low(&l, 0));
}

static void test_limits_of_the_mark(void)
{
	struct key_level none = {.max_keys = 1000, .expected = true};
	struct key_level high = {.low_water = 990, .max_keys = 1000, .expected = true};

	CU_ASSERT_FALSE(key_level_low(&none, 0));
	/* The store never holds more than max_keys for long: the alarm must clear below it. */
	CU_ASSERT_TRUE(key_level_low(&high, 989));
	CU_ASSERT_TRUE(key_level_low(&high, 994));
	CU_ASSERT_FALSE(key_level_low(&high, 995));
}

UNIT_MAIN(UNIT(test_raised_below_and_cleared_well_above), UNIT(test_silent_until_keys_are_expected),
          UNIT(test_limits_of_the_mark))
