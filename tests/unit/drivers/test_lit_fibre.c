/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/physics/lit_fibre.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/physics/closed_form.h"
#include "drivers/physics/decoy_rate.h"
#include "drivers/physics/itu_grid.h"
#include "drivers/physics/raman.h"
#include "tests/unit/unit.h"

#define QUANTUM_NM 1550.12
#define RHO        3e-9

static bool near(double got, double want, double relative)
{
	bool ok = fabs(got - want) <= relative * fabs(want);

	if (!ok)
		printf("got %.8g, want %.8g\n", got, want);
	return ok;
}

static double photons(double watts)
{
	return watts / (6.62607015e-34 * itu_ghz(QUANTUM_NM) * 1e9);
}

static void raman_row(const char *line)
{
	double km, f, b, v[8];

	CU_ASSERT_EQUAL_FATAL(sscanf(line, "R %lf %lf %lf %lf %lf %lf %lf %lf %lf %lf %lf", &km, &f,
	                             &b, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]),
	                      11);
	CU_ASSERT(near(raman_forward_km(km, 0.2, 0.2), f, 1e-3));
	CU_ASSERT(near(raman_backward_km(km, 0.2, 0.2), b, 1e-3));
	for (int i = 0; i < 2; i++) {
		double nm = i == 0 ? 0.12 : 0.8;
		double forward = 1e-3 * RHO * nm * raman_forward_km(km, 0.2, 0.2);
		double backward = 1e-3 * RHO * nm * raman_backward_km(km, 0.2, 0.2);

		CU_ASSERT(near(forward, v[4 * i], 1e-3));
		CU_ASSERT(near(photons(forward), v[4 * i + 1], 1e-3));
		CU_ASSERT(near(backward, v[4 * i + 2], 1e-3));
		CU_ASSERT(near(photons(backward), v[4 * i + 3], 1e-3));
	}
}

static void unequal_row(const char *line)
{
	double km, f, b;

	CU_ASSERT_EQUAL_FATAL(sscanf(line, "U %lf %lf %lf", &km, &f, &b), 3);
	CU_ASSERT(near(raman_forward_km(km, 0.2, 0.33), f, 1e-3));
	CU_ASSERT(near(raman_backward_km(km, 0.2, 0.33), b, 1e-3));
}

static void table_row(const char *line)
{
	double nm, table, gain;

	CU_ASSERT_EQUAL_FATAL(sscanf(line, "T %lf %lf %lf", &nm, &table, &gain), 3);
	CU_ASSERT(near(raman_rho(1550, nm), table * 1e-9, 1e-3));
	CU_ASSERT(near(raman_rho_from_gain(1550, nm), gain * 1e-9, 5e-3));
}

static void far_row(const char *line)
{
	double pump, nm, rho;

	CU_ASSERT_EQUAL_FATAL(sscanf(line, "O %lf %lf %lf", &pump, &nm, &rho), 3);
	CU_ASSERT(near(raman_rho(pump, nm), rho, 0.03));
}

static void mixing_row(const char *line)
{
	struct fwm_fibre f = {.length_km = 25, .loss_db_km = 0.2, .gamma_w_km = 1.3};
	double ghz, want, a = raman_alpha(0.2), mismatch, got, least, most, left = exp(-25 * a);

	CU_ASSERT_EQUAL_FATAL(sscanf(line, "F %lf %lf %lf", &f.dispersion_ps_nm_km, &ghz, &want),
	                      3);
	mismatch = fwm_mismatch(&f, QUANTUM_NM, ghz, ghz);
	got = photons(fwm_product(&f, QUANTUM_NM, ghz, ghz, 1e-3, 1e-3, 1e-3, 0));
	least = a * a / (a * a + mismatch * mismatch) * got / fwm_efficiency(&f, mismatch);
	most = least * (1 + 4 * left / ((1 - left) * (1 - left)));
	CU_ASSERT(want > least * 0.99 && want < most * 1.01);
	CU_ASSERT(got >= least && got <= most * (1 + 1e-9));
	/* Where the phase is small or the sine at its top there is no doubt. */
	if (ghz == 50 || f.dispersion_ps_nm_km < 1)
		CU_ASSERT(near(got, want, 0.015));
}

