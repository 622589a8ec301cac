/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/errors.h"
#include "tests/unit/unit.h"
#include "tests/unit/drivers/watch/numbers.h"
#include "drivers/watch/monitors.h"

#define Z_WINDOW 1000
#define X_WINDOW 400
#define WINDOW_S 0.1

static uint32_t feed(struct watch_errors *w, double qz, double qx)
{
	uint64_t n[2] = {Z_WINDOW, X_WINDOW};
	uint64_t e[2] = {number_binomial(n[0], qz), number_binomial(n[1], qx)};

	return watch_errors_add(w, n, e, WINDOW_S);
}

static void learn(struct watch_errors *w)
{
	watch_errors_init(w);
	for (unsigned int i = 0; i < 6010; i++)
		CU_ASSERT_EQUAL(feed(w, 0.02, 0.02), 0);
	CU_ASSERT_TRUE(w->basis[0].base.ready && w->basis[1].base.ready);
}

/* Outcomes of the basis that fires first until it does, at most MOST. */
static uint64_t outcomes_until(const struct watch_errors *learnt, double f, double z_share,
                               uint64_t most)
{
	double e0 = 0.02, right = (1 - f) * e0;
	/* What she measured in a basis errs there as before, in the other one half the time. */
	double qz = right + f * (z_share * e0 + (1 - z_share) / 2);
	double qx = right + f * ((1 - z_share) * e0 + z_share / 2);
	struct watch_errors w = *learnt;
	uint64_t windows = 0;
	uint32_t over = 0;

	while (over == 0 && windows * X_WINDOW < most) {
		over = feed(&w, qz, qx);
		windows++;
	}
	if (over & (1u << WATCH_ERRORS_X_WEAK | 1u << WATCH_ERRORS_X_STRONG))
		return windows * X_WINDOW;
	return over != 0 ? windows * Z_WINDOW : most;
}

static void test_intercept_resend(void)
{
	static const struct {
		double f;
		uint64_t within;
	} rows[] = {{0.1, 4000}, {0.02, 85000}};
	const unsigned int runs = 100;
	struct watch_errors learnt;

	learn(&learnt);
	for (unsigned int i = 0; i < 2; i++) {
		for (unsigned int share = 0; share <= 4; share++) {
			unsigned int found = 0;

			for (unsigned int r = 0; r < runs; r++)
				found += outcomes_until(&learnt, rows[i].f, share / 4.0,
				                        4 * rows[i].within) <= rows[i].within;
			CU_ASSERT(found >= 95);
		}
	}
}

/* The phase of the interferometer wanders, and with its square the errors in X: 10 hours. */
static void test_honest_drift(void)
{
	struct watch_errors w;
	double phase = 0;
	uint32_t over = 0;

	watch_errors_init(&w);
	for (unsigned int i = 0; i < 360000; i++) {
		phase = number_walk(phase, WINDOW_S, 20);
		over |= feed(&w, 0.02, 0.02 + pow(0.06 * phase / 2, 2));
	}
	CU_ASSERT_EQUAL(over, 0);
	CU_ASSERT(w.basis[1].base.spread > 3 * w.basis[0].base.spread);
	/* And an attack is found over it. */
	for (unsigned int i = 0; i < 3000; i++) {
		phase = number_walk(phase, WINDOW_S, 20);
		over |= feed(&w, 0.045, 0.045 + pow(0.06 * phase / 2, 2));
	}
	CU_ASSERT(over & 1u << WATCH_ERRORS_Z_STRONG);
}

/* Who begins slowly is found at the bound of what can be taught. */
static void test_slow_teaching(void)
{
	struct watch_errors w;
	uint32_t over = 0;
	double q = 0.02;

	learn(&w);
	for (unsigned int i = 0; i < 400000 && over == 0; i++) {
		q += 0.9e-6 * WINDOW_S;
		over = feed(&w, q, 0.02);
	}
	CU_ASSERT(over != 0);
	CU_ASSERT(q < 0.02 + 0.01 + 2 * WATCH_ERRORS_WEAK);
}

static void test_bad_counts(void)
{
	struct watch_errors w;
	uint64_t n[2] = {100, 0}, e[2] = {101, 0}, none[2] = {0, 0};

	learn(&w);
	CU_ASSERT_EQUAL(watch_errors_add(&w, n, e, 1), 0);
	CU_ASSERT_EQUAL(watch_errors_add(&w, none, none, 1), 0);
	CU_ASSERT_EQUAL(w.basis[1].rate, w.basis[1].rate);
}

UNIT_MAIN(UNIT(test_intercept_resend), UNIT(test_honest_drift), UNIT(test_slow_teaching),
          UNIT(test_bad_counts))
