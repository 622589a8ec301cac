/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/phase.h"
#include "tests/unit/unit.h"
#include "tests/unit/drivers/watch/numbers.h"

#define TURN_S 0.1

static double error_of(double rad)
{
	return pow(sin(rad / 2), 2);
}

static void turns(struct watch_phase *p, double rad, double seconds)
{
	for (double s = 0; s < seconds; s += TURN_S)
		watch_phase_step(p, rad * rad, TURN_S, false);
}

static void test_at_once(void)
{
	struct watch_phase p;

	watch_phase_init(&p);
	turns(&p, 0.06, 1000);
	CU_ASSERT_DOUBLE_EQUAL(watch_phase_now(&p), error_of(0.06), 1e-9);
	/* An excursion of five deviations is granted in full. */
	turns(&p, 0.3, 10);
	CU_ASSERT_DOUBLE_EQUAL(watch_phase_now(&p), error_of(0.3), 1e-9);
	/* A reading beyond all sense is no more than half a turn. */
	watch_phase_init(&p);
	turns(&p, 100, 1);
	CU_ASSERT(watch_phase_now(&p) <= 1);
}

/* A block's outcomes come in parts when its light is through. */
static void test_block(void)
{
	struct watch_phase p;

	watch_phase_init(&p);
	turns(&p, 0.06, 100);
	watch_phase_step(&p, 0, TURN_S, true);
	turns(&p, 0.05, 10);
	turns(&p, 0.08, 10 - TURN_S);
	watch_phase_step(&p, 0.08 * 0.08, TURN_S, true);
	CU_ASSERT_DOUBLE_EQUAL(watch_phase_block(&p), (error_of(0.05) + error_of(0.08)) / 2, 2e-5);
	for (unsigned int i = 0; i < 5; i++)
		watch_phase_step(&p, 0.25, TURN_S, true);
	CU_ASSERT_DOUBLE_EQUAL(watch_phase_block(&p), (error_of(0.05) + error_of(0.08)) / 2, 2e-5);
	CU_ASSERT_DOUBLE_EQUAL(watch_phase_now(&p), error_of(0.5), 1e-9);
	/* Blocks that come in each turn have its phase. */
	for (unsigned int i = 0; i < 300; i++)
		watch_phase_step(&p, 0.01 * 0.01, TURN_S, true);
	watch_phase_step(&p, 0.05 * 0.05, TURN_S, true);
	CU_ASSERT_DOUBLE_EQUAL(watch_phase_block(&p), error_of(0.05), 1e-9);
}

/* Forged readings explain no more than WATCH_PHASE_GRANT times what was learnt. */
static void test_forged(void)
{
	struct watch_phase p;
	double sum = 0, n = 0;

	watch_phase_init(&p);
	turns(&p, 0.06, 1000);
	turns(&p, 0.4, 2 * WATCH_PHASE_GRANT_S);
	for (double s = 0; s < 3600; s += TURN_S, n++) {
		turns(&p, 0.4, TURN_S);
		sum += watch_phase_now(&p);
	}
	CU_ASSERT(sum / n < 1.3 * WATCH_PHASE_GRANT * error_of(0.06));
	CU_ASSERT(p.base.value < 1.1 * error_of(0.06));
}

/* An honest phase is granted all, but for one turn in 10^5. */
static void test_honest(void)
{
	struct watch_phase p;
	double phase = 0;
	unsigned int less = 0, n = 500000;

	watch_phase_init(&p);
	turns(&p, 0.06, 601);
	for (unsigned int i = 0; i < n; i++) {
		phase = number_walk(phase, TURN_S, 20);
		watch_phase_step(&p, pow(0.06 * phase, 2), TURN_S, false);
		less += watch_phase_now(&p) < error_of(0.06 * phase) * 0.999;
	}
	CU_ASSERT(less <= n / 100000);
}

UNIT_MAIN(UNIT(test_at_once), UNIT(test_block), UNIT(test_forged), UNIT(test_honest))
