/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Asymptotic key of decoy-state BB84: what the decoys say of single photons when nothing
 * deviates, and the key that this leaves. Per pulse in the matched basis; sifting, dead time and
 * the pulse rate are the caller's.
 */

#ifndef DRIVERS_PHYSICS_DECOY_RATE_H
#define DRIVERS_PHYSICS_DECOY_RATE_H

/* Asymptotic key per pulse, Q the sifting factor, F the inefficiency of correction. */
struct physics_key {
	double eta, y0, e_d, mu, nu, f, q;
};
struct physics_single {
	double y1, e1, rate; /* yield and error rate of one photon, key per signal pulse */
};
/* Infinitely many decoys; a weak decoy and vacuum: Ma 2005, eqs. 1, 34 and 37. */
double physics_key_infinite(const struct physics_key *k);
double physics_key_weak_vacuum(const struct physics_key *k);
void physics_single_infinite(const struct physics_key *k, struct physics_single *out);
void physics_single_weak_vacuum(const struct physics_key *k, struct physics_single *out);

/* What was sent and what came of it, by intensity, in a basis. */
#define PHYSICS_INTENSITIES 3
struct physics_observed {
	unsigned int intensities;       /* 2: one decoy; 3: two */
	double mu[PHYSICS_INTENSITIES]; /* the strongest first */
	double p[PHYSICS_INTENSITIES];
	double gain[PHYSICS_INTENSITIES];  /* clicks per pulse of this intensity */
	double error[PHYSICS_INTENSITIES]; /* errors per pulse of this intensity */
};
struct physics_bounds {
	double s0_lower, s0_upper; /* clicks of empty pulses, per pulse of any intensity */
	double s1_lower, v1_upper; /* of single photons, and their errors */
};

/* Rusca 2018 (arXiv:1801.03443), eqs. A16 to A20, no deviations; S0_UPPER by the better intensity.
 */
void physics_one_decoy(const struct physics_observed *o, struct physics_bounds *out);
/* Lim 2014, eqs. 2 to 4, no deviations. */
void physics_two_decoy(const struct physics_observed *o, struct physics_bounds *out);

/*
 * Key per pulse from the bounds of the key basis and the PHASE error of its single photons; at
 * least 0. The key basis holds GAIN clicks a pulse, ERROR_RATE of them wrong.
 */
double physics_key_rate(const struct physics_bounds *b, double phase, double gain,
                        double error_rate, double f);

/*
 * Phase error of single photons with the states |0>, |1>, |+> alone, from what the X detectors say
 * of Z states as well: rho_0 + rho_1 = rho_+ + rho_-, so what |-> would do follows (Tamaki, Curty,
 * Kato, Lo, Azuma, PRA 90 052314 (2014)). Y is P(outcome | state): [state 0, 1, +][outcome +, -].
 */
double physics_three_state_phase_error(double y[3][2]);

#endif
