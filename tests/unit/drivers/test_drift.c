/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/drift.h"

#include <math.h>

#include "drivers/card_regs.h"
#include "drivers/model/clicks.h"
#include "drivers/phase_track.h"
#include "tests/unit/unit.h"

/* In the steady state from the start on: the stated standard deviations, whatever the step. */
static void test_standard_deviations(void)
{
	double sum[4] = {0}, square[4] = {0};
	const int n = 4000;

	for (int i = 0; i < n; i++) {
		struct drift d;

		drift_init(&d, &drift_aerial, (uint64_t)i);
		for (int j = 0; j < 3; j++)
			drift_step(&d, 100);
		for (int q = 0; q < 4; q++) {
			double v = q == 0   ? d.intensity / 0.01
			           : q == 1 ? d.ratio / 0.002
			           : q == 2 ? d.phase / 0.1
			                    : d.loss_db / 0.02;

			sum[q] += v;
			square[q] += v * v;
		}
	}
	for (int q = 0; q < 4; q++) {
		CU_ASSERT(fabs(sum[q] / n) < 4 / sqrt(n));
		CU_ASSERT(fabs(square[q] / n - 1) < 4 * sqrt(2. / n));
	}
}

/* Neighbouring values are alike: a tenth of the time constant keeps e^-0.1 of it. */
static void test_it_wanders_slowly(void)
{
	double product = 0, square = 0;
	struct drift d;

	drift_init(&d, &drift_buried, 7);
	for (int i = 0; i < 20000; i++) {
		double before = d.intensity;

		drift_step(&d, 60);
		product += before * d.intensity;
		square += before * before;
	}
	CU_ASSERT_DOUBLE_EQUAL(product / square, exp(-0.1), 0.02);
}

static void test_days(void)
{
	double least = 1e9, most = -1e9, path;
	struct drift d;

	drift_init(&d, &drift_aerial, 3);
	for (int minute = 0; minute < 1440; minute++) {
		drift_step(&d, 60);
		least = fmin(least, d.fibre_k);
		most = fmax(most, d.fibre_k);
	}
	/* Twice the amplitude, and the random tenth besides. */
	CU_ASSERT(most - least > 20 && most - least < 32);
	path = drift_path_ps(&d, 100);
	CU_ASSERT_DOUBLE_EQUAL(path, 3700 * d.fibre_k, 1e-6);
}

static void test_none(void)
{
	struct drift_params still = {0};
	struct drift d;

	drift_init(&d, &still, 1);
	CU_ASSERT(drift_is_still(&d));
	drift_step(&d, 1e5);
	CU_ASSERT(d.intensity == 0 && d.phase == 0 && d.loss_db == 0 && d.fibre_k == 0);
	CU_ASSERT_EQUAL(drift_x_error(&d), 0);
	CU_ASSERT_PTR_NULL(drift_find("sea"));
	CU_ASSERT_PTR_EQUAL(drift_find("aerial"), &drift_aerial);
}

