/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/physics/decoy_rate.h"

#include <math.h>

#include "drivers/physics/closed_form.h"

static double key_rate(const struct physics_key *k, double y1, double e1)
{
	double gain = physics_gain(k->eta, k->mu, k->y0);
	double error = physics_error_rate(k->eta, k->mu, k->y0, k->e_d);

	return k->q * (-k->f * gain * physics_entropy(error) +
	               y1 * k->mu * exp(-k->mu) * (1 - physics_entropy(e1 < 0.5 ? e1 : 0.5)));
}

void physics_single_infinite(const struct physics_key *k, struct physics_single *out)
{
	out->y1 = k->y0 + k->eta;
	out->e1 = (k->y0 / 2 + k->e_d * k->eta) / out->y1;
	out->rate = key_rate(k, out->y1, out->e1);
}

void physics_single_weak_vacuum(const struct physics_key *k, struct physics_single *out)
{
	double mu = k->mu, nu = k->nu;
	double q_mu = physics_gain(k->eta, mu, k->y0) * exp(mu);
	double q_nu = physics_gain(k->eta, nu, k->y0) * exp(nu);
	double e_nu = physics_error_rate(k->eta, nu, k->y0, k->e_d);

	out->y1 = mu / (mu * nu - nu * nu) *
	          (q_nu - q_mu * nu * nu / (mu * mu) - (mu * mu - nu * nu) / (mu * mu) * k->y0);
	if (!(out->y1 > 0)) {
		out->y1 = 0;
		out->e1 = 0.5;
	} else {
		out->e1 = (e_nu * q_nu - k->y0 / 2) / (out->y1 * nu);
	}
	out->rate = key_rate(k, out->y1, out->e1);
}

double physics_key_infinite(const struct physics_key *k)
{
	struct physics_single s;

	physics_single_infinite(k, &s);
	return s.rate;
}

double physics_key_weak_vacuum(const struct physics_key *k)
{
	struct physics_single s;

	physics_single_weak_vacuum(k, &s);
	return s.rate;
}

/* tau_n: probability that a pulse has N photons. */
static double tau(const struct physics_observed *o, unsigned int n)
{
	double sum = 0;

	for (unsigned int k = 0; k < o->intensities; k++)
		sum += o->p[k] * exp(-o->mu[k]) * (n == 1 ? o->mu[k] : 1);
	return sum;
}

static double at_least_0(double v)
{
	return v > 0 ? v : 0;
}

/* Clicks, and errors, of intensity K as if all pulses had it: e^mu per pulse of it. */
static double clicks(const struct physics_observed *o, unsigned int k)
{
	return exp(o->mu[k]) * o->gain[k];
}

static double errors(const struct physics_observed *o, unsigned int k)
{
	return exp(o->mu[k]) * o->error[k];
}

void physics_one_decoy(const struct physics_observed *o, struct physics_bounds *out)
{
	double m1 = o->mu[0], m2 = o->mu[1], tau0 = tau(o, 0), tau1 = tau(o, 1);
	double weak = errors(o, 1), strong = errors(o, 0);

	out->s0_lower = at_least_0(tau0 / (m1 - m2) * (m1 * clicks(o, 1) - m2 * clicks(o, 0)));
	out->s0_upper = 2 * tau0 * (weak < strong ? weak : strong);
	out->s1_lower = at_least_0(tau1 * m1 / (m2 * (m1 - m2)) *
	                           (clicks(o, 1) - m2 * m2 / (m1 * m1) * clicks(o, 0) -
	                            (m1 * m1 - m2 * m2) / (m1 * m1) * out->s0_upper / tau0));
	out->v1_upper = at_least_0(tau1 / (m1 - m2) * (strong - weak));
}

void physics_two_decoy(const struct physics_observed *o, struct physics_bounds *out)
{
	double m1 = o->mu[0], m2 = o->mu[1], m3 = o->mu[2], tau0 = tau(o, 0), tau1 = tau(o, 1);
	double rest;

	out->s0_lower = at_least_0(tau0 * (m2 * clicks(o, 2) - m3 * clicks(o, 1)) / (m2 - m3));
	out->s0_upper = 2 * tau0 * errors(o, 2);
	rest = (m2 * m2 - m3 * m3) / (m1 * m1) * (clicks(o, 0) - out->s0_lower / tau0);
	out->s1_lower = at_least_0(tau1 * m1 * (clicks(o, 1) - clicks(o, 2) - rest) /
	                           (m1 * (m2 - m3) - m2 * m2 + m3 * m3));
	out->v1_upper = at_least_0(tau1 * (errors(o, 1) - errors(o, 2)) / (m2 - m3));
}

double physics_key_rate(const struct physics_bounds *b, double phase, double gain,
                        double error_rate, double f)
{
	double p = phase < 0.5 ? phase : 0.5;

	return at_least_0(b->s1_lower * (1 - physics_entropy(p)) -
	                  f * gain * physics_entropy(error_rate));
}

double physics_three_state_phase_error(double y[3][2])
{
	double minus_as_plus = at_least_0(y[0][0] + y[1][0] - y[2][0]);
	double all = y[0][0] + y[1][0] + y[0][1] + y[1][1];

	return all > 0 ? (y[2][1] + minus_as_plus) / all : 0.5;
}
