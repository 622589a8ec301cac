/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/loss.h"
#include "tests/unit/unit.h"
#include "tests/unit/drivers/watch/numbers.h"
#include "drivers/watch/monitors.h"

#define SLOTS   1e9    /* a second */
#define HOLDOFF 1e4    /* slots */
#define GAIN    3.8e-3 /* clicks per live slot: 50 km */

struct fibre {
	double loss_sd, time_s; /* dB; of its walk */
	double gain;
	double intensity, loss; /* walks of deviation 1 */
	double told;            /* the transmitter's power, a second ago */
};

static const struct fibre buried = {.loss_sd = 0.005, .time_s = 900, .gain = GAIN};
static const struct fibre aerial = {.loss_sd = 0.02, .time_s = 900, .gain = GAIN};

/* A second; MORE dB on the fibre than it was laid with. */
static uint32_t second(struct watch_loss *w, struct fibre *f, double more)
{
	double power, p, clicks, told = f->told;

	f->intensity = number_walk(f->intensity, 1, 600);
	f->loss = number_walk(f->loss, 1, f->time_s);
	power = 1 + 0.03 * f->intensity;
	f->told = floor(8000 * power);
	p = f->gain * power * pow(10, -(more + f->loss_sd * f->loss) / 10);
	/* Renewals: each click costs 1/p slots and the hold-off. */
	clicks = SLOTS / (1 / p + HOLDOFF);
	clicks += sqrt(clicks) / (1 + p * HOLDOFF) * number_normal();
	if (told == 0)
		return 0;
	return watch_loss_add(w, (uint64_t)clicks, SLOTS - floor(clicks) * HOLDOFF, told, 1);
}

static uint32_t learn(struct watch_loss *w, struct fibre *f, const struct fibre *kind,
                      unsigned int seconds)
{
	uint32_t over = 0;

	*f = *kind;
	f->loss = number_normal();
	f->intensity = number_normal();
	watch_loss_init(w);
	for (unsigned int i = 0; i < seconds; i++)
		over |= second(w, f, 0);
	return over;
}

/*
 * Of a step of 0.05 dB, links of other drifts, speeds and click rates than the monitor was made
 * with: the share found within 60 s is what watch_loss_finds() says.
 */
static void test_step(void)
{
	static const struct {
		struct fibre fibre;
		double least, most; /* share found */
	} rows[] = {
	        {{.loss_sd = 0.005, .time_s = 900, .gain = GAIN}, 0.99, 1},
	        {{.loss_sd = 0.02, .time_s = 900, .gain = GAIN}, 0.97, 1},
	        {{.loss_sd = 0.02, .time_s = 1800, .gain = GAIN}, 0.99, 1},
	        {{.loss_sd = 0.005, .time_s = 60, .gain = GAIN}, 0.97, 1},
	        {{.loss_sd = 0.003, .time_s = 900, .gain = GAIN / 100}, 0.97, 1},
	        {{.loss_sd = 0.02, .time_s = 300, .gain = GAIN}, 0.4, 0.9},
	        {{.loss_sd = 0.05, .time_s = 900, .gain = GAIN}, 0, 0.4},
	};
	const unsigned int runs = 100;

	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct watch_loss learnt;
		struct fibre wanders;
		unsigned int found = 0;

		CU_ASSERT_EQUAL(learn(&learnt, &wanders, &rows[k].fibre, 7200), 0);
		CU_ASSERT(watch_loss_finds(&learnt) > 0.02);
		CU_ASSERT_EQUAL(watch_loss_finds(&learnt) < 0.062, rows[k].least > 0.95);
		for (unsigned int r = 0; r < runs; r++) {
			struct watch_loss w;
			struct fibre f;
			uint32_t over = 0;

			/* It wanders on, and windows begin at other times. */
			for (unsigned int i = 0; i < 61; i++)
				second(&learnt, &wanders, 0);
			w = learnt;
			f = wanders;
			for (unsigned int i = 0; i < 60; i++)
				over |= second(&w, &f, 0.05);
			found += over == 1u << WATCH_LOSS;
		}
		CU_ASSERT(found >= rows[k].least * runs && found <= rows[k].most * runs);
	}
}

/* It lasts while the loss does, and its end is no gain. */
static void test_lasts(void)
{
	struct watch_loss w;
	struct fibre f;
	uint32_t over = 0;

	learn(&w, &f, &buried, 3600);
	for (unsigned int i = 0; i < 60; i++)
		over |= second(&w, &f, 0.1);
	CU_ASSERT_EQUAL(over, 1u << WATCH_LOSS);
	for (unsigned int i = 0; i < 600; i++) {
		CU_ASSERT_EQUAL(second(&w, &f, 0.1), 0);
		CU_ASSERT_TRUE(w.loss.over);
	}
	CU_ASSERT_DOUBLE_EQUAL(w.loss.db, -0.1, 0.03);
	for (unsigned int i = 0; i < 600; i++)
		CU_ASSERT_EQUAL(second(&w, &f, 0), 0);
	CU_ASSERT_FALSE(w.loss.over);
	/* Or an operator takes it as it is: what was learnt of the fibre stays. */
	for (unsigned int i = 0; i < 60; i++)
		over |= second(&w, &f, 0.1);
	CU_ASSERT_TRUE(w.loss.over);
	watch_loss_accept(&w);
	CU_ASSERT_FALSE(w.loss.over);
	for (unsigned int i = 0; i < 600; i++)
		CU_ASSERT_EQUAL(second(&w, &f, 0.1), 0);
	CU_ASSERT(watch_loss_finds(&w) > 0.02 && watch_loss_finds(&w) < 0.05);
}

/* Somebody works at the fibre while there is no light: the longer, the less a step tells. */
static void test_gap(void)
{
	static const struct {
		double gap, db;
		uint32_t over;
	} rows[] = {{10, 0.06, 1u << WATCH_LOSS},
	            {60, 0.15, 1u << WATCH_LOSS},
	            {60, 0.02, 0},
	            {86400, 0.3, 0}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct watch_loss w;
		struct fibre f;
		uint32_t over = 0;

		learn(&w, &f, &buried, 3600);
		watch_loss_gap(&w, rows[i].gap);
		for (unsigned int s = 0; s < 60; s++)
			over |= second(&w, &f, rows[i].db);
		CU_ASSERT_EQUAL(over, rows[i].over);
	}
}

static void test_gain(void)
{
	struct watch_loss w;
	struct fibre f;
	uint32_t over = 0;

	learn(&w, &f, &buried, 3600);
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
		uint32_t over = learn(&w, &f, k == 0 ? &buried : &aerial, 600);

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
	const struct fibre still = {.gain = GAIN, .time_s = 900};
	double loss = 0;
	uint32_t over = 0;

	learn(&w, &f, &still, 3600);
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

UNIT_MAIN(UNIT(test_step), UNIT(test_lasts), UNIT(test_gap), UNIT(test_gain),
          UNIT(test_honest_drift), UNIT(test_slow), UNIT(test_darkness))
