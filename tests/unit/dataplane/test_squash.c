/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The argument of docs/security.md, "Clicks in both bases", counted out: N photons of a state
 * that errs in W of them, if all were measured in X, meet a splitter that sends each to Z with
 * probability P. What the rule makes of the clicks is compared with an ideal receiver, which
 * draws a basis with P and measures all photons in it.
 */

#include <math.h>

#include "dataplane/squash.h"
#include "drivers/card_regs.h"
#include "tests/unit/unit.h"

#define PHOTONS_MAX 12
#define TINY        1e-12

static double choose(int n, int k)
{
	return k < 0 || k > n ? 0 : round(exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)));
}

/* X detectors of J photons, V of which err; Alice sent 0. */
static unsigned int in_x(int j, int v)
{
	return (j > v ? 1u << CARD_DETECTOR_X0 : 0) | (v > 0 ? 1u << CARD_DETECTOR_X1 : 0);
}

/* Probabilities of a slot, over splitter and coins. */
struct slot {
	double z, x;           /* what it counts for */
	double z_error;        /* counts for Z, and measured in X it would have erred */
	double x_error;        /* counts for X and errs */
	double cross;          /* clicks in both bases */
	double cross_x[2];     /* of them, for X: right, wrong */
	unsigned int unmarked; /* of those that the rule does not mark */
};

/* The photons of Z made these clicks: they must not matter. RULE: false drops cross clicks. */
static struct slot count(int n, int w, double p, unsigned int z_clicks, bool rule)
{
	struct slot s = {0};

	for (int j = 0; j <= n; j++) { /* to X */
		double split = choose(n, j) * pow(p, n - j) * pow(1 - p, j);

		for (int v = 0; v <= j; v++) { /* that err */
			double here =
			        split * choose(w, v) * choose(n - w, j - v) / choose(n, j) / 4;
			unsigned int clicks = in_x(j, v) | (j < n ? z_clicks : 0);

			for (unsigned int coins = 0; coins < 4; coins++) {
				struct squashed got = squash(clicks, coins);
				/* Had Z not been measured, all photons or those in X tell. */
				unsigned int would = j == 0 ? in_x(n, w) : in_x(j, v);
				double error = 0;

				s.unmarked += got.cross != (j > 0 && j < n);
				s.cross += got.cross ? here : 0;
				if (got.cross && !rule)
					continue;
				for (unsigned int c = 0; c < 4; c++)
					error += squash(would, c).bit / 4.0;
				if (got.basis == 0) {
					s.z += here;
					s.z_error += here * error;
					continue;
				}
				s.x += here;
				s.x_error += here * got.bit;
				s.cross_x[got.bit] += got.cross ? here : 0;
			}
		}
	}
	return s;
}

/*
 * A random sample, but that slots with cross clicks moved from Z to X: the errors of Z are
 * those of an ideal receiver with some rate; X has at least the errors that go with that rate;
 * what was moved is among the cross clicks that count for X.
 */
static bool is_sample(const struct slot *s, double p)
{
	double rate = s->z_error / p, moved = p - s->z, surplus = s->x_error - (1 - p) * rate;
	double wrong = surplus < s->cross_x[1] ? surplus : s->cross_x[1];

	return moved > -TINY && surplus > -TINY && wrong + s->cross_x[0] > moved - TINY;
}

static const double splitters[] = {0.5, 0.6, 0.75, 0.9, 0.99};
static const unsigned int z_patterns[] = {1u << CARD_DETECTOR_Z0, 1u << CARD_DETECTOR_Z1,
                                          1u << CARD_DETECTOR_Z0 | 1u << CARD_DETECTOR_Z1};

static void test_is_a_sample(void)
{
	int counted = 0;

	for (size_t i = 0; i < sizeof(splitters) / sizeof(splitters[0]); i++)
		for (int n = 1; n <= PHOTONS_MAX; n++)
			for (int w = 0; w <= n; w++)
				for (size_t k = 0; k < 3; k++) {
					struct slot s =
					        count(n, w, splitters[i], z_patterns[k], true);

					CU_ASSERT(fabs(s.z + s.x - 1) < TINY);
					CU_ASSERT_EQUAL(s.unmarked, 0);
					if (!is_sample(&s, splitters[i]))
						CU_FAIL("more phase errors than the test basis "
						        "shows");
					counted++;
				}
	CU_ASSERT(counted > 1000);
}

/* Up to two photons the rule is an ideal receiver: nothing moves, and errors are alike. */
static void test_two_photons(void)
{
	for (int n = 1; n <= 2; n++)
		for (int w = 0; w <= n; w++) {
			struct slot s = count(n, w, 0.9, z_patterns[0], true);

			CU_ASSERT(fabs(s.z - 0.9) < TINY);
			CU_ASSERT(fabs(s.x_error * 0.9 - s.z_error * 0.1) < TINY);
		}
}

/* What the rule is for: without cross clicks several photons err in Z and hide from X. */
static void test_dropping_is_no_sample(void)
{
	for (int n = 2; n <= PHOTONS_MAX; n++) {
		struct slot s = count(n, n, 0.9, z_patterns[0], false);

		CU_ASSERT(s.z + s.x < 1 - TINY);
		CU_ASSERT(!is_sample(&s, 0.9));
	}
}

/* Why the splitter must not favour X. */
static void test_the_other_way_round(void)
{
	struct slot s = count(4, 4, 0.1, z_patterns[0], true);

	CU_ASSERT(!is_sample(&s, 0.1));
}

static void test_one_basis(void)
{
	for (unsigned int coins = 0; coins < 4; coins++) {
		for (unsigned int d = 0; d < 4; d++) {
			struct squashed s = squash(1u << d, coins);

			CU_ASSERT(!squash_needs_coins(1u << d));
			CU_ASSERT(s.basis == d / 2 && s.bit == d % 2 && !s.cross);
		}
		CU_ASSERT(squash_needs_coins(3) && squash_needs_coins(12));
		CU_ASSERT(squash(3, coins).basis == 0 && squash(3, coins).bit == coins >> 1);
		CU_ASSERT(squash(12, coins).basis == 1 && squash(12, coins).bit == coins >> 1);
		CU_ASSERT(!squash(3, coins).cross && !squash(12, coins).cross);
	}
}

UNIT_MAIN(UNIT(test_one_basis), UNIT(test_is_a_sample), UNIT(test_two_photons),
          UNIT(test_dropping_is_no_sample), UNIT(test_the_other_way_round))
