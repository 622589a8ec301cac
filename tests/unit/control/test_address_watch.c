/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/address_watch.h"

#include <string.h>

#include "common/log.h"
#include "control/alarm.h"
#include "control/status.h"
#include "tests/unit/unit.h"

static struct forward_address list[2];

static const struct alarm *alarm_of(const char *resource)
{
	return alarm_find("address-conflict", resource);
}

static void test_alarms_follow_the_states(void)
{
	const struct alarm *a;

	log_level_set("alarm", LOG_LEVEL_ERR - 1);
	alarm_reset(NULL);
	list[0].role = PORT_WAN;
	config_addr_parse("192.0.2.1", &list[0].addr);
	list[1].role = PORT_LAN;
	config_addr_parse("fe80::1", &list[1].addr);
	list[0].state = list[1].state = ADDRESS_PROBING;
	address_watch(list, 2);
	CU_ASSERT_PTR_NULL(alarm_at(0));
	list[0].state = ADDRESS_SETTLED;
	list[0].disputed = true;
	list[1].state = ADDRESS_DUPLICATE;
	address_watch(list, 2);
	a = alarm_of("port/wan/192.0.2.1");
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_TRUE(a->active);
	CU_ASSERT_EQUAL(a->severity, ALARM_MAJOR);
	a = alarm_of("port/lan/fe80::1");
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_EQUAL(a->severity, ALARM_CRITICAL);
	list[0].disputed = false;
	address_watch(list, 2);
	CU_ASSERT_FALSE(alarm_of("port/wan/192.0.2.1")->active);
	CU_ASSERT_TRUE(alarm_of("port/lan/fe80::1")->active);
}

static void test_status_has_their_states(void)
{
	static const char *const want[] = {"ours", "duplicate"};
	json_t *o = status_section_read("addresses");

	CU_ASSERT_EQUAL_FATAL(json_array_size(o), 2);
	for (size_t i = 0; i < 2; i++)
		CU_ASSERT_STRING_EQUAL(
		        json_string_value(json_object_get(json_array_get(o, i), "state")), want[i]);
	json_decref(o);
}

UNIT_MAIN(UNIT(test_alarms_follow_the_states), UNIT(test_status_has_their_states))
