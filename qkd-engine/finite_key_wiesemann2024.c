/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One decoy: Wiesemann, Krause, Tupkary, Lütkenhaus, Rusca, Walenta, "A consolidated and
 * accessible security proof for finite-size decoy-state quantum key distribution",
 * arXiv:2405.16578, sections 4.1 (deviations, empty pulses, single photons), 4.2 (phase error)
 * and 6.2 (length), as in its authors' own program, github.com/jankhg/
 * Quantum-key-distribution-secure-key-rate-simulation-1-decoy-BB84, commit f9d89e8. The paper's
 * X is Z here and the other way round. Its proof is for a key whose length is fixed before;
 * docs/security.md says what that asks of whoever uses the formula.
 */

#include <math.h>

#include "qkd-engine/finite_key_proof.h"

#define EPS_PARTS 15.0 /* eps_sec falls into 15 equal parts */

/* Either intensity gives a bound on the empty pulses; the proof takes the lesser. */
static double s0_upper(const struct finite_key_source *s, const double tau[2],
                       const struct finite_key_basis *b)
{
	double signal = finite_key_one_decoy_s0_upper(s, tau, b, 0);
	double decoy = finite_key_one_decoy_s0_upper(s, tau, b, 1);

	return signal < decoy ? signal : decoy;
}

/* Serfling's inequality, from the X sample to the Z sample. */
static void phase_error(const struct finite_key_case *in, double ln_eps,
                        struct finite_key_result *out)
{
	double z = out->z.s1_lower, x = finite_key_test_sample(in, out->x.s1_lower), sum;

	out->test_error = out->phi_z_upper = 0.5;
	if (z < 1 || x < 1 || !(out->x.v1_upper < x / 2))
		return;
	out->test_error = out->x.v1_upper / x;
	out->deviation = sqrt((z + x) / (z * x) * ((x + 1) / x) * ln_eps);
	sum = (out->test_error + out->deviation) * finite_key_key_share(in, z);
	out->phi_z_upper = finite_key_upper(sum, sum, 0.5);
}

static void bound(const struct finite_key_case *in, struct finite_key_result *out)
{
	const struct finite_key_source *s = &in->source;
	const struct finite_key_expected *c = &in->counts;
	double ln_eps = log(EPS_PARTS / s->eps_sec);

	finite_key_tau(s, 2, out->tau);
	finite_key_basis_init(&out->z, 2, c->n_z, c->m_z, ln_eps, true);
	finite_key_basis_init(&out->x, 2, c->n_x, c->m_x, ln_eps, true);
	out->z.s0_upper = s0_upper(s, out->tau, &out->z);
	out->x.s0_upper = s0_upper(s, out->tau, &out->x);
	out->z.s1_lower = finite_key_one_decoy_s1_lower(s, out->tau, &out->z);
	out->x.s1_lower = finite_key_one_decoy_s1_lower(s, out->tau, &out->x);
	out->x.v1_upper = finite_key_one_decoy_v1_upper(s, out->tau, &out->x);
	phase_error(in, ln_eps, out);
	/* 4 log2(15 / (2^(1/4) eps_sec)) */
	out->cost_sec = 4 * log2(EPS_PARTS / s->eps_sec) - 1;
	out->cost_cor = 1 - log2(s->eps_cor);
	/* Empty pulses in the key are left to Eve: with one decoy there are next to none to gain.
	 */
	finite_key_sum(0, out);
}

const struct finite_key_proof_ops finite_key_wiesemann2024 = {
        .name = "wiesemann2024",
        .short_name = "wiesemann",
        .protocol = "four-state one-decoy BB84",
        .intensities = 2,
        .bound = bound,
};
