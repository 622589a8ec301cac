/* SPDX-License-Identifier: BSD-3-Clause */

/* The attenuator's loop on a laser that drifts, fails, and is tampered with. */

#include "drivers/steer/attenuator.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

#include <math.h>

#define TARGET     20505.0 /* fW: 0.16 photons at 1 GHz */
#define CALIBRATED 50000
#define STEP_S     0.1

static struct steer_attenuator a;
static double laser_db; /* brighter than when it was calibrated */
static double voa;      /* where the attenuator is; a tenth of a second behind */

static double uniform(void)
{
	return (dice(1u << 24) + 0.5) / (1u << 24);
}

static double gauss(void)
{
	return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
}

static void start(uint64_t seed)
{
	dice_state = seed;
	laser_db = 0;
	voa = CALIBRATED;
	steer_attenuator_init(&a, TARGET, CALIBRATED, 40000, 60000);
}

static double output(void)
{
	return TARGET * pow(10, (laser_db - (voa - CALIBRATED) * 1e-3) / 10);
}

/* One record of the monitor, which scatters by 0.2 %. */
static bool record(void)
{
	bool moved = steer_attenuator_reading(&a, output() * (1 + 2e-3 * gauss()), STEP_S);

	voa = a.s.set;
	return moved;
}

static void test_holds_a_laser_that_drifts(void)
{
	double worst = 0, sum = 0;

	start(1);
	CU_ASSERT_EQUAL(a.s.state, STEER_SETTLING);
	for (int i = 0; i < 30; i++)
		record();
	CU_ASSERT_EQUAL(a.s.state, STEER_HELD);
	/* 3 %, up and down in ten minutes, an hour long. */
	for (int i = 0; i < 36000; i++) {
		laser_db = 10 * log10(1 + 0.03 * sin(2 * M_PI * i * STEP_S / 600));
		record();
		worst = fmax(worst, fabs(output() / TARGET - 1));
		sum += output() / TARGET - 1;
		CU_ASSERT_EQUAL(a.s.state, STEER_HELD);
	}
	printf(" within %.2f %%, mean %.4f %% off\n", 100 * worst, sum / 360);
	CU_ASSERT(worst < 0.005);
	CU_ASSERT(fabs(sum / 36000) < 5e-4);
	CU_ASSERT_EQUAL(a.s.refused, 0);
	CU_ASSERT_EQUAL(a.s.limits, 0);
	CU_ASSERT(a.s.moves > 100);
}

/* Nothing drifts: the monitor's scatter alone hardly moves it. */
static void test_is_quiet_when_nothing_moves(void)
{
	double sum = 0;

	start(2);
	for (int i = 0; i < 36000; i++) {
		record();
		sum += pow(output() / TARGET - 1, 2);
	}
	CU_ASSERT(sqrt(sum / 36000) < 1.5e-3);
}

static void test_rate_and_limits(void)
{
	int32_t before;
	int i;

	start(3);
	laser_db = 0.9; /* within what a start may find */
	for (i = 0; i < 200 && a.s.state != STEER_HELD; i++) {
		before = a.s.set;
		record();
		CU_ASSERT(a.s.set - before <= (int32_t)(STEER_VOA_RATE_MDB_S * STEP_S + 1));
	}
	CU_ASSERT_EQUAL(a.s.state, STEER_HELD);
	CU_ASSERT(i > 80 && i < 150); /* 0.9 dB at 0.1 dB a second */
	CU_ASSERT(fabs(output() / TARGET - 1) < 0.015);
	/* It ages on: followed to 2 dB from the calibration, and no further. */
	for (i = 0; i < 20000 && a.s.state == STEER_HELD; i++) {
		laser_db += 1e-3;
		record();
		CU_ASSERT(a.s.set <= CALIBRATED + STEER_VOA_RANGE_MDB);
	}
	CU_ASSERT_EQUAL(a.s.state, STEER_LIMIT);
	CU_ASSERT_EQUAL(a.s.limits, 1);
	CU_ASSERT(laser_db > 2 && laser_db < 2.2);
	/* Back within reach. */
	laser_db = 1.9;
	for (i = 0; i < 100; i++)
		record();
	CU_ASSERT_EQUAL(a.s.state, STEER_HELD);
	CU_ASSERT_EQUAL(a.s.limits, 1);
	/* The card's own limits are nearer than ours: these count. */
	steer_attenuator_init(&a, TARGET, CALIBRATED, 49500, 50100);
	CU_ASSERT_EQUAL(a.least_mdb, 49500);
	CU_ASSERT_EQUAL(a.most_mdb, 50100);
}

/* An attenuator that lost 0.5 dB at once: that is Eve's doing, and stays to be seen. */
static void test_does_not_follow_a_step(void)
{
	int32_t before;

	start(4);
	for (int i = 0; i < 50; i++)
		record();
	before = a.s.set;
	laser_db = 0.5;
	for (int i = 0; i < 100; i++)
		CU_ASSERT_FALSE(record());
	CU_ASSERT_EQUAL(a.s.set, before);
	CU_ASSERT_EQUAL(a.s.state, STEER_REFUSED);
	CU_ASSERT_EQUAL(a.s.refused, 100);
	/* A single wrong reading changes nothing. */
	start(5);
	for (int i = 0; i < 50; i++)
		record();
	before = a.s.set;
	CU_ASSERT_FALSE(steer_attenuator_reading(&a, 3 * TARGET, STEP_S));
	CU_ASSERT_FALSE(steer_attenuator_reading(&a, 0, STEP_S));
	CU_ASSERT_FALSE(steer_attenuator_reading(&a, NAN, STEP_S));
	CU_ASSERT_EQUAL(a.s.state, STEER_HELD);
	CU_ASSERT_EQUAL(a.s.set, before);
	CU_ASSERT_EQUAL(a.s.refused, 3);
	/* Good again for a second: it settles anew. */
	laser_db = 0.5;
	for (int i = 0; i < 10; i++)
		record();
	CU_ASSERT_EQUAL(a.s.state, STEER_REFUSED);
	laser_db = 0.1;
	for (int i = 0; i < 9; i++)
		CU_ASSERT_FALSE(record());
	for (int i = 0; i < 60; i++)
		record();
	CU_ASSERT_EQUAL(a.s.state, STEER_HELD);
	CU_ASSERT(fabs(output() / TARGET - 1) < 0.01);
}

static void test_without_a_target(void)
{
	steer_attenuator_init(&a, 0, CALIBRATED, 40000, 60000);
	CU_ASSERT_EQUAL(a.s.state, STEER_OFF);
	CU_ASSERT_FALSE(steer_attenuator_reading(&a, TARGET, STEP_S));
	CU_ASSERT_EQUAL(a.s.refused, 0);
	CU_ASSERT_STRING_EQUAL(steer_state_name(a.s.state), "off");
	CU_ASSERT_STRING_EQUAL(steer_state_name(STEER_LIMIT), "limit");
	CU_ASSERT_STRING_EQUAL(steer_state_name(STEER_STATES), "unknown");
}

UNIT_MAIN(UNIT(test_holds_a_laser_that_drifts), UNIT(test_is_quiet_when_nothing_moves),
          UNIT(test_rate_and_limits), UNIT(test_does_not_follow_a_step),
          UNIT(test_without_a_target))
