/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/photons.h"

#include <math.h>
#include <string.h>

#include "drivers/card_regs.h"

#define DETECTORS 4
#define MASKS     16u

/* P(no detector outside of MASK fires), each photon being lost or in one of them by Q. */
static double none_outside(const struct optics_link *link, const double q[DETECTORS],
                           unsigned int mask, unsigned int n)
{
	double p = 1, seen = 0;

	for (unsigned int d = 0; d < DETECTORS; d++) {
		if (mask >> d & 1)
			continue;
		p *= 1 - physics_background(link, d);
		seen += q[d];
	}
	return p * pow(1 - seen, n);
}

/* By inclusion and exclusion over what may have stayed silent within MASK. */
static double exactly(const struct optics_link *link, const double q[DETECTORS], unsigned int mask,
                      unsigned int n)
{
	double p = 0;

	for (unsigned int part = mask;; part = (part - 1) & mask) {
		double sign = __builtin_popcount(mask ^ part) % 2 == 0 ? 1 : -1;

		p += sign * none_outside(link, q, part, n);
		if (part == 0)
			break;
	}
	return p > 0 ? p : 0;
}

double photons_clicks(const struct optics_link *link, const struct attack *attack,
                      unsigned int basis, unsigned int bit, unsigned int n, unsigned int detectors)
{
	double eta = physics_transmittance(link), p = 0;

	for (unsigned int arrives = 0; arrives < 4; arrives++) {
		double through = attack_probability(attack, basis, bit, arrives & 1, arrives >> 1);
		double q[DETECTORS];

		if (through <= 0)
			continue;
		outcomes_illuminate(link, eta, arrives & 1, arrives >> 1, q);
		p += through * exactly(link, q, detectors, n);
	}
	return p;
}

static void posterior(double up_to[PHOTONS_MAX + 1], const struct optics_link *link,
                      const struct optics_source *s, const struct attack *attack,
                      unsigned int choice, unsigned int detectors)
{
	double mu = optics_source_mu(s, CHOICE_INTENSITY(choice)), poisson = exp(-mu), sum = 0;

	for (unsigned int n = 0; n <= PHOTONS_MAX; n++) {
		double clicks = 1;

		if (detectors != 0)
			clicks = photons_clicks(link, attack, choice & CHOICE_BASIS_X ? 1 : 0,
			                        choice & CHOICE_BIT ? 1 : 0, n, detectors);
		up_to[n] = sum += poisson * clicks;
		poisson *= mu / (n + 1);
	}
	for (unsigned int n = 0; n <= PHOTONS_MAX; n++)
		up_to[n] = sum > 0 ? up_to[n] / sum : 1;
}

/* What one photon sent in X shows in X, either bit as often. */
static double phase_error(const struct optics_link *link, const struct attack *attack)
{
	double wrong = 0, all = 0, q[DETECTORS];

	for (unsigned int bit = 0; bit < 2; bit++) {
		for (unsigned int arrives = 0; arrives < 4; arrives++) {
			double p = attack_probability(attack, 1, bit, arrives & 1, arrives >> 1);

			outcomes_illuminate(link, 1, arrives & 1, arrives >> 1, q);
			wrong += p * q[CARD_DETECTOR_X0 + !bit];
			all += p * (q[CARD_DETECTOR_X0] + q[CARD_DETECTOR_X1]);
		}
	}
	return wrong / all;
}

void photons_init(struct photons *p, const struct optics_link *link,
                  const struct optics_source *source, const struct attack *attack)
{
	memset(p, 0, sizeof(*p));
	for (unsigned int choice = 0; choice < CHOICE_VALUES; choice++) {
		unsigned int k = CHOICE_INTENSITY(choice);

		if (k >= OPTICS_INTENSITIES || optics_source_p(source, k) <= 0)
			continue;
		for (unsigned int mask = 0; mask < MASKS; mask++)
			posterior(p->up_to[choice][mask], link, source, attack, choice, mask);
	}
	p->phase_error = phase_error(link, attack);
}

unsigned int photons_draw(const struct photons *p, unsigned int choice, unsigned int detectors,
                          struct rng *rng)
{
	const double *up_to = p->up_to[choice & (CHOICE_VALUES - 1)][detectors & (MASKS - 1)];
	double u = rng_uniform(rng);
	unsigned int n = 0;

	while (n < PHOTONS_MAX && u >= up_to[n])
		n++;
	return n;
}
