/* SPDX-License-Identifier: BSD-3-Clause */

#include "config/config.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#define ROOT "/lumengate:gateway"

/* The loopback interface and this program's own file are there on every machine. */
static struct config present(void)
{
	struct config c = {0};

	strcpy(c.lan.device, "net_af_packet0,iface=lo,blocksz=4096");
	strcpy(c.wan.device, "0000:01:00.0");
	strcpy(c.channel.psk_file, "/proc/self/exe");
	strcpy(c.keystore.storage_key, "/proc/self/exe");
	strcpy(c.control.group, "root");
	return c;
}

static void test_all_present(void)
{
	struct config c = present();
	struct err err = {0};

	CU_ASSERT_EQUAL(config_check_system(&c, &err), 0);
}

static void test_missing_interface(void)
{
	struct config c = present();
	struct err err = {0};

	strcpy(c.wan.device, "net_af_packet1,iface=nope9");
	CU_ASSERT_EQUAL(config_check_system(&c, &err), -ENOENT);
	CU_ASSERT_STRING_EQUAL(err.text,
	                       ROOT "/port/wan/device: missing interface: there is no nope9");
}

static void test_missing_file(void)
{
	struct config c = present();
	struct err err = {0};

	strcpy(c.channel.psk_file, "/nonexistent/psk");
	CU_ASSERT_EQUAL(config_check_system(&c, &err), -ENOENT);
	CU_ASSERT_STRING_EQUAL(err.text, ROOT
	                       "/channel/psk-file: /nonexistent/psk: No such file or directory");
}

static void test_missing_group(void)
{
	struct config c = present();
	struct err err = {0};

	strcpy(c.control.read_only_group, "no-such-group");
	CU_ASSERT_EQUAL(config_check_system(&c, &err), -ENOENT);
	CU_ASSERT_STRING_EQUAL(err.text,
	                       ROOT "/control/read-only-group: there is no group no-such-group");
	c = present();
	strcpy(c.delivery.group, "no-such-group");
	CU_ASSERT_EQUAL(config_check_system(&c, &err), -ENOENT);
	CU_ASSERT_STRING_EQUAL(err.text, ROOT "/delivery/group: there is no group no-such-group");
	c = present();
	strcpy(c.control.capture_group, "no-such-group");
	CU_ASSERT_EQUAL(config_check_system(&c, &err), -ENOENT);
	CU_ASSERT_STRING_EQUAL(err.text,
	                       ROOT "/control/capture-group: there is no group no-such-group");
}

UNIT_MAIN(UNIT(test_all_present), UNIT(test_missing_interface), UNIT(test_missing_file),
          UNIT(test_missing_group))
