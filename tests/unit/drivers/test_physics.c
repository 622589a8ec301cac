/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/physics.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

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
		struct optics_link link = {.loss_db_per_km = 0.2, .receiver_loss_db = 3};
		struct physics_key k = {.e_d = 0.01, .mu = 0.5, .nu = 0.1, .f = 1.16, .q = 0.5};

		if (line[0] == '#')
			continue;
		CU_ASSERT_EQUAL_FATAL(sscanf(line, "%c %lf %lf %lf %lf %lf %lf %lf", &set, &km,
		                             &q_mu, &e_mu, &q_nu, &e_nu, &r_inf, &r_wv),
		                      8);
		link.distance_km = km;
		link.efficiency = set == 'A' ? 0.2 : 0.8;
		k.y0 = set == 'A' ? 2e-6 : 2e-8;
		if (set == 'G') {
			link.loss_db_per_km = 0.21;
			link.receiver_loss_db = 0;
			link.efficiency = 0.045;
			k = (struct physics_key){.y0 = 1.7e-6,
			                         .e_d = 0.033,
			                         .mu = 0.48,
			                         .nu = 0.05,
			                         .f = 1.22,
			                         .q = 0.5};
		}
		k.eta = physics_transmittance(&link);
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

static void test_exact_gain(void)
{
	/* Y0 = 2 p_dark up to p_dark^2, and the light that meets a dark count counts once. */
	double exact = physics_gain_exact(0.02, 0.5, 1e-6, 2), form = physics_gain(0.02, 0.5, 2e-6);

	CU_ASSERT(exact < form);
	CU_ASSERT(near(exact, form - 2e-6 * -expm1(-0.01) - 1e-12 * exp(-0.01), 1e-9));
	CU_ASSERT_DOUBLE_EQUAL(physics_gain_exact(0.02, 0, 0, 4), 0, 0);
}

static void test_dead_time(void)
{
	/* 10^6 a second behind 10 us: 9.091e4, the textbook's value. */
	CU_ASSERT(near(physics_dead_time(1e6, 10e-6), 90909.09, 1e-6));
}

static void test_afterpulse_share(void)
{
	struct optics_link link = optics_link_default;

	/* 5 % left after 10 us, time constant 1 us: 2.5 % of the clicks at 10^6 a second, */
	/* 0.2 % at 2.3e7, for light comes first. */
	CU_ASSERT(near(0.05 * exp(10) * physics_afterpulse_yield(1e6, 10e-6, 1e-6), 0.025, 1e-3));
	CU_ASSERT(
	        near(0.05 * exp(10) * physics_afterpulse_yield(2.3e7, 10e-6, 1e-6), 0.00208, 5e-3));
	/* With no hold-off every carrier that is released makes a click. */
	CU_ASSERT(near(physics_afterpulse_yield(1e6, 0, 1e-6), 1, 1e-12));
	link.afterpulse = 0.01;
	CU_ASSERT(near(physics_afterpulse_left(&link, 6.4e6, 1e-6) * exp(1) *
	                       physics_afterpulse_yield(6.4e6, 1e-6, 1e-6),
	               0.01 / 1.01, 1e-9));
	/* A time constant far below the hold-off: what is left follows at once. */
	link.afterpulse_tau_ns = 1;
	CU_ASSERT(near(physics_afterpulse_left(&link, 6.4e6, 1e-6), 0.01 / 1.01 * 1.0064, 1e-6));
	link.afterpulse_tau_ns = 1e6;
	CU_ASSERT_EQUAL(physics_afterpulse_left(&link, 1e9, 1e-6), 1);
	link.afterpulse = 0;
	CU_ASSERT_EQUAL(physics_afterpulse_left(&link, 6.4e6, 1e-6), 0);
}

static void test_demonstration_link(void)
{
	struct optics_source source = {.mu1 = 0.3, .mu2 = 0.1, .p_mu1 = 0.3, .p_z = 0.8};
	struct physics_expect e;

	physics_expect(&optics_link_default, &source, 1e-6, &e);
	CU_ASSERT(near(physics_transmittance(&optics_link_default), 0.0399052, 1e-5));
	CU_ASSERT(near(e.clicks_s, 8.6e5, 0.02));
	CU_ASSERT(near(e.qber_z, 0.015, 0.01));
	CU_ASSERT(e.qber_x > e.qber_z && near(e.qber_x, 0.0156, 0.02));
	/* mu1 makes three times the clicks of mu2 a pulse: 0.9 / (0.9 + 0.7). */
	CU_ASSERT(near(e.p_mu1, 0.5625, 0.01));
}

UNIT_MAIN(UNIT(test_reference_rows), UNIT(test_exact_gain), UNIT(test_dead_time),
          UNIT(test_afterpulse_share), UNIT(test_demonstration_link))
