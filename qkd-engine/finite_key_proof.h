/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the proofs share; for their sources alone. A proof gets counts that were checked, and
 * fills the bounds and the phase error in.
 */

#ifndef QKD_ENGINE_FINITE_KEY_PROOF_H
#define QKD_ENGINE_FINITE_KEY_PROOF_H

#include <float.h>
#include <stdbool.h>

#include "qkd-engine/finite_key.h"

/*
 * A bound is a sum of at most four products of at most eight factors, each within one unit in
 * the last place: it errs by far less than this share of the sum of its terms' magnitudes.
 */
#define FINITE_KEY_GUARD (64 * DBL_EPSILON)

/* An input that was checked. */
struct finite_key_case {
	struct finite_key_source source;
	struct finite_key_expected counts;
	double leak, f;
};

struct finite_key_proof_ops {
	const char *name, *short_name, *protocol;
	unsigned int intensities;
	void (*bound)(const struct finite_key_case *in, struct finite_key_result *out);
};

extern const struct finite_key_proof_ops finite_key_rusca2018, finite_key_wiesemann2024,
        finite_key_lim2014, finite_key_tomamichel2012;

/* A sum whose terms have the magnitude SIZE together, rounded down into 0 to MOST; or up. */
double finite_key_lower(double sum, double size, double most);
double finite_key_upper(double sum, double size, double most);

/*
 * Totals, deviations and counts with them. LN_EPS: ln(1 / epsilon) of each deviation. CAPPED: no
 * count above the total, as in Wiesemann; the others' vectors are without.
 */
void finite_key_basis_init(struct finite_key_basis *b, unsigned int intensities, const double *n,
                           const double *m, double ln_eps, bool capped);
void finite_key_tau(const struct finite_key_source *s, unsigned int intensities, double tau[2]);

/* COUNT as if all pulses had intensity K. */
double finite_key_scaled(const struct finite_key_source *s, unsigned int k, double count);

/*
 * One decoy, from N and M of B; s0_lower is at most its S0_UPPER, and of the single photons what
 * its S0_LOWER leaves.
 */
double finite_key_one_decoy_s0_lower(const struct finite_key_source *s, const double tau[2],
                                     const struct finite_key_basis *b);
double finite_key_one_decoy_s0_upper(const struct finite_key_source *s, const double tau[2],
                                     const struct finite_key_basis *b, unsigned int k);
double finite_key_one_decoy_s1_lower(const struct finite_key_source *s, const double tau[2],
                                     const struct finite_key_basis *b);
double finite_key_one_decoy_v1_upper(const struct finite_key_source *s, const double tau[2],
                                     const struct finite_key_basis *b);

/*
 * A splitter that sends less light to X than to Z makes X a random sample but for slots with
 * clicks in both bases (docs/security.md, "Clicks in both bases"): the single photons of X that
 * are one whatever those did, at least; and from the error rate of what Z would be without
 * them to that of Z, whose single photons are S1.
 */
double finite_key_test_sample(const struct finite_key_case *in, double s1);
double finite_key_key_share(const struct finite_key_case *in, double s1);

/*
 * The phase error by sampling without replacement as Lim 2014, eq. 5, has it, with PARTS the
 * number of parts that eps_sec falls into.
 */
void finite_key_phase_error_lim(const struct finite_key_case *in, double parts,
                                struct finite_key_result *out);

/* Eq. 1 of Lim 2014, eq. 2 of Rusca 2018: VACUUM + s1 (1 - h) - leak - costs. */
void finite_key_sum(double vacuum, struct finite_key_result *out);

#endif
