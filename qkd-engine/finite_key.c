/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/finite_key.h"

#include <math.h>

/* The proof splits eps_sec into 19 equal parts (Rusca 2018, below eq. A25). */
#define EPS_PARTS 19.0

double binary_entropy(double p)
{
	if (p <= 0 || p >= 1)
		return 0;
	return -p * log2(p) - (1 - p) * log2(1 - p);
}

/* One basis' detections and errors with what the source says about them. */
struct basis {
	const struct finite_key_source *s;
	double n[2], m[2];
	double delta_n, delta_m; /* Hoeffding deviations of the totals, eq. A13 */
	double tau[2];           /* probability of 0 and of 1 photon in a pulse */
};

static void basis_init(struct basis *b, const struct finite_key_source *s, const uint64_t n[2],
                       const uint64_t m[2])
{
	double ln_eps = log(EPS_PARTS / s->eps_sec);

	b->s = s;
	b->tau[0] = 0;
	b->tau[1] = 0;
	for (int k = 0; k < 2; k++) {
		b->n[k] = (double)n[k];
		b->m[k] = (double)m[k];
		b->tau[0] += s->p[k] * exp(-s->mu[k]);
		b->tau[1] += s->p[k] * exp(-s->mu[k]) * s->mu[k];
	}
	b->delta_n = sqrt((b->n[0] + b->n[1]) * ln_eps / 2);
	b->delta_m = sqrt((b->m[0] + b->m[1]) * ln_eps / 2);
}

/* A count plus or minus its deviation, as if all pulses had intensity k; never negative. */
static double scaled(const struct basis *b, int k, double count, double delta)
{
	double v = count + delta;

	return v > 0 ? v * exp(b->s->mu[k]) / b->s->p[k] : 0;
}

/* Vacuum events, eq. A17: twice their errors, and they err half of the time. */
static double s0_upper(const struct basis *b)
{
	return 2 * (b->tau[0] * scaled(b, 1, b->m[1], b->delta_m) + b->delta_n);
}

/* Eq. A16. */
static double s0_lower(const struct basis *b)
{
	double mu1 = b->s->mu[0], mu2 = b->s->mu[1];
	double v = b->tau[0] / (mu1 - mu2) *
	           (mu1 * scaled(b, 1, b->n[1], -b->delta_n) -
	            mu2 * scaled(b, 0, b->n[0], b->delta_n));

	return v > 0 ? v : 0;
}

/* Single-photon events, eq. A18 (its detections scaled by e^mu / p as in A14). */
static double s1_lower(const struct basis *b)
{
	double mu1 = b->s->mu[0], mu2 = b->s->mu[1];
	double r = mu2 / mu1;
	double v = b->tau[1] * mu1 / (mu2 * (mu1 - mu2)) *
	           (scaled(b, 1, b->n[1], -b->delta_n) - r * r * scaled(b, 0, b->n[0], b->delta_n) -
	            (1 - r * r) * s0_upper(b) / b->tau[0]);

	return v > 0 ? v : 0;
}

/* Errors of single-photon events, eq. A20. */
static double v1_upper(const struct basis *b)
{
	double v = b->tau[1] / (b->s->mu[0] - b->s->mu[1]) *
	           (scaled(b, 0, b->m[0], b->delta_m) - scaled(b, 1, b->m[1], -b->delta_m));

	return v > 0 ? v : 0;
}

/* Deviation between error rates of two samples without replacement, eq. A21. */
static double gamma_deviation(double eps, double b, double c, double d)
{
	double q = (c + d) / (c * d * (1 - b) * b);

	return sqrt((c + d) * (1 - b) * b / (c * d * M_LN2) *
	            log2(q * EPS_PARTS * EPS_PARTS / (eps * eps)));
}

static double phase_error_upper(double eps_sec, double v_x1, double s_x1, double s_z1)
{
	double rate, phi;

	if (s_x1 < 1 || s_z1 < 1)
		return 0.5;
	rate = v_x1 / s_x1;
	/* The deviation grows with the rate; no error at all is treated as one. */
	if (rate < 1 / s_x1)
		rate = 1 / s_x1;
	if (rate >= 0.5)
		return 0.5;
	phi = rate + gamma_deviation(eps_sec, rate, s_z1, s_x1);
	return phi < 0.5 ? phi : 0.5;
}

void finite_key_rusca2018(const struct finite_key_source *s, const struct finite_key_counts *c,
                          double leak, struct finite_key_bound *out)
{
	struct basis z, x;

	basis_init(&z, s, c->n_z, c->m_z);
	basis_init(&x, s, c->n_x, c->m_x);
	out->s_z0_lower = s0_lower(&z);
	out->s_z0_upper = s0_upper(&z);
	out->s_z1_lower = s1_lower(&z);
	out->s_x1_lower = s1_lower(&x);
	out->v_x1_upper = v1_upper(&x);
	out->phi_z_upper =
	        phase_error_upper(s->eps_sec, out->v_x1_upper, out->s_x1_lower, out->s_z1_lower);
	/* Eq. 2 */
	out->length = out->s_z0_lower + out->s_z1_lower * (1 - binary_entropy(out->phi_z_upper)) -
	              leak - 6 * log2(EPS_PARTS / s->eps_sec) - log2(2 / s->eps_cor);
	out->secret_bits = out->length > 0 ? (uint64_t)out->length : 0;
}
