/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/monitors.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

/* Each monitor has its share, and all that watches together stays below one a year. */
static void test_budget(void)
{
	double sum = 0;

	for (unsigned int m = 0; m < WATCH_MONITORS; m++) {
		const struct watch_row *r = watch_row(m);

		CU_ASSERT_FATAL(r->name != NULL && r->alarm != NULL);
		CU_ASSERT(strlen(r->alarm) < 32);
		sum += r->alarms;
		if (m == WATCH_TEMPERATURE) /* a limit in hardware, no test */
			continue;
		CU_ASSERT(r->alarms > 0 && r->windows > 1e6);
		CU_ASSERT(fabs(exp(-watch_nats(m)) * r->windows - r->alarms) < 1e-9);
		for (unsigned int k = 0; k < m; k++)
			CU_ASSERT(strcmp(r->name, watch_row(k)->name) != 0);
	}
	CU_ASSERT(fabs(sum - watch_alarms_a_year()) < 1e-12);
	CU_ASSERT(watch_alarms_a_year() + WATCH_OTHERS_A_YEAR < 1);
}

UNIT_MAIN(UNIT(test_budget))
