/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Single photons: Tomamichel, Lim, Gisin, Renner, "Tight finite-key analysis for quantum
 * cryptography", Nat. Commun. 3, 634 (2012), arXiv:1103.4130, its bound on the length with
 * preparation quality q = 1. The paper tolerates an error rate that is fixed before; here that is
 * the one which was observed. For comparison with the others, not for key.
 */

#include <math.h>

#include "qkd-engine/finite_key_proof.h"

static void bound(const struct finite_key_case *in, struct finite_key_result *out)
{
	double n = in->counts.n_z[0], k = in->counts.n_x[0], sum;

	out->tau[1] = 1;
	out->z.n = out->z.s1_lower = n;
	out->z.m = out->z.v1_upper = in->counts.m_z[0];
	out->x.n = out->x.s1_lower = k;
	out->x.m = out->x.v1_upper = in->counts.m_x[0];
	out->test_error = out->phi_z_upper = 0.5;
	if (n > 0 && k > 0 && out->x.m < k / 2) {
		out->test_error = out->x.m / k;
		/* mu: Serfling's inequality with eps_sec / 4 */
		out->deviation =
		        sqrt((n + k) / (n * k) * ((k + 1) / k) * log(4 / in->source.eps_sec));
		sum = out->test_error + out->deviation;
		out->phi_z_upper = finite_key_upper(sum, sum, 0.5);
	}
	/* log2(2 / (eps_sec^2 eps_cor)) */
	out->cost_sec = -2 * log2(in->source.eps_sec);
	out->cost_cor = 1 - log2(in->source.eps_cor);
	finite_key_sum(0, out);
}

const struct finite_key_proof_ops finite_key_tomamichel2012 = {
        .name = "tomamichel2012",
        .short_name = "tomamichel",
        .protocol = "BB84 with single photons",
        .intensities = 1,
        .bound = bound,
};
