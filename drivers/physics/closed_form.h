/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Closed-form physics of weak coherent pulses and threshold detectors, for planning tools and the
 * device model alike: no card, no dice. After Ma, Qi, Zhao, Lo, PRA 72 012326 (2005) and Lim,
 * Curty, Walenta, Xu, Zbinden, PRA 89 022307 (2014).
 *
 *	double eta = physics_eta(0.2, 0.2 * km + 3);
 *	double q = physics_gain(eta, mu, y0), e = physics_error_rate(eta, mu, y0, e_d);
 *
 * Probabilities are per gate (slot), rates per second, intensities photons per pulse.
 */

#ifndef DRIVERS_PHYSICS_CLOSED_FORM_H
#define DRIVERS_PHYSICS_CLOSED_FORM_H

#include <stdbool.h>

/* eta = eta_det 10^(-dB / 10) */
double physics_eta(double efficiency, double loss_db);

/* Gain of intensity K, for a background Y0 much below 1: Y0 + 1 - e^(-eta K). */
double physics_gain(double eta, double k, double y0);

/* The same with nothing neglected, for M detectors: 1 - (1 - p_dark)^M e^(-eta K). */
double physics_gain_exact(double eta, double k, double p_dark, unsigned int m);

/* Error rate: (Y0 / 2 + e_d (1 - e^(-eta K))) / gain. */
double physics_error_rate(double eta, double k, double y0, double e_d);

/* Binary entropy in bits. */
double physics_entropy(double p);

/*
 * Click and error probability of a slot whose LIGHT (detected photons, mean) meets two detectors
 * in the basis in which it was sent; both clicking counts by a coin.
 */
void physics_matched(double light, double p_dark, double e_d, double *click, double *error);
/* Click probability where the light divides equally between two detectors. */
double physics_mismatched(double light, double p_dark);

/* Rate behind a non-paralysable dead time: R / (1 + R tau). */
double physics_dead_time(double rate, double dead_s);

/*
 * N detectors with dead times of their own, behind independent Poisson inputs of RATE each: clicks
 * that count, when only those do that find ALL_LIVE, sum r_i / prod (1 + r_j tau), or all.
 */
double physics_own_dead_times(const double *rate, unsigned int n, double dead_s, bool all_live);

/*
 * Clicks per slot where light comes in pulses: a click in slot n leaves the SLOTS - 1 slots behind
 * it dead, and the one after these with probability MISSED (1/2 when jitter decides).
 */
double physics_dead_slots(double p_click, unsigned int slots, double missed);

/*
 * Probability that a trapped carrier which is released after an exponential time of mean
 * TAU_S causes a click: it is lost within the hold-off of any click, of which RATE per
 * second of live time come besides.
 */
double physics_afterpulse_yield(double rate, double holdoff_s, double tau_s);

/*
 * How a receiver of one basis answers the pulses of one intensity.
 */
#define PHYSICS_TRAPS 4
struct physics_receiver {
	double eta;             /* of one photon, from Alice to a count */
	double p_dark;          /* per detector and gate, other light included */
	unsigned int detectors; /* of a basis */
	bool additive;          /* the background adds up (Ma 2005) instead of 1 - (1 - p)^m */
	double e_d;             /* share of the light that meets the wrong detector */
	double afterpulse;      /* per click (Lim 2014) */
	/*
	 * Or by time: TRAP i makes an afterpulse with probability amplitude[i] e^(-t / tau_us[i])
	 * in each bin of 1 us after the dead time, if no click came before it
	 * (github.com/Veriqloud/DecoyState, hardware_table.py).
	 */
	unsigned int traps;
	double amplitude[PHYSICS_TRAPS], tau_us[PHYSICS_TRAPS];
	double slots_per_us, dead_us;
	double gate_light, gate_noise; /* share of each that a soft gate lets through */
};

struct physics_answer {
	double gain;       /* clicks per pulse, afterpulses included, dead time not */
	double error_rate; /* of these */
	double afterpulse; /* afterpulses per click of light or dark */
};
void physics_answer(const struct physics_receiver *r, double k, struct physics_answer *out);

#endif
