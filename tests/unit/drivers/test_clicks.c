/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/clicks.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/sync_pattern.h"
#include "drivers/card_regs.h"
#include "tests/unit/unit.h"

#define BATCH 4096

static const struct optics_source demo = {.mu1 = 0.3, .mu2 = 0.1, .p_mu1 = 0.3, .p_z = 0.8};

struct tally {
	uint64_t clicks, dark, afterpulses, doubles, mu1, bright; /* bright: not an afterpulse */
	uint64_t sifted[2], errors[2];
	uint64_t min_spacing;
};

static void start(struct clicks *c, const struct optics_link *link, unsigned int mode,
                  double holdoff, const struct attack *attack, uint64_t seed)
{
	struct light light = {.mode = mode, .source = demo, .slot_base = 77};
	struct rng rng;

	rng_init_seed(&rng, seed);
	clicks_init(c, link, &rng);
	clicks_set_receiver(c, true, holdoff, 0, 256);
	if (attack != NULL)
		light.attack = *attack;
	CU_ASSERT_EQUAL(clicks_set_light(c, &light), 0);
}

static void tally(struct clicks *c, uint64_t slots, struct tally *t)
{
	static struct click k[BATCH];
	uint64_t last = 0;
	struct rng coin;

	rng_init_seed(&coin, 99);
	*t = (struct tally){.min_spacing = UINT64_MAX};
	while (c->n < slots) {
		size_t n = clicks_run(c, slots, k, BATCH);

		for (size_t i = 0; i < n; i++) {
			unsigned int d = k[i].detectors, choice = k[i].choice, basis;

			if (t->clicks++ > 0 && k[i].slot - last < t->min_spacing)
				t->min_spacing = k[i].slot - last;
			last = k[i].slot;
			t->dark += k[i].origin == CLICK_DARK;
			t->afterpulses += k[i].origin == CLICK_AFTERPULSE;
			t->bright += k[i].has_choice;
			t->mu1 += k[i].has_choice && !(choice & CHOICE_MU2);
			if (d & (d - 1)) {
				t->doubles++;
				continue;
			}
			basis = d >= 1u << CARD_DETECTOR_X0;
			if (!k[i].has_choice) {
				/* No pulse was seen: her choice is independent. */
				choice = (rng_uniform(&coin) < demo.p_z ? 0 : CHOICE_BASIS_X) |
				         (rng_next(&coin) >> 63 ? CHOICE_BIT : 0);
			}
			if (basis != (choice & CHOICE_BASIS_X))
				continue;
			t->sifted[basis]++;
			t->errors[basis] +=
			        (d == 1u << CARD_DETECTOR_Z1 || d == 1u << CARD_DETECTOR_X1) !=
			        ((choice & CHOICE_BIT) != 0);
		}
	}
}

/* SHARE of N trials, within four standard deviations, the closed form itself within REL. */
static bool binomial(uint64_t hits, uint64_t n, double share, double rel)
{
	double got = (double)hits / (double)n;
	double margin = 4 * sqrt(share * (1 - share) / (double)n) + rel * share;
	bool ok = fabs(got - share) <= margin;

	if (!ok)
		printf("share %.6g of %llu, expected %.6g +- %.2g\n", got, (unsigned long long)n,
		       share, margin);
	return ok;
}

static void test_demonstration_link(void)
{
	struct optics_link link = optics_link_default;
	struct physics_expect e;
	struct clicks c;
	struct tally t;
	uint64_t begin = clock_mono_ns(), slots = 2000000000;
	double clicks;

	start(&c, &link, CARD_TX_MODE_QKD, 1000, NULL, 1);
	tally(&c, slots, &t);
	physics_expect(&link, &demo, 1e-6, &e);
	clicks = e.clicks_s * (double)slots * 1e-9;
	printf("%.4g clicks/s, QBER Z %.4f %% X %.4f %%, %.1f ns a click\n",
	       (double)t.clicks * 1e9 / (double)slots,
	       100. * (double)t.errors[0] / (double)t.sifted[0],
	       100. * (double)t.errors[1] / (double)t.sifted[1],
	       (double)(clock_mono_ns() - begin) / (double)t.clicks);
	/* A hold-off that most clicks end narrows the counts: sigma is below sqrt(N). */
	CU_ASSERT(fabs((double)t.clicks - clicks) < 4 * sqrt(clicks));
	CU_ASSERT(binomial(t.afterpulses, t.clicks, 0.01 / 1.01, 0.005));
	CU_ASSERT(binomial(t.errors[0], t.sifted[0], e.qber_z, 0.002));
	CU_ASSERT(binomial(t.errors[1], t.sifted[1], e.qber_x, 0.002));
	CU_ASSERT(binomial(t.mu1, t.bright, e.p_mu1, 0));
	/* Z and X of both: .8 .8 and .2 .2. */
	CU_ASSERT(binomial(t.sifted[0], t.clicks, 0.64, 0.01));
	CU_ASSERT(t.min_spacing >= 999);
	/* Passive choice: the light that fires two detectors at once. */
	CU_ASSERT(t.doubles > t.clicks / 1000 && t.doubles < t.clicks / 100);
}

