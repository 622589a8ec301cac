/* SPDX-License-Identifier: BSD-3-Clause */

/* Records and counts between two threads; what the card makes of them is in drivers/. */

#include "dataplane/optics_monitor.h"
#include "tests/unit/unit.h"

#include <string.h>

#include "drivers/card_regs.h"

static struct card_monitor next; /* what the card has; none while its slots are 0 */
static unsigned int left;

bool __wrap_card_monitor_next(struct card *card, struct card_monitor *out);

bool __wrap_card_monitor_next(struct card *card, struct card_monitor *out)
{
	if (left == 0)
		return false;
	left--;
	next.slot++;
	*out = next;
	return true;
}

static void test_records_cross_in_order(void)
{
	static struct optics_monitor o;
	struct optics_monitor_counts c;
	struct card_monitor m;

	memset(&o, 0, sizeof(o));
	CU_ASSERT_FALSE(optics_monitor_take(&o, &m));
	left = 3;
	optics_monitor_poll(&o, NULL);
	for (uint64_t slot = 1; slot <= 3; slot++)
		CU_ASSERT(optics_monitor_take(&o, &m) && m.slot == slot);
	CU_ASSERT_FALSE(optics_monitor_take(&o, &m));
	/* Control stands still: the oldest are kept, the others counted. */
	left = 40;
	optics_monitor_poll(&o, NULL);
	for (uint64_t slot = 4; slot < 36; slot++)
		CU_ASSERT(optics_monitor_take(&o, &m) && m.slot == slot);
	CU_ASSERT_FALSE(optics_monitor_take(&o, &m));
	optics_monitor_counts(&o, &c);
	CU_ASSERT_EQUAL(c.dropped, 8);
	left = 1;
	optics_monitor_poll(&o, NULL);
	CU_ASSERT(optics_monitor_take(&o, &m) && m.slot == 44);
}

static void test_arrivals(void)
{
	static struct optics_monitor o;
	struct optics_monitor_counts c;
	uint64_t all = 0;

	memset(&o, 0, sizeof(o));
	optics_monitor_arrival(&o, 1, -0.5);
	optics_monitor_arrival(&o, 1, -0.5 + 1.0 / 64);
	optics_monitor_arrival(&o, 6, 0);
	optics_monitor_arrival(&o, 8, 0.499);
	optics_monitor_arrival(&o, 8, 0.5); /* of the next slot */
	optics_monitor_counts(&o, &c);
	CU_ASSERT(c.arrivals[0][0] == 2 && c.arrivals[1][16] == 1 && c.arrivals[2][16] == 1);
	CU_ASSERT(c.arrivals[3][31] == 1);
	for (int d = 0; d < 4; d++)
		for (int b = 0; b < 32; b++)
			all += c.arrivals[d][b];
	CU_ASSERT_EQUAL(all, 5);
}

static void test_limits(void)
{
	static struct optics_monitor o;
	struct optics_monitor_counts c;

	memset(&o, 0, sizeof(o));
	CU_ASSERT_FALSE(optics_monitor_lost(&o, 0));
	CU_ASSERT_FALSE(optics_monitor_lost(&o, CARD_FAULT_CONFIG));
	CU_ASSERT_TRUE(optics_monitor_lost(&o, CARD_FAULT_BACK_REFLECTION));
	CU_ASSERT_TRUE(optics_monitor_lost(&o, CARD_FAULT_TEMPERATURE));
	CU_ASSERT_FALSE(optics_monitor_lost(&o, CARD_FAULT_TEMPERATURE + 1));
	optics_monitor_counts(&o, &c);
	CU_ASSERT(c.trips[0] == 1 && c.trips[1] == 0 && c.trips[2] == 0 && c.trips[3] == 1);
}

UNIT_MAIN(UNIT(test_records_cross_in_order), UNIT(test_arrivals), UNIT(test_limits))
