/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Photon-number splitting (Huttner, Imoto, Gisin, Mor, PRA 51 1863 (1995); Luetkenhaus, PRA 61
 * 052304 (2000)): Eve counts the photons of a pulse without disturbing it, keeps one of two or
 * more, sends the others to Bob's entrance without loss and blocks single photons, all as often as
 * leaves the gain of the signal what it was. She cannot tell signal from decoy: the decoy's gain
 * falls. Errors stay.
 */

#include <math.h>

#include "drivers/model/attack_plugin.h"

#define PHOTONS 24

/* P(some photon of N is detected), each by ETA. */
static double seen(double eta, unsigned int n)
{
	return 1 - pow(1 - eta, n);
}

/*
 * How often she lets a single photon and the rest of several pass so that pulses of the signal's
 * intensity cause as many clicks as on the honest link.
 */
static void calibrate(const struct attack_pulse *p, double *single, double *several)
{
	double eta_bob = physics_eta(p->link->efficiency, p->link->receiver_loss_db);
	double mu = p->source->mu1, want = -expm1(-physics_transmittance(p->link) * mu);
	double poisson = exp(-mu), one = 0, more = 0;

	for (unsigned int n = 0; n < PHOTONS; n++) {
		if (n == 1)
			one = poisson * eta_bob;
		else if (n > 1)
			more += poisson * seen(eta_bob, n - 1);
		poisson *= mu / (n + 1);
	}
	*several = more > want ? want / more : 1;
	*single = more < want && one > 0 ? fmin((want - more) / one, 1) : 0;
}

static void pulse(const struct attack *attack, const struct attack_pulse *p,
                  struct outcomes_mix *mix)
{
	double number[PHOTONS] = {0}, poisson = exp(-p->mu), all = 0, single, several;
	struct arrival a = {.basis = p->basis, .bit = p->bit, .number = number, .numbers = PHOTONS};

	calibrate(p, &single, &several);
	for (unsigned int n = 1; n < PHOTONS; n++) {
		poisson *= p->mu / n;
		number[n == 1 ? 1 : n - 1] += poisson * (n == 1 ? single : several);
	}
	for (unsigned int n = 1; n < PHOTONS; n++)
		all += number[n];
	number[0] = 1 - all;
	attack_let_pass(1 - attack->fraction, 1, p, mix);
	outcomes_arrive(mix, attack->fraction, &a);
}

const struct attack_plugin attack_photon_number_splitting = {
        .name = "photon-number-splitting",
        .about = "of that fraction of the pulses keeps one photon of several, blocks single ones, "
                 "and leaves the signal's gain what it was",
        .parameter = {{"FRACTION", "", offsetof(struct attack, fraction), 0, 1}},
        .pulse = pulse,
};