static void check_gain(double km, uint64_t slots, double mu, double efficiency)
{
	struct optics_link link = {.distance_km = km,
	                           .loss_db_per_km = 0.2,
	                           .efficiency = efficiency,
	                           .dark_probability = 5e-7,
	                           .misalignment = 0.01,
	                           .afterpulse_tau_ns = 1000,
	                           .p_z_bob = 0.5,
	                           .slot_fs = 1e6};
	struct light light = {.mode = CARD_TX_MODE_QKD,
	                      .source = {.mu1 = mu, .mu2 = mu, .p_mu1 = 0.5, .p_z = 0.5}};
	double eta = physics_transmittance(&link), gain = physics_gain_exact(eta, mu, 5e-7, 4);
	struct clicks c;
	struct rng rng;
	struct tally t;

	rng_init_seed(&rng, (uint64_t)km);
	clicks_init(&c, &link, &rng);
	clicks_set_receiver(&c, true, 0, 0, 256);
	CU_ASSERT_EQUAL(clicks_set_light(&c, &light), 0);
	tally(&c, slots, &t);
	/* Without jitter the shortest hold-off, one slot, ends with the next pulse. */
	CU_ASSERT(binomial(t.clicks, slots, gain, 0));
	CU_ASSERT(binomial(t.mu1, t.bright, 0.5, 0));
}

static void test_gain_against_closed_form(void)
{
	check_gain(25, 50000000, 0.5, 0.1);
	check_gain(100, 1000000000, 0.5, 0.1);
	check_gain(0, 10000000, 0.5, 0.8);
}

static void test_afterpulse_share_by_time_constant(void)
{
	struct optics_link link = optics_link_default;
	struct clicks c;
	struct tally t;

	link.distance_km = 80;
	link.afterpulse = 0.04;
	link.afterpulse_tau_ns = 2500;
	start(&c, &link, CARD_TX_MODE_QKD, 2000, NULL, 2);
	tally(&c, 2000000000, &t);
	CU_ASSERT(binomial(t.afterpulses, t.clicks, 0.04 / 1.04, 0.03));
}

static void test_intercept_resend(void)
{
	static const struct {
		double fraction, z_share, z, x;
	} cases[] = {{1, 0.5, 0.25, 0.25}, {1, 1, 0, 0.5}, {1, 0, 0.5, 0}, {0.2, 0.5, 0.05, 0.05}};
	struct optics_link link = optics_link_default;
	struct tally honest;
	struct clicks c;

	start(&c, &link, CARD_TX_MODE_QKD, 1000, NULL, 3);
	tally(&c, 500000000, &honest);
	for (unsigned int i = 0; i < 4; i++) {
		struct attack a = {ATTACK_INTERCEPT_RESEND, cases[i].fraction, cases[i].z_share};
		double added[2] = {cases[i].z, cases[i].x}, base[2] = {0.0150, 0.0155};
		struct tally t;

		start(&c, &link, CARD_TX_MODE_QKD, 1000, &a, 4 + i);
		tally(&c, 500000000, &t);
		/* An error that is there stays with 1 - 2 a, for a is of independent flips. */
		for (int b = 0; b < 2; b++)
			CU_ASSERT(binomial(t.errors[b], t.sifted[b],
			                   base[b] + added[b] * (1 - 2 * base[b]), 0.01));
		CU_ASSERT(fabs((double)t.clicks - (double)honest.clicks) <
		          6 * sqrt((double)honest.clicks));
	}
}

