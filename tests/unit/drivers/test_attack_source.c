/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/unit/drivers/attack_rig.h"

static const struct optics_source source = {.mu1 = 0.5, .mu2 = 0.1, .p_mu1 = 0.5, .p_z = 0.8};

static void test_damaged_attenuator(void)
{
	struct attack a = attack_of("laser-damage 3"), none = {.kind = ATTACK_NONE};
	struct optics_link link = attack_link(50);
	struct optics_source brighter = source;
	struct attack_monitors m;

	brighter.mu1 *= pow(10, 0.3);
	brighter.mu2 *= pow(10, 0.3);
	for (unsigned int k = 0; k < 2; k++)
		CU_ASSERT_DOUBLE_EQUAL(attack_gain(&link, &source, &a, k),
		                       attack_gain(&link, &brighter, &none, k), 1e-9);
	attack_monitors(&a, &link, &m);
	CU_ASSERT_DOUBLE_EQUAL(m.output_gain, pow(10, 0.3), 1e-9);
	CU_ASSERT(m.back_reflection_pw == 0 && m.photocurrent_na[0] == 0);
}

static void test_light_sent_in(void)
{
	struct attack a = attack_of("trojan-horse 0.001 0.01"), none = {.kind = ATTACK_NONE};
	struct optics_link link = attack_link(50);
	struct attack_monitors m;

	attack_monitors(&a, &link, &m);
	/* 1 uW, of which the monitor gets a hundredth. */
	CU_ASSERT_DOUBLE_EQUAL(m.back_reflection_pw, 1e4, 1e-3);
	CU_ASSERT_DOUBLE_EQUAL(m.back_reflection_peak_pw, 1e6, 1);
	CU_ASSERT_EQUAL(m.output_gain, 1);
	/* No photon of the link knows. */
	CU_ASSERT_EQUAL(attack_gain(&link, &source, &a, 0), attack_gain(&link, &source, &none, 0));
	attack_monitors(&none, &link, &m);
	CU_ASSERT(m.back_reflection_pw == 0 && m.output_gain == 1);
}

UNIT_MAIN(UNIT(test_damaged_attenuator), UNIT(test_light_sent_in))
