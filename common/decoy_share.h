/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The least share that decoys have among detections on an honest fibre, whatever it loses. A
 * channel that does nothing but lose photons has gains of 1 - (1 - Y0) e^-(eta mu) (Ma, Qi, Zhao,
 * Lo, PRA 72 012326, 2005), of which those of nu and mu are at least as nu to mu, and noise only
 * brings them closer. Who blocks single photons and passes on what is left of brighter pulses keeps
 * the signal's gain, but not the decoy's (photon-number splitting).
 */

#ifndef COMMON_DECOY_SHARE_H
#define COMMON_DECOY_SHARE_H

/* How well the two intensities' ratio is known. */
#define DECOY_TOLERANCE 0.03

/* Of signal and decoy of these intensities and probabilities; SHRUNK: of that gain, 1. */
static inline double decoy_share(double mu, double nu, double p_mu, double p_nu, double shrunk)
{
	double odds = shrunk * p_nu * nu * (1 - DECOY_TOLERANCE) / (p_mu * mu);

	return odds / (1 + odds);
}

#endif
