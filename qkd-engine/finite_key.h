/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * How many secret bits a block holds: one-decoy BB84 with biased bases, key basis Z, test
 * basis X. Rusca et al., APL 112, 171104 (2018), arXiv:1801.03443, eqs. 2 and A16 to A25.
 */

#ifndef QKD_ENGINE_FINITE_KEY_H
#define QKD_ENGINE_FINITE_KEY_H

#include <stdint.h>

struct finite_key_source {
	double mu[2]; /* signal, decoy: photons per pulse */
	double p[2];  /* their probabilities */
	double eps_sec, eps_cor;
};

/* Index 0: signal, 1: decoy. */
struct finite_key_counts {
	uint64_t n_z[2], m_z[2]; /* detections and errors in the key basis */
	uint64_t n_x[2], m_x[2]; /* in the test basis */
};

struct finite_key_bound {
	double s_z0_lower, s_z0_upper, s_z1_lower, s_x1_lower, v_x1_upper, phi_z_upper;
	double length;        /* before rounding; may be negative */
	uint64_t secret_bits; /* floor, 0 when negative */
};

/* LEAK: bits that reconciliation and verification disclosed. */
void finite_key_rusca2018(const struct finite_key_source *s, const struct finite_key_counts *c,
                          double leak, struct finite_key_bound *out);

/* Binary entropy in bits. */
double binary_entropy(double p);

#endif
