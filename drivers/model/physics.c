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
        .all_live = 1,
        .p_z_bob = 0.8,
        .jitter_ps = 40,
        .slot_fs = 1e6,
        .max_ppb = 200,
        .walk_ppb_s = 0.5,
        .delay_us_km = 4.897, /* group index 1.468 */
};

double physics_transmittance(const struct optics_link *link)
{
	return physics_eta(link->efficiency,
	                   link->loss_db_per_km * link->distance_km + link->receiver_loss_db);
}

double optics_source_mu(const struct optics_source *s, unsigned int k)
{
	return k == 0 ? s->mu1 : k == 1 ? s->mu2 : s->mu3;
}

double optics_source_p(const struct optics_source *s, unsigned int k)
{
	double p_mu2 = s->p_mu2 > 0 ? s->p_mu2 : 1 - s->p_mu1;

	return k == 0 ? s->p_mu1 : k == 1 ? p_mu2 : s->p_mu2 > 0 ? 1 - s->p_mu1 - p_mu2 : 0;
}

double physics_background(const struct optics_link *link, unsigned int detector)
{
	double basis = detector < 2 ? link->p_z_bob : 1 - link->p_z_bob;
	double p = link->dark_probability + link->noise * basis / 2;

	return p < 0.5 ? p : 0.5;
}

double physics_misalignment(const struct optics_link *link, unsigned int basis)
{
	double e = link->misalignment;

	return basis == 0 ? e : e + (1 - 2 * e) * link->x_error;
}

void physics_drifted(const struct drift *drift, struct optics_link *link,
                     struct optics_source *source)
{
	double x = drift_x_error(drift);

	link->x_error += (1 - 2 * link->x_error) * x;
	link->receiver_loss_db += drift->loss_db;
	source->mu1 *= 1 + drift->intensity;
	source->mu2 *= (1 + drift->intensity) * (1 + drift->ratio);
	source->mu3 *= (1 + drift->intensity) * (1 + drift->ratio);
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

/* Share of afterpulses in the clicks: as stated, unless the light is too bright for that. */
static double afterpulse_share(const struct optics_link *link, double rate, double holdoff_s)
{
	double tau_s = link->afterpulse_tau_ns * 1e-9;
	double q = exp(-holdoff_s / tau_s), r = rate * tau_s / (1 + rate * tau_s);

	return physics_afterpulse_left(link, rate, holdoff_s) * (1 - r) / (1 - q * r);
}

/*
 * Detectors of basis Z see another rate than those of X. A hold-off that is shorter than their own
 * dead times is left out of account, and so are slots in which several fire.
 */
static double behind_own_dead_times(const struct optics_link *link,
                                    const struct optics_source *source, double clicks_s)
{
	double z = link->p_z_bob, fire[2] = {0, 0};
	double eta = physics_transmittance(link), rate[DETECTORS], sum;

	for (unsigned int k = 0; k < OPTICS_INTENSITIES; k++)
		for (int basis = 0; basis < 2; basis++)
			fire[basis] += optics_source_p(source, k) *
			               physics_mismatched(eta * optics_source_mu(source, k) *
			                                          (basis ? 1 - z : z),
			                                  physics_background(link, basis ? 2 : 0));
	sum = fire[0] + fire[1];
	for (int d = 0; d < DETECTORS; d++)
		rate[d] = sum > 0 ? clicks_s * fire[d / 2] / 2 / sum : 0;
	return physics_own_dead_times(rate, DETECTORS, link->dead_ns * 1e-9, link->all_live > 0);
}

void physics_expect(const struct optics_link *link, const struct optics_source *source,
                    double holdoff_s, struct physics_expect *out)
{
	double eta = physics_transmittance(link), all = 0, of_mu1 = 0;
	double click[2] = {0, 0}, error[2] = {0, 0}, dead_s = link->dead_ns * 1e-9, share, qber[2],
	       with_afterpulses;

	for (unsigned int k = 0; k < OPTICS_INTENSITIES; k++) {
		double mu = optics_source_mu(source, k), p = optics_source_p(source, k), gain;

		/* Two detectors of either background. */
		gain = -p * expm1(2 * log1p(-physics_background(link, 0)) +
		                  2 * log1p(-physics_background(link, 2)) - eta * mu);
		all += gain;
		of_mu1 += k == 0 ? gain : 0;
		for (int basis = 0; basis < 2; basis++) {
			double part = basis == 0 ? link->p_z_bob : 1 - link->p_z_bob, c, e;

			physics_matched(eta * mu * part, physics_background(link, basis ? 2 : 0),
			                physics_misalignment(link, (unsigned int)basis), &c, &e);
			click[basis] += p * c;
			error[basis] += p * e;
		}
	}
	out->rate = all / (link->slot_fs * 1e-15);
	share = afterpulse_share(link, out->rate, dead_s > holdoff_s ? dead_s : holdoff_s);
	/* Live time is 1 - clicks_s tau; in it come RATE clicks and the afterpulses' share. */
	with_afterpulses = out->rate / (1 - share);
	if (dead_s > holdoff_s)
		out->clicks_s = behind_own_dead_times(link, source, with_afterpulses);
	else
		out->clicks_s = physics_dead_time(with_afterpulses, holdoff_s);
	out->live = with_afterpulses > 0 ? out->clicks_s / with_afterpulses : 1;
	for (int basis = 0; basis < 2; basis++)
		qber[basis] = click[basis] > 0
		                      ? (1 - share) * error[basis] / click[basis] + share / 2
		                      : 0;
	out->qber_z = qber[0];
	out->qber_x = qber[1];
	out->p_mu1 = all > 0 ? of_mu1 / all : 0;
}
