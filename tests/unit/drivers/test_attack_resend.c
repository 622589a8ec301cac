/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/unit/drivers/attack_rig.h"

static const struct optics_source source = {.mu1 = 0.5, .mu2 = 0.1, .p_mu1 = 0.5, .p_z = 0.5};

static struct optics_link clean(void)
{
	struct optics_link link = attack_link(10);

	link.dark_probability = 0;
	link.p_z_bob = 0.5;
	return link;
}

/* QBER = f / 4 + (1 - f) e0 in both bases, up to e0 of what she resends: f e0 / 2. */
static void test_fraction_to_qber(void)
{
	static const struct {
		double fraction, percent;
	} rows[] = {{0.05, 2.2}, {0.1, 3.4}, {0.2, 5.8}, {0.4, 10.6}, {1, 25}};
	struct optics_link link = clean();

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double f = rows[i].fraction, e0 = 0.01, want = f / 4 + (1 - f) * e0 + f * e0 / 2;
		struct attack a = {ATTACK_INTERCEPT_RESEND, f, 0.5};
		struct tally t = {0};

		CU_ASSERT_DOUBLE_EQUAL(want, rows[i].percent / 100, f * e0 / 2 + 2e-4);
		attack_run(&link, &source, &a, 1, 20000000, 10 + i, &t);
		for (int x = 0; x < 2; x++) {
			CU_ASSERT(t.sifted[x] > 50000);
			CU_ASSERT(attack_share(t.errors[x], (double)t.sifted[x], want, 5));
		}
	}
}

/* f / 2 in the basis that she never measures in, nothing in the other. */
static void test_share_of_bases(void)
{
	struct attack a = {ATTACK_INTERCEPT_RESEND, 0.2, 1};
	struct optics_link link = clean();
	struct tally t = {0};

	attack_run(&link, &source, &a, 1, 20000000, 20, &t);
	CU_ASSERT(attack_share(t.errors[0], (double)t.sifted[0], 0.01, 5));
	CU_ASSERT(attack_share(t.errors[1], (double)t.sifted[1], 0.2 / 2 + 0.8 * 0.01, 5));
}

/*
 * How many compared bits tell it from an honest link, at a false alarm of 2.9e-7 (five standard
 * deviations, one side) and a miss of 1.3e-3. The figures were worked out apart from this code.
 */
static void test_bits_to_detect(void)
{
	static const struct {
		double fraction;
		int bits;
	} rows[] = {{0.1, 1882}, {0.05, 6104}, {0.02, 32081}};
	struct optics_link link = clean();

	for (unsigned int i = 0; i < 3; i++) {
		double n = rows[i].bits, e0 = 0.01, limit = n * e0 + 5 * sqrt(n * e0 * (1 - e0));
		struct attack a = {ATTACK_INTERCEPT_RESEND, rows[i].fraction, 0.5};
		struct attack none = {.kind = ATTACK_NONE};

		for (unsigned int r = 0; r < 20; r++) {
			struct tally t = {.stop = (uint64_t)rows[i].bits};

			attack_run(&link, &source, &a, 1, UINT64_MAX, 100 * i + r, &t);
			CU_ASSERT((double)t.errors[0] > limit);
			attack_run(&link, &source, &none, 1, UINT64_MAX, 1000 * i + r, &t);
			CU_ASSERT((double)t.errors[0] <= limit);
		}
	}
}

static void test_minus_to_plus(void)
{
	struct attack a = {ATTACK_MINUS_TO_PLUS, 0.08, 0};
	struct optics_link link = clean();
	struct tally t = {0};

	attack_run(&link, &source, &a, 1, 20000000, 30, &t);
	CU_ASSERT(attack_share(t.errors[0], (double)t.sifted[0], 0.08 / 2 + 0.92 * 0.01, 5));
	/* |-> arrives as |+>: errors but for e0, half of the time. */
	CU_ASSERT(attack_share(t.errors[1], (double)t.sifted[1],
	                       0.5 * (0.08 * 0.99 + 0.92 * 0.01) + 0.5 * 0.01, 5));
}

UNIT_MAIN(UNIT(test_fraction_to_qber), UNIT(test_share_of_bases), UNIT(test_bits_to_detect),
          UNIT(test_minus_to_plus))
