/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/eal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>

#include "tests/unit/dataplane/dpdk.h"
#include "tests/unit/unit.h"

static bool has(const struct eal_args *args, const char *text)
{
	for (int i = 0; i < args->count; i++)
		if (strcmp(args->value[i], text) == 0)
			return true;
	return false;
}

static bool has_start(const struct eal_args *args, const char *text)
{
	for (int i = 0; i < args->count; i++)
		if (strncmp(args->value[i], text, strlen(text)) == 0)
			return true;
	return false;
}

static void test_cpus_parse(void)
{
	struct err err = {0};
	cpu_set_t set;

	CU_ASSERT_EQUAL(eal_cpus_parse("2-4,8", &set, &err), 0);
	CU_ASSERT_EQUAL(CPU_COUNT(&set), 4);
	CU_ASSERT_TRUE(CPU_ISSET(2, &set) && CPU_ISSET(3, &set) && CPU_ISSET(4, &set) &&
	               CPU_ISSET(8, &set));
	for (const char *const *bad = (const char *const[]){"", "a", "1-", "4-2", "1,,2", "1;2",
	                                                    "-1", "0-99999", NULL};
	     *bad != NULL; bad++) {
		CU_ASSERT_EQUAL(eal_cpus_parse(*bad, &set, &err), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "cpus"));
	}
}

static void test_device_names(void)
{
	char name[32];

	CU_ASSERT_TRUE(eal_device_is_pci("0000:01:00.0"));
	CU_ASSERT_TRUE(eal_device_is_pci("01:00.1"));
	CU_ASSERT_TRUE(eal_device_is_pci("0000:3b:00.1,representor=0"));
	CU_ASSERT_FALSE(eal_device_is_pci("net_tap0,iface=lan0"));
	CU_ASSERT_FALSE(eal_device_is_pci("0000:01:00.0x"));
	CU_ASSERT_FALSE(eal_device_is_pci("eth0"));
	eal_device_name("net_af_packet0,iface=wan0", name, sizeof(name));
	CU_ASSERT_STRING_EQUAL(name, "net_af_packet0");
	eal_device_name("0000:01:00.0", name, sizeof(name));
	CU_ASSERT_STRING_EQUAL(name, "0000:01:00.0");
}

static void test_args_fold_lcores_on_few_cpus(void)
{
	struct eal_config config = {.file_prefix = "gw-a",
	                            .memory_mb = 256,
	                            .lcores = 2,
	                            .devices = {"net_tap0,iface=lan0", "net_tap1,iface=wan0"},
	                            .device_count = 2};
	struct eal_args args;
	struct err err = {0};
	cpu_set_t two;

	CPU_ZERO(&two);
	CPU_SET(0, &two);
	CPU_SET(1, &two);
	CU_ASSERT_EQUAL(eal_args_build(&config, &two, false, &args, &err), 0);
	CU_ASSERT_TRUE(has(&args, "--lcores=0@(0,1),1@(0,1),2@(0,1)"));
	CU_ASSERT_TRUE(has(&args, "--file-prefix=gw-a"));
	CU_ASSERT_TRUE(has(&args, "--no-huge"));
	CU_ASSERT_FALSE(has(&args, "--in-memory"));
	CU_ASSERT_TRUE(has(&args, "256"));
	CU_ASSERT_TRUE(has(&args, "--no-pci"));
	CU_ASSERT_TRUE(has(&args, "--vdev=net_tap0,iface=lan0"));
	CU_ASSERT_TRUE(has(&args, "--vdev=net_tap1,iface=wan0"));
	CU_ASSERT_TRUE(has(&args, "--no-telemetry"));
	CU_ASSERT_PTR_NULL(args.value[args.count]);
}

