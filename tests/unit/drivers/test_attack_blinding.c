/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/unit/drivers/attack_rig.h"

static const struct optics_source source = {.mu1 = 0.5, .mu2 = 0.1, .p_mu1 = 0.5, .p_z = 0.8};

static struct optics_link noisy(void)
{
	struct optics_link link = attack_link(20);

	link.dark_probability = 1e-5;
	link.afterpulse = 0.02;
	return link;
}

static void test_steady_light(void)
{
	struct attack none = {.kind = ATTACK_NONE}, a = attack_of("blinding 1 1.5");
	struct optics_link link = noisy();
	struct tally honest = {0}, t = {0};
	double rate, n = 3e7;

	attack_run(&link, &source, &none, 1, (uint64_t)n, 1, &honest);
	attack_run(&link, &source, &a, 1, (uint64_t)n, 2, &t);
	CU_ASSERT(honest.dark > 500 && honest.afterpulses > 500 && honest.doubles > 500);
	CU_ASSERT(t.dark == 0 && t.afterpulses == 0 && t.doubles == 0);
	CU_ASSERT(t.errors[0] == 0 && t.errors[1] == 0 && t.sifted[0] > 50000 &&
	          t.sifted[1] > 3000);
	/* Light of the link clicks as often as ever, but for the trigger that passes for one. */
	rate = 0.5 * -expm1(-physics_transmittance(&link) * 0.5) +
	       0.5 * -expm1(-physics_transmittance(&link) * 0.1);
	CU_ASSERT(attack_share(t.clicks, n, rate, 5));
	CU_ASSERT_EQUAL(t.bright, t.clicks);
	CU_ASSERT_EQUAL(honest.bright, 0);
}

static void test_trigger_below_and_far_above_the_threshold(void)
{
	struct attack weak = attack_of("blinding 1 0.8"), strong = attack_of("blinding 1 3");
	struct optics_link link = noisy();
	struct tally t = {0};

	attack_run(&link, &source, &weak, 1, 1000000, 3, &t);
	CU_ASSERT(t.clicks < 10); /* 4 of its spreads below: 3e-5 of 9,000 triggers */
	attack_run(&link, &source, &strong, 1, 1000000, 4, &t);
	CU_ASSERT(t.clicks > 1000 && t.doubles == t.clicks);
}

static void test_photocurrent(void)
{
	struct optics_link link = noisy();
	struct attack a = attack_of("blinding 1 1.5"),
	              b = attack_of("blinding-pulsed 1 1.5 0.01 5");
	struct attack_monitors m;
	double sum = 0;

	attack_monitors(&a, &link, &m);
	for (int d = 0; d < 4; d++)
		sum += m.photocurrent_na[d];
	/* 1 mW, half of it lost in the receiver, 1 A/W. */
	CU_ASSERT_DOUBLE_EQUAL(sum, 5.01e5, 1e3);
	CU_ASSERT_EQUAL(m.photocurrent_na[0], m.photocurrent_peak_na[0]);
	attack_monitors(&b, &link, &m);
	sum = 0;
	for (int d = 0; d < 4; d++)
		sum += m.photocurrent_na[d];
	CU_ASSERT_DOUBLE_EQUAL(sum, 5.01e3, 10);
	CU_ASSERT_DOUBLE_EQUAL(m.photocurrent_peak_na[0] / m.photocurrent_na[0], 50, 1e-6);
}

static void test_bursts(void)
{
	struct attack a = attack_of("blinding-pulsed 1 1.5 0.25 5"), none = {.kind = ATTACK_NONE};
	struct optics_link link = noisy();
	struct tally honest = {0}, t = {0};

	CU_ASSERT_EQUAL(attack_blinded(&a), 0.25);
	attack_run(&link, &source, &none, 1, 30000000, 5, &honest);
	attack_run(&link, &source, &a, 1, 30000000, 6, &t);
	/* Two noisy counts, each with its own spread. */
	CU_ASSERT(attack_share(t.dark, (double)honest.dark / 0.5, 0.375, 7));
	CU_ASSERT(attack_share(t.doubles, (double)honest.doubles / 0.5, 0.375, 7));
	CU_ASSERT(attack_share(t.bright, (double)t.clicks, 0.25, 7));
}

UNIT_MAIN(UNIT(test_steady_light), UNIT(test_trigger_below_and_far_above_the_threshold),
          UNIT(test_photocurrent), UNIT(test_bursts))
