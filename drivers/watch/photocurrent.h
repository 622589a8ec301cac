/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The detectors' currents, which bright light raises whether it makes them click or not. A click
 * is a charge, so the mean current over the rate of clicks, with some dark current, is what the
 * baseline learns, for each detector; no rate of clicks changes it. The highest mean of 10 us has
 * an envelope of its own that needs no learning: more clicks than fit in between hold-offs make no
 * current. Clicks of far more light than a photon's are counted by the card; honest ones are
 * one in a thousand at most (docs/optical-card.md).
 */

#ifndef DRIVERS_WATCH_PHOTOCURRENT_H
#define DRIVERS_WATCH_PHOTOCURRENT_H

#include <stdint.h>

#include "drivers/card_reading.h"
#include "drivers/watch/level.h"

struct watch_photocurrent {
	struct watch_level mean[CARD_DETECTORS];
	struct cusum peak[CARD_DETECTORS];
	struct cusum bright;
	double peak_clicks; /* the most a second that fit in 10 us */
	double peak_na[CARD_DETECTORS], mean_na[CARD_DETECTORS], bright_share; /* last */
};

void watch_photocurrent_init(struct watch_photocurrent *w, double holdoff_s);

/* The result as watch_errors_add(). */
uint32_t watch_photocurrent_add(struct watch_photocurrent *w, const struct card_rx_reading *r);

#endif