static void test_sync_pattern(void)
{
	static struct click k[BATCH];
	struct optics_link link = optics_link_default;
	unsigned int lit = 0, total = 0, wrong = 0;
	struct clicks c;

	link.afterpulse = 0;
	start(&c, &link, CARD_TX_MODE_SYNC, 1000, NULL, 8);
	while (total < 20000) {
		size_t n = clicks_run(&c, UINT64_MAX, k, BATCH);

		for (size_t i = 0; i < n; i++) {
			bool on = sync_pattern_on(77 + k[i].pulse);

			total++;
			lit += on;
			CU_ASSERT(on || k[i].origin == CLICK_DARK);
			wrong += k[i].origin == CLICK_LIGHT && (k[i].detectors & 1) == 0 &&
			         k[i].detectors < 4;
		}
	}
	/* Light reaches the unlit slots only as dark counts: 4e-6 / (.5 * .012). */
	CU_ASSERT(binomial(total - lit, total, 3.3e-4, 0.1));
	/* In basis Z always bit 0, but for the misalignment. */
	CU_ASSERT(binomial(wrong, total, 0.8 * 0.01, 0.05));
}

static void test_light_changes_at_its_slot(void)
{
	static struct click k[BATCH];
	struct optics_link link = optics_link_default;
	struct light light = {.mode = CARD_TX_MODE_DARK};
	struct clicks c;
	size_t n;

	link.dark_probability = 0;
	link.afterpulse = 0;
	start(&c, &link, CARD_TX_MODE_QKD, 1000, NULL, 9);
	light.from = 1000000;
	CU_ASSERT_EQUAL(clicks_set_light(&c, &light), 0);
	light.mode = CARD_TX_MODE_QKD;
	light.source = demo;
	light.from = 3000000;
	CU_ASSERT_EQUAL(clicks_set_light(&c, &light), 0);
	light.from = 2999999;
	CU_ASSERT(clicks_set_light(&c, &light) < 0);
	n = clicks_run(&c, 4000000, k, BATCH);
	CU_ASSERT(n > 1000);
	for (size_t i = 0; i < n; i++)
		CU_ASSERT(k[i].pulse < 1000000 || k[i].pulse >= 3000000);
	/* Gates off: nothing. */
	clicks_set_receiver(&c, false, 1000, 0, 256);
	CU_ASSERT_EQUAL(clicks_run(&c, 5000000, k, BATCH), 0);
	CU_ASSERT_EQUAL(c.n, 5000000);
}

static void test_clock_and_gates(void)
{
	static struct click k[BATCH];
	struct optics_link link = optics_link_default;
	double phase, worst = 0;
	struct clicks c;
	size_t n;

	link.walk_ppb_s = 0;
	link.dark_probability = 0;
	link.afterpulse = 0;
	start(&c, &link, CARD_TX_MODE_QKD, 1000, NULL, 10);
	phase = c.phase;
	CU_ASSERT(fabs(c.frequency) <= 200e-9);
	n = clicks_run(&c, 4000000, k, BATCH);
	for (size_t i = 0; i < n; i++) {
		double arrival = (double)k[i].slot + (k[i].sub + 0.5) / 256;
		double off = arrival -
		             ((double)k[i].pulse + 0.5 + phase + c.frequency * (double)k[i].pulse);

		worst = fabs(off) > worst ? fabs(off) : worst;
	}
	/* Jitter of .04 slot: five sigma and the resolution, and it is there. */
	CU_ASSERT(worst > 0.1 && worst < 0.22);
	/* A gate of a quarter of the slot lets no other arrival time through. */
	clicks_set_receiver(&c, true, 1000, 250, 64);
	n = clicks_run(&c, 40000000, k, BATCH);
	for (size_t i = 0; i < n; i++)
		CU_ASSERT(((k[i].sub - 250u) & 255) < 64);
}

UNIT_MAIN(UNIT(test_demonstration_link), UNIT(test_gain_against_closed_form),
          UNIT(test_afterpulse_share_by_time_constant), UNIT(test_intercept_resend),
          UNIT(test_sync_pattern), UNIT(test_light_changes_at_its_slot), UNIT(test_clock_and_gates))
