/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What an attack's plug-in is: its parameters, and a function for each place where physics shows
 * it. A function that is not there changes nothing in its place.
 *
 *	static void pulse(const struct attack *attack, const struct attack_pulse *p,
 *	                  struct outcomes_mix *mix)
 *	{
 *		double eta = physics_transmittance(mix->link) * pow(10, -attack->loss_db / 10);
 *		struct arrival a = {.basis = p->basis, .bit = p->bit, .light = eta * p->mu};
 *
 *		outcomes_arrive(mix, 1, &a);
 *	}
 */

#ifndef DRIVERS_MODEL_ATTACK_PLUGIN_H
#define DRIVERS_MODEL_ATTACK_PLUGIN_H

#include "drivers/model/attack.h"
#include "drivers/model/otdr_trace.h"
#include "drivers/model/outcomes.h"

#define ATTACK_PARAMETERS 4
/* Points of the fibre that one attack changes. */
#define ATTACK_POINTS 8

struct attack_parameter {
	const char *name, *unit; /* NAME as in a request; UNIT "" for a share */
	size_t offset;           /* of a double in struct attack */
	double min, max;
	bool optional; /* and those behind it: MIN unless it is given */
};

/* A pulse of intensity MU as it leaves Alice. */
struct attack_pulse {
	const struct optics_link *link; /* as Eve knows it; mix->link is what it is now */
	const struct optics_source *source;
	unsigned int basis, bit;
	double mu;
};

/* What the monitors of the cards show besides. */
struct attack_monitors {
	double back_reflection_pw, back_reflection_peak_pw; /* Alice: light that comes in */
	double output_gain;                                 /* Alice: behind the attenuator, 1 */
	double photocurrent_na[4], photocurrent_peak_na[4]; /* Bob; peak: mean of 10 us */
};

/* Where a lane of a faulty random source is in its stream, since its start-up. */
struct attack_random {
	struct rng rng;
	uint64_t seed, count;
};

struct attack_plugin {
	const char *name, *about;
	struct attack_parameter parameter[ATTACK_PARAMETERS]; /* until one without a name */

	/* What Bob's detectors meet in place of a pulse, shares adding up to 1 at most. */
	void (*pulse)(const struct attack *attack, const struct attack_pulse *p,
	              struct outcomes_mix *mix);
	/* What the OTDRs see on a fibre of LENGTH_KM; returns the number of points. */
	unsigned int (*fibre)(const struct attack *attack, double length_km,
	                      struct otdr_point point[ATTACK_POINTS]);
	void (*monitors)(const struct attack *attack, const struct optics_link *link,
	                 struct attack_monitors *m);
	/* What a lane of a card's random source gives in place of N raw bytes. */
	void (*random)(const struct attack *attack, struct attack_random *state, uint8_t *bytes,
	               size_t n);
	/* Share of the time in which detectors answer to no photon. */
	double (*blinded)(const struct attack *attack);
};

extern const struct attack_plugin attack_intercept_resend, attack_minus_to_plus,
        attack_photon_number_splitting, attack_tap, attack_tap_compensated, attack_fibre_bend,
        attack_fibre_cut, attack_laser_damage, attack_trojan_horse, attack_blinding,
        attack_blinding_pulsed, attack_time_shift, attack_energy_time, attack_qrng_stuck,
        attack_qrng_biased, attack_qrng_periodic;

/* For ATTACK NULL as for none. */
void attack_pulse(const struct attack *attack, const struct attack_pulse *p,
                  struct outcomes_mix *mix);
unsigned int attack_fibre(const struct attack *attack, double length_km,
                          struct otdr_point point[ATTACK_POINTS]);
void attack_monitors(const struct attack *attack, const struct optics_link *link,
                     struct attack_monitors *m);
/* Nothing is done to the bytes of a card of ROLE that is not meant. */
void attack_random(const struct attack *attack, unsigned int role, struct attack_random *state,
                   uint8_t *bytes, size_t n);
double attack_blinded(const struct attack *attack);

/* The pulse as it was sent, with so much more or less light on its way. */
void attack_let_pass(double p, double gain, const struct attack_pulse *pulse,
                     struct outcomes_mix *mix);

#endif
