/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What an attack does to clicks: closed forms from the table of outcomes, which hold exactly, and
 * clicks with fixed seeds. A count that is compared with its mean at K standard deviations is
 * outside for a right model with the chance erfc(K / sqrt(2)): 6.3e-5 for 4, 5.7e-7 for 5.
 */

#ifndef TESTS_UNIT_DRIVERS_ATTACK_RIG_H
#define TESTS_UNIT_DRIVERS_ATTACK_RIG_H

#include <math.h>

#include "drivers/card_regs.h"
#include "drivers/model/attack_plugin.h"
#include "drivers/model/clicks.h"
#include "tests/unit/unit.h"

/* Clicks in slots of 1 ns. */
struct tally {
	uint64_t clicks, doubles, dark, afterpulses, bright, of[OPTICS_INTENSITIES];
	uint64_t detector[4], sifted[2], errors[2]; /* single clicks in Alice's basis: Z, X */
	uint64_t histogram[4][32];
	uint64_t stop; /* set before: end with so many compared bits in Z */
};

static inline struct optics_link attack_link(double km)
{
	struct optics_link link = optics_link_default;

	link.distance_km = km;
	link.afterpulse = 0;
	return link;
}

static inline struct attack attack_of(const char *words)
{
	struct attack a = {.kind = ATTACK_NONE};
	struct err err;

	CU_ASSERT_EQUAL_FATAL(attack_parse(words, &a, &err), 0);
	return a;
}

/* Probability of a click in a pulse of intensity K: a sum over the table. */
static inline double attack_gain(const struct optics_link *link, const struct optics_source *source,
                                 const struct attack *attack, unsigned int k)
{
	struct outcomes o;
	double sum = 0;

	outcomes_build(&o, link, source, false, attack);
	for (unsigned int i = 0; i < o.count; i++) {
		double keep = (double)o.cell[i].keep * 0x1p-64;

		if (CHOICE_INTENSITY(o.cell[i].own.choice) == k)
			sum += keep / o.count;
		if (CHOICE_INTENSITY(o.cell[i].other.choice) == k)
			sum += (1 - keep) / o.count;
	}
	return sum * o.click / optics_source_p(source, k);
}

static inline void attack_run(const struct optics_link *link, const struct optics_source *source,
                              const struct attack *attack, double holdoff, uint64_t slots,
                              uint64_t seed, struct tally *t)
{
	static struct click k[4096];
	static struct clicks c;
	struct light light = {.mode = CARD_TX_MODE_QKD, .source = *source, .attack = *attack};
	struct rng rng;

	rng_init_seed(&rng, seed);
	clicks_init(&c, link, &rng);
	clicks_set_receiver(&c, true, holdoff, 0, 256);
	CU_ASSERT_EQUAL(clicks_set_light(&c, &light), 0);
	*t = (struct tally){.stop = t->stop};
	while (c.n < slots) {
		size_t n = clicks_run(&c, slots, k, 4096);

		for (size_t i = 0; i < n; i++) {
			unsigned int d = k[i].detectors, one = (unsigned int)__builtin_ctz(d);

			t->clicks++;
			t->dark += k[i].origin == CLICK_DARK;
			t->afterpulses += k[i].origin == CLICK_AFTERPULSE;
			t->bright += k[i].bright;
			t->of[CHOICE_INTENSITY(k[i].choice)]++;
			if (d & (d - 1)) {
				t->doubles++;
				continue;
			}
			t->detector[one]++;
			t->histogram[one][k[i].sub / 8]++;
			if (!k[i].has_choice || one / 2 != (k[i].choice & CHOICE_BASIS_X))
				continue;
			t->sifted[one / 2]++;
			t->errors[one / 2] += (one & 1) != ((k[i].choice & CHOICE_BIT) != 0);
			if (t->stop > 0 && t->sifted[0] == t->stop)
				return;
		}
	}
}

/* HITS of N trials at P, within K standard deviations. */
static inline bool attack_share(uint64_t hits, double n, double p, double k)
{
	double margin = k * sqrt(n * p * (1 - p)) + 1;
	bool ok = fabs((double)hits - n * p) <= margin;

	if (!ok)
		printf("%llu of %.6g, expected %.6g +- %.3g\n", (unsigned long long)hits, n, n * p,
		       margin);
	return ok;
}

#endif
