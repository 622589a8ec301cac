/* SPDX-License-Identifier: BSD-3-Clause */

#include "tests/unit/drivers/attack_rig.h"

static const struct optics_source source = {.mu1 = 0.5, .mu2 = 0.1, .p_mu1 = 0.5, .p_z = 0.5};

/* On the transmitter's clock: arrivals stay where they are in the slot. */
static struct optics_link still(void)
{
	struct optics_link link = attack_link(20);

	link.max_ppb = link.walk_ppb_s = link.dark_probability = 0;
	link.p_z_bob = 0.5;
	return link;
}

/* Circular mean and resultant length of arrivals of one detector, in slots. */
static void arrivals(const uint64_t bins[32], double *mean, double *length)
{
	double c = 0, s = 0, n = 0;

	for (int i = 0; i < 32; i++) {
		c += (double)bins[i] * cos(2 * M_PI * (i + 0.5) / 32);
		s += (double)bins[i] * sin(2 * M_PI * (i + 0.5) / 32);
		n += (double)bins[i];
	}
	*mean = atan2(s, c) / (2 * M_PI);
	*length = sqrt(c * c + s * s) / n;
}

static double apart(double a, double b)
{
	return remainder(a - b, 1);
}

static void test_time_shift(void)
{
	struct attack none = {.kind = ATTACK_NONE}, a = attack_of("time-shift 1 0.25 10");
	struct optics_link link = still();
	struct tally honest = {0}, t = {0};
	double at[5], length;

	attack_run(&link, &source, &none, 1, 10000000, 1, &honest);
	attack_run(&link, &source, &a, 1, 10000000, 1, &t);
	arrivals(honest.histogram[0], &at[4], &length);
	CU_ASSERT(length > 0.95);
	for (int d = 0; d < 4; d++)
		arrivals(t.histogram[d], &at[d], &length);
	/* Bit 0 early, bit 1 late: 10/11 at one quarter, 1/11 at the other, opposite ones. */
	for (int d = 0; d < 4; d++)
		CU_ASSERT_DOUBLE_EQUAL(apart(at[d], at[4]), d & 1 ? 0.25 : -0.25, 0.01);
	CU_ASSERT(attack_share(t.clicks, 1e7,
	                       attack_gain(&link, &source, &a, 0) / 2 +
	                               attack_gain(&link, &source, &a, 1) / 2,
	                       5));
	CU_ASSERT_DOUBLE_EQUAL((double)t.clicks / (double)honest.clicks, 0.55, 0.02);
}

/* By half a slot, every other click is counted to a neighbour: half of these are errors. */
static void test_time_shift_across_slots(void)
{
	struct attack a = attack_of("time-shift 1 0.5 0");
	struct optics_link link = still();
	uint64_t beside = 0, n = 0;
	static struct click k[4096];
	static struct clicks c;
	struct light light = {.mode = CARD_TX_MODE_QKD, .source = source, .attack = a};
	struct rng rng;

	rng_init_seed(&rng, 7);
	clicks_init(&c, &link, &rng);
	clicks_set_receiver(&c, true, 10, 0, 256);
	clicks_set_light(&c, &light);
	c.phase = 0;
	while (c.n < 3000000) {
		size_t m = clicks_run(&c, 3000000, k, 4096);

		for (size_t i = 0; i < m; i++)
			beside += k[i].slot != k[i].pulse;
		n += m;
	}
	CU_ASSERT(n > 10000);
	CU_ASSERT(attack_share(beside, (double)n, 0.5, 5));
}

static void test_energy_time(void)
{
	struct attack none = {.kind = ATTACK_NONE}, a = attack_of("energy-time 1 10");
	struct attack bright = attack_of("energy-time 1 25");
	struct optics_link link = still();
	struct tally honest = {0}, t = {0};
	double at, before, length;

	attack_run(&link, &source, &none, 1, 10000000, 1, &honest);
	attack_run(&link, &source, &a, 1, 10000000, 1, &t);
	arrivals(honest.histogram[0], &before, &length);
	arrivals(t.histogram[0], &at, &length);
	/* 2 ns at 50 dB: 0.4 ns at 10. */
	CU_ASSERT_DOUBLE_EQUAL(apart(at, before), -0.4, 0.01);
	CU_ASSERT_EQUAL(t.bright, 0);
	CU_ASSERT(t.doubles > 20 * honest.doubles);
	attack_run(&link, &source, &bright, 1, 10000000, 1, &t);
	CU_ASSERT(t.bright > 0 && t.doubles > t.clicks / 2);
}

UNIT_MAIN(UNIT(test_time_shift), UNIT(test_time_shift_across_slots), UNIT(test_energy_time))
