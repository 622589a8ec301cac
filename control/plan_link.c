/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/plan_link.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A block that would take more pulses than this is not planned. */
#define PULSES_MAX 1e18

const struct plan_link plan_link_default = {
        .proof = FINITE_KEY_WIESEMANN2024,
        .slot_hz = 1e9,
        .p_z_alice = 0.8,
        .p_z_bob = 0.8,
        .loss_db_per_km = 0.2,
        .receiver_loss_db = 3,
        .e_d = {0.01, 0.01},
        .gate_light = 1,
        .gate_noise = 1,
        .efficiency = 0.2,
        .dark_probability = 1e-6,
        .detectors = 2,
        .afterpulse = 0.01,
        .dead_time_ns = 1000,
        .n_z = 1e7,
        .f = 1.16,
        .eps_sec = 1e-12,
        .eps_cor = 1e-15,
        .sample_root = 70,
};

const char *plan_protocol_name(enum plan_protocol p)
{
	static const char *const names[] = {"four-state one-decoy BB84",
	                                    "four-state two-decoy BB84",
	                                    "three-state one-decoy BB84"};

	return names[p];
}

unsigned int plan_intensities(enum plan_protocol p)
{
	return p == PLAN_TWO_DECOY ? 3 : 2;
}

/* Probability that Alice and Bob choose Z, or X, given what sifting keeps as key. */
static void matched_share(const struct plan_link *l, double share[2])
{
	share[0] = l->p_z_alice * l->p_z_bob;
	share[1] = (1 - l->p_z_alice) * (1 - l->p_z_bob);
}

/* One basis is looked at in a gate: the literature's receiver. */
static double chosen(const struct plan_link *l, struct plan_point *p)
{
	struct physics_receiver r = {
	        .eta = p->eta,
	        .p_dark = l->dark_probability + l->noise,
	        .detectors = (unsigned int)l->detectors,
	        .additive = l->additive,
	        .afterpulse = l->afterpulse,
	        .traps = l->traps,
	        .slots_per_us = l->slot_hz * 1e-6,
	        .dead_us = l->dead_time_ns * 1e-3,
	        .gate_light = l->gate_light,
	        .gate_noise = l->gate_noise,
	};
	double share[2], all = 0, afterpulses = 0;

	memcpy(r.amplitude, l->amplitude, sizeof(r.amplitude));
	memcpy(r.tau_us, l->tau_us, sizeof(r.tau_us));
	matched_share(l, share);
	for (int basis = 0; basis < 2; basis++) {
		struct plan_basis *b = basis == 0 ? &p->z : &p->x;
		double gain = 0, errors = 0;

		r.e_d = l->e_d[basis];
		for (unsigned int k = 0; k < plan_intensities(l->protocol); k++) {
			struct physics_answer a;

			physics_answer(&r, l->mu[k], &a);
			b->gain[k] = a.gain;
			b->error_rate[k] = a.error_rate;
			gain += l->p[k] * a.gain;
			errors += l->p[k] * a.gain * a.error_rate;
			if (basis == 0)
				afterpulses += l->p[k] * a.gain * a.afterpulse / (1 + a.afterpulse);
		}
		b->sifted = share[basis] * gain;
		b->qber = gain > 0 ? errors / gain : 0;
		if (basis == 0)
			all = gain;
	}
	p->y0 = l->detectors * r.p_dark;
	p->afterpulse_share = all > 0 ? afterpulses / all : 0;
	return all;
}

/*
 * A splitter sends the light to both bases: four detectors, as in the device model. Afterpulses
 * per click are those at the rate in force.
 */
