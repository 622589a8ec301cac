/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/doubles.h"
#include "tests/unit/unit.h"
#include "tests/unit/drivers/watch/numbers.h"
#include "drivers/watch/monitors.h"

#define CLICKS 9000 /* in 0.1 s, behind a hold-off of 10 us */
#define SHARE  0.002

static uint32_t feed(struct watch_doubles *w, double share)
{
	return watch_doubles_add(w, CLICKS, number_binomial(CLICKS, share), 0.1);
}

static void learn(struct watch_doubles *w)
{
	watch_doubles_init(w);
	for (unsigned int i = 0; i < 700; i++)
		CU_ASSERT_EQUAL(feed(w, SHARE), 0);
	CU_ASSERT_TRUE_FATAL(w->base.ready);
	CU_ASSERT(fabs(exp(w->base.value) / SHARE - 1) < 0.05);
}

static void test_blinding(void)
{
	struct watch_doubles w;
	unsigned int windows = 1;

	learn(&w);
	while (windows < 100 && watch_doubles_add(&w, CLICKS, 0, 0.1) != 1u << WATCH_DOUBLES_FEW)
		windows++;
	CU_ASSERT(windows <= 10); /* 1 s */
}

static void test_many(void)
{
	struct watch_doubles w;
	unsigned int windows = 1;

	learn(&w);
	while (windows < 100 && feed(&w, 3 * SHARE) != 1u << WATCH_DOUBLES_MANY)
		windows++;
	CU_ASSERT(windows <= 10);
}

/* Intensities that drift by 3 %, ten hours. */
static void test_honest_drift(void)
{
	struct watch_doubles w;
	double drift = 0;
	uint32_t over = 0;

	watch_doubles_init(&w);
	for (unsigned int i = 0; i < 360000; i++) {
		drift = number_walk(drift, 0.1, 600);
		over |= feed(&w, SHARE * (1 + 0.03 * drift));
	}
	CU_ASSERT_EQUAL(over, 0);
}

/* A fibre that loses 6 dB at once has a quarter of the doubles, and detectors that are well. */
static void test_loss(void)
{
	struct watch_doubles w;
	uint32_t over = 0;

	watch_doubles_init(&w);
	watch_doubles_rate(&w, 0.016);
	for (unsigned int i = 0; i < 700; i++)
		over |= feed(&w, SHARE);
	CU_ASSERT_TRUE(w.base.ready);
	watch_doubles_rate(&w, 0.004);
	for (unsigned int i = 0; i < 1000; i++)
		over |= feed(&w, SHARE / 4);
	watch_doubles_rate(&w, 0.03);
	for (unsigned int i = 0; i < 1000; i++)
		over |= feed(&w, SHARE * 30 / 16);
	CU_ASSERT_EQUAL(over, 0);
	CU_ASSERT_EQUAL(feed(&w, 1e-9) | feed(&w, 1e-9) | feed(&w, 1e-9), 1u << WATCH_DOUBLES_FEW);
}

static void test_nothing(void)
{
	struct watch_doubles w;

	watch_doubles_init(&w);
	for (unsigned int i = 0; i < 10000; i++)
		CU_ASSERT_EQUAL(watch_doubles_add(&w, CLICKS, 0, 0.1), 0);
	CU_ASSERT_FALSE(w.base.ready);
	CU_ASSERT_EQUAL(watch_doubles_add(&w, 0, 0, 0.1), 0);
	CU_ASSERT_EQUAL(watch_doubles_add(&w, 5, 6, 0.1), 0);
}

UNIT_MAIN(UNIT(test_blinding), UNIT(test_many), UNIT(test_honest_drift), UNIT(test_loss),
          UNIT(test_nothing))
