/* SPDX-License-Identifier: BSD-3-Clause */

/* In a network namespace of its own, where it may make interfaces. */

#include "dataplane/tap.h"
#include "dataplane/port.h"
#include "tests/unit/dataplane/dpdk.h"
#include "tests/unit/dataplane/namespace.h"
#include "tests/unit/dataplane/packets.h"
#include "tests/unit/command.h"
#include "tests/unit/unit.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static const struct rte_ether_addr mac = {{0x02, 0, 0, 0, 0xaa, 0x01}};
static struct rte_mempool *pool;

static char option(const char *family, const char *name, const char *what)
{
	char path[128], value = '?';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, name, what);
	f = fopen(path, "r");
	if (f != NULL) {
		value = (char)fgetc(f);
		fclose(f);
	}
	return value;
}

static void test_interface_is_as_the_port(void)
{
	struct err err = {0};
	struct tap t, second;
	struct ifreq ifr = {0};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	CU_ASSERT_EQUAL_FATAL(tap_open(&t, "gw-lan", &mac, 1400, &err), 0);
	CU_ASSERT_EQUAL(t.index, if_nametoindex("gw-lan"));
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "gw-lan");
	CU_ASSERT_EQUAL(ioctl(fd, SIOCGIFHWADDR, &ifr), 0);
	CU_ASSERT_EQUAL(memcmp(ifr.ifr_hwaddr.sa_data, &mac, 6), 0);
	CU_ASSERT_EQUAL(ioctl(fd, SIOCGIFMTU, &ifr), 0);
	CU_ASSERT_EQUAL(ifr.ifr_mtu, 1400);
	CU_ASSERT_EQUAL(ioctl(fd, SIOCGIFFLAGS, &ifr), 0);
	CU_ASSERT_TRUE(ifr.ifr_flags & IFF_UP);
	for (unsigned int i = 0; i < 300 && (ifr.ifr_flags & IFF_RUNNING) == 0; i++) {
		usleep(10000);
		CU_ASSERT_EQUAL(ioctl(fd, SIOCGIFFLAGS, &ifr), 0);
	}
	CU_ASSERT_TRUE(ifr.ifr_flags & IFF_RUNNING);
	CU_ASSERT_EQUAL(option("ipv4", "gw-lan", "forwarding"), '0');
	CU_ASSERT_EQUAL(option("ipv4", "gw-lan", "arp_ignore"), '8');
	tap_set_carrier(&t, false);
	/* The kernel tells of a lost carrier up to a second later. */
	for (unsigned int i = 0; i < 300 && (ifr.ifr_flags & IFF_RUNNING) != 0; i++) {
		usleep(10000);
		CU_ASSERT_EQUAL(ioctl(fd, SIOCGIFFLAGS, &ifr), 0);
	}
	CU_ASSERT_FALSE(ifr.ifr_flags & IFF_RUNNING);
	/* A name that is taken. */
	CU_ASSERT_TRUE(tap_open(&second, "gw-lan", &mac, 1400, &err) < 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "gw-lan"));
	CU_ASSERT_TRUE(tap_exists(&t));
	CU_ASSERT_EQUAL(command("ip link del gw-lan", NULL, 0), 0);
	CU_ASSERT_FALSE(tap_exists(&t));
	tap_close(&t);
	CU_ASSERT_FALSE(tap_exists(&t));
	CU_ASSERT_EQUAL(if_nametoindex("gw-lan"), 0);
	close(fd);
}

/* Between the tap and a packet socket, as a daemon has it. */
static void test_frames_pass_both_ways(void)
{
	struct err err = {0};
	struct tap t;
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	uint8_t frame[100], got[200];
	struct rte_mbuf *m;
	ssize_t n = 0;
	int fd;

	CU_ASSERT_EQUAL_FATAL(tap_open(&t, "gw-lan", &mac, 1500, &err), 0);
	at.sll_ifindex = (int)t.index;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL));
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	for (unsigned int i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)i;
	memcpy(frame, &mac, 6);
	put_be16(frame + 12, 0x88b5);
	m = test_chain(pool, frame, sizeof(frame), 3);
	CU_ASSERT_TRUE(tap_write(&t, m));
	rte_pktmbuf_free(m);
	/* The kernel's own packets may come in between. */
	for (unsigned int i = 0; i < 100 && (n != sizeof(frame) || memcmp(got, frame, 100) != 0);
	     i++)
		n = recv(fd, got, sizeof(got), 0);
	CU_ASSERT_EQUAL(n, sizeof(frame));
	CU_ASSERT_EQUAL(memcmp(got, frame, sizeof(frame)), 0);
	frame[20] = 0x77;
	CU_ASSERT_EQUAL(send(fd, frame, sizeof(frame), 0), sizeof(frame));
	n = 0;
	for (unsigned int i = 0; i < 100 && (n != sizeof(frame) || got[20] != 0x77); i++)
		n = tap_read(&t, got, sizeof(got));
	CU_ASSERT_EQUAL(n, sizeof(frame));
	CU_ASSERT_EQUAL(memcmp(got, frame, sizeof(frame)), 0);
	while (tap_read(&t, got, sizeof(got)) > 0)
		;
	CU_ASSERT_EQUAL(tap_read(&t, got, sizeof(got)), 0);
	close(fd);
	tap_close(&t);
}

static void test_start(void)
{
	dpdk_start(1, 64, NULL, NULL);
	pool = port_pool_create("frames", 1500, 0, 511, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
}

int main(void)
{
	static const struct unit units[] = {UNIT(test_start), UNIT(test_interface_is_as_the_port),
	                                    UNIT(test_frames_pass_both_ways)};

	namespace_enter();
	return unit_main(__FILE__, units, RTE_DIM(units));
}
