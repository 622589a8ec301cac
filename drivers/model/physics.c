/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/physics.h"

#include <math.h>

#define DETECTORS 4

const struct optics_link optics_link_default = {
        .distance_km = 20,
        .loss_db_per_km = 0.2,
        .receiver_loss_db = 3,
        .efficiency = 0.2,
        .dark_probability = 1e-6,
        .misalignment = 0.01,
        .afterpulse = 0.01,
        .afterpulse_tau_ns = 1000,
        .p_z_bob = 0.8,
        .jitter_ps = 40,
        .slot_fs = 1e6,
        .max_ppb = 200,
        .walk_ppb_s = 0.5,
        .delay_us_km = 4.897, /* group index 1.468 */
};

double physics_transmittance(const struct optics_link *link)
{
	double db = link->loss_db_per_km * link->distance_km + link->receiver_loss_db;

	return link->efficiency * pow(10, -db / 10);
}

double physics_gain(double eta, double k, double y0)
{
	return y0 - expm1(-eta * k);
}

double physics_gain_exact(double eta, double k, double p_dark, unsigned int m)
{
	return -expm1(m * log1p(-p_dark) - eta * k);
}

double physics_error_rate(double eta, double k, double y0, double e_d)
{
	return (y0 / 2 - e_d * expm1(-eta * k)) / physics_gain(eta, k, y0);
}

double physics_entropy(double p)
{
	if (p <= 0 || p >= 1)
		return 0;
	return -p * log2(p) - (1 - p) * log2(1 - p);
}

static double key_rate(const struct physics_key *k, double y1, double e1)
{
	double gain = physics_gain(k->eta, k->mu, k->y0);
	double error = physics_error_rate(k->eta, k->mu, k->y0, k->e_d);

	return k->q * (-k->f * gain * physics_entropy(error) +
	               y1 * k->mu * exp(-k->mu) * (1 - physics_entropy(e1)));
}

double physics_key_infinite(const struct physics_key *k)
{
	double y1 = k->y0 + k->eta;

	return key_rate(k, y1, (k->y0 / 2 + k->e_d * k->eta) / y1);
}

double physics_key_weak_vacuum(const struct physics_key *k)
{
	double mu = k->mu, nu = k->nu;
	double q_mu = physics_gain(k->eta, mu, k->y0) * exp(mu);
	double q_nu = physics_gain(k->eta, nu, k->y0) * exp(nu);
	double e_nu = physics_error_rate(k->eta, nu, k->y0, k->e_d);
	double y1 = mu / (mu * nu - nu * nu) *
	            (q_nu - q_mu * nu * nu / (mu * mu) - (mu * mu - nu * nu) / (mu * mu) * k->y0);

	return key_rate(k, y1, (e_nu * q_nu - k->y0 / 2) / (y1 * nu));
}

double physics_dead_time(double rate, double dead_s)
{
	return rate / (1 + rate * dead_s);
}

double physics_afterpulse_yield(double rate, double holdoff_s, double tau_s)
{
	/*
	 * The carrier must outlast hold-offs (each with probability Q) and fall into the
	 * live time between two of them; it outlasts such a live time with probability R.
	 */
	double q = exp(-holdoff_s / tau_s), r = rate * tau_s / (1 + rate * tau_s);

	return (1 - r) * q / (1 - q * r);
}

double physics_afterpulse_left(const struct optics_link *link, double rate, double holdoff_s)
{
	double share = link->afterpulse / (1 + link->afterpulse);
	double tau_s = link->afterpulse_tau_ns * 1e-9;
	double q = exp(-holdoff_s / tau_s), r = rate * tau_s / (1 + rate * tau_s);
	/* share = left * yield / q; Q itself may be too small for a quotient. */
	double left = share * (1 - q * r) / (1 - r);

	return left < 1 ? left : 1;
}

/* Click and error probability of a slot in which both chose the same basis, by its light. */
static void matched(const struct optics_link *link, double light, double *click, double *error)
{
	double live = 1 - link->dark_probability;
	double right = 1 - live * exp(-light * (1 - link->misalignment));
	double wrong = 1 - live * exp(-light * link->misalignment);

	*click = right + wrong - right * wrong;
	*error = wrong * (1 - right) + right * wrong / 2; /* a double click counts by a coin */
}

void physics_expect(const struct optics_link *link, const struct optics_source *source,
                    double holdoff_s, struct physics_expect *out)
{
	double eta = physics_transmittance(link), p[2] = {source->p_mu1, 1 - source->p_mu1};
	double mu[2] = {source->mu1, source->mu2}, gain[2], click[2] = {0, 0}, error[2] = {0, 0};
	double share = link->afterpulse / (1 + link->afterpulse), qber[2], with_afterpulses;

	for (int k = 0; k < 2; k++) {
		gain[k] = p[k] * physics_gain_exact(eta, mu[k], link->dark_probability, DETECTORS);
		for (int basis = 0; basis < 2; basis++) {
			double part = basis == 0 ? link->p_z_bob : 1 - link->p_z_bob, c, e;

			matched(link, eta * mu[k] * part, &c, &e);
			click[basis] += p[k] * c;
			error[basis] += p[k] * e;
		}
	}
	out->rate = (gain[0] + gain[1]) / (link->slot_fs * 1e-15);
	/* Live time is 1 - clicks_s tau; in it come RATE clicks and the afterpulses' share. */
	with_afterpulses = out->rate * (1 + link->afterpulse);
	out->clicks_s = physics_dead_time(with_afterpulses, holdoff_s);
	for (int basis = 0; basis < 2; basis++)
		qber[basis] = click[basis] > 0
		                      ? (1 - share) * error[basis] / click[basis] + share / 2
		                      : 0;
	out->qber_z = qber[0];
	out->qber_x = qber[1];
	out->p_mu1 = gain[0] + gain[1] > 0 ? gain[0] / (gain[0] + gain[1]) : 0;
}
