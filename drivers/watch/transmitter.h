/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The transmitter's own monitors: light that comes in by the fibre (a Trojan horse looks at the
 * modulators by it), and the power behind the attenuator over that before it, at the attenuation
 * that is set: the laser's drift divides out, an attenuator that lets more through does not. The
 * power that leaves has a bound besides that nobody can teach: so much over what is configured.
 */

#ifndef DRIVERS_WATCH_TRANSMITTER_H
#define DRIVERS_WATCH_TRANSMITTER_H

#include <stdint.h>

#include "drivers/card_reading.h"
#include "drivers/watch/level.h"

struct watch_transmitter {
	struct watch_level reflection, reflection_peak;
	struct watch_level output; /* over the power before the attenuator */
	struct cusum output_most;
	double expected_fw;
	double output_fw, reflection_pw, reflection_peak_pw; /* last */
};

/* EXPECTED_FW: mean power of key light that the configuration asks for; 0: unknown. */
void watch_transmitter_init(struct watch_transmitter *w, double expected_fw);

/* The result as watch_errors_add(). */
uint32_t watch_transmitter_add(struct watch_transmitter *w, const struct card_tx_reading *r);

#endif
