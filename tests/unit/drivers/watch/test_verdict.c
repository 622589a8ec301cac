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

UNIT_MAIN(UNIT(test_names), UNIT(test_order))
