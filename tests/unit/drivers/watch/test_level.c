/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/level.h"
#include "tests/unit/drivers/watch/numbers.h"
#include "tests/unit/unit.h"

#define WINDOW_S 0.1
#define NATS     20

static const struct watch_level_params params = {.base = {.learn_s = 10,
                                                          .time_s = 100,
                                                          .slope = 1e-4,
                                                          .bound = 0.5,
                                                          .spread_floor = 0.01,
                                                          .growth = 1.5},
                                                 .margin = 0.2,
                                                 .rise = 0.2,
                                                 .sd = 0.05};

/* Windows about X; how many until the threshold is crossed, 0: not at all. */
static unsigned int run(struct watch_level *w, double x, unsigned int n)
{
	for (unsigned int i = 1; i <= n; i++)
		if (watch_level_add(w, x + 0.02 * number_normal(), WINDOW_S))
			return i;
	return 0;
}

static void test_rise(void)
{
	struct watch_level w;
	unsigned int n;

	watch_level_init(&w, &params, NATS);
	CU_ASSERT_EQUAL(run(&w, 5, 100), 0);
	CU_ASSERT(w.base.ready && fabs(w.base.value - 5) < 0.02);
	/* On the envelope there is nothing to find, however long; above it there is. */
	CU_ASSERT_EQUAL(run(&w, 5.19, 10000), 0);
	w.base.value = 5;
	n = run(&w, 5.5, 10);
	CU_ASSERT(n >= 1 && n <= 2);
	CU_ASSERT_TRUE(w.over.over);
	/* What is found is not learnt. */
	run(&w, 5.5, 1000);
	CU_ASSERT(w.base.value < 5.05);
	run(&w, 5, 100);
	CU_ASSERT_FALSE(w.over.over);
}

/* What creeps up is learnt no faster, and no further, than the baseline has it. */
static void test_creeping(void)
{
	struct watch_level w;
	double x = 5;

	watch_level_init(&w, &params, NATS);
	run(&w, x, 100);
	for (unsigned int i = 0; i < 20000 && !w.over.over; i++)
		run(&w, x += 1e-4, 1);
	/* Ten times the slope: found before it is twice the envelope. */
	CU_ASSERT(w.over.over && x < 5.6);
}

static void test_no_number(void)
{
	struct watch_level w;

	watch_level_init(&w, &params, NATS);
	CU_ASSERT_FALSE(watch_level_add(&w, -INFINITY, WINDOW_S));
	CU_ASSERT_FALSE(watch_level_add(&w, NAN, WINDOW_S));
	CU_ASSERT_FALSE(watch_level_add(&w, 5, 0));
	CU_ASSERT_EQUAL(w.base.seconds, 0);
}

UNIT_MAIN(UNIT(test_rise), UNIT(test_creeping), UNIT(test_no_number))
