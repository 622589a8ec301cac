/* SPDX-License-Identifier: BSD-3-Clause */

/* The cards' analog settings: limits, settling, and what they do to the light. */

#include "drivers/model/analog.h"

#include "tests/unit/drivers/model_host.h"

static uint32_t at(unsigned int i, uint32_t which)
{
	return CARD_ANALOG(i) + which;
}

static void set(struct host *h, int end, unsigned int i, int32_t value)
{
	host_write(h, end, at(i, CARD_ANALOG_SET), (uint32_t)value);
	host_write(h, end, CARD_ANALOG_APPLY, 1);
}

/* Lit, with the settings accepted. */
static struct host *lit(const struct optics_link *link, uint64_t seed)
{
	struct host *h = host_open(link, seed);

	host_write(h, A, CARD_FEATURES_USED_LO, CARD_FEATURE_ANALOG);
	host_write(h, B, CARD_FEATURES_USED_LO, CARD_FEATURE_ANALOG);
	ring_run(h, B, CARD_RING_TAGS, 4);
	light_up(h);
	return h;
}

static struct sim_truth truth_of(struct host *h, unsigned int ms)
{
	memset(&h->link.truth, 0, sizeof(h->link.truth));
	pass_ms(h, ms);
	return h->link.truth;
}

static double errors(const struct sim_truth *t, unsigned int basis)
{
	return (double)t->errors[basis] / (double)t->sifted[basis];
}

/* Four sigma of a share P of N. */
static bool near(double p, double n, double expected)
{
	return fabs(p - expected) < 4 * sqrt(expected * (1 - expected) / n);
}

static void test_settles(void)
{
	struct host *h = host_open(&optics_link_default, 61);
	const unsigned int m = CARD_ANALOG_MODULATOR, t = CARD_ANALOG_LASER_MC;

	CU_ASSERT_EQUAL(reg(h, A, CARD_ANALOG_PRESENT), 0xf);
	CU_ASSERT_EQUAL(reg(h, B, CARD_ANALOG_PRESENT), 0x30);
	/* Not accepted: what is set does nothing. */
	set(h, A, m, 3000);
	pass_ms(h, 50);
	CU_ASSERT_EQUAL(reg(h, A, at(m, CARD_ANALOG_ACTUAL)), 2500);
	CU_ASSERT_EQUAL(reg(h, A, CARD_TX_EXTINCTION), 0); /* dark */
	host_write(h, A, CARD_CTRL, CARD_CTRL_RESET);
	host_write(h, A, CARD_FEATURES_USED_LO, CARD_FEATURE_ANALOG);
	CU_ASSERT_EQUAL(reg(h, A, at(m, CARD_ANALOG_SET)), 2500);
	set(h, A, m, 3000);
	CU_ASSERT(reg(h, A, at(m, CARD_ANALOG_ACTUAL)) < 2700);
	pass_ms(h, 30);
	CU_ASSERT_EQUAL(reg(h, A, at(m, CARD_ANALOG_ACTUAL)), 3000);
	/* Temperatures: within the contract's 30 s, and not at once. */
	set(h, A, t, 26000);
	pass_ms(h, 4000);
	CU_ASSERT(reg(h, A, at(t, CARD_ANALOG_ACTUAL)) > 25600);
	CU_ASSERT(reg(h, A, at(t, CARD_ANALOG_ACTUAL)) < 25660);
	set(h, A, t, 35001);
	CU_ASSERT_EQUAL(reg(h, A, CARD_FAULT_CODE), CARD_FAULT_CONFIG);
	CU_ASSERT_EQUAL(reg(h, A, CARD_FAULT_ARG), at(t, CARD_ANALOG_SET));
	host_close(h);
}

/* 1 V off a V_pi of 5 V: sin^2(18 degrees) of the light is in the other time bin. */
static void test_modulator_off_its_point(void)
{
	struct optics_link link = optics_link_default;
	double leak = 0.999 * pow(sin(M_PI / 10), 2), e;
	struct sim_truth t;
	struct host *h;

	link.modulator_mv = 1000;
	h = lit(&link, 62);
	pass_ms(h, 50);
	CU_ASSERT(fabs(reg(h, A, CARD_TX_EXTINCTION) + 10000 * log10(leak + 1e-3)) < 200);
	t = truth_of(h, 200);
	e = link.misalignment + (1 - 2 * link.misalignment) * leak;
	CU_ASSERT(t.sifted[0] > 10000);
	CU_ASSERT(fabs(errors(&t, 0) - e) < 0.005);
	CU_ASSERT(fabs(errors(&t, 1) - e) < 0.03);
	set(h, A, CARD_ANALOG_MODULATOR, 3500);
	pass_ms(h, 50);
	CU_ASSERT(abs((int)reg(h, A, CARD_TX_EXTINCTION) - 30000) < 200);
	t = truth_of(h, 200);
	CU_ASSERT(errors(&t, 0) < link.misalignment + 0.008); /* afterpulses have their share */
	host_close(h);
}

static void test_attenuator_and_phase(void)
{
	struct optics_link link = optics_link_default;
	double e = link.misalignment, x;
	struct sim_truth before, after;
	struct host *h;

	/* So far off that the hold-off takes little; light alone. */
	link.distance_km = 120;
	link.dark_probability = 1e-8;
	link.afterpulse = 0;
	h = lit(&link, 63);
	before = truth_of(h, 600);
	set(h, A, CARD_ANALOG_VOA, 53010);
	pass_ms(h, 100);
	after = truth_of(h, 600);
	CU_ASSERT(fabs((double)after.clicks / (double)before.clicks - 0.5) < 0.06);
	/* A third of a turn less is a quarter of wrong outcomes in X, and none in Z. */
	set(h, A, CARD_ANALOG_VOA, 40000);
	set(h, B, CARD_ANALOG_PHASE, 1047);
	pass_ms(h, 100);
	after = truth_of(h, 400);
	x = e + (1 - 2 * e) * pow(sin(1.047 / 2), 2);
	CU_ASSERT(after.sifted[1] > 500);
	CU_ASSERT(near(errors(&after, 1), (double)after.sifted[1], x));
	CU_ASSERT(errors(&after, 0) < e + 0.008);
	host_close(h);
}

static void test_point_wanders(void)
{
	struct optics_link link = optics_link_default;
	struct host *h;

	link.modulator_walk_mv = 200;
	h = host_open(&link, 64);
	pass_ms(h, 4000);
	/* 400 mV in four seconds, give or take. */
	CU_ASSERT(fabs(h->link.alice.card.analog.bias_point) > 2);
	CU_ASSERT(fabs(h->link.alice.card.analog.bias_point) < 1600);
	host_close(h);
}

UNIT_MAIN(UNIT(test_settles), UNIT(test_modulator_off_its_point), UNIT(test_attenuator_and_phase),
          UNIT(test_point_wanders))
