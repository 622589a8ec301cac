/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/link_watch.h"

#include "common/log.h"
#include "control/alarm.h"
#include "tests/unit/unit.h"

static bool raised(void)
{
	const struct alarm *a = alarm_find("link-down", "port/wan");

	return a != NULL && a->active;
}

static void test_the_alarm_follows_the_link(void)
{
	struct port_link l = {0};

	log_level_set("alarm", LOG_LEVEL_ERR - 1);
	alarm_reset(NULL);
	link_watch(PORT_WAN, &l);
	CU_ASSERT_FALSE(raised());
	port_link_update(&l, true, 1);
	link_watch(PORT_WAN, &l);
	CU_ASSERT_FALSE(raised());
	port_link_update(&l, false, 2);
	link_watch(PORT_WAN, &l);
	CU_ASSERT_TRUE(raised());
	CU_ASSERT_PTR_NULL(alarm_find("link-down", "port/lan"));
	l.held = true;
	link_watch(PORT_WAN, &l);
	CU_ASSERT_FALSE(raised());
}

UNIT_MAIN(UNIT(test_the_alarm_follows_the_link))
