/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/outcomes.h"
#include "tests/unit/unit.h"

static const struct optics_source source = {.mu1 = 5, .mu2 = 2, .p_mu1 = 0.25, .p_z = 0.6};

/* The alias table holds the probabilities exactly: sum its cells instead of drawing. */
static double weight(const struct outcomes *o, unsigned int choice, unsigned int detectors)
{
	double sum = 0;

	for (unsigned int i = 0; i < o->count; i++) {
		double keep = (double)o->cell[i].keep * 0x1p-64;

		if (o->cell[i].own.choice == choice && o->cell[i].own.detectors == detectors)
			sum += keep / o->count;
		if (o->cell[i].other.choice == choice && o->cell[i].other.detectors == detectors)
			sum += (1 - keep) / o->count;
	}
	return sum;
}

static void test_joint_distribution(void)
{
	struct optics_link link = optics_link_default;
	struct attack none = {.kind = ATTACK_NONE};
	struct outcomes o;
	double eta, z, x, fire[4], sum = 0;

	link.dark_probability = 0.01;
	outcomes_build(&o, &link, &source, false, &none);
	eta = physics_transmittance(&link);
	CU_ASSERT_DOUBLE_EQUAL(o.click,
	                       0.25 * physics_gain_exact(eta, 5, 0.01, 4) +
	                               0.75 * physics_gain_exact(eta, 2, 0.01, 4),
	                       1e-12);
	/* mu2, Z, bit 1 in the detectors Z1 and X0, by hand. */
	z = eta * 2 * link.p_z_bob;
	x = eta * 2 * (1 - link.p_z_bob);
	fire[0] = 1 - 0.99 * exp(-z * link.misalignment);
	fire[1] = 1 - 0.99 * exp(-z * (1 - link.misalignment));
	fire[2] = fire[3] = 1 - 0.99 * exp(-x / 2);
	CU_ASSERT_DOUBLE_EQUAL(weight(&o, CHOICE_MU2 | CHOICE_BIT, 6),
	                       0.75 * 0.6 * 0.5 * (1 - fire[0]) * fire[1] * fire[2] *
	                               (1 - fire[3]) / o.click,
	                       1e-9);
	for (unsigned int choice = 0; choice < 8; choice++)
		for (unsigned int mask = 1; mask < 16; mask++)
			sum += weight(&o, choice, mask);
	CU_ASSERT_DOUBLE_EQUAL(sum, 1, 1e-9);
}

static void test_draws_follow_the_table(void)
{
	struct optics_link link = optics_link_default;
	struct attack eve = {ATTACK_INTERCEPT_RESEND, 0.5, 0.3};
	unsigned int seen[8][16] = {{0}};
	struct outcomes o;
	struct rng rng;
	double n = 400000, chi2 = 0, cells = 0;

	rng_init_seed(&rng, 31);
	outcomes_build(&o, &link, &source, false, &eve);
	for (int i = 0; i < (int)n; i++) {
		struct outcome k = outcomes_draw(&o, &rng);

		seen[k.choice][k.detectors]++;
	}
	for (unsigned int choice = 0; choice < 8; choice++) {
		for (unsigned int mask = 1; mask < 16; mask++) {
			double want = n * weight(&o, choice, mask), off;

			if (want < 20)
				continue;
			off = seen[choice][mask] - want;
			chi2 += off * off / want;
			cells++;
		}
	}
	CU_ASSERT(cells > 40);
	CU_ASSERT(chi2 < cells + 4 * sqrt(2 * cells));
}

static void test_fixed_bit_and_darkness(void)
{
	struct optics_link link = optics_link_default;
	struct optics_source sync = {.mu1 = 0.3, .mu2 = 0.1, .p_mu1 = 1, .p_z = 1};
	struct attack none = {.kind = ATTACK_NONE};
	struct outcomes o;

	outcomes_build(&o, &link, &sync, true, &none);
	for (unsigned int i = 0; i < o.count; i++)
		CU_ASSERT(o.cell[i].own.choice == 0 && o.cell[i].other.choice == 0);
	outcomes_build(&o, &link, NULL, false, NULL);
	CU_ASSERT_DOUBLE_EQUAL(o.click, 4e-6, 1e-10);
	for (unsigned int i = 0; i < o.count; i++)
		CU_ASSERT(o.cell[i].own.dark > 0.999f);
	link.dark_probability = 0;
	outcomes_build(&o, &link, NULL, false, NULL);
	CU_ASSERT_EQUAL(o.click, 0);
}

UNIT_MAIN(UNIT(test_joint_distribution), UNIT(test_draws_follow_the_table),
          UNIT(test_fixed_bit_and_darkness))
