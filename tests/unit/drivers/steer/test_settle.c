/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/steer/settle.h"
#include "tests/unit/unit.h"

#include <math.h>

#define MS UINT64_C(1000000)

static struct steer_settle t;
static uint64_t now = 5000 * MS;

/* FOR_MS of readings at VALUE. */
static void stay(int32_t value, unsigned int for_ms)
{
	for (unsigned int ms = 0; ms < for_ms; ms += 100)
		steer_settle_reading(&t, value, now += 100 * MS);
}

static void test_settles(void)
{
	int i;

	steer_settle_start(&t, -40000, now);
	CU_ASSERT_EQUAL(t.s.state, STEER_SETTLING);
	/* From room temperature, with a time constant of 5 s. */
	for (i = 0; t.s.state == STEER_SETTLING && i < 1000; i++)
		steer_settle_reading(&t, (int32_t)(-40000 + 60000 * exp(-i / 50.0)),
		                     now += 100 * MS);
	CU_ASSERT_EQUAL(t.s.state, STEER_HELD);
	/* ln(200) time constants, and a second. */
	CU_ASSERT(i > 270 && i < 280);
	CU_ASSERT_EQUAL(t.s.limits, 0);
	CU_ASSERT_EQUAL(t.s.moves, 1);
}

static void test_leaves_and_comes_back(void)
{
	steer_settle_start(&t, 25000, now);
	stay(25100, 1500);
	CU_ASSERT_EQUAL(t.s.state, STEER_HELD);
	stay(25400, 900); /* a breath */
	stay(25100, 500);
	CU_ASSERT_EQUAL(t.s.state, STEER_HELD);
	CU_ASSERT_EQUAL(t.s.refused, 0);
	stay(26000, 1500);
	CU_ASSERT_EQUAL(t.s.state, STEER_SETTLING);
	CU_ASSERT_EQUAL(t.s.refused, 1);
	stay(24900, 1500);
	CU_ASSERT_EQUAL(t.s.state, STEER_HELD);
}

static void test_never_gets_there(void)
{
	t = (struct steer_settle){0};
	steer_settle_reading(&t, 0, now);
	CU_ASSERT_EQUAL(t.s.state, STEER_OFF);
	steer_settle_start(&t, -60000, 0);
	stay(-50000, 59000);
	CU_ASSERT_EQUAL(t.s.state, STEER_SETTLING);
	stay(-50000, 2000);
	CU_ASSERT_EQUAL(t.s.state, STEER_LIMIT);
	CU_ASSERT_EQUAL(t.s.limits, 1);
	stay(-59900, 1500);
	CU_ASSERT_EQUAL(t.s.state, STEER_HELD);
	/* Another set point keeps what was counted. */
	steer_settle_start(&t, -50000, now);
	CU_ASSERT_EQUAL(t.s.limits, 1);
	CU_ASSERT_EQUAL(t.s.moves, 2);
	stay(INT32_MAX, 100);
	CU_ASSERT_EQUAL(t.s.state, STEER_SETTLING);
}

UNIT_MAIN(UNIT(test_settles), UNIT(test_leaves_and_comes_back), UNIT(test_never_gets_there))
