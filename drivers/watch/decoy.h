/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Decoy statistics: no baseline is needed, so nobody can teach one. Their share among detections
 * has a least value on any honest fibre (common/decoy_share.h).
 */

#ifndef DRIVERS_WATCH_DECOY_H
#define DRIVERS_WATCH_DECOY_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/watch/cusum.h"

struct watch_decoy {
	double p0, p1; /* least honest share of decoys, and a tenth fewer */
	struct cusum few;
	double share; /* of the last window */
};

/* Intensities and probabilities of signal and decoy. */
void watch_decoy_init(struct watch_decoy *w, double mu, double nu, double p_mu, double p_nu);

/* Detections of signal and decoy pulses that were counted; the result as watch_errors_add(). */
uint32_t watch_decoy_add(struct watch_decoy *w, uint64_t signal, uint64_t decoy);

#endif
