/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/attack.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

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
	                                  "minus-to-plus 0.5 x",
	                                  "tap 20",
	                                  "tap 20 -0.1",
	                                  "trojan-horse 1 0"};
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

/* Every row can be asked for as its usage has it, within its ranges alone, and shows its values. */
static void test_table(void)
{
	static char list[8192];
	size_t n = attack_list(list, sizeof(list));

	CU_ASSERT(n < sizeof(list) - 1 && list[0] == '[' && list[n - 1] == ']');
	for (unsigned int k = 0; k < ATTACK_KINDS; k++) {
		char usage[96], words[128], values[160], find[64];
		unsigned int parameters = 0;
		struct attack a;
		struct err err;

		attack_usage(k, usage, sizeof(usage));
		for (const char *c = usage; *c != '\0'; c++)
			parameters += *c == ' ';
		/* 1 is within every range. */
		strcpy(words, attack_name(k));
		for (unsigned int i = 0; i < parameters; i++)
			strcat(words, strstr(usage, "SLOTS") != NULL ? " 0.25" : " 1");
		CU_ASSERT_EQUAL(attack_parse(words, &a, &err), 0);
		CU_ASSERT_EQUAL(a.kind, k);
		attack_values(&a, values, sizeof(values));
		for (const char *c = values; (c = strchr(c, ':')) != NULL; c++)
			parameters -= strncmp(c, ":0.25", 5) == 0 || strncmp(c, ":1", 2) == 0;
		CU_ASSERT_EQUAL(parameters, 0);
		strcat(words, " 0.25");
		CU_ASSERT_EQUAL(attack_parse(words, &a, &err), -EINVAL);
		snprintf(find, sizeof(find), "{\"attack\":\"%s\",", attack_name(k));
		CU_ASSERT_PTR_NOT_NULL(strstr(list, find));
		if (strchr(usage, ' ') == NULL)
			continue;
		CU_ASSERT_EQUAL(attack_parse(attack_name(k), &a, &err), -EINVAL);
		snprintf(words, sizeof(words), "%s -1 -1 -1 -1", attack_name(k));
		CU_ASSERT_EQUAL(attack_parse(words, &a, &err), -EINVAL);
	}
}

UNIT_MAIN(UNIT(test_probabilities), UNIT(test_parse), UNIT(test_table))
