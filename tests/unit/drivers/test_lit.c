/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/lit.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "drivers/card_regs.h"
#include "drivers/model/clicks.h"
#include "tests/unit/unit.h"

static void test_parse(void)
{
	static const struct {
		const char *text, *says;
	} wrong[] = {{"C340 0", "channel \"C340\" is neither"},
	             {"C34", "a channel has a name, a power"},
	             {"C36 99", "99 dBm is outside"},
	             {"C36 0 up", "direction \"up\" is neither"},
	             {"C36 0 co more", "a channel has a name, a power"}};
	struct lit_channel c;
	struct err err;

	CU_ASSERT_EQUAL(lit_parse("C38 -3.5", &c, &err), 0);
	CU_ASSERT(c.ghz == 193800 && c.dbm == -3.5 && !c.counter);
	CU_ASSERT_EQUAL(lit_parse("193.45 0 counter", &c, &err), 0);
	CU_ASSERT(c.ghz == 193450 && c.counter);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CU_ASSERT_EQUAL(lit_parse(wrong[i].text, &c, &err), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, wrong[i].says));
	}
}

static void test_add_and_remove(void)
{
	struct lit_channel a = {193800, 0, false}, b = {193800, -3, true},
	                   near_by = {193450, 0, false};
	struct lit l = lit_default;
	struct lit_noise n;
	struct err err;

	CU_ASSERT_EQUAL(lit_counts_per_slot(&l, &optics_link_default, &n), 0);
	CU_ASSERT_EQUAL(lit_add(&l, &a, &err), 0);
	CU_ASSERT_EQUAL(lit_add(&l, &b, &err), 0); /* the same wavelength, the other way */
	CU_ASSERT_EQUAL(lit_add(&l, &a, &err), -EEXIST);
	CU_ASSERT_EQUAL(lit_add(&l, &near_by, &err), -EINVAL);
	CU_ASSERT(lit_counts_per_slot(&l, &optics_link_default, &n) > 0);
	CU_ASSERT(n.raman_forward > 0 && n.raman_backward > 0);
	CU_ASSERT_EQUAL(lit_remove(&l, &a, &err), 0);
	CU_ASSERT_EQUAL(lit_remove(&l, &a, &err), -ENOENT);
	CU_ASSERT(l.channels == 1 && l.channel[0].counter);
}

/* The splitter shares it: four fifths to Z, and a detector of X gets an eighth of that. */
static void test_noise_in_the_clicks(void)
{
	static const struct optics_source source = {
	        .mu1 = 0.3, .mu2 = 0.1, .p_mu1 = 0.3, .p_z = 0.8};
	struct light light = {.mode = CARD_TX_MODE_QKD, .source = source};
	struct optics_link link = optics_link_default;
	uint64_t sifted[2] = {0}, wrong[2] = {0}, clicks = 0, slots = 1000000000;
	struct lit_channel c = {193800, -10, true};
	struct physics_expect dark, lit;
	static struct click k[4096];
	struct lit l = lit_default;
	struct lit_noise noise;
	struct clicks run;
	struct err err;
	struct rng rng;

	physics_expect(&link, &source, 1e-6, &dark);
	CU_ASSERT_EQUAL(lit_add(&l, &c, &err), 0);
	link.noise = lit_counts_per_slot(&l, &link, &noise);
	CU_ASSERT_DOUBLE_EQUAL(physics_background(&link, CARD_DETECTOR_Z0), 1e-6 + 0.4 * link.noise,
	                       1e-12);
	CU_ASSERT_DOUBLE_EQUAL(physics_background(&link, CARD_DETECTOR_X1), 1e-6 + 0.1 * link.noise,
	                       1e-12);
	physics_expect(&link, &source, 1e-6, &lit);
	CU_ASSERT(lit.qber_z > dark.qber_z + 0.005 && lit.qber_x > dark.qber_x + 0.005);
	link.noise = 0;
	rng_init_seed(&rng, 21);
	clicks_init(&run, &link, &rng);
	clicks_set_receiver(&run, true, 1000, 0, 256);
	CU_ASSERT_EQUAL(clicks_set_light(&run, &light), 0);
	/* Put on while the link runs. */
	clicks_set_noise(&run, lit_counts_per_slot(&l, &link, &noise));
	while (run.n < slots) {
		size_t n = clicks_run(&run, slots, k, 4096);

		clicks += n;
		for (size_t i = 0; i < n; i++) {
			unsigned int d = k[i].detectors, basis = d >= 4, choice = k[i].choice;

			if (d & (d - 1))
				continue;
			if (!k[i].has_choice)
				choice = (rng_uniform(&rng) < 0.8 ? 0 : CHOICE_BASIS_X) |
				         (rng_next(&rng) >> 63 ? CHOICE_BIT : 0);
			if (basis != (choice & CHOICE_BASIS_X))
				continue;
			sifted[basis]++;
			wrong[basis] += (d == 2 || d == 8) != ((choice & CHOICE_BIT) != 0);
		}
	}
	for (int b = 0; b < 2; b++) {
		double want = b == 0 ? lit.qber_z : lit.qber_x;

		CU_ASSERT(fabs((double)wrong[b] / (double)sifted[b] - want) <
		          4 * sqrt(want / (double)sifted[b]) + 3e-3 * want);
	}
	CU_ASSERT(fabs((double)clicks - lit.clicks_s) < 4 * sqrt(lit.clicks_s));
}

UNIT_MAIN(UNIT(test_parse), UNIT(test_add_and_remove), UNIT(test_noise_in_the_clicks))