static void key_row(const char *line)
{
	struct lit_fibre f = {.data = {.loss_db_km = 0.2}, .quantum_db_km = 0.2};
	double dbm, error, rate, watts, counts;
	struct physics_key k = {.e_d = 0.01, .mu = 0.5, .nu = 0.1, .f = 1.16, .q = 0.5};
	int counter;

	CU_ASSERT_EQUAL_FATAL(sscanf(line, "K %lf %lf %d %lf %lf", &f.data.length_km, &dbm,
	                             &counter, &error, &rate),
	                      5);
	watts = 1e-3 * pow(10, dbm / 10) * RHO * 0.12 *
	        (counter ? raman_backward_km(f.data.length_km, 0.2, 0.2)
	                 : raman_forward_km(f.data.length_km, 0.2, 0.2));
	counts = lit_counts(photons(watts), 0.3, 3, 0.2);
	k.eta = physics_eta(0.2, 0.2 * f.data.length_km + 3);
	k.y0 = 2e-6 + counts;
	/* The rows have three digits. */
	CU_ASSERT(near(100 * physics_error_rate(k.eta, 0.5, k.y0, 0.01), error, 5e-3));
	CU_ASSERT(near(physics_key_infinite(&k), rate, 5e-3));
}

static void isolation_row(const char *line)
{
	struct lit_fibre f = {.data = {.loss_db_km = 0.2}, .quantum_db_km = 0.2};
	struct lit_quantum q = {.ghz = 193400, .gate_ns = 0.3};
	struct lit_channel c = {.ghz = 193400};
	double db;

	CU_ASSERT_EQUAL_FATAL(sscanf(line, "I %lf %lf", &f.data.length_km, &db), 2);
	CU_ASSERT_DOUBLE_EQUAL(lit_isolation_needed(&f, &q, &c, 1e-6, 3, 0.2), db, 0.5);
}

static void grid_row(const char *line)
{
	char name[8], got[16];
	double thz, nm;

	CU_ASSERT_EQUAL_FATAL(sscanf(line, "G %7s %lf %lf", name, &thz, &nm), 3);
	CU_ASSERT_DOUBLE_EQUAL(itu_grid_ghz(name), thz * 1e3, 1e-6);
	CU_ASSERT_DOUBLE_EQUAL(itu_wavelength_nm(thz * 1e3), nm, 6e-4);
	itu_grid_name(thz * 1e3, got, sizeof(got));
	CU_ASSERT_STRING_EQUAL(got, name);
}

static void test_reference_rows(void)
{
	static const struct {
		char kind;
		void (*check)(const char *line);
	} kinds[] = {{'R', raman_row},  {'U', unequal_row}, {'T', table_row},     {'O', far_row},
	             {'F', mixing_row}, {'K', key_row},     {'I', isolation_row}, {'G', grid_row}};
	const char *dir = getenv("LUMENGATE_VECTORS");
	char path[512], line[256];
	unsigned int rows = 0;
	FILE *f;

	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	snprintf(path, sizeof(path), "%s/lit-fibre.txt", dir);
	f = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	while (fgets(line, sizeof(line), f) != NULL)
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
			if (line[0] == kinds[i].kind) {
				kinds[i].check(line);
				rows++;
			}
	fclose(f);
	CU_ASSERT_EQUAL(rows, 47);
}

static struct lit_fibre fibre(double km)
{
	return (struct lit_fibre){.data = {.length_km = km,
	                                   .loss_db_km = 0.2,
	                                   .dispersion_ps_nm_km = 17,
	                                   .slope_ps_nm2_km = 0.06,
	                                   .gamma_w_km = 1.3},
	                          .quantum_db_km = 0.2};
}

static const struct lit_quantum quantum = {.ghz = 193400,
                                           .bandwidth_nm = 0.12,
                                           .gate_ns = 0.3,
                                           .filters = 3,
                                           .adjacent_db = 35,
                                           .other_db = 47,
                                           .spacing_ghz = 100,
                                           .return_loss_db = 33};

