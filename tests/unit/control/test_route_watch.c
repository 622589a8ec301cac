/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/route_watch.h"

#include "common/log.h"
#include "control/alarm.h"
#include "tests/unit/unit.h"

static const struct alarm *find(void)
{
	return alarm_find("routes-left-out", "port/lan");
}

static void test_alarm_while_routes_are_not_used(void)
{
	struct dataplane_learnt l = {.count = 7, .most = 100};

	log_level_set("alarm", LOG_LEVEL_ERR - 1);
	alarm_reset(NULL);
	route_watch(PORT_LAN, 0, &l);
	CU_ASSERT_TRUE(find() == NULL || !find()->active);
	l.left_out = 3;
	/* A port that takes none has nothing to say. */
	l.most = 0;
	route_watch(PORT_WAN, 0, &l);
	CU_ASSERT_PTR_NULL(alarm_find("routes-left-out", "port/wan"));
	l.most = 100;
	route_watch(PORT_LAN, 0, &l);
	CU_ASSERT_PTR_NOT_NULL_FATAL(find());
	CU_ASSERT_TRUE(find()->active);
	CU_ASSERT_PTR_NOT_NULL(strstr(find()->text, "7 routes"));
	CU_ASSERT_PTR_NOT_NULL(strstr(find()->text, "at least 3"));
	/* One of its own for each VLAN. */
	CU_ASSERT_PTR_NULL(alarm_find("routes-left-out", "port/lan/vlan/10"));
	route_watch(IFACE_SUBS, 10, &l);
	CU_ASSERT_PTR_NOT_NULL(alarm_find("routes-left-out", "port/lan/vlan/10"));
	l.left_out = 0;
	route_watch(PORT_LAN, 0, &l);
	CU_ASSERT_FALSE(find()->active);
	l.failed = true;
	route_watch(PORT_LAN, 0, &l);
	CU_ASSERT_TRUE(find()->active);
	CU_ASSERT_PTR_NOT_NULL(strstr(find()->text, "older"));
}

UNIT_MAIN(UNIT(test_alarm_while_routes_are_not_used))
