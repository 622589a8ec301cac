/* SPDX-License-Identifier: BSD-3-Clause */

/* Steps that several proofs take. */

#include <math.h>

#include "qkd-engine/finite_key_proof.h"

double finite_key_lower(double sum, double size, double most)
{
	double v = sum - FINITE_KEY_GUARD * size;

	if (!(v > 0))
		return 0;
	return v < most ? v : most;
}

double finite_key_upper(double sum, double size, double most)
{
	double v = sum + FINITE_KEY_GUARD * size;

	if (!(v < most))
		return most;
	return v > 0 ? v : 0;
}

/* Hoeffding's inequality: Lim 2014, below eq. 2; Rusca 2018, eq. A13; Wiesemann, section 4.1. */
static double hoeffding(double total, double ln_eps)
{
	return sqrt(total * ln_eps / 2) * (1 + FINITE_KEY_GUARD);
}

/*
 * To keep a count within 0 and the total is sound: what it stands for, the expected number of
 * detections of an intensity given those of each photon number, is within them.
 */
void finite_key_basis_init(struct finite_key_basis *b, unsigned int intensities, const double *n,
                           const double *m, double ln_eps, bool capped)
{
	double most_n, most_m;

	for (unsigned int k = 0; k < intensities; k++) {
		b->n += n[k];
		b->m += m[k];
	}
	b->s0_upper = b->n;
	b->v1_upper = b->m;
	b->delta_n = hoeffding(b->n, ln_eps);
	b->delta_m = hoeffding(b->m, ln_eps);
	most_n = capped ? b->n : DBL_MAX;
	most_m = capped ? b->m : DBL_MAX;
	for (unsigned int k = 0; k < intensities; k++) {
		double dn = n[k], dm = m[k];

		b->n_lower[k] = finite_key_lower(dn - b->delta_n, dn + b->delta_n, b->n);
		b->n_upper[k] = finite_key_upper(dn + b->delta_n, dn + b->delta_n, most_n);
		b->m_lower[k] = finite_key_lower(dm - b->delta_m, dm + b->delta_m, b->m);
		b->m_upper[k] = finite_key_upper(dm + b->delta_m, dm + b->delta_m, most_m);
	}
}

void finite_key_tau(const struct finite_key_source *s, unsigned int intensities, double tau[2])
{
	tau[0] = tau[1] = 0;
	for (unsigned int k = 0; k < intensities; k++) {
		tau[0] += s->p[k] * exp(-s->mu[k]);
		tau[1] += s->p[k] * exp(-s->mu[k]) * s->mu[k];
	}
}

double finite_key_scaled(const struct finite_key_source *s, unsigned int k, double count)
{
	return count * exp(s->mu[k]) / s->p[k];
}

/*
 * Rusca 2018, eq. A16, with the intensities' indices as derived there. Counts that no source of
 * these intensities makes lead above the upper bound: empty pulses are key, so they must not.
 */
double finite_key_one_decoy_s0_lower(const struct finite_key_source *s, const double tau[2],
                                     const struct finite_key_basis *b)
{
	double scale = tau[0] / (s->mu[0] - s->mu[1]);
	double more = scale * s->mu[0] * finite_key_scaled(s, 1, b->n_lower[1]);
	double less = scale * s->mu[1] * finite_key_scaled(s, 0, b->n_upper[0]);

	return finite_key_lower(more - less, more + less, b->s0_upper);
}

/* Twice the errors of empty pulses, which err half of the time: Rusca 2018, eq. A17. */
double finite_key_one_decoy_s0_upper(const struct finite_key_source *s, const double tau[2],
                                     const struct finite_key_basis *b, unsigned int k)
{
	double v = 2 * (tau[0] * finite_key_scaled(s, k, b->m_upper[k]) + b->delta_n);

	return finite_key_upper(v, v, b->n);
}

/* Rusca 2018, eq. A18 (its detections scaled by e^mu / p as in A14). */
double finite_key_one_decoy_s1_lower(const struct finite_key_source *s, const double tau[2],
                                     const struct finite_key_basis *b)
{
	double r = s->mu[1] / s->mu[0];
	double scale = tau[1] * s->mu[0] / (s->mu[1] * (s->mu[0] - s->mu[1]));
	double more = scale * finite_key_scaled(s, 1, b->n_lower[1]);
	double many = scale * r * r * finite_key_scaled(s, 0, b->n_upper[0]);
	double none = scale * (1 - r * r) * b->s0_upper / tau[0];

	return finite_key_lower(more - many - none, more + many + none, b->n - b->s0_lower);
}

/* Rusca 2018, eq. A20. */
double finite_key_one_decoy_v1_upper(const struct finite_key_source *s, const double tau[2],
                                     const struct finite_key_basis *b)
{
	double scale = tau[1] / (s->mu[0] - s->mu[1]);
	double more = scale * finite_key_scaled(s, 0, b->m_upper[0]);
	double less = scale * finite_key_scaled(s, 1, b->m_lower[1]);

	return finite_key_upper(more - less, more + less, b->n);
}

double finite_key_test_sample(const struct finite_key_case *in, double s1)
{
	return s1 - in->counts.cross[0];
}

double finite_key_key_share(const struct finite_key_case *in, double s1)
{
	return 1 + in->counts.cross[1] / s1;
}

void finite_key_phase_error_lim(const struct finite_key_case *in, double parts,
                                struct finite_key_result *out)
{
	double c = out->z.s1_lower, d = finite_key_test_sample(in, out->x.s1_lower), b, spread;
	double bits, sum;

	out->test_error = out->phi_z_upper = 0.5;
	if (c < 1 || d < 1)
		return;
	/* The deviation grows with the rate; no error at all is treated as one. */
	b = out->x.v1_upper > 1 ? out->x.v1_upper / d : 1 / d;
	if (!(b < 0.5))
		return;
	spread = (c + d) / (c * d) * (1 - b) * b;
	bits = log2((c + d) / (c * d * (1 - b) * b)) + 2 * log2(parts / in->source.eps_sec);
	/* Below log2(e) the product would fall again as the rate grows: it stays at its most. */
	out->test_error = b;
	out->deviation = sqrt(spread / M_LN2 * (bits > M_LOG2E ? bits : M_LOG2E));
	sum = (b + out->deviation) * finite_key_key_share(in, c);
	out->phi_z_upper = finite_key_upper(sum, sum, 0.5);
}

void finite_key_sum(double vacuum, struct finite_key_result *out)
{
	double s1 = out->z.s1_lower * (1 - binary_entropy(out->phi_z_upper));
	double cost = out->leak + out->cost_sec + out->cost_cor;

	out->length = vacuum + s1 - cost - FINITE_KEY_GUARD * (vacuum + out->z.s1_lower + cost);
}
