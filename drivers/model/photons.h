/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * For tests alone, in a library that lumengate-optics-sim does not link: how many photons left
 * Alice in a slot with a click. The simulator works with light as a whole and does not know; given
 * her choice and the detectors, Bayes' rule says what it may have been, and one draw of it for each
 * click is as good as having followed every photon.
 *
 * Eve handles the photons of a pulse alike and keeps none, as attack_probability() has it, so that
 * what arrives depends on their number alone, not on the intensity.
 */

#ifndef DRIVERS_MODEL_PHOTONS_H
#define DRIVERS_MODEL_PHOTONS_H

#include "drivers/model/attack.h"
#include "drivers/model/clicks.h"
#include "drivers/model/physics.h"
#include "drivers/model/rng.h"

#define PHOTONS_MAX 12 /* the last place counts all beyond as well */

struct photons {
	double up_to[CHOICE_VALUES][16][PHOTONS_MAX + 1]; /* P(number <= n | CHOICE_*, detectors) */
	double phase_error; /* of a single photon that was seen, measured in X and sent in X */
};

void photons_init(struct photons *p, const struct optics_link *link,
                  const struct optics_source *source, const struct attack *attack);

/* DETECTORS 0: a pulse that has nothing to do with the click. */
unsigned int photons_draw(const struct photons *p, unsigned int choice, unsigned int detectors,
                          struct rng *rng);

/* P(these detectors fire | N photons leave Alice in this state). */
double photons_clicks(const struct optics_link *link, const struct attack *attack,
                      unsigned int basis, unsigned int bit, unsigned int n, unsigned int detectors);

#endif
