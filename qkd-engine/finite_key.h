/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * How many secret bits a block of BB84 holds, by one of several proofs: a pure function of what
 * was counted. Key basis Z, test basis X throughout; papers that name them the other way round
 * are turned.
 *
 *	struct finite_key_input in = {.source = {{0.5, 0.1}, {0.7, 0.3}, 1e-12, 1e-15}, ...};
 *	struct finite_key_result r;
 *
 *	finite_key_bound(FINITE_KEY_WIESEMANN2024, &in, &r);
 *	use(r.secret_bits, r.reason);
 *
 * Lower bounds are rounded down and upper bounds up by more than the arithmetic can err, so
 * the length is never above what the formulas of the paper give. It is never NaN, whatever
 * comes in.
 */

#ifndef QKD_ENGINE_FINITE_KEY_H
#define QKD_ENGINE_FINITE_KEY_H

#include <stdint.h>

#define FINITE_KEY_INTENSITIES 3

enum finite_key_proof {
	FINITE_KEY_WIESEMANN2024,  /* one decoy; arXiv:2405.16578; the default */
	FINITE_KEY_RUSCA2018,      /* one decoy; APL 112, 171104, arXiv:1801.03443 */
	FINITE_KEY_LIM2014,        /* two decoys; PRA 89, 022307, arXiv:1311.7129 */
	FINITE_KEY_TOMAMICHEL2012, /* single photons; Nat. Commun. 3, 634, arXiv:1103.4130 */
	FINITE_KEY_PROOFS
};

struct finite_key_source {
	double mu[FINITE_KEY_INTENSITIES]; /* photons per pulse: signal, decoy, weaker decoy */
	double p[FINITE_KEY_INTENSITIES];  /* their probabilities */
	double eps_sec, eps_cor;
};

/* By intensity, in the order of the source; single photons are intensity 0. */
struct finite_key_counts {
	/* detections and errors in the key basis */
	uint64_t n_z[FINITE_KEY_INTENSITIES], m_z[FINITE_KEY_INTENSITIES];
	/* in the test basis */
	uint64_t n_x[FINITE_KEY_INTENSITIES], m_x[FINITE_KEY_INTENSITIES];
	/*
	 * Of a receiver whose basis a splitter chooses: slots with clicks in both bases that a fair
	 * coin put into the test basis; those that are in n_x, and those that Alice sent in the key
	 * basis or not for key.
	 */
	uint64_t cross[2];
};

struct finite_key_input {
	struct finite_key_source source;
	struct finite_key_counts counts;
	double leak; /* bits that reconciliation and verification disclosed */
	double f;    /* if above 0, take f n h(Q) for the leak: to plan with */
};

/* What the proof says about one basis; the trivial bound where it asks for none. */
struct finite_key_basis {
	double n, m;             /* totals */
	double delta_n, delta_m; /* deviations of detections and errors */
	/* counts less and more their deviations, never below 0 */
	double n_lower[FINITE_KEY_INTENSITIES], n_upper[FINITE_KEY_INTENSITIES];
	double m_lower[FINITE_KEY_INTENSITIES], m_upper[FINITE_KEY_INTENSITIES];
	double s0_lower, s0_upper; /* detections of empty pulses */
	double s1_lower;           /* of single photons */
	double v1_upper;           /* errors of single photons */
};

struct finite_key_result {
	double tau[2]; /* probability that a pulse has 0 or 1 photon */
	struct finite_key_basis z, x;
	double test_error;  /* error rate of single photons in X, at most */
	double deviation;   /* what it may differ by in Z */
	double phi_z_upper; /* phase error of the key's single photons, at most 1/2 */
	double leak, cost_sec, cost_cor;
	double length;        /* before rounding; may be negative */
	uint64_t secret_bits; /* floor of it, 0 when negative */
	char reason[120];     /* why there is no key; empty when there is */
};

/*
 * 0, also when there is no key; -EINVAL for an input that cannot be, whose reason names the
 * field ("m_x[1]: ..."), with everything else in *OUT 0.
 */
int finite_key_bound(enum finite_key_proof proof, const struct finite_key_input *in,
                     struct finite_key_result *out);

/*
 * To plan with: the same bound where the counts are those that a closed form expects, which are not
 * whole numbers. LEAK and F as in finite_key_input.
 */
struct finite_key_expected {
	double n_z[FINITE_KEY_INTENSITIES], m_z[FINITE_KEY_INTENSITIES];
	double n_x[FINITE_KEY_INTENSITIES], m_x[FINITE_KEY_INTENSITIES];
	double cross[2];
};
int finite_key_expect(enum finite_key_proof proof, const struct finite_key_source *source,
                      const struct finite_key_expected *counts, double leak, double f,
                      struct finite_key_result *out);

const char *finite_key_proof_name(enum finite_key_proof proof);    /* "rusca2018" */
const char *finite_key_protocol_name(enum finite_key_proof proof); /* "four-state one-decoy BB84" */
unsigned int finite_key_intensities(enum finite_key_proof proof);  /* 1 to 3 */
/* NAME with its year or without ("wiesemann"); -EINVAL: there is none. */
int finite_key_proof_find(const char *name, enum finite_key_proof *out);

/* Binary entropy in bits. */
double binary_entropy(double p);

#endif
