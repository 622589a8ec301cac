/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/physics/closed_form.h"

#include <math.h>
#include <stdlib.h>

#include "tests/unit/unit.h"

static bool near(double got, double want, double relative)
{
	bool ok = fabs(got - want) <= relative * fabs(want);

	if (!ok)
		printf("got %.8g, want %.8g\n", got, want);
	return ok;
}

static void test_exact_gain(void)
{
	/* Y0 = 2 p_dark up to p_dark^2, and the light that meets a dark count counts once. */
	double exact = physics_gain_exact(0.02, 0.5, 1e-6, 2), form = physics_gain(0.02, 0.5, 2e-6);

	CU_ASSERT(exact < form);
	CU_ASSERT(near(exact, form - 2e-6 * -expm1(-0.01) - 1e-12 * exp(-0.01), 1e-9));
	CU_ASSERT_DOUBLE_EQUAL(physics_gain_exact(0.02, 0, 0, 4), 0, 0);
}

static void test_entropy(void)
{
	CU_ASSERT(near(physics_entropy(0.05), 0.286397, 1e-5));
	CU_ASSERT_EQUAL(physics_entropy(0.5), 1);
	CU_ASSERT_EQUAL(physics_entropy(0), 0);
	CU_ASSERT_EQUAL(physics_entropy(-1), 0);
}

static void test_dead_time(void)
{
	double rates[2] = {1e6, 1e5};

	/* 10^6 a second behind 10 us: 9.091e4, the textbook's value; 2.2e8 behind 40 ns. */
	CU_ASSERT(near(physics_dead_time(1e6, 10e-6), 90909.09, 1e-6));
	CU_ASSERT(near(physics_dead_time(2.2e8, 40e-9), 2.2449e7, 1e-4));
	CU_ASSERT(near(physics_own_dead_times(rates, 1, 10e-6, true), 90909.09, 1e-6));
	/* 1/11 of the time the one is live, half of it the other. */
	CU_ASSERT(near(physics_own_dead_times(rates, 2, 10e-6, true), 1.1e6 / 22, 1e-9));
	CU_ASSERT(near(physics_own_dead_times(rates, 2, 10e-6, false), 90909.09 + 5e4, 1e-6));
	CU_ASSERT_EQUAL(physics_dead_slots(0.5, 1, 0), 0.5);
	CU_ASSERT(near(physics_dead_slots(0.5, 3, 0), 0.25, 1e-12));
	CU_ASSERT(near(physics_dead_slots(1e-3, 1000, 0.5), physics_dead_time(1e6, 1e-6) * 1e-9,
	               1e-3));
}

static void test_afterpulse_yield(void)
{
	/* 5 % left after 10 us, time constant 1 us: 2.5 % of the clicks at 10^6 a second, */
	/* 0.2 % at 2.3e7, for light comes first. */
	CU_ASSERT(near(0.05 * exp(10) * physics_afterpulse_yield(1e6, 10e-6, 1e-6), 0.025, 1e-3));
	CU_ASSERT(
	        near(0.05 * exp(10) * physics_afterpulse_yield(2.3e7, 10e-6, 1e-6), 0.00208, 5e-3));
	/* With no hold-off every carrier that is released makes a click. */
	CU_ASSERT(near(physics_afterpulse_yield(1e6, 0, 1e-6), 1, 1e-12));
}

static void test_matched(void)
{
	double click, error;

	physics_matched(0.01, 1e-6, 0.02, &click, &error);
	CU_ASSERT(near(click, physics_gain_exact(0.01, 1, 1e-6, 2), 1e-12));
	/* What clicks wrongly, with half of the slots in which both do. */
	CU_ASSERT(near(error, 2e-4 + 1e-6, 0.01));
	physics_matched(0.01, 0, 0.5, &click, &error);
	CU_ASSERT(near(error / click, 0.5, 1e-12));
}

/* Detection model of Lim et al. 2014. */
static void test_afterpulse_rows(void)
{
	struct physics_receiver r = {.p_dark = 6e-7,
	                             .detectors = 2,
	                             .e_d = 0.005,
	                             .afterpulse = 0.04,
	                             .gate_light = 1,
	                             .gate_noise = 1};
	const char *dir = getenv("LUMENGATE_VECTORS");
	char path[512], line[256];
	unsigned int rows = 0;
	FILE *f;

	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	snprintf(path, sizeof(path), "%s/optics-rows-decoy.txt", dir);
	f = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		double km, rate, error;
		struct physics_answer a;

		if (sscanf(line, "L %lf %lf %lf", &km, &rate, &error) != 3)
			continue;
		r.eta = physics_eta(0.1, 0.2 * km);
		physics_answer(&r, 0.5, &a);
		CU_ASSERT(near(a.gain, rate, 1e-4));
		CU_ASSERT(near(100 * a.error_rate, error, 1e-4));
		rows++;
	}
	fclose(f);
	CU_ASSERT_EQUAL(rows, 4);
}

/* Fewer photons come before the afterpulse, so that its share grows with the loss. */
static void test_traps(void)
{
	struct physics_receiver r = {.eta = 1e-2,
	                             .detectors = 1,
	                             .e_d = 0.01,
	                             .traps = 1,
	                             .amplitude = {0.3},
	                             .tau_us = {3},
	                             .slots_per_us = 80,
	                             .dead_us = 10,
	                             .gate_light = 1,
	                             .gate_noise = 1};
	struct physics_answer strong, weak;

	physics_answer(&r, 0.3, &strong);
	r.eta = 1e-5;
	physics_answer(&r, 0.3, &weak);
	CU_ASSERT(strong.afterpulse < weak.afterpulse && strong.error_rate < weak.error_rate);
	/* In the dark: the sum of the bins, a geometric row. */
	r.eta = 0;
	physics_answer(&r, 0.3, &weak);
	CU_ASSERT(near(weak.afterpulse, 0.3 * exp(-11. / 3) / (1 - exp(-1. / 3)), 1e-9));
}

/* Other light in nearly each gate: half of the clicks err, no more. */
static void test_drowned(void)
{
	struct physics_receiver r = {.eta = 1e-3,
	                             .p_dark = 0.9,
	                             .detectors = 2,
	                             .e_d = 0.01,
	                             .afterpulse = 0.01,
	                             .gate_light = 1,
	                             .gate_noise = 1};
	struct physics_answer a;

	physics_answer(&r, 0.5, &a);
	CU_ASSERT_EQUAL(a.error_rate, 0.5);
	r.p_dark = 0.01;
	physics_answer(&r, 0.5, &a);
	CU_ASSERT(a.error_rate > 0.45 && a.error_rate < 0.5);
}

UNIT_MAIN(UNIT(test_exact_gain), UNIT(test_entropy), UNIT(test_dead_time),
          UNIT(test_afterpulse_yield), UNIT(test_matched), UNIT(test_afterpulse_rows),
          UNIT(test_traps), UNIT(test_drowned))
