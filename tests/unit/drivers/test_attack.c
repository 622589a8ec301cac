/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/attack.h"

#include <errno.h>
#include <math.h>

#include "tests/unit/unit.h"

static void test_probabilities(void)
{
	struct attack a = {ATTACK_INTERCEPT_RESEND, 0.4, 0.7};

	for (unsigned int sent = 0; sent < 4; sent++) {
		double sum = 0, wrong_bit = 0;

		for (unsigned int got = 0; got < 4; got++) {
			double p = attack_probability(&a, sent & 1, sent >> 1, got & 1, got >> 1);

			sum += p;
			/* Bob measures in Alice's basis: a state of the other is a coin. */
			wrong_bit += (got & 1) != (sent & 1) ? p / 2 : (got != sent ? p : 0);
		}
		CU_ASSERT_DOUBLE_EQUAL(sum, 1, 1e-12);
		/* f / 2 times the share of the other basis. */
		CU_ASSERT_DOUBLE_EQUAL(wrong_bit, 0.4 * (sent & 1 ? 0.7 : 0.3) / 2, 1e-12);
	}
	a.kind = ATTACK_MINUS_TO_PLUS;
	CU_ASSERT_DOUBLE_EQUAL(attack_probability(&a, 1, 1, 1, 0), 0.4, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(attack_probability(&a, 1, 1, 1, 1), 0.6, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(attack_probability(&a, 1, 0, 1, 0), 1, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(attack_probability(&a, 0, 1, 1, 0), 0.4, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(attack_probability(&a, 0, 1, 0, 1), 0.6, 1e-12);
	CU_ASSERT_EQUAL(attack_probability(&a, 0, 1, 0, 0), 0);
	a.kind = ATTACK_NONE;
	CU_ASSERT_EQUAL(attack_probability(&a, 1, 0, 1, 0), 1);
	CU_ASSERT_EQUAL(attack_probability(&a, 1, 0, 1, 1), 0);
}

static void test_parse(void)
{
	static const char *const bad[] = {"",
	                                  "blinding",
	                                  "none 1",
	                                  "intercept-resend",
	                                  "intercept-resend 1",
	                                  "intercept-resend 1.1 0",
	                                  "intercept-resend 1 -0.1",
	                                  "intercept-resend nan 0.5",
	                                  "intercept-resend 1 0.5 7",
	                                  "intercept-resend 1 x",
	                                  "minus-to-plus",
	                                  "minus-to-plus 1.5",
	                                  "minus-to-plus 0.5 0.5",
	                                  "minus-to-plus 0.5 x"};
	struct attack a = {.kind = ATTACK_NONE};
	struct err err;

	CU_ASSERT_EQUAL(attack_parse("intercept-resend 0.25 1", &a, &err), 0);
	CU_ASSERT(a.kind == ATTACK_INTERCEPT_RESEND && a.fraction == 0.25 && a.z_share == 1);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CU_ASSERT_EQUAL(attack_parse(bad[i], &a, &err), -EINVAL);
		CU_ASSERT(err.text[0] != '\0' && a.fraction == 0.25);
	}
	CU_ASSERT_EQUAL(attack_parse("minus-to-plus 0.5", &a, &err), 0);
	CU_ASSERT(a.kind == ATTACK_MINUS_TO_PLUS && a.fraction == 0.5);
	CU_ASSERT_STRING_EQUAL(attack_name(ATTACK_MINUS_TO_PLUS), "minus-to-plus");
	CU_ASSERT_EQUAL(attack_parse("none", &a, &err), 0);
	CU_ASSERT_EQUAL(a.kind, ATTACK_NONE);
	CU_ASSERT_STRING_EQUAL(attack_name(ATTACK_INTERCEPT_RESEND), "intercept-resend");
}

UNIT_MAIN(UNIT(test_probabilities), UNIT(test_parse))
