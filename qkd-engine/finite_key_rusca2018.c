/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One decoy: Rusca, Boaron, Grünenfelder, Martin, Zbinden, "Finite-key analysis for the 1-decoy
 * state QKD protocol", APL 112, 171104 (2018), arXiv:1801.03443, eqs. 2 and A13 to A25.
 */

#include <math.h>

#include "qkd-engine/finite_key_proof.h"

/*
 * eps_sec falls into 19 equal parts (below eq. A25). A21 prints 21; the one number is used
 * everywhere.
 */
#define EPS_PARTS 19.0

static void bound(const struct finite_key_case *in, struct finite_key_result *out)
{
	const struct finite_key_source *s = &in->source;
	const struct finite_key_expected *c = &in->counts;
	double ln_eps = log(EPS_PARTS / s->eps_sec);

	finite_key_tau(s, 2, out->tau);
	finite_key_basis_init(&out->z, 2, c->n_z, c->m_z, ln_eps, false);
	finite_key_basis_init(&out->x, 2, c->n_x, c->m_x, ln_eps, false);
	out->z.s0_upper = finite_key_one_decoy_s0_upper(s, out->tau, &out->z, 1);
	out->z.s0_lower = finite_key_one_decoy_s0_lower(s, out->tau, &out->z);
	out->x.s0_upper = finite_key_one_decoy_s0_upper(s, out->tau, &out->x, 1);
	out->z.s1_lower = finite_key_one_decoy_s1_lower(s, out->tau, &out->z);
	out->x.s1_lower = finite_key_one_decoy_s1_lower(s, out->tau, &out->x);
	out->x.v1_upper = finite_key_one_decoy_v1_upper(s, out->tau, &out->x);
	finite_key_phase_error_lim(in, EPS_PARTS, out);
	/* Eq. 2 */
	out->cost_sec = 6 * log2(EPS_PARTS / s->eps_sec);
	out->cost_cor = 1 - log2(s->eps_cor);
	finite_key_sum(out->z.s0_lower, out);
}

const struct finite_key_proof_ops finite_key_rusca2018 = {
        .name = "rusca2018",
        .short_name = "rusca",
        .protocol = "four-state one-decoy BB84",
        .intensities = 2,
        .bound = bound,
};