static double split(const struct plan_link *l, struct plan_point *p, double cross[2])
{
	double part[2] = {l->p_z_bob, 1 - l->p_z_bob}, dark[2];
	double sent[2] = {l->p_z_alice, 1 - l->p_z_alice}, all = 0, in_basis[2] = {0, 0};
	unsigned int n = plan_intensities(l->protocol);

	cross[0] = cross[1] = 0;
	/* Other light goes through the splitter as well. */
	for (int basis = 0; basis < 2; basis++)
		dark[basis] = l->dark_probability + 2 * part[basis] * l->noise;
	for (unsigned int k = 0; k < n; k++)
		all -= l->p[k] *
		       expm1(2 * log1p(-dark[0]) + 2 * log1p(-dark[1]) - p->eta * l->mu[k]);
	for (int basis = 0; basis < 2; basis++)
		for (unsigned int k = 0; k < n; k++) {
			double light = p->eta * l->mu[k] * part[basis], click, error;

			physics_matched(light, dark[basis], l->e_d[basis], &click, &error);
			in_basis[basis] +=
			        l->p[k] * (sent[basis] * click +
			                   sent[!basis] * physics_mismatched(light, dark[basis]));
		}
	for (int basis = 0; basis < 2; basis++) {
		struct plan_basis *b = basis == 0 ? &p->z : &p->x;
		double gain = 0, errors = 0;

		for (unsigned int k = 0; k < n; k++) {
			double light = p->eta * l->mu[k], click, error, other, ap;

			physics_matched(light * part[basis], dark[basis], l->e_d[basis], &click,
			                &error);
			/* Clicks in both bases count for either by a coin. */
			other = physics_mismatched(light * part[!basis], dark[!basis]);
			cross[basis == 0 ? 1 : 0] += l->p[k] * sent[basis] * click * other / 2;
			click *= 1 - other / 2;
			error *= 1 - other / 2;
			ap = l->afterpulse * in_basis[basis];
			b->gain[k] = click + ap;
			b->error_rate[k] = (error + ap / 2) / (click + ap);
			gain += l->p[k] * b->gain[k];
			errors += l->p[k] * (error + ap / 2);
		}
		b->sifted = sent[basis] * gain;
		b->qber = gain > 0 ? errors / gain : 0;
	}
	p->y0 = 2 * (dark[0] + dark[1]);
	p->afterpulse_share = l->afterpulse / (1 + l->afterpulse);
	return all * (1 + l->afterpulse);
}

static void dead_time(const struct plan_link *l, double clicks, struct plan_point *p)
{
	double rate = clicks * l->slot_hz, dead_s = l->dead_time_ns * 1e-9, behind, own[16];
	unsigned int n = (unsigned int)l->detectors, bases = l->splitter ? 2 : 1;

	/* A splitter's detectors share by basis, a basis' own alike. */
	for (unsigned int i = 0; i < n * bases; i++)
		own[i] = rate / n * (l->splitter ? (i < n ? l->p_z_bob : 1 - l->p_z_bob) : 1);
	behind = l->independent ? physics_own_dead_times(own, n * bases, dead_s, true)
	                        : physics_dead_time(rate, dead_s);
	p->live = rate > 0 ? behind / rate : 1;
	p->clicks_s = behind * l->gate_light;
	p->sifted_z_s = p->z.sifted * l->slot_hz * p->live * l->gate_light;
	p->sifted_x_s = p->x.sifted * l->slot_hz * p->live * l->gate_light;
}

static struct physics_observed observed(const struct plan_link *l, const struct plan_basis *b)
{
	struct physics_observed o = {.intensities = plan_intensities(l->protocol)};

	for (unsigned int k = 0; k < o.intensities; k++) {
		o.mu[k] = l->mu[k];
		o.p[k] = l->p[k];
		o.gain[k] = b->gain[k];
		o.error[k] = b->gain[k] * b->error_rate[k];
	}
	return o;
}

/*
 * With |+> alone in X, the phase error is found from how Z states are seen in X as well: yields of
 * one photon, as infinitely many decoys would tell them.
 */
static double three_state_phase_error(const struct plan_link *l, const struct plan_point *p)
{
	double dark = l->dark_probability + l->noise, e = l->e_d[1], y[3][2];

	for (int s = 0; s < 3; s++)
		for (int outcome = 0; outcome < 2; outcome++) {
			double light = s < 2 ? 0.5 : outcome == 0 ? 1 - e : e;

			y[s][outcome] = dark + p->eta * light;
		}
	return physics_three_state_phase_error(y);
}

