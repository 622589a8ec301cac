/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/unit/drivers/attack_rig.h"

/* mu .5, nu .1, efficiency .1 without receiver loss, Y0 2e-6. */
static const struct optics_source source = {.mu1 = 0.5, .mu2 = 0.1, .p_mu1 = 0.5, .p_z = 0.5};

static struct optics_link far(double km)
{
	struct optics_link link = attack_link(km);

	link.receiver_loss_db = 0;
	link.efficiency = 0.1;
	link.dark_probability = 0.5e-6;
	return link;
}

/*
 * What the decoy's gain falls to, and by how many standard deviations of 1e7 decoy pulses. The
 * figures were worked out apart from this code.
 */
static void test_decoy_gain_falls(void)
{
	static const struct {
		double km, ratio, sigma;
	} rows[] = {{25, 0.646, 62.9}, {50, 0.231, 76.9}, {75, 0.235, 43.2}, {100, 0.245, 24.1}};
	struct attack none = {.kind = ATTACK_NONE}, pns = attack_of("photon-number-splitting 1");

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct optics_link link = far(rows[i].km);
		double honest = attack_gain(&link, &source, &none, 1);
		double gain = attack_gain(&link, &source, &pns, 1);

		CU_ASSERT_DOUBLE_EQUAL(gain / honest, rows[i].ratio, 0.001);
		CU_ASSERT_DOUBLE_EQUAL((honest - gain) / sqrt(honest / 1e7), rows[i].sigma, 0.15);
		/* The signal's is what it was. */
		CU_ASSERT_DOUBLE_EQUAL(attack_gain(&link, &source, &pns, 0) /
		                               attack_gain(&link, &source, &none, 0),
		                       1, 1e-4);
	}
}

static void test_clicks(void)
{
	struct attack none = {.kind = ATTACK_NONE}, pns = attack_of("photon-number-splitting 1");
	struct optics_link link = far(50);
	struct tally honest = {0}, t = {0};
	double n = 2e7, q = attack_gain(&link, &source, &none, 1);

	attack_run(&link, &source, &none, 1, (uint64_t)n, 1, &honest);
	attack_run(&link, &source, &pns, 1, (uint64_t)n, 2, &t);
	CU_ASSERT(attack_share(honest.of[1], n / 2, q, 4));
	CU_ASSERT(attack_share(t.of[1], n / 2, attack_gain(&link, &source, &pns, 1), 4));
	CU_ASSERT(attack_share(t.of[0], n / 2, attack_gain(&link, &source, &none, 0), 4));
	/* One look at six standard deviations: a false alarm with 1e-9, and here no miss. */
	CU_ASSERT((double)honest.of[1] > n / 2 * q - 6 * sqrt(n / 2 * q));
	CU_ASSERT((double)t.of[1] < n / 2 * q - 60 * sqrt(n / 2 * q));
	/* Errors stay. */
	for (int x = 0; x < 2; x++)
		CU_ASSERT(attack_share(t.errors[x], (double)t.sifted[x],
		                       (double)honest.errors[x] / (double)honest.sifted[x], 5));
}

/* Halfway: shares add up. */
static void test_fraction(void)
{
	struct attack none = {.kind = ATTACK_NONE}, pns = attack_of("photon-number-splitting 1"),
	              half = attack_of("photon-number-splitting 0.5");
	struct optics_link link = far(50);

	CU_ASSERT_DOUBLE_EQUAL(
	        attack_gain(&link, &source, &half, 1),
	        (attack_gain(&link, &source, &pns, 1) + attack_gain(&link, &source, &none, 1)) / 2,
	        1e-9);
}

UNIT_MAIN(UNIT(test_decoy_gain_falls), UNIT(test_clicks), UNIT(test_fraction))
