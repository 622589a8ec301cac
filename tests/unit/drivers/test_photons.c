/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Coverage with the device model: clicks of an honest and of an attacked link, sifted as the
 * gateway does, and the bounds of each block beside what is true of it. Eve, detectors, dark
 * counts, afterpulses, hold-off and clicks in both bases are the model's.
 *
 * COVERAGE_BLOCKS=10000 runs the whole campaign, some minutes; COVERAGE_VERBOSE=1 prints how often
 * each bound was wrong.
 */

#include "drivers/model/photons.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/squash.h"
#include "drivers/card_regs.h"
#include "qkd-engine/finite_key.h"
#include "tests/unit/unit.h"

#define BLOCKS     200
#define BLOCK_BITS 10000
#define BATCH      1024
#define HOLDOFF    1000 /* slots */

static const struct optics_source demo = {.mu1 = 0.5, .mu2 = 0.1, .p_mu1 = 0.5, .p_z = 0.8};

/* Light by the whole and photon by photon: the same clicks. */
static void test_photons_make_the_light(void)
{
	static const struct attack attacks[] = {{.kind = ATTACK_NONE},
	                                        {ATTACK_INTERCEPT_RESEND, 0.3, 0.6},
	                                        {ATTACK_MINUS_TO_PLUS, 0.7, 0}};
	struct optics_link link = optics_link_default;
	double eta = physics_transmittance(&link), mu = 0.5;

	link.dark_probability = 1e-3;
	for (unsigned int i = 0; i < 3; i++)
		for (unsigned int state = 0; state < 4; state++)
			for (unsigned int mask = 0; mask < 16; mask++) {
				double whole = 0, parts = 0, poisson = exp(-mu);

				for (unsigned int to = 0; to < 4; to++) {
					double p = attack_probability(&attacks[i], state & 1,
					                              state >> 1, to & 1, to >> 1);
					double mean[4];

					outcomes_illuminate(&link, eta * mu, to & 1, to >> 1, mean);
					for (unsigned int d = 0; d < 4; d++) {
						double silent = (1 - 1e-3) * exp(-mean[d]);

						p *= mask >> d & 1 ? 1 - silent : silent;
					}
					whole += p;
				}
				for (unsigned int n = 0; n < 40; n++) {
					parts += poisson * photons_clicks(&link, &attacks[i],
					                                  state & 1, state >> 1, n,
					                                  mask);
					poisson *= mu / (n + 1);
				}
				CU_ASSERT_DOUBLE_EQUAL(parts, whole, 1e-12);
			}
}

static void test_phase_error(void)
{
	struct attack a = {.kind = ATTACK_NONE};
	struct photons p;

	photons_init(&p, &optics_link_default, &demo, &a);
	CU_ASSERT_DOUBLE_EQUAL(p.phase_error, 0.01, 1e-12);
	a = (struct attack){ATTACK_INTERCEPT_RESEND, 1, 1};
	photons_init(&p, &optics_link_default, &demo, &a);
	CU_ASSERT_DOUBLE_EQUAL(p.phase_error, 0.5, 1e-12);
	a = (struct attack){ATTACK_MINUS_TO_PLUS, 1, 0};
	photons_init(&p, &optics_link_default, &demo, &a);
	CU_ASSERT_DOUBLE_EQUAL(p.phase_error, 0.5, 1e-12);
}

/* What is true of a block. */
struct truth {
	uint64_t s_z0, s_z1, s_x1, v_x1, phase_errors;
};

struct link_run {
	struct clicks clicks;
	struct photons photons;
	struct rng rng;
	struct click batch[BATCH];
	size_t at, count;
};

static void start(struct link_run *r, const struct optics_link *link, const struct attack *attack)
{
	struct light light = {.mode = CARD_TX_MODE_QKD, .source = demo, .attack = *attack};
	struct rng rng;

	rng_init_seed(&rng, 4);
	rng_init_seed(&r->rng, 5);
	clicks_init(&r->clicks, link, &rng);
	clicks_set_receiver(&r->clicks, true, HOLDOFF, 0, 256);
	CU_ASSERT_EQUAL(clicks_set_light(&r->clicks, &light), 0);
	photons_init(&r->photons, link, &demo, attack);
	r->at = r->count = 0;
}

static const struct click *next_click(struct link_run *r)
{
	if (r->at == r->count) {
		r->at = 0;
		r->count = clicks_run(&r->clicks, UINT64_MAX / 2, r->batch, BATCH);
	}
	return &r->batch[r->at++];
}

/* A choice of Alice's that the click says nothing of. */
static unsigned int any_choice(struct rng *rng)
{
	return (rng_uniform(rng) < demo.p_z ? 0 : CHOICE_BASIS_X) |
	       (rng_next(rng) >> 63 ? CHOICE_BIT : 0) |
	       (rng_uniform(rng) < demo.p_mu1 ? 0 : CHOICE_MU2);
}

static void sift(struct link_run *r, const struct click *k, struct finite_key_counts *c,
                 struct truth *t)
{
	unsigned int choice = k->has_choice ? k->choice : any_choice(&r->rng);
	unsigned int photons =
	        photons_draw(&r->photons, choice, k->has_choice ? k->detectors : 0, &r->rng);
	struct squashed s = squash(k->detectors, (unsigned int)(rng_next(&r->rng) >> 62));
	unsigned int decoy = choice & CHOICE_MU2 ? 1 : 0;
	bool matched = s.basis == (choice & CHOICE_BASIS_X ? 1 : 0);
	bool error = s.bit != (choice & CHOICE_BIT ? 1 : 0);