/* What drifts reaches the clicks, and the closed form follows it. */
static void test_clicks_follow(void)
{
	const struct optics_source source = {.mu1 = 0.3, .mu2 = 0.1, .p_mu1 = 0.3, .p_z = 0.8};
	struct light light = {.mode = CARD_TX_MODE_QKD, .source = source};
	struct optics_link link = optics_link_default;
	static struct click k[4096];
	double least = 1, most = 0;
	struct clicks c;
	struct rng rng;

	link.drift = (struct drift_params){.intensity = 0.1, .loss_db = 0.3, .phase_mrad = 300};
	for (uint64_t seed = 0; seed < 6; seed++) {
		struct optics_link now = link;
		struct optics_source lit = source;
		struct physics_expect e;
		uint64_t clicks = 0, in_x = 0, wrong = 0;

		rng_init_seed(&rng, seed);
		clicks_init(&c, &link, &rng);
		clicks_set_receiver(&c, true, 1000, 0, 256);
		CU_ASSERT_EQUAL(clicks_set_light(&c, &light), 0);
		physics_drifted(&c.drift, &now, &lit);
		physics_expect(&now, &lit, 1e-6, &e);
		while (c.n < 200000000) {
			size_t n = clicks_run(&c, 200000000, k, 4096);

			clicks += n;
			for (size_t i = 0; i < n; i++) {
				bool x = k[i].detectors == 4 || k[i].detectors == 8;

				if (!x || !k[i].has_choice || !(k[i].choice & CHOICE_BASIS_X))
					continue;
				in_x++;
				wrong += (k[i].detectors == 8) != ((k[i].choice & CHOICE_BIT) != 0);
			}
		}
		/* 0.2 s: it moved but little since. */
		CU_ASSERT(fabs((double)clicks / (e.clicks_s * 0.2) - 1) < 0.02);
		CU_ASSERT(fabs((double)wrong / (double)in_x - e.qber_x) <
		          0.25 * e.qber_x + 4 * sqrt(e.qber_x / (double)in_x));
		least = fmin(least, e.qber_x);
		most = fmax(most, e.qber_x);
	}
	CU_ASSERT(most > 1.3 * least);
}

/*
 * Nothing past the card knows of offset, frequency or path: the driver's clock recovery finds them.
 * After the lock every pulse gets its own number up to one constant, for ten seconds.
 */
static void test_driver_recovers_the_clock(void)
{
	static const struct {
		double offset_ppb, walk, km, slot_fs;
		const struct drift_params *drift;
	} cases[] = {{900, 0.5, 20, 1e6, &drift_lab},
	             {-950, 2, 100, 1e6, &drift_aerial},
	             {400, 0.5, 50, 4e5, &drift_buried}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct light light = {.mode = CARD_TX_MODE_QKD,
		                      .source = {.mu1 = 0.5, .mu2 = 0.1, .p_mu1 = 0.7, .p_z = 0.8}};
		struct optics_link link = optics_link_default;
		uint64_t until = (uint64_t)(1e16 / cases[i].slot_fs), locked = 0, strayed = 0;
		static struct click k[4096];
		int64_t constant = 0, last = 0;
		struct phase_track t;
		struct clicks c;
		struct rng rng;

		link.offset_ppb = cases[i].offset_ppb;
		link.walk_ppb_s = cases[i].walk;
		link.distance_km = cases[i].km;
		link.slot_fs = cases[i].slot_fs;
		link.drift = *cases[i].drift;
		rng_init_seed(&rng, 40 + i);
		clicks_init(&c, &link, &rng);
		/* Fewer clicks than there could be, for a quick test. */
		clicks_set_receiver(&c, true, 2e5, 0, 256);
		CU_ASSERT_EQUAL(clicks_set_light(&c, &light), 0);
		phase_track_init(&t);
		while (c.n < until) {
			size_t n = clicks_run(&c, until, k, 4096);

			for (size_t j = 0; j < n; j++) {
				uint64_t slot;
				int64_t d;

				if (!phase_track_click(&t, k[j].slot, k[j].sub, &slot) ||
				    k[j].origin != CLICK_LIGHT)
					continue;
				d = (int64_t)(slot - k[j].pulse);
				if (locked++ == 0)
					constant = d;
				strayed += d != constant;
				last = d;
			}
		}
		CU_ASSERT(t.locked && t.epoch <= 1);
		CU_ASSERT(locked > 10000);
		/* Jitter puts a click into the next slot now and then; the grid itself stays. */
		CU_ASSERT(strayed < locked / 10000 && last == constant);
		CU_ASSERT_DOUBLE_EQUAL(-t.frequency * 1e9, -c.frequency * 1e9, 20);
	}
}

UNIT_MAIN(UNIT(test_standard_deviations), UNIT(test_it_wanders_slowly), UNIT(test_days),
          UNIT(test_none), UNIT(test_clicks_follow), UNIT(test_driver_recovers_the_clock))
