/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Two decoys: Lim, Curty, Walenta, Xu, Zbinden, "Concise security bounds for practical
 * decoy-state quantum key distribution", PRA 89, 022307 (2014), arXiv:1311.7129, eqs. 1 to 5. The
 * paper's X is Z here and the other way round.
 */

#include <math.h>

#include "qkd-engine/finite_key_proof.h"

#define EPS_PARTS 21.0 /* eps_sec falls into 21 equal parts */

/* Eq. 2 */
static double s0_lower(const struct finite_key_source *s, const double tau[2],
                       const struct finite_key_basis *b)
{
	double scale = tau[0] / (s->mu[1] - s->mu[2]);
	double more = scale * s->mu[1] * finite_key_scaled(s, 2, b->n_lower[2]);
	double less = scale * s->mu[2] * finite_key_scaled(s, 1, b->n_upper[1]);

	return finite_key_lower(more - less, more + less, b->n);
}

/* Eq. 3 */
static double s1_lower(const struct finite_key_source *s, const double tau[2],
                       const struct finite_key_basis *b)
{
	/* mu1 (mu2 - mu3) - mu2^2 + mu3^2, in factors that lose no digits */
	double gap = (s->mu[1] - s->mu[2]) * (s->mu[0] - s->mu[1] - s->mu[2]);
	double r = (s->mu[1] - s->mu[2]) * (s->mu[1] + s->mu[2]) / (s->mu[0] * s->mu[0]);
	double scale = tau[1] * s->mu[0] / gap;
	double more = scale * finite_key_scaled(s, 1, b->n_lower[1]);
	double weak = scale * finite_key_scaled(s, 2, b->n_upper[2]);
	double many = scale * r * finite_key_scaled(s, 0, b->n_upper[0]);
	double none = scale * r * b->s0_lower / tau[0];

	return finite_key_lower(more - weak - many + none, more + weak + many + none,
	                        b->n - b->s0_lower);
}

/* Eq. 4 */
static double v1_upper(const struct finite_key_source *s, const double tau[2],
                       const struct finite_key_basis *b)
{
	double scale = tau[1] / (s->mu[1] - s->mu[2]);
	double more = scale * finite_key_scaled(s, 1, b->m_upper[1]);
	double less = scale * finite_key_scaled(s, 2, b->m_lower[2]);

	return finite_key_upper(more - less, more + less, b->n);
}

static void bound(const struct finite_key_case *in, struct finite_key_result *out)
{
	const struct finite_key_source *s = &in->source;
	const struct finite_key_expected *c = &in->counts;
	double ln_eps = log(EPS_PARTS / s->eps_sec);

	finite_key_tau(s, 3, out->tau);
	finite_key_basis_init(&out->z, 3, c->n_z, c->m_z, ln_eps, false);
	finite_key_basis_init(&out->x, 3, c->n_x, c->m_x, ln_eps, false);
	out->z.s0_lower = s0_lower(s, out->tau, &out->z);
	out->x.s0_lower = s0_lower(s, out->tau, &out->x);
	out->z.s1_lower = s1_lower(s, out->tau, &out->z);
	out->x.s1_lower = s1_lower(s, out->tau, &out->x);
	out->x.v1_upper = v1_upper(s, out->tau, &out->x);
	/* Eq. 5 */
	finite_key_phase_error_lim(in, EPS_PARTS, out);
	/* Eq. 1 */
	out->cost_sec = 6 * log2(EPS_PARTS / s->eps_sec);
	out->cost_cor = 1 - log2(s->eps_cor);
	finite_key_sum(out->z.s0_lower, out);
}

const struct finite_key_proof_ops finite_key_lim2014 = {
        .name = "lim2014",
        .short_name = "lim",
        .protocol = "four-state two-decoy BB84",
        .intensities = 3,
        .bound = bound,
};
