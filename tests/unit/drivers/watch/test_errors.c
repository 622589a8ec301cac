/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/errors.h"
#include "tests/unit/unit.h"
#include "tests/unit/drivers/watch/numbers.h"
#include "drivers/watch/monitors.h"

#define Z_WINDOW 1000
#define X_WINDOW 400
#define WINDOW_S 0.1

/* What the card says of its phase: error rate in X that it adds. */
static double told;

static uint32_t feed(struct watch_errors *w, double qz, double qx)
{
	uint64_t n[2] = {Z_WINDOW, X_WINDOW};
	uint64_t e[2] = {number_binomial(n[0], qz), number_binomial(n[1], qx)};

	return watch_errors_add(w, n, e, told, WINDOW_S);
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

static double phase_error(double *phase, double rad)
{
	*phase = number_walk(*phase, WINDOW_S, 20);
	return pow(sin(rad * *phase / 2), 2);
}

/* Honest X of a link whose phase wanders by so much, of which the card tells or not. */
static uint32_t wander(struct watch_errors *w, double *phase, double rad, bool tells, double more,
                       unsigned int windows)
{
	uint32_t over = 0;

	for (unsigned int i = 0; i < windows && over == 0; i++) {
		double x = phase_error(phase, rad);

		/* Its reading scatters by 5 mrad. */
		told = tells ? pow(sqrt(x) + 0.0025 * number_normal(), 2) : -1;
		over = feed(w, 0.02, 0.02 + more + x);
	}
	told = 0;
	return over;
}

/* 10 hours each: what is told of the phase widens no envelope, what is not does. */
static void test_honest_drift(void)
{
	static const double rads[] = {0.04, 0.06, 0.1};

	for (unsigned int i = 0; i < 6; i++) {
		struct watch_errors w;
		double phase = 0, rad = rads[i / 2];
		bool tells = i % 2 == 0;

		watch_errors_init(&w);
		CU_ASSERT_EQUAL(wander(&w, &phase, rad, tells, 0, 360000), 0);
		CU_ASSERT_EQUAL(tells, w.basis[1].envelope < 0.03);
	}
}

/*
 * Who measures in Z alone disturbs X alone: found within the bits that the table of requirements
 * gives her, though the phase wanders, when the card tells of it.
 */
static void test_resend_in_z_over_drift(void)
{
	static const struct {
		double f;
		uint64_t within;
	} rows[] = {{0.1, 4000}, {0.02, 85000}};
	struct watch_errors learnt;
	double phase = 0;

	watch_errors_init(&learnt);
	CU_ASSERT_EQUAL(wander(&learnt, &phase, 0.06, true, 0, 7000), 0);
	for (unsigned int i = 0; i < 2; i++) {
		unsigned int found = 0;

		for (unsigned int r = 0; r < 100; r++) {
			struct watch_errors w = learnt;
			double at = phase;

			found += wander(&w, &at, 0.06, true, rows[i].f * 0.48,
			                (unsigned int)(rows[i].within / X_WINDOW)) != 0;
		}
		CU_ASSERT(found >= 98);
	}
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
	CU_ASSERT_EQUAL(watch_errors_add(&w, n, e, 0, 1), 0);
	CU_ASSERT_EQUAL(watch_errors_add(&w, none, none, 0, 1), 0);
	CU_ASSERT_EQUAL(w.basis[1].rate, w.basis[1].rate);
}

UNIT_MAIN(UNIT(test_intercept_resend), UNIT(test_honest_drift), UNIT(test_resend_in_z_over_drift),
          UNIT(test_slow_teaching), UNIT(test_bad_counts))
