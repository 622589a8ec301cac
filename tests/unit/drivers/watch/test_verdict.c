/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/verdict.h"
#include "tests/unit/unit.h"

#include <string.h>

#define BIT(m) (1u << (m))

static void test_names(void)
{
	static const struct {
		uint32_t fired, named;
	} all[] = {
	        {0, 0},
	        {BIT(WATCH_LOSS), BIT(WATCH_LOSS)},
	        {BIT(WATCH_ARRIVALS_FAR) | BIT(WATCH_LOSS) | BIT(WATCH_ERRORS_X_WEAK),
	         BIT(WATCH_ARRIVALS_FAR)},
	        {BIT(WATCH_PHOTOCURRENT) | BIT(WATCH_BRIGHT) | BIT(WATCH_EFFICIENCY) |
	                 BIT(WATCH_GAIN),
	         BIT(WATCH_PHOTOCURRENT)},
	        {BIT(WATCH_DECOY) | BIT(WATCH_DOUBLES_MANY) | BIT(WATCH_LOSS), BIT(WATCH_DECOY)},
	        {BIT(WATCH_DECOY_SAMPLES) | BIT(WATCH_DOUBLES_MANY) | BIT(WATCH_GAIN),
	         BIT(WATCH_DECOY_SAMPLES)},
	        /* Two causes are two alarms. */
	        {BIT(WATCH_REFLECTION) | BIT(WATCH_OUTPUT),
	         BIT(WATCH_REFLECTION) | BIT(WATCH_OUTPUT)},
	        /* No fibre lets less through by a brighter transmitter. */
	        {BIT(WATCH_OUTPUT) | BIT(WATCH_LOSS) | BIT(WATCH_GAIN),
	         BIT(WATCH_OUTPUT) | BIT(WATCH_LOSS)},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		CU_ASSERT_EQUAL(watch_named(all[i].fired), all[i].named);
}

/* Nobody explains away himself, his cause, or a monitor of the same kind. */
static void test_order(void)
{
	for (unsigned int m = 0; m < WATCH_MONITORS; m++) {
		uint32_t explains = watch_explains(m);

		for (unsigned int k = 0; k < WATCH_MONITORS; k++) {
			if (!(explains >> k & 1))
				continue;
			CU_ASSERT(k != m && !(watch_explains(k) >> m & 1));
			CU_ASSERT(strcmp(watch_row(k)->alarm, watch_row(m)->alarm) != 0);
			/* What stops key does so under another name as well. */
			CU_ASSERT(watch_row(m)->stops_key || !watch_row(k)->stops_key);
		}
		CU_ASSERT(watch_wait_s(m) == 0 || !watch_row(m)->stops_key);
	}
	for (uint32_t fired = 1; fired < 1u << 12; fired++)
		CU_ASSERT_NOT_EQUAL(watch_named(fired), 0);
}

#define TURN_NS 100000000u

static uint32_t turns(struct watch_verdict *v, unsigned int n, uint32_t above, bool lit,
                      uint64_t *now)
{
	uint32_t tell = 0;

	while (n-- > 0)
		tell = watch_verdict_turn(v, 0, above, lit, *now += TURN_NS);
	return tell;
}

/* Effects wait or give way, and what stopped key stays until it was quiet in the light. */
static void test_turns(void)
{
	struct watch_verdict v = {.told = 0};
	uint64_t now = TURN_NS;
	const uint32_t doubles = BIT(WATCH_DOUBLES_MANY), far = BIT(WATCH_ARRIVALS_FAR);
	const uint32_t loss = BIT(WATCH_LOSS), current = BIT(WATCH_PHOTOCURRENT);

	CU_ASSERT_EQUAL(turns(&v, 599, doubles, true, &now), 0);
	CU_ASSERT_EQUAL(turns(&v, 10, doubles, true, &now), doubles);
	CU_ASSERT_FALSE(watch_verdict_stops_key(&v));
	CU_ASSERT_EQUAL(turns(&v, 100, doubles | loss, true, &now), doubles);
	CU_ASSERT_EQUAL(turns(&v, 1, doubles | loss, true, &now), doubles | loss);
	CU_ASSERT_EQUAL(turns(&v, 1, doubles | loss | far, true, &now), far);
	CU_ASSERT_TRUE(watch_verdict_stops_key(&v));
	CU_ASSERT_EQUAL(turns(&v, 1, far | current, true, &now), far | current);
	/* Over after 30 s, but in the dark only what the bound covers. */
	CU_ASSERT_EQUAL(turns(&v, 400, 0, false, &now), far | current);
	CU_ASSERT_EQUAL(v.stand & (doubles | loss), 0);
	CU_ASSERT_EQUAL(turns(&v, 299, 0, true, &now), far | current);
	CU_ASSERT_EQUAL(turns(&v, 2, 0, true, &now), 0);
	CU_ASSERT_FALSE(watch_verdict_stops_key(&v));
	CU_ASSERT_EQUAL(watch_verdict_turn(&v, far, 0, true, now += TURN_NS), far);
	CU_ASSERT_EQUAL(v.crossings[WATCH_ARRIVALS_FAR], 1);
}

/* A step of the loss waits until decoys have been heard, and not for ever. */
static void test_decoys_word(void)
{
	struct watch_verdict v = {.told = 0};
	uint64_t now = TURN_NS;
	const uint32_t loss = BIT(WATCH_LOSS), decoys = BIT(WATCH_DECOY_SAMPLES);

	/* As many as before. */
	CU_ASSERT_EQUAL(watch_verdict_asks(&v, loss | decoys, now), loss);
	CU_ASSERT_EQUAL(turns(&v, 20, loss, true, &now), 0);
	CU_ASSERT_EQUAL(watch_verdict_asks(&v, loss, now), loss);
	CU_ASSERT_DOUBLE_EQUAL(watch_verdict_since_s(&v, WATCH_LOSS, now), 1.9, 1e-9);
	watch_verdict_answer(&v, WATCH_LOSS, false);
	CU_ASSERT_EQUAL(watch_verdict_asks(&v, loss, now), 0);
	CU_ASSERT_EQUAL(turns(&v, 1, loss, true, &now), loss);
	/* The next one is asked for anew. */
	CU_ASSERT_EQUAL(turns(&v, 301, 0, true, &now), 0);
	CU_ASSERT_EQUAL(turns(&v, 1, loss, true, &now), 0);
	CU_ASSERT_EQUAL(watch_verdict_asks(&v, loss, now), loss);
	/* Fewer: that is its name, for as long as the step is there. */
	watch_verdict_answer(&v, WATCH_LOSS, true);
	CU_ASSERT_EQUAL(v.crossings[WATCH_DECOY_SAMPLES], 1);
	CU_ASSERT_EQUAL(turns(&v, 1000, loss, true, &now), decoys);
	CU_ASSERT_FALSE(watch_verdict_stops_key(&v));
	CU_ASSERT_EQUAL(turns(&v, 602, 0, true, &now), 0);
	CU_ASSERT_EQUAL(v.fewer | v.answered, 0);
	/* Also when it is below its threshold just then. */
	CU_ASSERT_EQUAL(turns(&v, 1, loss, true, &now), 0);
	CU_ASSERT_EQUAL(turns(&v, 5, 0, true, &now), 0);
	watch_verdict_answer(&v, WATCH_LOSS, true);
	CU_ASSERT_EQUAL(turns(&v, 1, 0, true, &now), decoys);
	CU_ASSERT_EQUAL(turns(&v, 602, 0, true, &now), 0);
	/* An answer that is there at once makes nothing wait; without one it is told in time. */
	watch_verdict_answer(&v, WATCH_LOSS, false);
	CU_ASSERT_EQUAL(turns(&v, 1, loss, true, &now), loss);
	CU_ASSERT_EQUAL(turns(&v, 301, 0, true, &now), 0);
	CU_ASSERT_EQUAL(turns(&v, 100, loss, true, &now), 0);
	CU_ASSERT_EQUAL(turns(&v, 1, loss, true, &now), loss);
	CU_ASSERT_EQUAL(watch_verdict_asks(&v, loss, now), 0);
}

UNIT_MAIN(UNIT(test_names), UNIT(test_order), UNIT(test_turns), UNIT(test_decoys_word))
