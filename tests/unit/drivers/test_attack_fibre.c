/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/unit/drivers/attack_rig.h"

static const struct optics_source source = {.mu1 = 0.5, .mu2 = 0.1, .p_mu1 = 0.5, .p_z = 0.8};

/* Shares of light and the loss that they are. */
static void test_all_gains_fall_alike(void)
{
	static const struct {
		double percent, db;
	} rows[] = {{1, 0.0436}, {2.28, 0.1}, {5, 0.223}, {10, 0.458}, {50, 3.01}};
	struct attack none = {.kind = ATTACK_NONE};
	struct optics_link link = attack_link(50);

	link.dark_probability = 0;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct attack a = {.kind = ATTACK_TAP, .km = 20, .loss_db = rows[i].db};

		for (unsigned int k = 0; k < 2; k++)
			CU_ASSERT_DOUBLE_EQUAL(attack_gain(&link, &source, &a, k) /
			                               attack_gain(&link, &source, &none, k),
			                       1 - rows[i].percent / 100, 2e-3);
		a.kind = ATTACK_FIBRE_BEND;
		CU_ASSERT(attack_gain(&link, &source, &a, 0) <
		          attack_gain(&link, &source, &none, 0));
		a.kind = ATTACK_TAP_COMPENSATED;
		CU_ASSERT_DOUBLE_EQUAL(attack_gain(&link, &source, &a, 0),
		                       attack_gain(&link, &source, &none, 0), 1e-12);
	}
}

/* Clicks that show a loss at 5 standard deviations (a false alarm of 2.9e-7) as often as not. */
static void test_clicks_for_a_loss(void)
{
	static const struct {
		double db, clicks;
	} rows[] = {{0.05, 1.9e5}, {0.1, 4.8e4}, {0.2, 1.2e4}, {0.5, 2.1e3}};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct attack none = {.kind = ATTACK_NONE};
		struct attack a = {.kind = ATTACK_TAP, .km = 20, .loss_db = rows[i].db};
		struct optics_link link = attack_link(50);
		double honest = (attack_gain(&link, &source, &none, 0) +
		                 attack_gain(&link, &source, &none, 1)) /
		                2;
		/* 1.3 times as many clicks: then it is at 5.7, and missed with 0.25. */
		uint64_t slots = (uint64_t)(1.7 * rows[i].clicks / honest);
		double want = (double)slots * honest;
		struct tally t = {0};

		attack_run(&link, &source, &none, 1, slots, 40 + i, &t);
		CU_ASSERT(fabs((double)t.clicks - want) < 5 * sqrt(want));
		attack_run(&link, &source, &a, 1, slots, 60 + i, &t);
		CU_ASSERT((double)t.clicks < want - 5 * sqrt(want));
	}
}

static void test_cut(void)
{
	struct attack a = attack_of("fibre-cut 12.5");
	struct optics_link link = attack_link(50);
	struct otdr_point point[ATTACK_POINTS];
	struct tally t = {0};

	attack_run(&link, &source, &a, 1, 10000000, 80, &t);
	CU_ASSERT_EQUAL(t.dark, t.clicks);
	CU_ASSERT_EQUAL(attack_fibre(&a, 50, point), 1);
	CU_ASSERT(point[0].km == 12.5 && point[0].loss_db > 100);
	CU_ASSERT_EQUAL(attack_fibre(&a, 12, point), 0);
}

static void test_otdr_sees_the_place(void)
{
	struct attack a = attack_of("tap 20 0.1"), b = attack_of("tap-compensated 20 0.1");
	struct otdr_point point[ATTACK_POINTS];
	unsigned int n;
	double sum = 0;

	CU_ASSERT_EQUAL(attack_fibre(&a, 50, point), 1);
	CU_ASSERT(point[0].km == 20 && point[0].loss_db == 0.1);
	n = attack_fibre(&b, 50, point);
	CU_ASSERT(n > 1 && point[0].km == 20 && point[0].loss_db == 0.1);
	for (unsigned int i = 0; i < n; i++) {
		CU_ASSERT(point[i].km < 50);
		sum += point[i].loss_db;
	}
	CU_ASSERT_DOUBLE_EQUAL(sum, 0, 1e-12);
}

UNIT_MAIN(UNIT(test_all_gains_fall_alike), UNIT(test_clicks_for_a_loss), UNIT(test_cut),
          UNIT(test_otdr_sees_the_place))
