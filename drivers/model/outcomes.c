/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/outcomes.h"

#include <string.h>

#include "drivers/card_regs.h"

#define DETECTORS 4
#define MASKS     (1u << DETECTORS)

struct weighted {
	struct outcome outcome;
	double weight;
};

struct list {
	struct weighted item[OUTCOMES_MAX];
	unsigned int count;
	double sum;
};

void outcomes_illuminate(const struct optics_link *link, double light, unsigned int basis,
                         unsigned int bit, double mean[DETECTORS])
{
	double z = light * link->p_z_bob, x = light - z, e[2];

	e[0] = physics_misalignment(link, 0);
	e[1] = physics_misalignment(link, 1);

	for (unsigned int b = 0; b < 2; b++) {
		double right = b == bit ? 1 - e[basis] : e[basis];

		mean[CARD_DETECTOR_Z0 + b] = z * (basis == 0 ? right : 0.5);
		mean[CARD_DETECTOR_X0 + b] = x * (basis == 1 ? right : 0.5);
	}
}

static void add_masks(struct list *l, const struct optics_link *link, const double mean[DETECTORS],
                      unsigned int choice, double weight)
{
	double fire[DETECTORS], dark[DETECTORS];

	for (unsigned int d = 0; d < DETECTORS; d++) {
		dark[d] = physics_background(link, d);
		fire[d] = 1 - (1 - dark[d]) * exp(-mean[d]);
	}
	for (unsigned int mask = 1; mask < MASKS; mask++) {
		double p = weight, without_light = 1;

		for (unsigned int d = 0; d < DETECTORS; d++) {
			bool on = mask >> d & 1;

			p *= on ? fire[d] : 1 - fire[d];
			if (on && fire[d] > 0)
				without_light *= dark[d] * exp(-mean[d]) / fire[d];
		}
		if (p <= 0)
			continue;
		l->item[l->count++] = (struct weighted){
		        .outcome = {(uint8_t)choice, (uint8_t)mask, (float)without_light},
		        .weight = p,
		};
		l->sum += p;
	}
}

static void add_choice(struct list *l, const struct optics_link *link, const struct attack *attack,
                       double light, unsigned int choice, double p)
{
	unsigned int basis = choice & CHOICE_BASIS_X ? 1 : 0, bit = choice & CHOICE_BIT ? 1 : 0;

	for (unsigned int arrives = 0; arrives < 4; arrives++) {
		double mean[DETECTORS], through;

		through = attack_probability(attack, basis, bit, arrives & 1, arrives >> 1);
		if (p * through <= 0)
			continue;
		outcomes_illuminate(link, light, arrives & 1, arrives >> 1, mean);
		add_masks(l, link, mean, choice, p * through);
	}
}

/* Walker 1977, tables after Vose 1991: each cell holds one or two outcomes. */
static void alias(struct outcomes *o, struct list *l)
{
	unsigned int small[OUTCOMES_MAX], large[OUTCOMES_MAX], smalls = 0, larges = 0;

	o->count = l->count;
	for (unsigned int i = 0; i < l->count; i++) {
		l->item[i].weight *= l->count / l->sum;
		if (l->item[i].weight < 1)
			small[smalls++] = i;
		else
			large[larges++] = i;
		o->cell[i].own = o->cell[i].other = l->item[i].outcome;
		o->cell[i].keep = UINT64_MAX;
	}
	while (smalls > 0 && larges > 0) {
		unsigned int s = small[--smalls], g = large[larges - 1];

		o->cell[s].other = l->item[g].outcome;
		o->cell[s].keep = (uint64_t)(l->item[s].weight * 0x1p64);
		l->item[g].weight -= 1 - l->item[s].weight;
		if (l->item[g].weight < 1) {
			small[smalls++] = g;
			larges--;
		}
	}
}

void outcomes_build(struct outcomes *o, const struct optics_link *link,
                    const struct optics_source *source, bool bit_zero, const struct attack *attack)
{
	double eta = physics_transmittance(link), none[DETECTORS] = {0};
	struct list l = {.count = 0};

	memset(o, 0, sizeof(*o));
	if (source == NULL) {
		add_masks(&l, link, none, 0, 1);
	} else {
		for (unsigned int choice = 0; choice < CHOICE_VALUES; choice++) {
			unsigned int k = CHOICE_INTENSITY(choice);
			double mu, p = 0.5;

			if (k >= OPTICS_INTENSITIES)
				continue;
			mu = optics_source_mu(source, k);
			if (bit_zero || (source->three_states && choice & CHOICE_BASIS_X))
				p = choice & CHOICE_BIT ? 0 : 1;
			p *= optics_source_p(source, k);
			p *= choice & CHOICE_BASIS_X ? 1 - source->p_z : source->p_z;
			if (p > 0)
				add_choice(&l, link, attack, eta * mu, choice, p);
		}
	}
	o->click = l.sum;
	if (l.count > 0)
		alias(o, &l);
}