static void asymptotic(const struct plan_link *l, struct plan_point *p)
{
	double share[2], gain = 0, sift, bits;
	struct physics_observed z = observed(l, &p->z), x = observed(l, &p->x);
	struct physics_key k = {.eta = p->eta,
	                        .y0 = l->detectors * (l->dark_probability + l->noise),
	                        .e_d = l->e_d[0],
	                        .mu = l->mu[0],
	                        .nu = l->mu[1],
	                        .f = l->f};

	matched_share(l, share);
	sift = l->symmetric ? share[0] + share[1] : share[0];
	k.q = sift;
	physics_single_infinite(&k, &p->infinite);
	physics_single_weak_vacuum(&k, &p->weak_vacuum);
	if (l->protocol == PLAN_TWO_DECOY) {
		physics_two_decoy(&z, &p->bounds_z);
		physics_two_decoy(&x, &p->bounds_x);
	} else {
		physics_one_decoy(&z, &p->bounds_z);
		physics_one_decoy(&x, &p->bounds_x);
	}
	for (unsigned int i = 0; i < z.intensities; i++)
		gain += z.p[i] * z.gain[i];
	p->phase_error = 0.5;
	if (l->protocol == PLAN_THREE_STATE)
		p->phase_error = three_state_phase_error(l, p);
	else if (p->bounds_x.s1_lower > 0)
		p->phase_error = fmin(0.5, p->bounds_x.v1_upper / p->bounds_x.s1_lower);
	bits = physics_key_rate(&p->bounds_z, p->phase_error, gain, p->z.qber, l->f);
	/* A splitter's share is in the gains. */
	if (l->splitter)
		sift = l->p_z_alice;
	p->rate_asymptotic = bits * sift * l->slot_hz * p->live * l->gate_light;
}

/* The sizes of key and test sample, and the pulses that they take. */
static void sizes(const struct plan_link *l, const struct plan_point *p, double *n_z, double *n_x,
                  double *pulses)
{
	double share[2];

	*n_z = l->n_z;
	if (l->n_sifted > 0)
		*n_z = l->n_sifted * p->z.sifted / (p->z.sifted + p->x.sifted);

	matched_share(l, share);
	if (l->symmetric) {
		/* (n - n_z)^2 = root^2 n */
		double r = l->sample_root * l->sample_root, b = 2 * *n_z + r;
		double n = floor((b + sqrt(b * b - 4 * *n_z * *n_z)) / 2);

		*n_x = n - *n_z;
		*pulses = n / (p->z.sifted / share[0] * (share[0] + share[1]));
	} else {
		*n_x = *n_z * p->x.sifted / p->z.sifted;
		*pulses = *n_z / p->z.sifted;
	}
}

static void of_block(const struct plan_link *l, const double cross[2], struct plan_point *p)
{
	struct finite_key_expected *c = &p->counts;
	struct finite_key_source *s = &p->source;
	unsigned int intensities = plan_intensities(l->protocol);
	double of_z = 0, of_x = 0, n_z, n_x, pulses;

	if (!(p->z.sifted > 0 && l->n_z / p->z.sifted < PULSES_MAX)) {
		snprintf(p->key.reason, sizeof(p->key.reason), "no clicks to speak of");
		return;
	}
	sizes(l, p, &n_z, &n_x, &pulses);
	p->block_s = pulses / (l->slot_hz * p->live * l->gate_light);
	if (l->protocol == PLAN_THREE_STATE) {
		snprintf(p->key.reason, sizeof(p->key.reason),
		         "three states are for study: no finite-key proof for them is here");
		return;
	}
	s->eps_sec = l->eps_sec;
	s->eps_cor = l->eps_cor;
	for (unsigned int k = 0; k < intensities; k++) {
		of_z += l->p[k] * p->z.gain[k];
		of_x += l->p[k] * p->x.gain[k];
	}
	for (unsigned int k = 0; k < intensities; k++) {
		double n = n_z * l->p[k] * p->z.gain[k] / of_z;
		double t = n_x * l->p[k] * p->x.gain[k] / of_x;

		s->mu[k] = l->mu[k];
		s->p[k] = l->p[k];
		c->n_z[k] = n;
		c->m_z[k] = n * p->z.error_rate[k];
		c->n_x[k] = t;
		c->m_x[k] = t * p->x.error_rate[k];
	}
	c->cross[0] = pulses * cross[0];
	c->cross[1] = pulses * cross[1];
	if (finite_key_expect(l->proof, s, c, 0, l->f, &p->key) == 0)
		p->rate_finite = fmax(0, p->key.length) / p->block_s;
}

void plan_link_point(const struct plan_link *l, double km, struct plan_point *out)
{
	double cross[2] = {0, 0}, clicks;

	memset(out, 0, sizeof(*out));
	out->km = km;
	out->loss_db = l->loss_db_per_km * km + l->receiver_loss_db;
	out->eta = physics_eta(l->efficiency, out->loss_db);
	clicks = l->splitter ? split(l, out, cross) : chosen(l, out);
	dead_time(l, clicks, out);
	asymptotic(l, out);
	of_block(l, cross, out);
}
