/* SPDX-License-Identifier: BSD-3-Clause */

#include "config/config_parts.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

static struct config config;

static struct config_prefix prefix(const char *text)
{
	struct config_prefix p;

	CU_ASSERT_TRUE_FATAL(config_prefix_parse(text, &p));
	return p;
}

static struct config_addr addr(const char *text)
{
	struct config_addr a;

	CU_ASSERT_TRUE_FATAL(config_addr_parse(text, &a));
	return a;
}

static void add(uint16_t vlan, const char *address)
{
	struct config_sub *s = &config.lan_subs[config.lan_sub_count++];

	s->vlan = vlan;
	s->port.mtu = 1500;
	s->port.addresses[s->port.address_count++] = prefix(address);
}

static void start(void)
{
	memset(&config, 0, sizeof(config));
	config.lan.mtu = config.wan.mtu = 1500;
	config.lan.addresses[config.lan.address_count++] = prefix("10.1.0.1/24");
	config.wan.addresses[config.wan.address_count++] = prefix("192.0.2.1/30");
	add(10, "10.1.10.1/24");
	add(20, "10.1.20.1/24");
}

static void refused(const char *text)
{
	struct err err = {0};

	CU_ASSERT_EQUAL(config_check_subs(&config, &err), -EINVAL);
	CU_ASSERT_STRING_EQUAL(err.text, text);
}

static void test_fit(void)
{
	struct config_addr a;

	start();
	CU_ASSERT_EQUAL(config_check_subs(&config, NULL), 0);
	a = addr("10.1.20.7");
	CU_ASSERT_TRUE(config_subs_cover(&config, &a));
	CU_ASSERT_FALSE(config_subs_have(&config, &a));
	a = addr("10.1.20.1");
	CU_ASSERT_TRUE(config_subs_have(&config, &a));
	a = addr("10.1.0.7");
	CU_ASSERT_FALSE(config_subs_cover(&config, &a));
}

static void test_overlap(void)
{
	start();
	add(30, "10.1.20.129/25");
	refused(CONFIG_ROOT "/port/lan/vlan[id='30']/address[.='10.1.20.129/25']: overlaps "
	                    "10.1.20.1/24 of VLAN 20");
	start();
	add(30, "192.0.2.2/24");
	refused(CONFIG_ROOT "/port/lan/vlan[id='30']/address[.='192.0.2.2/24']: overlaps "
	                    "192.0.2.1/30 of the WAN port");
}

static void test_pseudowire_carries_it(void)
{
	start();
	config.wire_count = 1;
	strcpy(config.wires[0].name, "w");
	config.wires[0].vlans[30 / 8] = 1 << 30 % 8;
	CU_ASSERT_EQUAL(config_check_subs(&config, NULL), 0);
	config.wires[0].vlans[20 / 8] = 1 << 20 % 8;
	refused(CONFIG_ROOT "/port/lan/vlan[id='20']: the pseudowire w carries it");
	config.wires[0].vlans[20 / 8] = 0;
	config.wires[0].whole = true;
	refused(CONFIG_ROOT "/port/lan/vlan[id='10']: the pseudowire w carries it");
}

static void test_routes_of_daemons(void)
{
	start();
	config.lan_subs[1].port.learn_routes = 7;
	refused(CONFIG_ROOT "/port/lan/vlan[id='20']/learn-routes: without an exception-interface "
	                    "there is nobody to learn from");
	strcpy(config.lan_subs[1].port.exception, "lg-20");
	CU_ASSERT_EQUAL(config_check_subs(&config, NULL), 0);
	config.lan.learn_routes = CONFIG_LEARN_MAX - 7;
	CU_ASSERT_EQUAL(config_check_subs(&config, NULL), 0);
	config.lan.learn_routes++;
	refused(CONFIG_ROOT "/port/lan/vlan[id='20']/learn-routes: with the port's and the VLANs' "
	                    "before it more than 4096");
}

UNIT_MAIN(UNIT(test_fit), UNIT(test_routes_of_daemons), UNIT(test_overlap),
          UNIT(test_pseudowire_carries_it))
