/* SPDX-License-Identifier: BSD-3-Clause */

/* Gates around pulses whose place wanders, among dark counts. */

#include "drivers/steer/gate.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

#include <math.h>

#define STEP 50000000ULL
#define RATE 2000 /* clicks a step */

static struct steer_gate g;
static uint64_t now;
static double place, slots_s; /* of the pulses in the receiver's slot, and how it moves */
static double dark, jitter;   /* share of clicks at any time; sigma, slots */
static unsigned int passed, lost, dark_passed, darks;

static double uniform(void)
{
	return (dice(1u << 24) + 0.5) / (1u << 24);
}

static double gauss(void)
{
	return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
}

static void start(uint64_t seed, bool wanted)
{
	dice_state = seed;
	now = 1000 * STEP;
	place = 17.3;
	slots_s = 0;
	dark = 0.05;
	jitter = 0.04;
	passed = lost = dark_passed = darks = 0;
	steer_gate_init(&g, wanted);
}

static bool is_open(double at)
{
	unsigned int sub = (unsigned int)((at - floor(at)) * 256);

	return g.s.set == STEER_GATE_UNIT || ((sub - g.start) & 255) < (unsigned int)g.s.set;
}

/* A twentieth of a second: clicks, then a turn. */
static bool step(bool locked)
{
	for (int i = 0; i < RATE; i++) {
		bool is_dark = uniform() < dark;
		double at = place + slots_s * (i / (double)RATE) * 0.05;
		double late = is_dark ? uniform() - 0.5 : jitter * gauss();

		late -= rint(late);
		if (is_open(at + late)) {
			steer_gate_click(&g, late);
			passed += !is_dark;
			dark_passed += is_dark;
		} else {
			lost += !is_dark;
		}
		darks += is_dark;
	}
	place += slots_s * 0.05;
	return steer_gate_turn(&g, locked, place, now += STEP);
}

static void test_closes_around_the_pulses(void)
{
	start(1, true);
	for (int i = 0; i < 20; i++)
		step(true);
	CU_ASSERT_EQUAL(g.s.state, STEER_HELD);
	CU_ASSERT(g.s.set >= STEER_GATE_LEAST && g.s.set <= 120);
	CU_ASSERT_EQUAL((unsigned int)((g.start + (unsigned int)g.s.set / 2) & 255),
	                (unsigned int)lrint(0.3 * 256));
	passed = lost = dark_passed = darks = 0;
	for (int i = 0; i < 200; i++)
		CU_ASSERT_FALSE(step(true)); /* nothing moves */
	printf(" %d/256 wide: %.3f %% of the pulses lost, %.1f %% of the dark counts\n", g.s.set,
	       100.0 * lost / (passed + lost), 100 - 100.0 * dark_passed / darks);
	CU_ASSERT(lost < 2e-3 * passed);
	CU_ASSERT(fabs(dark_passed / (double)darks - g.s.set / 256.0) < 0.02);
}

/* 0.5 slots a second and back, as fibre and a shared reference may leave. */
static void test_follows(void)
{
	start(2, true);
	for (int i = 0; i < 20; i++)
		step(true);
	passed = lost = 0;
	for (int i = 0; i < 2000; i++) {
		slots_s = 0.3 * sin(2 * M_PI * i / 400);
		step(true);
	}
	CU_ASSERT_EQUAL(g.s.state, STEER_HELD);
	CU_ASSERT(lost < 3e-3 * passed);
	CU_ASSERT(g.s.moves > 500);
	CU_ASSERT_EQUAL(g.s.limits, 0);
}

static void test_stays_open_for_clocks_apart(void)
{
	start(3, true);
	slots_s = 100; /* 100 ppb at 1 GHz */
	for (int i = 0; i < 20; i++)
		step(true);
	CU_ASSERT_EQUAL(g.s.state, STEER_LIMIT);
	CU_ASSERT_EQUAL(g.s.limits, 1);
	CU_ASSERT_EQUAL(g.s.set, STEER_GATE_UNIT);
	CU_ASSERT_EQUAL(lost, 0);
	/* Were closed, and the clock runs away: open with the next step. */
	slots_s = 0;
	for (int i = 0; i < 60; i++)
		step(true);
	CU_ASSERT_EQUAL(g.s.state, STEER_HELD);
	slots_s = -2;
	for (int i = 0; i < 3; i++)
		step(true);
	CU_ASSERT_EQUAL(g.s.set, STEER_GATE_UNIT);
	CU_ASSERT_EQUAL(g.s.limits, 2);
}

static void test_opens_when_the_clock_is_lost(void)
{
	start(4, true);
	for (int i = 0; i < 20; i++)
		step(true);
	CU_ASSERT_EQUAL(g.s.state, STEER_HELD);
	/* At once, not with the next step. */
	CU_ASSERT_TRUE(steer_gate_turn(&g, false, 0, now + 1));
	CU_ASSERT_EQUAL(g.s.set, STEER_GATE_UNIT);
	CU_ASSERT_EQUAL(g.s.state, STEER_SETTLING);
	CU_ASSERT_FALSE(steer_gate_turn(&g, false, 0, now + 2));
	/* Found at another place. */
	place += 0.4;
	for (int i = 0; i < 20; i++)
		step(true);
	CU_ASSERT_EQUAL(g.s.state, STEER_HELD);
	CU_ASSERT_EQUAL((unsigned int)((g.start + (unsigned int)g.s.set / 2) & 255),
	                (unsigned int)lrint(0.7 * 256));
}

static void test_no_peak_no_gates(void)
{
	start(5, true);
	dark = 1;
	for (int i = 0; i < 40; i++)
		step(true);
	CU_ASSERT_EQUAL(g.s.set, STEER_GATE_UNIT);
	CU_ASSERT_EQUAL(g.s.state, STEER_REFUSED);
	/* Pulses as wide as the slot. */
	start(6, true);
	jitter = 0.3;
	for (int i = 0; i < 40; i++)
		step(true);
	CU_ASSERT_EQUAL(g.s.set, STEER_GATE_UNIT);
	/* Not wanted: always open, whatever comes. */
	start(7, false);
	for (int i = 0; i < 40; i++)
		CU_ASSERT_FALSE(step(true));
	CU_ASSERT_EQUAL(g.s.state, STEER_OFF);
	CU_ASSERT_EQUAL(lost, 0);
}

UNIT_MAIN(UNIT(test_closes_around_the_pulses), UNIT(test_follows),
          UNIT(test_stays_open_for_clocks_apart), UNIT(test_opens_when_the_clock_is_lost),
          UNIT(test_no_peak_no_gates))
