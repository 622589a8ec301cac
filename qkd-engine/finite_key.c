/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/finite_key.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "qkd-engine/finite_key_proof.h"

#define COUNT_MAX 0x1p50 /* exact as a double, sums included */
#define EPS_MIN   1e-100
#define MU_MAX    5.0
#define APART     0.5e-6 /* intensities that differ by less say nothing */
#define P_MIN     1e-9
#define LEAK_MAX  1e15
#define F_MAX     100.0

static const struct finite_key_proof_ops *const proofs[FINITE_KEY_PROOFS] = {
        [FINITE_KEY_RUSCA2018] = &finite_key_rusca2018,
        [FINITE_KEY_WIESEMANN2024] = &finite_key_wiesemann2024,
        [FINITE_KEY_LIM2014] = &finite_key_lim2014,
        [FINITE_KEY_TOMAMICHEL2012] = &finite_key_tomamichel2012,
};

double binary_entropy(double p)
{
	if (!(p > 0 && p < 1))
		return 0;
	return -p * log2(p) - (1 - p) * log2(1 - p);
}

const char *finite_key_proof_name(enum finite_key_proof proof)
{
	return proof < FINITE_KEY_PROOFS ? proofs[proof]->name : "none";
}

const char *finite_key_protocol_name(enum finite_key_proof proof)
{
	return proof < FINITE_KEY_PROOFS ? proofs[proof]->protocol : "none";
}

unsigned int finite_key_intensities(enum finite_key_proof proof)
{
	return proof < FINITE_KEY_PROOFS ? proofs[proof]->intensities : 0;
}

int finite_key_proof_find(const char *name, enum finite_key_proof *out)
{
	for (int i = 0; i < FINITE_KEY_PROOFS; i++) {
		if (strcmp(name, proofs[i]->name) != 0 && strcmp(name, proofs[i]->short_name) != 0)
			continue;
		*out = (enum finite_key_proof)i;
		return 0;
	}
	return -EINVAL;
}

