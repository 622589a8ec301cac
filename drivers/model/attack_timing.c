/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Attacks in time. Time-shift (Qi, Fung, Lo, Ma, Quant. Inf. Comput. 7 73 (2007)): pulses arrive
 * early or late, where the gates of the two detectors of a basis overlap badly and the bit can be
 * guessed. Energy-time: a bright pulse makes a gated diode click earlier by up to 2 ns at 50 dB
 * above a photon (arXiv:2603.07538), in all detectors that it meets.
 */

#include <math.h>

#include "drivers/model/attack_plugin.h"

#define EARLIER_FS    2e6
#define EARLIER_AT_DB 50
/* Detected photons beyond which a click passes the second threshold. */
#define BRIGHT 10

static int shift_of(double slots)
{
	return (int)lrint(slots * 256);
}

static void time_shift(const struct attack *attack, const struct attack_pulse *p,
                       struct outcomes_mix *mix)
{
	double low = pow(10, -attack->mismatch_db / 10);
	const double gain[2][4] = {{1, low, 1, low}, {low, 1, low, 1}};

	attack_let_pass(1 - attack->fraction, 1, p, mix);
	for (unsigned int late = 0; late < 2; late++) {
		struct arrival a = {
		        .basis = p->basis,
		        .bit = p->bit,
		        .light = physics_transmittance(mix->link) * p->mu,
		        .gain = gain[late],
		        .shift = shift_of(late ? attack->shift_slots : -attack->shift_slots)};

		outcomes_arrive(mix, attack->fraction / 2, &a);
	}
}

static void energy_time(const struct attack *attack, const struct attack_pulse *p,
                        struct outcomes_mix *mix)
{
	const struct optics_link *link = p->link;
	double eta = physics_transmittance(link), seen = -expm1(-eta * p->mu);
	double light = physics_eta(mix->link->efficiency, link->receiver_loss_db) *
	               pow(10, attack->gain_db / 10);
	double earlier = EARLIER_FS * attack->gain_db / EARLIER_AT_DB / link->slot_fs;

	attack_let_pass(1 - attack->fraction, 1, p, mix);
	/* What she did not see she does not send on: vacuum. */
	attack_let_pass(attack->fraction * (1 - seen), 0, p, mix);
	for (unsigned int sent = 0; sent < 4; sent++) {
		double share = (sent & 1) == 0 ? link->p_z_bob : 1 - link->p_z_bob;
		struct arrival a = {.basis = sent & 1,
		                    .bit = sent >> 1,
		                    .light = light,
		                    .shift = shift_of(-earlier),
		                    .bright = light > BRIGHT};

		share *= a.basis != p->basis ? 0.5 : a.bit == p->bit ? 1 : 0;
		outcomes_arrive(mix, attack->fraction * seen * share, &a);
	}
}

const struct attack_plugin attack_time_shift = {
        .name = "time-shift",
        .about = "lets that fraction of the pulses arrive early or late by so many slots, where "
                 "one detector of each basis is so much less efficient",
        .parameter = {{"FRACTION", "", offsetof(struct attack, fraction), 0, 1},
                      {"SLOTS", "slots", offsetof(struct attack, shift_slots), 0, 0.5},
                      {"MISMATCH", "dB", offsetof(struct attack, mismatch_db), 0, 60}},
        .pulse = time_shift,
};

const struct attack_plugin attack_energy_time = {
        .name = "energy-time",
        .about = "measures that fraction of the pulses and resends what she saw so much brighter "
                 "than a photon: clicks come earlier",
        .parameter = {{"FRACTION", "", offsetof(struct attack, fraction), 0, 1},
                      {"DB", "dB", offsetof(struct attack, gain_db), 0, 60}},
        .pulse = energy_time,
};