static void test_args_pin_lcores_on_many_cpus(void)
{
	struct eal_config config = {.file_prefix = "gw-a",
	                            .memory_mb = 1024,
	                            .lcores = 3,
	                            .telemetry = true,
	                            .devices = {"0000:01:00.0", "0000:01:00.1"},
	                            .device_count = 2};
	struct eal_args args;
	struct err err = {0};
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	for (int c = 4; c < 8; c++)
		CPU_SET(c, &cpus);
	CU_ASSERT_EQUAL(eal_args_build(&config, &cpus, true, &args, &err), 0);
	CU_ASSERT_TRUE(has(&args, "--lcores=0@(4,5,6,7),1@5,2@6,3@7"));
	CU_ASSERT_TRUE(has(&args, "--in-memory"));
	CU_ASSERT_FALSE(has(&args, "--no-huge"));
	CU_ASSERT_TRUE(has(&args, "--allow=0000:01:00.0"));
	CU_ASSERT_TRUE(has(&args, "--allow=0000:01:00.1"));
	CU_ASSERT_FALSE(has_start(&args, "--no-pci"));
	CU_ASSERT_FALSE(has_start(&args, "--vdev"));
	CU_ASSERT_FALSE(has_start(&args, "--iova-mode"));
	CU_ASSERT_FALSE(has(&args, "--no-telemetry"));
	config.secondaries = true;
	CU_ASSERT_EQUAL(eal_args_build(&config, &cpus, true, &args, &err), 0);
	CU_ASSERT_FALSE(has(&args, "--in-memory"));
	CU_ASSERT_FALSE(has(&args, "--no-huge"));
	CU_ASSERT_FALSE(has(&args, "--no-shconf"));
	/* Without hugepages there is nothing to attach to. */
	CU_ASSERT_EQUAL(eal_args_build(&config, &cpus, false, &args, &err), 0);
	CU_ASSERT_TRUE(has(&args, "--no-huge"));
}

static void test_args_refuse(void)
{
	struct eal_config config = {.file_prefix = "x", .memory_mb = 64, .lcores = 0};
	struct eal_args args;
	struct err err = {0};
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CU_ASSERT_EQUAL(eal_args_build(&config, &cpus, false, &args, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "lcores"));
	config.lcores = 1;
	CU_ASSERT_EQUAL(eal_args_build(&config, &cpus, false, &args, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "cpus"));
}

static void test_members_of_bonded_devices(void)
{
	struct eal_config config = {.file_prefix = "x",
	                            .memory_mb = 64,
	                            .lcores = 1,
	                            .devices = {"net_bonding0,mode=1,member=0000:01:00.0,slave="
	                                        "0000:01:00.1,xmit_policy=l34",
	                                        "net_bonding1,mode=4,member=net_null7"},
	                            .device_count = 2};
	struct eal_args args;
	struct err err = {0};
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	CU_ASSERT_EQUAL(eal_args_build(&config, &cpus, false, &args, &err), 0);
	CU_ASSERT_TRUE(has(&args, "--allow=0000:01:00.0"));
	CU_ASSERT_TRUE(has(&args, "--allow=0000:01:00.1"));
	CU_ASSERT_TRUE(has(&args, "--vdev=net_null7"));
#ifdef HAVE_BOND_MEMBER
	CU_ASSERT_TRUE(has(&args, "--vdev=net_bonding0,mode=1,member=0000:01:00.0,"
	                          "member=0000:01:00.1,xmit_policy=l34"));
	CU_ASSERT_TRUE(has(&args, "--vdev=net_bonding1,mode=4,member=net_null7"));
#else
	CU_ASSERT_TRUE(has(&args, "--vdev=net_bonding0,mode=1,slave=0000:01:00.0,"
	                          "slave=0000:01:00.1,xmit_policy=l34"));
	CU_ASSERT_TRUE(has(&args, "--vdev=net_bonding1,mode=4,slave=net_null7"));
#endif
	/* Members on the PCI bus are looked for there. */
	CU_ASSERT_FALSE(has(&args, "--no-pci"));
}

static void test_start_opens_the_named_device_only(void)
{
	uint16_t port;
	struct stat st;

	dpdk_start(2, 64, "net_null0", NULL);
	CU_ASSERT_EQUAL(rte_eth_dev_count_avail(), 1);
	CU_ASSERT_EQUAL(rte_eth_dev_get_port_by_name("net_null0", &port), 0);
	CU_ASSERT_EQUAL(rte_lcore_count(), 3);
	CU_ASSERT_EQUAL(rte_get_main_lcore(), 0);
	CU_ASSERT_FALSE(eal_on_hugepages());
	CU_ASSERT_EQUAL(stat(rte_eal_get_runtime_dir(), &st), 0);
}

UNIT_MAIN(UNIT(test_cpus_parse), UNIT(test_device_names), UNIT(test_args_fold_lcores_on_few_cpus),
          UNIT(test_args_pin_lcores_on_many_cpus), UNIT(test_args_refuse),
          UNIT(test_members_of_bonded_devices), UNIT(test_start_opens_the_named_device_only))