	if (s.cross && s.basis == 1)
		c->cross[!matched]++;
	if (!matched)
		return;
	if (s.basis == 1) {
		c->n_x[decoy]++;
		c->m_x[decoy] += error;
		t->s_x1 += photons == 1;
		t->v_x1 += photons == 1 && error;
		return;
	}
	c->n_z[decoy]++;
	c->m_z[decoy] += error;
	t->s_z0 += photons == 0;
	t->s_z1 += photons == 1;
	/* Without light the outcome in X is a coin. */
	t->phase_errors +=
	        photons == 1 &&
	        rng_uniform(&r->rng) < (k->origin == CLICK_LIGHT ? r->photons.phase_error : 0.5);
}

struct violations {
	unsigned int s_z0_lower, s_z1, s_x1, v_x1, phi;
};

static void compare(enum finite_key_proof proof, const struct finite_key_input *in,
                    const struct truth *t, struct violations *v)
{
	struct finite_key_result r;

	CU_ASSERT_EQUAL_FATAL(finite_key_bound(proof, in, &r), 0);
	v->s_z0_lower += r.z.s0_lower > (double)t->s_z0;
	v->s_z1 += r.z.s1_lower > (double)t->s_z1;
	v->s_x1 += r.x.s1_lower > (double)t->s_x1;
	v->v_x1 += r.x.v1_upper < (double)t->v_x1;
	v->phi += (double)t->phase_errors > r.phi_z_upper * (double)t->s_z1;
}

static unsigned int blocks(void)
{
	const char *text = getenv("COVERAGE_BLOCKS");

	return text != NULL ? (unsigned int)strtoul(text, NULL, 10) : BLOCKS;
}

/* As often as EPS: five standard deviations above that come up once in 3.5 million tests. */
static void check(const char *proof, const char *link, const char *bound, unsigned int wrong,
                  double eps)
{
	double most = eps * blocks();

	most += 5 * sqrt(most);
	CU_ASSERT(wrong <= most);
	if (wrong > most || getenv("COVERAGE_VERBOSE"))
		fprintf(stderr, "%s, %s: %s is wrong in %u of %u blocks, %.1f at most\n", proof,
		        link, bound, wrong, blocks(), most);
}

static void run(const char *name, const struct optics_link *link, const struct attack *attack)
{
	static const struct {
		enum finite_key_proof proof;
		double parts;
	} proofs[2] = {{FINITE_KEY_RUSCA2018, 19}, {FINITE_KEY_WIESEMANN2024, 15}};
	static struct link_run r;
	struct violations v[2] = {{0}, {0}};
	struct finite_key_input in = {.leak = 100};
	uint64_t s_x1 = 0, v_x1 = 0, s_z1 = 0, phase_errors = 0, cross = 0;

	/* Large, so that violations would show. */
	in.source = (struct finite_key_source){
	        {demo.mu1, demo.mu2}, {demo.p_mu1, 1 - demo.p_mu1}, 0.9, 1e-15};
	start(&r, link, attack);
	for (unsigned int i = 0; i < blocks(); i++) {
		struct truth t = {0};

		memset(&in.counts, 0, sizeof(in.counts));
		while (in.counts.n_z[0] + in.counts.n_z[1] < BLOCK_BITS)
			sift(&r, next_click(&r), &in.counts, &t);
		for (int p = 0; p < 2; p++)
			compare(proofs[p].proof, &in, &t, &v[p]);
		s_x1 += t.s_x1;
		v_x1 += t.v_x1;
		s_z1 += t.s_z1;
		phase_errors += t.phase_errors;
		cross += in.counts.cross[0] + in.counts.cross[1];
	}
	for (int p = 0; p < 2; p++) {
		const char *proof = finite_key_proof_name(proofs[p].proof);
		double part = 0.9 / proofs[p].parts;

		check(proof, name, "s_z0", v[p].s_z0_lower, 2 * part);
		check(proof, name, "s_z1", v[p].s_z1, 4 * part);
		check(proof, name, "s_x1", v[p].s_x1, 4 * part);
		check(proof, name, "v_x1", v[p].v_x1, 2 * part);
		check(proof, name, "phi_z", v[p].phi, 11 * part);
	}
	CU_ASSERT(cross > 0);
	/* The truth itself: what X shows of single photons is what Z would, within 5 deviations. */
	{
		double x = (double)v_x1 / (double)s_x1, z = (double)phase_errors / (double)s_z1;
		double sigma = sqrt(z * (1 - z) * (1 / (double)s_x1 + 1 / (double)s_z1));

		CU_ASSERT(s_x1 > 10 * blocks() && fabs(x - z) <= 5 * sigma + 0.002);
		if (getenv("COVERAGE_VERBOSE"))
			fprintf(stderr, "%s: single photons err in X %.4f, in Z they would %.4f\n",
			        name, x, z);
	}
}

static void test_coverage(void)
{
	static const struct {
		const char *name;
		double km;
		struct attack attack;
	} runs[] = {
	        {"20 km", 20, {.kind = ATTACK_NONE}},
	        {"100 km", 100, {.kind = ATTACK_NONE}},
	        {"intercept-resend of a tenth", 20, {ATTACK_INTERCEPT_RESEND, 0.1, 0.5}},
	        {"intercept-resend of all", 20, {ATTACK_INTERCEPT_RESEND, 1, 0.5}},
	        {"intercept-resend of a fifth in Z", 20, {ATTACK_INTERCEPT_RESEND, 0.2, 1}},
	        {"|-> to |+> of a fifth", 20, {ATTACK_MINUS_TO_PLUS, 0.2, 0}},
	};

	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		struct optics_link link = optics_link_default;

		link.distance_km = runs[i].km;
		run(runs[i].name, &link, &runs[i].attack);
	}
}

UNIT_MAIN(UNIT(test_photons_make_the_light), UNIT(test_phase_error), UNIT(test_coverage))
