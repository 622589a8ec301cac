/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a proof bounds is true as often as it says. Eve fixes how many pulses of each photon number
 * are detected and how many of them err, in the way that brings the bounds closest to the truth;
 * the source alone draws their intensities. Each block's true figures are known here.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "qkd-engine/finite_key.h"
#include "tests/unit/unit.h"

#define BLOCKS  1000
#define EPS_SEC 0.9 /* large, so that violations show */

struct channel {
	const char *name;
	unsigned int detected[4], errors[4]; /* in Z, by photon number; X alike, a fifth of it */
};

static const struct channel channels[] = {
        {"single photons alone", {0, 20000, 0, 0}, {0, 1000, 0, 0}},
        {"up to two photons", {0, 15000, 6000, 0}, {0, 300, 0, 0}},
        {"dark", {8000, 8000, 1000, 0}, {4000, 100, 10, 0}},
        {"honest", {600, 14000, 2600, 300}, {300, 210, 40, 5}},
        {"photon number splitting", {100, 3000, 12000, 4000}, {50, 30, 0, 0}},
};

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* p(k | n) by Bayes, k the strongest of the source's K intensities first. */
static unsigned int draw_intensity(const double *share, unsigned int intensities, uint64_t *state)
{
	double u = (double)(next(state) >> 11) * 0x1p-53;
	unsigned int k = 0;

	while (k + 1 < intensities && u >= share[k])
		u -= share[k++];
	return k;
}

static void draw_basis(const struct finite_key_source *s, unsigned int intensities,
                       const struct channel *c, unsigned int divide, uint64_t *n, uint64_t *m,
                       uint64_t *state)
{
	for (unsigned int photons = 0; photons < 4; photons++) {
		double share[FINITE_KEY_INTENSITIES], sum = 0;

		for (unsigned int k = 0; k < intensities; k++)
			sum += share[k] = s->p[k] * exp(-s->mu[k]) * pow(s->mu[k], photons);
		for (unsigned int k = 0; k < intensities; k++)
			share[k] /= sum;
		for (unsigned int i = 0; i < c->detected[photons] / divide; i++) {
			unsigned int k = draw_intensity(share, intensities, state);

			n[k]++;
			m[k] += i < c->errors[photons] / divide;
		}
	}
}

/* How often each bound was wrong. */
struct violations {
	unsigned int s0_lower, s0_upper, s1_lower, v1_upper;
};

static void compare(const struct finite_key_basis *b, const struct channel *c, unsigned int divide,
                    struct violations *v)
{
	v->s0_lower += b->s0_lower > c->detected[0] / divide;
	v->s0_upper += b->s0_upper < c->detected[0] / divide;
	v->s1_lower += b->s1_lower > c->detected[1] / divide;
	v->v1_upper += b->v1_upper < c->errors[1] / divide;
}

/* As often as EPS: five standard deviations above that come up once in 3.5 million tests. */
static void check(const char *proof, const char *channel, const char *bound, unsigned int wrong,
                  double eps)
{
	double most = eps * BLOCKS;

	most += 5 * sqrt(most);
	CU_ASSERT(wrong <= most);
	if (wrong > most || getenv("COVERAGE_VERBOSE"))
		fprintf(stderr, "%s, %s: %s is wrong in %u of %d blocks, %.0f at most\n", proof,
		        channel, bound, wrong, BLOCKS, most);
}

static unsigned int run(enum finite_key_proof proof, double parts,
                        const struct finite_key_source *source, const struct channel *c)
{
	const char *name = finite_key_proof_name(proof);
	struct violations z = {0}, x = {0};
	uint64_t state = 0x9e3779b97f4a7c15ULL + proof;
	struct finite_key_input in = {.source = *source, .leak = 100};
	struct finite_key_result r;

	for (int i = 0; i < BLOCKS; i++) {
		in.counts = (struct finite_key_counts){{0}, {0}, {0}, {0}};
		draw_basis(source, finite_key_intensities(proof), c, 1, in.counts.n_z,
		           in.counts.m_z, &state);
		draw_basis(source, finite_key_intensities(proof), c, 5, in.counts.n_x,
		           in.counts.m_x, &state);
		CU_ASSERT_EQUAL_FATAL(finite_key_bound(proof, &in, &r), 0);
		compare(&r.z, c, 1, &z);
		compare(&r.x, c, 5, &x);
	}
	/* The deviations that each bound takes, one count up or down each. */
	check(name, c->name, "s_z0 from below", z.s0_lower, 2 * EPS_SEC / parts);
	check(name, c->name, "s_z0 from above", z.s0_upper, 2 * EPS_SEC / parts);
	check(name, c->name, "s_z1", z.s1_lower, 4 * EPS_SEC / parts);
	check(name, c->name, "s_x1", x.s1_lower, 4 * EPS_SEC / parts);
	check(name, c->name, "v_x1", x.v1_upper, 2 * EPS_SEC / parts);
	return x.v1_upper;
}

static void run_all(enum finite_key_proof proof, double parts,
                    const struct finite_key_source *source)
{
	unsigned int wrong = 0;

	for (size_t i = 0; i < sizeof(channels) / sizeof(channels[0]); i++)
		wrong += run(proof, parts, source, &channels[i]);
	/* Some bounds are the truth but for their deviation: they must be wrong at times. */
	CU_ASSERT(wrong > 0);
}

static const struct finite_key_source one_decoy = {{0.5, 0.1}, {0.5, 0.5}, EPS_SEC, 1e-15};
static const struct finite_key_source two_decoys = {
        {0.5, 0.2, 0.002}, {0.4, 0.3, 0.3}, EPS_SEC, 1e-15};

static void test_rusca(void)
{
	run_all(FINITE_KEY_RUSCA2018, 19, &one_decoy);
}

static void test_wiesemann(void)
{
	run_all(FINITE_KEY_WIESEMANN2024, 15, &one_decoy);
}

static void test_lim(void)
{
	run_all(FINITE_KEY_LIM2014, 21, &two_decoys);
}

UNIT_MAIN(UNIT(test_rusca), UNIT(test_wiesemann), UNIT(test_lim))
