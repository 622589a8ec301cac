/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/loss.h"
#include "tests/unit/unit.h"
#include "tests/unit/drivers/watch/numbers.h"
#include "drivers/watch/monitors.h"

#define SLOTS   1e9  /* a second */
#define HOLDOFF 1e4  /* slots */
#define GAIN    5e-4 /* clicks per live slot */

struct fibre {
	double intensity, loss; /* walks of deviation 1 */
	double loss_sd;         /* dB */
};

/* A second; MORE dB on the fibre than it was laid with. */
static uint32_t second(struct watch_loss *w, struct fibre *f, double more)
{
	double power, p, clicks;

	f->intensity = number_walk(f->intensity, 1, 600);
	f->loss = number_walk(f->loss, 1, 900);
	power = 1 + 0.03 * f->intensity;
	p = GAIN * power * pow(10, -(more + f->loss_sd * f->loss) / 10);
	/* Renewals: each click costs 1/p slots and the hold-off. */
	clicks = SLOTS / (1 / p + HOLDOFF);
	clicks += sqrt(clicks) / (1 + p * HOLDOFF) * number_normal();
	return watch_loss_add(w, (uint64_t)clicks, SLOTS - floor(clicks) * HOLDOFF, 8000 * power,
	                      1);
}

static uint32_t learn(struct watch_loss *w, struct fibre *f, double loss_sd)
{
	uint32_t over = 0;

	*f = (struct fibre){.loss_sd = loss_sd};
	watch_loss_init(w);
	for (unsigned int i = 0; i < 3600; i++)
		over |= second(w, f, 0);
	return over;
}

static void test_step(void)
{
	unsigned int found = 0, runs = 100;

	for (unsigned int r = 0; r < runs; r++) {
		struct watch_loss w;
		struct fibre f;
		uint32_t over = 0;

		CU_ASSERT_EQUAL(learn(&w, &f, 0.005), 0);
		for (unsigned int i = 0; i < 60; i++)
			over |= second(&w, &f, 0.05);
		found += over == 1u << WATCH_LOSS;
	}
	CU_ASSERT(found >= 98);
}

static void test_gain(void)
{
	struct watch_loss w;
	struct fibre f;
	uint32_t over = 0;

	learn(&w, &f, 0.005);
	for (unsigned int i = 0; i < 60; i++)
		over |= second(&w, &f, -0.1);
	CU_ASSERT_EQUAL(over, 1u << WATCH_GAIN);
}

/* 100 hours of a fibre in the ground, and of one on poles. */
static void test_honest_drift(void)
{
	struct watch_loss w;
	struct fibre f;

	for (unsigned int k = 0; k < 2; k++) {
		uint32_t over = learn(&w, &f, k == 0 ? 0.005 : 0.02);

		for (unsigned int i = 0; i < 360000; i++)
			over |= second(&w, &f, 0);
		CU_ASSERT_EQUAL(over, 0);
	}
}

/* A loss that grows slowly is told of when it has come to the bound. */
static void test_slow(void)
{
	struct watch_loss w;
	struct fibre f;
	double loss = 0;
	uint32_t over = 0;

	learn(&w, &f, 0);
	while (over == 0 && loss < 2)
		over = second(&w, &f, loss += 1e-4);
	CU_ASSERT(over == 1u << WATCH_LOSS_DRIFT || over == 1u << WATCH_LOSS);
	CU_ASSERT(loss < 0.6);
}

static void test_darkness(void)
{
	struct watch_loss w;

	watch_loss_init(&w);
	CU_ASSERT_EQUAL(watch_loss_add(&w, 0, 1e9, 8000, 1000), 0);
	CU_ASSERT_EQUAL(watch_loss_add(&w, 100, 1e9, 0, 1000), 0);
	CU_ASSERT_EQUAL(watch_loss_add(&w, 100, -1, 8000, 1000), 0);
	CU_ASSERT_EQUAL(w.seconds, 0);
}

UNIT_MAIN(UNIT(test_step), UNIT(test_gain), UNIT(test_honest_drift), UNIT(test_slow),
          UNIT(test_darkness))
