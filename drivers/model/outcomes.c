/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/outcomes.h"

#include <string.h>

#include "drivers/card_regs.h"
#include "drivers/model/attack_plugin.h"

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

static unsigned int class_of(struct outcomes_mix *mix, int shift, bool bright)
{
	unsigned int i = 0;

	while (i < mix->classes && (mix->class[i].shift != shift || mix->class[i].bright != bright))
		i++;
	if (i == mix->classes && i < OUTCOMES_CLASSES) {
		mix->class[i].shift = shift;
		mix->class[i].bright = bright;
		mix->classes++;
	}
	return i < OUTCOMES_CLASSES ? i : OUTCOMES_CLASSES - 1;
}

static void add(struct outcomes_mix *mix, unsigned int class, unsigned int mask, double p,
                double without_light)
{
	if (p <= 0)
		return;
	mix->cell[mix->choice][class][mask].p += p;
	mix->cell[mix->choice][class][mask].without_light += without_light;
}

/* Light of a laser: the detectors are independent. */
static void add_poisson(struct outcomes_mix *mix, unsigned int class, double weight,
                        const double mean[DETECTORS], const double dark[DETECTORS])
{
	double fire[DETECTORS];

	for (unsigned int d = 0; d < DETECTORS; d++)
		fire[d] = 1 - (1 - dark[d]) * exp(-mean[d]);
	for (unsigned int mask = 1; mask < MASKS; mask++) {
		double p = weight, without_light = weight;

		for (unsigned int d = 0; d < DETECTORS; d++) {
			bool on = mask >> d & 1;

			p *= on ? fire[d] : 1 - fire[d];
			without_light *= (on ? dark[d] : 1 - dark[d]) * exp(-mean[d]);
		}
		add(mix, class, mask, p, without_light);
	}
}

/* P(no detector outside of MASK fires), each photon being in one of them by Q, or lost. */
static double none_outside(const struct arrival *a, const double q[DETECTORS],
                           const double dark[DETECTORS], unsigned int mask)
{
	double p = 1, seen = 0, lost = 1, sum = 0;

	for (unsigned int d = 0; d < DETECTORS; d++) {
		if (mask >> d & 1)
			continue;
		p *= 1 - dark[d];
		seen += q[d];
	}
	for (unsigned int n = 0; n < a->numbers; n++) {
		sum += a->number[n] * lost;
		lost *= 1 - seen;
	}
	return p * sum;
}

/* A number of photons: by inclusion and exclusion over what stayed silent within the mask. */
static void add_number(struct outcomes_mix *mix, unsigned int class, double weight,
                       const struct arrival *a, const double q[DETECTORS],
                       const double dark[DETECTORS])
{
	double none[MASKS];

	for (unsigned int mask = 0; mask < MASKS; mask++)
		none[mask] = none_outside(a, q, dark, mask);
	for (unsigned int mask = 1; mask < MASKS; mask++) {
		double p = 0, without_light = 1, lost = 1, sum = 0, all = 0;

		for (unsigned int part = mask;; part = (part - 1) & mask) {
			p += __builtin_popcount(mask ^ part) % 2 == 0 ? none[part] : -none[part];
			if (part == 0)
				break;
		}
		for (unsigned int d = 0; d < DETECTORS; d++) {
			without_light *= mask >> d & 1 ? dark[d] : 1 - dark[d];
			all += q[d];
		}
		for (unsigned int n = 0; n < a->numbers; n++) {
			sum += a->number[n] * lost;
			lost *= 1 - all;
		}
		add(mix, class, mask, weight * p, weight * without_light * sum);
	}
}

void outcomes_arrive(struct outcomes_mix *mix, double p, const struct arrival *a)
{
	double dark[DETECTORS], mean[DETECTORS];
	unsigned int class;

	if (p <= 0)
		return;
	class = class_of(mix, a->shift, a->bright);
	outcomes_illuminate(
	        mix->link,
	        a->number != NULL ? physics_eta(mix->link->efficiency, mix->link->receiver_loss_db)
	                          : a->light,
	        a->basis, a->bit, mean);
	for (unsigned int d = 0; d < DETECTORS; d++) {
		dark[d] = physics_background(mix->link, d);
		mean[d] *= a->gain != NULL ? a->gain[d] : 1;
	}
	if (a->number != NULL)
		add_number(mix, class, p * mix->p, a, mean, dark);
	else
		add_poisson(mix, class, p * mix->p, mean, dark);
}

void outcomes_force(struct outcomes_mix *mix, double p, unsigned int detectors, bool bright)
{
	if (p > 0 && detectors != 0)
		add(mix, class_of(mix, 0, bright), detectors, p * mix->p, 0);
}

static void list_of(const struct outcomes_mix *mix, struct list *l)
{
	l->count = 0;
	l->sum = 0;
	for (unsigned int choice = 0; choice < CHOICE_VALUES; choice++)
		for (unsigned int c = 0; c < mix->classes; c++)
			for (unsigned int mask = 1; mask < MASKS; mask++) {
				double p = mix->cell[choice][c][mask].p;

				if (p <= 0)
					continue;
				l->item[l->count++] = (struct weighted){
				        .outcome = {.choice = (uint8_t)choice,
				                    .detectors = mask & (MASKS - 1),
				                    .bright = mix->class[c].bright,
				                    .shift = (int16_t)mix->class[c].shift,
				                    .dark = (float)(mix->cell[choice][c][mask]
				                                            .without_light /
				                                    p)},
				        .weight = p,
				};
				l->sum += p;
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
	outcomes_build_state(o, link, link, source, bit_zero, attack);
}

void outcomes_build_state(struct outcomes *o, const struct optics_link *now,
                          const struct optics_link *link, const struct optics_source *source,
                          bool bit_zero, const struct attack *attack)
{
	struct outcomes_mix mix = {.link = now, .p = 1};
	struct attack_pulse pulse = {.link = link, .source = source};
	struct arrival nothing = {0};
	struct list l;

	memset(o, 0, sizeof(*o));
	if (source == NULL) {
		outcomes_arrive(&mix, 1 - attack_blinded(attack), &nothing);
	} else {
		for (unsigned int choice = 0; choice < CHOICE_VALUES; choice++) {
			unsigned int k = CHOICE_INTENSITY(choice);
			double p = 0.5;

			if (k >= OPTICS_INTENSITIES)
				continue;
			if (bit_zero || (source->three_states && choice & CHOICE_BASIS_X))
				p = choice & CHOICE_BIT ? 0 : 1;
			p *= optics_source_p(source, k);
			p *= choice & CHOICE_BASIS_X ? 1 - source->p_z : source->p_z;
			if (p <= 0)
				continue;
			mix.choice = choice;
			mix.p = p;
			pulse.basis = choice & CHOICE_BASIS_X ? 1 : 0;
			pulse.bit = choice & CHOICE_BIT ? 1 : 0;
			pulse.mu = optics_source_mu(source, k);
			attack_pulse(attack, &pulse, &mix);
		}
	}
	list_of(&mix, &l);
	o->click = l.sum;
	if (l.count > 0)
		alias(o, &l);
}
