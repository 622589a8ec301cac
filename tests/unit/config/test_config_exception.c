/* SPDX-License-Identifier: BSD-3-Clause */

#include "config/config_parts.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

static struct config config;

static void refused(const char *text)
{
	struct err err = {0};

	CU_ASSERT_EQUAL(config_check_exceptions(&config, &err), -EINVAL);
	CU_ASSERT_STRING_EQUAL(err.text, text);
}

static void test_names_for_daemons(void)
{
	config.lan_sub_count = 2;
	config.lan_subs[0].vlan = 10;
	config.lan_subs[1].vlan = 20;
	strcpy(config.lan.device, "net_af_packet0,iface=lan0,blocksz=4096");
	strcpy(config.lan.exception, "lg-lan");
	strcpy(config.lan_subs[0].port.exception, "lg-ten");
	CU_ASSERT_EQUAL(config_check_exceptions(&config, NULL), 0);
	strcpy(config.lan_subs[1].port.exception, "lg-ten");
	refused(CONFIG_ROOT "/port/lan/vlan[id='20']/exception-interface: lg-ten is VLAN 10's");
	strcpy(config.lan_subs[1].port.exception, "lg-lan");
	refused(CONFIG_ROOT
	        "/port/lan/vlan[id='20']/exception-interface: lg-lan is the LAN port's");
	strcpy(config.lan_subs[1].port.exception, "lan0");
	refused(CONFIG_ROOT "/port/lan/vlan[id='20']/exception-interface: lan0 is a port's device");
}

static void test_device_iface(void)
{
	size_t len = 0;
	const char *at = config_device_iface("net_af_packet0,iface=lan0,blocksz=4096", &len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	CU_ASSERT_EQUAL(len, 4);
	CU_ASSERT_EQUAL(memcmp(at, "lan0", 4), 0);
	CU_ASSERT_PTR_NULL(config_device_iface("0000:01:00.0", &len));
}

UNIT_MAIN(UNIT(test_names_for_daemons), UNIT(test_device_iface))