/* Parts add up, Raman by power, mixing by its third power; a channel's part is its own. */
static void test_parts(void)
{
	struct lit_fibre f = fibre(25);
	struct lit_channel c[] = {{193500, 0, false}, {193600, 0, false}, {193900, -3, true}};
	struct lit_noise all, own, sum = {0};

	lit_fibre_noise(&f, &quantum, c, 3, NULL, 0, &all);
	CU_ASSERT(all.raman_forward > 0 && all.raman_backward > 0 && all.leakage > 0);
	/* 2 x C35 - C36 = C34: the degenerate product. */
	CU_ASSERT(all.fwm > 0);
	CU_ASSERT(near(all.total, all.raman_forward + all.raman_backward + all.leakage + all.fwm,
	               1e-12));
	for (unsigned int i = 0; i < 3; i++) {
		lit_fibre_noise_of(&f, &quantum, c, 3, i, &own);
		sum.raman_forward += own.raman_forward;
		sum.raman_backward += own.raman_backward;
		sum.leakage += own.leakage;
		CU_ASSERT_EQUAL(own.fwm, i < 2 ? all.fwm : 0);
	}
	CU_ASSERT(near(sum.raman_forward, all.raman_forward, 1e-12));
	CU_ASSERT(near(sum.raman_backward, all.raman_backward, 1e-12));
	CU_ASSERT(near(sum.leakage, all.leakage, 1e-12));
	for (int i = 0; i < 3; i++)
		c[i].dbm += 10;
	lit_fibre_noise(&f, &quantum, c, 3, NULL, 0, &own);
	CU_ASSERT(near(own.raman_forward, 10 * all.raman_forward, 1e-9));
	CU_ASSERT(near(own.fwm, 1000 * all.fwm, 1e-9));
	/* What goes the other way mixes with nothing that reaches Bob. */
	c[1].counter = true;
	lit_fibre_noise(&f, &quantum, c, 3, NULL, 0, &own);
	CU_ASSERT_EQUAL(own.fwm, 0);
}

static void test_isolation_and_amplifiers(void)
{
	struct lit_fibre f = fibre(50);
	struct lit_channel near_by = {193500, 0, false}, far = {193700, 0, false};
	struct lit_amplifier a = {.km = 0, .gain_db = 17, .nf_db = 5, .notch_db = 60};
	struct lit_noise booster, behind;

	CU_ASSERT_EQUAL(lit_isolation(&quantum, &near_by), 105);
	CU_ASSERT_EQUAL(lit_isolation(&quantum, &far), 141);
	lit_fibre_noise(&f, &quantum, NULL, 0, &a, 1, &booster);
	/* F (G - 1) B photons a second, less 60 dB of notch and 10 dB of fibre. */
	CU_ASSERT(near(booster.ase,
	               pow(10, 0.5) * (pow(10, 1.7) - 1) * 0.12 * 193400e9 / 1550.116 * 1e-7,
	               1e-4));
	a.km = 50;
	lit_fibre_noise(&f, &quantum, NULL, 0, &a, 1, &behind);
	CU_ASSERT(near(behind.ase, 10 * booster.ase, 1e-9));
	CU_ASSERT(near(lit_osnr_db(&f, &far, 5), 43, 1e-9));
}

static void test_names(void)
{
	char name[16];

	CU_ASSERT_EQUAL(itu_grid_ghz("H34"), 193450);
	CU_ASSERT_EQUAL(itu_grid_ghz("193.1"), 193100);
	CU_ASSERT(itu_grid_ghz("C") < 0 && itu_grid_ghz("C34x") < 0 && itu_grid_ghz("12") < 0 &&
	          itu_grid_ghz("") < 0 && itu_grid_ghz("C100") < 0);
	itu_grid_name(193450, name, sizeof(name));
	CU_ASSERT_STRING_EQUAL(name, "H34");
	itu_grid_name(228850, name, sizeof(name));
	CU_ASSERT_STRING_EQUAL(name, "228.85");
	CU_ASSERT_DOUBLE_EQUAL(itu_ghz(itu_wavelength_nm(193400)), 193400, 1e-6);
}

/* The table's ends join the gain's tail; other pumps shift by wavenumber. */
static void test_other_pumps(void)
{
	double at = raman_rho(1540, 1550), shifted = 1 / (1 / 1550. + 1 / 1550. - 1 / 1540.);

	CU_ASSERT(near(at, raman_rho(1550, shifted) * pow(shifted / 1550, 4), 1e-9));
	CU_ASSERT(near(raman_rho(1550, 1591), raman_rho_from_gain(1550, 1591), 1e-12));
	CU_ASSERT_EQUAL(raman_rho(1550, 2200), 0);
	CU_ASSERT_EQUAL(raman_rho_from_gain(1550, 1550), 0);
}

UNIT_MAIN(UNIT(test_reference_rows), UNIT(test_parts), UNIT(test_isolation_and_amplifiers),
          UNIT(test_names), UNIT(test_other_pumps))
