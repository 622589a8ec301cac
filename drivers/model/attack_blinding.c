/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Blinding (Lydersen et al., Nat. Photonics 4 686 (2010)): bright light leaves an avalanche diode
 * in linear mode, where it clicks when a pulse is above its threshold and not on a photon, a dark
 * count or a trapped carrier. Eve measures with a receiver like Bob's behind the loss of the link
 * and sends a trigger pulse of what she saw: the detector of her basis gets all of it, those of
 * the other half. Heat keeps the diodes blinded beyond a block of slots (Lydersen et al., Opt.
 * Express 18 27938 (2010)), so that cutting them off from the line shows no dark counts either.
 *
 * In bursts (EPJ Quantum Technol. 10:22 (2023)) the mean of the photocurrent rises little; between
 * them pulses pass untouched.
 */

#include <math.h>

#include "drivers/card_regs.h"
#include "drivers/model/attack_plugin.h"

/* Spread of the threshold, relative: pulses a little below it click at times. */
#define THRESHOLD_SPREAD 0.05
#define NA_PER_MW        1e6 /* of a diode without gain, 1 A/W */
#define PEAK_US          10  /* docs/optical-card.md: what the peak is the mean of */

static double clicks(double pulse_over_threshold)
{
	return 0.5 * erfc((1 - pulse_over_threshold) / THRESHOLD_SPREAD / sqrt(2));
}

static void trigger(const struct attack *attack, double p, unsigned int basis, unsigned int bit,
                    struct outcomes_mix *mix)
{
	unsigned int own = basis * 2 + bit, other = (1 - basis) * 2;
	double full = clicks(attack->trigger), half = clicks(attack->trigger / 2);

	for (unsigned int i = 0; i < 8; i++) {
		double q = i & 1 ? full : 1 - full;

		q *= i & 2 ? half : 1 - half;
		q *= i & 4 ? half : 1 - half;
		outcomes_force(mix, p * q,
		               (i & 1 ? 1u << own : 0) | (i & 2 ? 1u << other : 0) |
		                       (i & 4 ? 2u << other : 0),
		               true);
	}
}

static void pulse(const struct attack *attack, const struct attack_pulse *p,
                  struct outcomes_mix *mix)
{
	double on = attack->duty, z = p->link->p_z_bob;
	double seen = -expm1(-physics_transmittance(p->link) * p->mu);

	attack_let_pass(1 - on, 1, p, mix);
	for (unsigned int basis = 0; basis < 2; basis++)
		for (unsigned int bit = 0; bit < 2; bit++) {
			double share = basis == 0 ? z : 1 - z;

			share *= basis != p->basis ? 0.5 : bit == p->bit ? 1 : 0;
			trigger(attack, on * seen * share, basis, bit, mix);
		}
}

static double blinded(const struct attack *attack)
{
	return attack->duty;
}

static void current(const struct attack *attack, const struct optics_link *link,
                    struct attack_monitors *m)
{
	double at_diodes = attack->power_mw * pow(10, -link->receiver_loss_db / 10) * NA_PER_MW;
	double peak = attack->burst_us > 0 ? fmin(attack->burst_us / PEAK_US, 1) : 1;

	for (unsigned int d = 0; d < 4; d++) {
		double basis = d < CARD_DETECTOR_X0 ? link->p_z_bob : 1 - link->p_z_bob;

		m->photocurrent_na[d] = attack->duty * at_diodes * basis / 2;
		m->photocurrent_peak_na[d] = fmax(peak, attack->duty) * at_diodes * basis / 2;
	}
}

static void pulse_cw(const struct attack *attack, const struct attack_pulse *p,
                     struct outcomes_mix *mix)
{
	struct attack all = *attack;

	all.duty = 1;
	pulse(&all, p, mix);
}

static double blinded_cw(const struct attack *attack)
{
	return 1;
}

static void current_cw(const struct attack *attack, const struct optics_link *link,
                       struct attack_monitors *m)
{
	struct attack all = *attack;

	all.duty = 1;
	all.burst_us = 0;
	current(&all, link, m);
}

#define POWER                                                                                      \
	{                                                                                          \
		"MW", "mW", offsetof(struct attack, power_mw), 1e-6, 1e3                           \
	}
#define TRIGGER                                                                                    \
	{                                                                                          \
		"TRIGGER", "of the threshold", offsetof(struct attack, trigger), 0, 100            \
	}

const struct attack_plugin attack_blinding = {
        .name = "blinding",
        .about = "steady light of that power at the receiver blinds its detectors; trigger pulses "
                 "make those of her basis click",
        .parameter = {POWER, TRIGGER},
        .pulse = pulse_cw,
        .monitors = current_cw,
        .blinded = blinded_cw,
};

const struct attack_plugin attack_blinding_pulsed = {
        .name = "blinding-pulsed",
        .about = "likewise in bursts of that length, for that share of the time, power while on",
        .parameter = {POWER,
                      TRIGGER,
                      {"DUTY", "", offsetof(struct attack, duty), 0, 1},
                      {"BURST", "us", offsetof(struct attack, burst_us), 0.01, 1e5}},
        .pulse = pulse,
        .monitors = current,
        .blinded = blinded,
};
