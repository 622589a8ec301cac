/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/photocurrent.h"
#include "drivers/watch/monitors.h"
#include "tests/unit/drivers/watch/numbers.h"
#include "tests/unit/unit.h"

#define LEAK_NA   3
#define CHARGE_NC 1.6e-3 /* nA s */

static uint32_t step(struct watch_photocurrent *w, double rate, double extra_na, double peak_na,
                     double bright)
{
	struct card_rx_reading r = {.seconds = 0.1};

	for (unsigned int d = 0; d < CARD_DETECTORS; d++) {
		r.clicks[0][d] = (uint32_t)number_binomial(100000, rate * 0.1 / 100000);
		r.bright[d] = (uint32_t)number_binomial(r.clicks[0][d], bright);
		r.current_na[d] = (uint32_t)((LEAK_NA + rate * CHARGE_NC + extra_na) *
		                             (1 + 0.002 * number_normal()));
		r.peak_na[d] = (uint32_t)((LEAK_NA + 1e5 * CHARGE_NC + peak_na) *
		                          (1 + 0.002 * number_normal()));
	}
	return watch_photocurrent_add(w, &r);
}

static uint32_t run(struct watch_photocurrent *w, unsigned int n, double rate, double extra_na,
                    double peak_na, double bright)
{
	uint32_t over = 0;

	for (unsigned int i = 0; i < n; i++)
		over |= step(w, rate, extra_na, peak_na, bright);
	return over;
}

static void learn(struct watch_photocurrent *w)
{
	watch_photocurrent_init(w, 10e-6);
	CU_ASSERT_EQUAL(run(w, 110, 25000, 0, 0, 0), 0);
	CU_ASSERT_TRUE(w->mean[0].base.ready);
}

/* However many clicks there are, the current is what they make. */
static void test_rates(void)
{
	static const double rates[] = {100, 1000, 5000, 25000, 90000};
	struct watch_photocurrent w;

	learn(&w);
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		CU_ASSERT_EQUAL(run(&w, 200, rates[i], 0, 0, 0), 0);
}

static void test_found(void)
{
	struct watch_photocurrent w;

	learn(&w);
	CU_ASSERT_EQUAL(run(&w, 10, 25000, 200, 0, 0), 1u << WATCH_PHOTOCURRENT);
	learn(&w);
	CU_ASSERT_EQUAL(run(&w, 10, 25000, 0, 2000, 0), 1u << WATCH_PHOTOCURRENT_PEAK);
	learn(&w);
	CU_ASSERT_EQUAL(run(&w, 10, 25000, 0, 0, 0.1), 1u << WATCH_BRIGHT);
	/* One in two thousand may be. */
	learn(&w);
	CU_ASSERT_EQUAL(run(&w, 1000, 25000, 0, 0, 5e-4), 0);
}

/* With a short hold-off ten clicks fit into 10 us, and make a higher peak that is none. */
static void test_peak_of_clicks(void)
{
	struct watch_photocurrent w;

	watch_photocurrent_init(&w, 1e-6);
	CU_ASSERT_EQUAL(run(&w, 500, 25000, 0, 9 * 160, 0), 0);
	CU_ASSERT(run(&w, 10, 25000, 0, 100 * 160, 0) == 1u << WATCH_PHOTOCURRENT_PEAK);
}

UNIT_MAIN(UNIT(test_rates), UNIT(test_found), UNIT(test_peak_of_clicks))
