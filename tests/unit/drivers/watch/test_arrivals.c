/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/arrivals.h"
#include "drivers/watch/monitors.h"
#include "tests/unit/drivers/watch/numbers.h"
#include "tests/unit/unit.h"

#include <string.h>

/* Clicks of a detector in a tenth of a second; places in slots. */
struct link {
	unsigned int pulses, even;
	double jitter;
	double shift, shifted; /* by so much, for that share; half of them the other way if BOTH */
	bool both;
	double tail; /* share of the pulses' clicks that come up to half a slot later */
};
static const struct link honest = {.pulses = 2000, .even = 20, .jitter = 0.04};

static void put(uint64_t *bin, double late)
{
	late -= rint(late);
	bin[(int)((late + 0.5) * 31.9999)]++;
}

static uint32_t step(struct watch_arrivals *w, const struct link *l)
{
	uint64_t counts[CARD_DETECTORS][WATCH_ARRIVAL_BINS] = {0};

	for (unsigned int d = 0; d < CARD_DETECTORS; d++) {
		for (unsigned int i = 0; i < l->pulses; i++) {
			double late = l->jitter * number_normal();

			if (number_uniform() < l->shifted)
				late += l->both && number_uniform() < 0.5 ? -l->shift : l->shift;
			if (number_uniform() < l->tail)
				late += 0.1 - 0.1 * log(number_uniform());
			put(counts[d], late);
		}
		for (unsigned int i = 0; i < l->even; i++)
			put(counts[d], number_uniform());
	}
	return watch_arrivals_add(w, (const uint64_t(*)[WATCH_ARRIVAL_BINS])counts, 0.1);
}

static uint32_t run(struct watch_arrivals *w, const struct link *l, unsigned int n)
{
	uint32_t over = 0;

	for (unsigned int i = 0; i < n; i++)
		over |= step(w, l);
	return over;
}

static void learn(struct watch_arrivals *w, const struct link *l)
{
	watch_arrivals_init(w);
	CU_ASSERT_EQUAL(run(w, l, 110), 0);
}

/* More dark counts, light of data channels, no light: all of it lies evenly. */
static void test_honest(void)
{
	static const unsigned int even[] = {0, 5, 20, 200, 2000};
	struct watch_arrivals w;
	struct link l = honest;

	learn(&w, &l);
	CU_ASSERT_EQUAL(run(&w, &l, 500), 0);
	for (size_t i = 0; i < sizeof(even) / sizeof(even[0]); i++) {
		l.even = even[i];
		CU_ASSERT_EQUAL(run(&w, &l, 100), 0);
	}
	l.pulses = 0;
	l.even = 30;
	CU_ASSERT_EQUAL(run(&w, &l, 100), 0);
	memset(&l, 0, sizeof(l));
	CU_ASSERT_EQUAL(run(&w, &l, 10), 0);
}

/* A detector whose clicks come late at times is learnt with that, also when noise is added. */
static void test_tail(void)
{
	struct watch_arrivals w;
	struct link l = honest;

	l.tail = 0.05;
	learn(&w, &l);
	CU_ASSERT_EQUAL(run(&w, &l, 300), 0);
	l.even = 300;
	CU_ASSERT_EQUAL(run(&w, &l, 100), 0);
	l.even = 20;
	l.shift = 0.3;
	l.shifted = 0.2;
	CU_ASSERT_EQUAL(run(&w, &l, 20), 1u << WATCH_ARRIVALS_FAR);
}

static void test_shifts(void)
{
	static const struct {
		double shift, shifted;
		bool both;
	} far[] = {{0.5, 1, false}, {0.25, 1, true}, {-0.25, 0.1, false}, {0.4, 0.02, true}};
	struct watch_arrivals learnt, w;
	struct link l = honest;

	learn(&learnt, &l);
	for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
		w = learnt;
		l.shift = far[i].shift;
		l.shifted = far[i].shifted;
		l.both = far[i].both;
		CU_ASSERT_TRUE(run(&w, &l, 20) & 1u << WATCH_ARRIVALS_FAR);
	}
	/* Near by it is the width that tells. */
	w = learnt;
	l.shift = 0.1;
	l.shifted = 1;
	l.both = true;
	CU_ASSERT_TRUE(run(&w, &l, 20) & 1u << WATCH_ARRIVALS_WIDE);
	/* A few hundred clicks in all, as before a clock is lost: half a slot. */
	w = learnt;
	l = honest;
	l.pulses = 60;
	l.shift = 0.5;
	l.shifted = 1;
	CU_ASSERT_EQUAL(run(&w, &l, 1), 1u << WATCH_ARRIVALS_FAR);
}

UNIT_MAIN(UNIT(test_honest), UNIT(test_tail), UNIT(test_shifts))
