/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Decoy statistics: who blocks single photons and passes on what is left of brighter pulses keeps
 * the signal's gain, but not the decoy's (photon-number splitting).
 *
 * No baseline is needed, so nobody can teach one: a channel that does nothing but lose photons has
 * gains of 1 - (1 - Y0) e^-(eta mu), of which those of nu and mu are at least as nu to mu, at any
 * loss, and noise only brings them closer. So the share of decoy pulses among detections has a
 * least value, but for how well the two intensities are known: TOLERANCE of their ratio.
 */

#ifndef DRIVERS_WATCH_DECOY_H
#define DRIVERS_WATCH_DECOY_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/watch/cusum.h"

#define WATCH_DECOY_TOLERANCE 0.03

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
