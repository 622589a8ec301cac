/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/port_kernel.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

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

/* A packet socket on the loopback with a ring of two frames, as the driver makes them. */
static int ring_socket(void)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET,
	                              .sll_protocol = htons(ETH_P_ALL),
	                              .sll_ifindex = (int)if_nametoindex("lo")};
	struct tpacket_req req = {
	        .tp_block_size = 4096, .tp_block_nr = 1, .tp_frame_size = 2048, .tp_frame_nr = 2};
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), version = TPACKET_V2;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version));
	setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void test_counts_what_found_the_ring_full(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	                         .sin_port = htons(9),
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct port_kernel k;
	uint64_t missed;
	int fd = ring_socket(), udp;

	if (fd < 0)
		return; /* packet sockets are root's; the system tests see this, too */
	port_kernel_open(&k, "net_af_packet0,iface=lo");
	CU_ASSERT_EQUAL(k.count, 1);
	CU_ASSERT_EQUAL(k.socket[0], fd);
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	for (int i = 0; i < 50; i++)
		sendto(udp, "x", 1, 0, (struct sockaddr *)&to, sizeof(to));
	/* Nobody reads the ring of two: the others were missed. */
	missed = port_kernel_missed(&k);
	CU_ASSERT(missed >= 48);
	CU_ASSERT(port_kernel_missed(&k) >= missed);
	close(udp);
	close(fd);
}

static void test_other_drivers_have_none(void)
{
	struct port_kernel k;

	port_kernel_open(&k, "net_ring0");
	CU_ASSERT_EQUAL(k.count, 0);
	CU_ASSERT_EQUAL(port_kernel_missed(&k), 0);
	port_kernel_open(&k, "net_af_packet0,iface=nowhere0");
	CU_ASSERT_EQUAL(k.count, 0);
}

/* The loopback of a network namespace of its own. */
static void test_carrier(void)
{
	struct port_kernel k;

	port_kernel_open(&k, "net_ring0");
	CU_ASSERT_EQUAL(port_kernel_link(&k), -1);
	CU_ASSERT_EQUAL(port_kernel_link_set(&k, false), -ENODEV);
	if (unshare(CLONE_NEWNET) < 0)
		return; /* root's, too */
	port_kernel_open(&k, "net_af_packet0,iface=lo");
	CU_ASSERT_EQUAL(port_kernel_link(&k), 0);
	CU_ASSERT_EQUAL(port_kernel_link_set(&k, true), 0);
	CU_ASSERT_EQUAL(port_kernel_link(&k), 1);
	CU_ASSERT_EQUAL(port_kernel_link_set(&k, false), 0);
	CU_ASSERT_EQUAL(port_kernel_link_set(&k, false), 0);
	CU_ASSERT_EQUAL(port_kernel_link(&k), 0);
}

UNIT_MAIN(UNIT(test_interface_of_the_device), UNIT(test_counts_what_found_the_ring_full),
          UNIT(test_other_drivers_have_none), UNIT(test_carrier))
