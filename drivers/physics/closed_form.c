/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/physics/closed_form.h"

#include <math.h>

double physics_eta(double efficiency, double loss_db)
{
	return efficiency * pow(10, -loss_db / 10);
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
	if (!(p > 0 && p < 1))
		return 0;
	return -p * log2(p) - (1 - p) * log2(1 - p);
}

void physics_matched(double light, double p_dark, double e_d, double *click, double *error)
{
	double live = 1 - p_dark;
	double right = 1 - live * exp(-light * (1 - e_d));
	double wrong = 1 - live * exp(-light * e_d);

	*click = right + wrong - right * wrong;
	*error = wrong * (1 - right) + right * wrong / 2;
}

double physics_mismatched(double light, double p_dark)
{
	return physics_gain_exact(1, light, p_dark, 2);
}

double physics_dead_time(double rate, double dead_s)
{
	return rate / (1 + rate * dead_s);
}

double physics_own_dead_times(const double *rate, unsigned int n, double dead_s, bool all_live)
{
	double all = 0, counted = 0, live = 1;

	for (unsigned int i = 0; i < n; i++) {
		all += rate[i];
		counted += rate[i] / (1 + rate[i] * dead_s);
		live /= 1 + rate[i] * dead_s;
	}
	return all_live ? all * live : counted;
}

double physics_dead_slots(double p_click, unsigned int slots, double missed)
{
	/* Mean distance of clicks: slots - 1 dead, then a geometric wait. */
	return p_click > 0 ? p_click / (1 + p_click * (slots - 1 + missed)) : 0;
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

/*
 * Sum over the bins j > n of amplitude e^(-j / tau) times the chance that no click came in the
 * (j - n - 1) bins before, NO_CLICK being that of one slot.
 */
static double timed_afterpulse(const struct physics_receiver *r, double no_click)
{
	double dead_bins = floor(r->dead_us), sum = 0;

	for (unsigned int i = 0; i < r->traps; i++) {
		double decay = 1 / r->tau_us[i], quiet = -r->slots_per_us * log(no_click);

		sum += r->amplitude[i] * exp(-decay * (dead_bins + 1)) / -expm1(-decay - quiet);
	}
	return sum;
}

void physics_answer(const struct physics_receiver *r, double k, struct physics_answer *out)
{
	double light = -expm1(-r->eta * k), background = r->detectors * r->p_dark;
	double gain = r->additive ? background + light
	                          : physics_gain_exact(r->eta, k, r->p_dark, r->detectors);
	double noise = r->gate_noise / r->gate_light, ap = r->afterpulse;

	if (r->traps > 0)
		ap = timed_afterpulse(r, 1 - gain);
	out->afterpulse = ap;
	out->gain = gain * (1 + ap);
	if (r->traps > 0 || noise != 1) {
		/* Afterpulses make afterpulses, and a soft gate thins what knows no gate. */
		double pulses = ap / (1 - ap) * (light + background) * noise;

		background *= noise;
		out->error_rate = (pulses / 2 + light * r->e_d + background / 2) /
		                  (pulses + light + background);
		return;
	}
	/*
	 * Lim 2014, section V: e_k = p_dc + e_mis (1 - e^(-eta k)) + p_ap D_k / 2, for few dark
	 * counts: with so many that most gates click it goes beyond the half that noise errs in.
	 */
	out->error_rate =
	        out->gain > 0 ? (background / 2 + r->e_d * light + ap * gain / 2) / out->gain : 0;
	out->error_rate = fmin(out->error_rate, 0.5);
}
