/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/physics/decoy_rate.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "drivers/physics/closed_form.h"
#include "tests/unit/unit.h"

static bool near(double got, double want, double relative)
{
	bool ok = fabs(got - want) <= relative * fabs(want);

	if (!ok)
		printf("got %.8g, want %.8g\n", got, want);
	return ok;
}

/* The rate at 140 km is a difference of two numbers 200 times as large. */
static bool rate_near(double got, double want, double gain)
{
	if (want < 0)
		return got < 0;
	return fabs(got - want) <= 1e-4 * want + 1e-7 * gain || near(got, want, 1e-4);
}

static void test_reference_rows(void)
{
	const char *dir = getenv("LUMENGATE_VECTORS");
	char path[512], line[256], set;
	unsigned int rows = 0;
	FILE *f;

	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	snprintf(path, sizeof(path), "%s/optics-rows.txt", dir);
	f = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		double km, q_mu, e_mu, q_nu, e_nu, r_inf, r_wv;
		struct physics_key k = {.e_d = 0.01, .mu = 0.5, .nu = 0.1, .f = 1.16, .q = 0.5};

		if (line[0] == '#')
			continue;
		CU_ASSERT_EQUAL_FATAL(sscanf(line, "%c %lf %lf %lf %lf %lf %lf %lf", &set, &km,
		                             &q_mu, &e_mu, &q_nu, &e_nu, &r_inf, &r_wv),
		                      8);
		k.eta = physics_eta(set == 'A' ? 0.2 : 0.8, 0.2 * km + 3);
		k.y0 = set == 'A' ? 2e-6 : 2e-8;
		if (set == 'G') {
			k = (struct physics_key){.y0 = 1.7e-6,
			                         .e_d = 0.033,
			                         .mu = 0.48,
			                         .nu = 0.05,
			                         .f = 1.22,
			                         .q = 0.5};
			k.eta = physics_eta(0.045, 0.21 * km);
		}
		CU_ASSERT(near(physics_gain(k.eta, k.mu, k.y0), q_mu, 1e-4));
		CU_ASSERT(near(physics_gain(k.eta, k.nu, k.y0), q_nu, 1e-4));
		CU_ASSERT(near(100 * physics_error_rate(k.eta, k.mu, k.y0, k.e_d), e_mu, 1e-4));
		CU_ASSERT(near(100 * physics_error_rate(k.eta, k.nu, k.y0, k.e_d), e_nu, 1e-4));
		CU_ASSERT(rate_near(physics_key_infinite(&k), r_inf, q_mu));
		CU_ASSERT(rate_near(physics_key_weak_vacuum(&k), r_wv, q_mu));
		rows++;
	}
	fclose(f);
	CU_ASSERT_EQUAL(rows, 16);
}

/* Bounds from what photons of each number do: never above them, and near. */
static void test_bounds_hold(void)
{
	for (int i = 0; i < 4; i++) {
		double eta = pow(10, -i), y0 = 2e-6, e_d = 0.01;
		struct physics_observed o = {
		        .intensities = 3, .mu = {0.5, 0.1, 1e-3}, .p = {0.6, 0.3, 0.1}};
		double tau0 = 0, tau1 = 0, s1, v1;
		struct physics_bounds one, two;

		for (int k = 0; k < 3; k++) {
			o.gain[k] = physics_gain(eta, o.mu[k], y0);
			o.error[k] = o.gain[k] * physics_error_rate(eta, o.mu[k], y0, e_d);
			tau0 += o.p[k] * exp(-o.mu[k]);
			tau1 += o.p[k] * exp(-o.mu[k]) * o.mu[k];
		}
		s1 = tau1 * (y0 + eta);
		v1 = tau1 * (y0 / 2 + e_d * eta);
		physics_two_decoy(&o, &two);
		CU_ASSERT(two.s1_lower <= s1 && two.s1_lower > 0.9 * s1);
		CU_ASSERT(two.v1_upper >= v1 * (1 - 1e-9) && two.v1_upper < 1.2 * v1);
		CU_ASSERT(two.s0_lower <= tau0 * y0 * (1 + 1e-9));
		o.intensities = 2;
		o.p[1] = 0.4;
		tau0 = 0.6 * exp(-0.5) + 0.4 * exp(-0.1);
		tau1 = 0.6 * exp(-0.5) * 0.5 + 0.4 * exp(-0.1) * 0.1;
		s1 = tau1 * (y0 + eta);
		v1 = tau1 * (y0 / 2 + e_d * eta);
		physics_one_decoy(&o, &one);
		CU_ASSERT(one.s1_lower <= s1 && one.s1_lower > 0.7 * s1);
		CU_ASSERT(one.v1_upper >= v1 && one.v1_upper < 2 * v1);
		CU_ASSERT(one.s0_upper >= tau0 * y0 && one.s0_lower <= tau0 * y0 * (1 + 1e-9));
	}
}

static void test_no_key_is_0(void)
{
	struct physics_bounds b = {.s1_lower = 1e-3};

	CU_ASSERT_EQUAL(physics_key_rate(&b, 0.7, 2e-3, 0.05, 1.16), 0);
	CU_ASSERT(near(physics_key_rate(&b, 0.01, 2e-3, 0, 1.16), 1e-3 * (1 - 0.0807931), 1e-6));
}

/* Honest states at misalignment e: e. A channel that takes |-> to |+> shows no error on |+>. */
static void test_three_states(void)
{
	double honest[3][2] = {{0.5, 0.5}, {0.5, 0.5}, {0.97, 0.03}};
	double hides[3][2] = {{1, 0}, {1, 0}, {1, 0}}, nothing[3][2] = {{0}};

	CU_ASSERT(near(physics_three_state_phase_error(honest), 0.03, 1e-9));
	CU_ASSERT(near(physics_three_state_phase_error(hides), 0.5, 1e-9));
	CU_ASSERT_EQUAL(physics_three_state_phase_error(nothing), 0.5);
}

UNIT_MAIN(UNIT(test_reference_rows), UNIT(test_bounds_hold), UNIT(test_no_key_is_0),
          UNIT(test_three_states))
