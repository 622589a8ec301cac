/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Photon-number splitting that keeps the signal's gain, at 25 km and more with a receiver of
 * efficiency 0.1: the first block of 10^7 raises the alarm. From 50 km on it holds no key by its
 * own counts, noticed or not; at 25 km, where she must let single photons pass to keep the gain,
 * the bound leaves of these up to a quarter of the key, which the engine refuses (ABORT_DECOYS).
 * Counts are what the model's tables expect.
 */

#include "common/decoy_share.h"
#include "common/tail.h"
#include "drivers/watch/decoy.h"
#include "drivers/watch/monitors.h"
#include "qkd-engine/finite_key.h"
#include "tests/unit/drivers/attack_rig.h"

#define BLOCK 1e7

static const struct optics_source source = {.mu1 = 0.5, .mu2 = 0.1, .p_mu1 = 0.7, .p_z = 0.8};

static struct optics_link far(double km)
{
	struct optics_link link = attack_link(km);

	link.receiver_loss_db = 0;
	link.efficiency = 0.1;
	link.dark_probability = 0.5e-6;
	return link;
}

/* Shares of all clicks by Alice's basis, which Bob's is, and intensity. */
struct shares {
	double n[2][2], m[2][2], all[2];
};

static void add(struct shares *s, const struct outcome *o, double p)
{
	unsigned int d = o->detectors, basis = d >= 1u << CARD_DETECTOR_X0;
	unsigned int k = CHOICE_INTENSITY(o->choice);
	bool one = d == 1u << CARD_DETECTOR_Z1 || d == 1u << CARD_DETECTOR_X1;

	s->all[k] += p;
	if ((d & (d - 1)) != 0 || basis != (o->choice & CHOICE_BASIS_X))
		return;
	s->n[basis][k] += p;
	if (one != ((o->choice & CHOICE_BIT) != 0))
		s->m[basis][k] += p;
}

static struct shares shares_of(const struct optics_link *link, const struct attack *attack)
{
	struct shares s = {0};
	struct outcomes o;

	outcomes_build(&o, link, &source, false, attack);
	for (unsigned int i = 0; i < o.count; i++) {
		double keep = (double)o.cell[i].keep * 0x1p-64;

		add(&s, &o.cell[i].own, keep / o.count);
		add(&s, &o.cell[i].other, (1 - keep) / o.count);
	}
	return s;
}

/* Bits of key of a block of 10^7 sifted detections in Z. */
static uint64_t key_of(const struct shares *s, enum finite_key_proof proof)
{
	struct finite_key_input in = {.source = {.mu = {source.mu1, source.mu2},
	                                         .p = {source.p_mu1, 1 - source.p_mu1},
	                                         .eps_sec = 1e-12,
	                                         .eps_cor = 1e-15},
	                              .f = 1.16};
	double scale = BLOCK / (s->n[0][0] + s->n[0][1]);
	struct finite_key_result r;

	for (unsigned int k = 0; k < 2; k++) {
		in.counts.n_z[k] = (uint64_t)(scale * s->n[0][k]);
		in.counts.m_z[k] = (uint64_t)(scale * s->m[0][k]);
		in.counts.n_x[k] = (uint64_t)(scale * s->n[1][k]);
		in.counts.m_x[k] = (uint64_t)(scale * s->m[1][k]);
	}
	CU_ASSERT_EQUAL(finite_key_bound(proof, &in, &r), 0);
	return r.secret_bits;
}

static bool alarm_of(const struct shares *s)
{
	struct watch_decoy w;
	double scale = BLOCK / (s->n[0][0] + s->n[0][1]);

	watch_decoy_init(&w, source.mu1, source.mu2, source.p_mu1, 1 - source.p_mu1);
	return watch_decoy_add(&w, (uint64_t)(scale * s->all[0]), (uint64_t)(scale * s->all[1])) ==
	       1u << WATCH_DECOY;
}

/* As the engine judges a block. */
static bool refused(const struct shares *s)
{
	double scale = BLOCK / (s->n[0][0] + s->n[0][1]);
	uint64_t n[2] = {(uint64_t)(scale * (s->n[0][0] + s->n[1][0])),
	                 (uint64_t)(scale * (s->n[0][1] + s->n[1][1]))};

	return tail_binomial_below(n[1], n[0] + n[1],
	                           decoy_share(source.mu1, source.mu2, source.p_mu1,
	                                       1 - source.p_mu1, 1)) < log(1e-10);
}

static void test_first_block(void)
{
	static const double rows[] = {25, 50, 75, 100};
	struct attack none = {.kind = ATTACK_NONE}, pns = attack_of("photon-number-splitting 1");

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct optics_link link = far(rows[i]);
		struct shares honest = shares_of(&link, &none), split = shares_of(&link, &pns);

		CU_ASSERT_FALSE(alarm_of(&honest));
		CU_ASSERT_FALSE(refused(&honest));
		CU_ASSERT_TRUE(refused(&split));
		CU_ASSERT_TRUE(alarm_of(&split));
		for (enum finite_key_proof p = FINITE_KEY_WIESEMANN2024; p <= FINITE_KEY_RUSCA2018;
		     p++) {
			CU_ASSERT(key_of(&honest, p) > BLOCK / 10);
			CU_ASSERT(key_of(&split, p) < key_of(&honest, p) / 4);
			CU_ASSERT_EQUAL(rows[i] >= 50, key_of(&split, p) == 0);
		}
	}
}

UNIT_MAIN(UNIT(test_first_block))
