/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The analog settings of a modelled card (docs/optical-card.md, "Analog settings"), how they
 * settle, and what they do to the light: the attenuator and the laser's bias scale it, a
 * Mach-Zehnder modulator off its bias point lets light into the other time bin, an interferometer
 * off its phase mixes the outcomes of basis X.
 */

#ifndef DRIVERS_MODEL_ANALOG_H
#define DRIVERS_MODEL_ANALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/card_regs.h"
#include "drivers/model/rng.h"

struct shm_card;

struct analog {
	int32_t set[CARD_ANALOG_COUNT];
	double active[CARD_ANALOG_COUNT], actual[CARD_ANALOG_COUNT];
	double bias_point; /* mV off the one of calibration; wanders by itself */
	double bias_walk;  /* mV in the square root of a second */
	uint64_t turn_ns, wander_ns;
	struct rng rng;
};

/* What the settings do to the light, beside what calibration had. */
struct analog_light {
	double gain;    /* of the emitted intensities */
	double leak;    /* share of the light in the other time bin */
	double x_error; /* sin^2 of half the phase */
	double dark;    /* of the detectors' dark counts, by their temperature */
};

/* Function reset: settings as calibrated, limits in the registers. */
void analog_reset(struct shm_card *card);
/* A write to one of its registers: 0, or the offset of the register that is wrong. */
uint32_t analog_write(struct shm_card *card, uint32_t offset, uint32_t value);
void analog_turn(struct shm_card *card);

struct analog_light analog_light(const struct shm_card *card);

#endif
