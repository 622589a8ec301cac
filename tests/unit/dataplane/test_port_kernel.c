/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/port_kernel.h"
#include "tests/unit/unit.h"

static void test_interface_of_the_device(void)
{
	char name[16];

	CU_ASSERT_TRUE(port_kernel_interface("net_af_packet0,iface=lan0,framecnt=64", name, 16));
	CU_ASSERT_STRING_EQUAL(name, "lan0");
	CU_ASSERT_TRUE(port_kernel_interface("net_af_packet1,iface=wan0", name, 16));
	CU_ASSERT_STRING_EQUAL(name, "wan0");
	CU_ASSERT_FALSE(port_kernel_interface("net_tap0,iface=lan0", name, 16));
	CU_ASSERT_FALSE(port_kernel_interface("net_af_packet0", name, 16));
	CU_ASSERT_FALSE(port_kernel_interface("net_af_packet0,iface=", name, 16));
	CU_ASSERT_FALSE(port_kernel_interface("net_af_packet0,iface=0123456789abcdef", name, 16));
}

static void test_received_of_a_real_interface(void)
{
	uint32_t packets = 77;

	CU_ASSERT_TRUE(port_kernel_received("lo", &packets));
	packets = 77;
	CU_ASSERT_FALSE(port_kernel_received("nowhere0", &packets));
	CU_ASSERT_EQUAL(packets, 77);
}

static void test_missed_across_the_wrap(void)
{
	CU_ASSERT_EQUAL(port_kernel_missed(110, 100, 7), 3);
	CU_ASSERT_EQUAL(port_kernel_missed(110, 100, 10), 0);
	CU_ASSERT_EQUAL(port_kernel_missed(110, 100, 12), 0);
	CU_ASSERT_EQUAL(port_kernel_missed(5, UINT32_MAX - 4, 8), 2);
	CU_ASSERT_EQUAL(port_kernel_missed(5, 0, (1ULL << 32) + 4), 1);
}

UNIT_MAIN(UNIT(test_interface_of_the_device), UNIT(test_received_of_a_real_interface),
          UNIT(test_missed_across_the_wrap))