static bool bad(struct finite_key_result *out, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
static bool bad(struct finite_key_result *out, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(out->reason, sizeof(out->reason), format, args);
	va_end(args);
	return false;
}

static bool check_counts(const char *names, const double *n, const double *m,
                         unsigned int intensities, struct finite_key_result *out)
{
	for (unsigned int k = 0; k < FINITE_KEY_INTENSITIES; k++) {
		if (k >= intensities && (n[k] != 0 || m[k] != 0))
			return bad(out, "n_%s[%u], m_%s[%u]: the proof knows of %u %s", names, k,
			           names, k, intensities,
			           intensities == 1 ? "intensity" : "intensities");
		if (!(n[k] >= 0 && n[k] <= COUNT_MAX))
			return bad(out, "n_%s[%u]: %.0f is not within 0 to 2^50", names, k, n[k]);
		if (!(m[k] >= 0 && m[k] <= n[k]))
			return bad(out, "m_%s[%u]: %.0f errors are more than the %.0f detections",
			           names, k, m[k], n[k]);
	}
	return true;
}

static bool check_cross(const struct finite_key_expected *c, unsigned int intensities,
                        struct finite_key_result *out)
{
	double n = c->n_x[0] + c->n_x[1] + c->n_x[2];

	if (intensities == 1 && (c->cross[0] != 0 || c->cross[1] != 0))
		return bad(out, "cross: the proof is for a receiver that chooses its basis");
	if (!(c->cross[0] >= 0 && c->cross[0] <= n))
		return bad(out, "cross[0]: %.0f are more than the %.0f detections", c->cross[0], n);
	if (!(c->cross[1] >= 0 && c->cross[1] <= COUNT_MAX))
		return bad(out, "cross[1]: %.0f is not within 0 to 2^50", c->cross[1]);
	return true;
}

static bool check_source(const struct finite_key_source *s, unsigned int intensities,
                         struct finite_key_result *out)
{
	double sum = 0;

	for (unsigned int k = 0; k < intensities; k++) {
		/* The weakest of three may be no light at all. */
		double least = k == 2 ? 0 : APART;

		if (!(s->mu[k] >= least && s->mu[k] <= MU_MAX))
			return bad(out, "mu[%u]: %g is not within %g to %g", k, s->mu[k], least,
			           MU_MAX);
		if (k > 0 && !(s->mu[k - 1] - s->mu[k] >= APART))
			return bad(out, "mu[%u]: %g is not below mu[%u], %g", k, s->mu[k], k - 1,
			           s->mu[k - 1]);
		if (!(s->p[k] >= P_MIN && s->p[k] <= 1))
			return bad(out, "p[%u]: %g is not within %g to 1", k, s->p[k], P_MIN);
		sum += s->p[k];
	}
	/* Lim 2014, above eq. 2. */
	if (intensities == 3 && !(s->mu[0] - s->mu[1] - s->mu[2] >= APART))
		return bad(out, "mu[0]: %g is not above mu[1] + mu[2], %g", s->mu[0],
		           s->mu[1] + s->mu[2]);
	if (!(fabs(sum - 1) <= 1e-9))
		return bad(out, "p: %.12g is the sum, not 1", sum);
	return true;
}

static bool check(const struct finite_key_proof_ops *p, const struct finite_key_case *in,
                  struct finite_key_result *out)
{
	const struct finite_key_source *s = &in->source;
	const struct finite_key_expected *c = &in->counts;

	if (!check_counts("z", c->n_z, c->m_z, p->intensities, out) ||
	    !check_counts("x", c->n_x, c->m_x, p->intensities, out))
		return false;
	if (!check_cross(c, p->intensities, out))
		return false;
	if (p->intensities > 1 && !check_source(s, p->intensities, out))
		return false;
	if (!(s->eps_sec >= EPS_MIN && s->eps_sec < 1))
		return bad(out, "eps_sec: %g is not within %g to 1", s->eps_sec, EPS_MIN);
	if (!(s->eps_cor >= EPS_MIN && s->eps_cor < 1))
		return bad(out, "eps_cor: %g is not within %g to 1", s->eps_cor, EPS_MIN);
	if (!(in->f >= 0 && in->f <= F_MAX))
		return bad(out, "f: %g is not within 0 to %g", in->f, F_MAX);
	if (in->f == 0 && !(in->leak >= 0 && in->leak <= LEAK_MAX))
		return bad(out, "leak: %g is not within 0 to %g", in->leak, LEAK_MAX);
	return true;
}

static double leak_of(const struct finite_key_case *in)
{
	double n = 0, m = 0;

	if (in->f == 0)
		return ceil(in->leak);
	for (unsigned int k = 0; k < FINITE_KEY_INTENSITIES; k++) {
		n += in->counts.n_z[k];
		m += in->counts.m_z[k];
	}
	return n > 0 ? in->f * n * binary_entropy(m / n) * (1 + FINITE_KEY_GUARD) : 0;
}

static void explain(struct finite_key_result *out)
{
	if (out->z.n == 0)
		bad(out, "no detections in the key basis");
	else if (out->x.n == 0)
		bad(out, "no detections in the test basis");
	else if (out->z.s1_lower < 1)
		bad(out, "too few detections in the key basis to tell single photons");
	else if (out->x.s1_lower < 1)
		bad(out, "too few detections in the test basis to tell single photons");
	else if (out->phi_z_upper >= 0.5)
		bad(out, "the phase error may be one half: too many errors or too few detections "
		         "in the test basis");
	else
		bad(out, "leak and security cost %.0f bits more than the single photons hold",
		    ceil(-out->length));
}

static int bound(enum finite_key_proof proof, const struct finite_key_case *in,
                 struct finite_key_result *out)
{
	double most;

	memset(out, 0, sizeof(*out));
	if (proof >= FINITE_KEY_PROOFS) {
		bad(out, "proof: there is none of number %d", (int)proof);
		return -EINVAL;
	}
	if (!check(proofs[proof], in, out))
		return -EINVAL;
	out->leak = leak_of(in);
	proofs[proof]->bound(in, out);
	/* Never more than was sifted. */
	most = out->length < out->z.n ? out->length : out->z.n;
	out->secret_bits = most >= 1 ? (uint64_t)most : 0;
	if (out->secret_bits == 0)
		explain(out);
	return 0;
}

static void copy(double *to, const uint64_t *from, unsigned int n)
{
	for (unsigned int k = 0; k < n; k++)
		to[k] = (double)from[k];
}

int finite_key_bound(enum finite_key_proof proof, const struct finite_key_input *in,
                     struct finite_key_result *out)
{
	struct finite_key_case c = {.source = in->source, .leak = in->leak, .f = in->f};

	copy(c.counts.n_z, in->counts.n_z, FINITE_KEY_INTENSITIES);
	copy(c.counts.m_z, in->counts.m_z, FINITE_KEY_INTENSITIES);
	copy(c.counts.n_x, in->counts.n_x, FINITE_KEY_INTENSITIES);
	copy(c.counts.m_x, in->counts.m_x, FINITE_KEY_INTENSITIES);
	copy(c.counts.cross, in->counts.cross, 2);
	return bound(proof, &c, out);
}

int finite_key_expect(enum finite_key_proof proof, const struct finite_key_source *source,
                      const struct finite_key_expected *counts, double leak, double f,
                      struct finite_key_result *out)
{
	struct finite_key_case c = {.source = *source, .counts = *counts, .leak = leak, .f = f};

	return bound(proof, &c, out);
}
