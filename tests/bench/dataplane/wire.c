/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The WAN between two gateways that are processes of their own, each a client of a memif port: it
 * brings on what is not ESP. Of each queue it takes a burst, then it sleeps, so that it leaves its
 * CPU to others: a gateway that sends more finds its device full. Until its stdin ends.
 *
 *     dataplane_wire --socket PATH [--cpu N] [--memory MB] [--hugepages]
 *
 * On the socket, memif 0 is one gateway's WAN and memif 1 the other's. It prints "ready".
 */

#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_bus_vdev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "common/bytes.h"
#include "tests/bench/dataplane/start.h"

#define BURST       32
#define POOL        8191
#define QUEUES      2 /* that a gateway with one forwarding core sends by: the core's, the channel's */
#define DESCRIPTORS 1024
#define PAUSE_US    300 /* a full ring of a gateway is through in 10 ms */

#define ETHERTYPE_IPV4 0x0800
#define PROTOCOL_ESP   50

static struct start program = {.program = "dataplane_wire", .memory_mb = 64};
static uint16_t ports[2];

static void check(int rc, const char *what)
{
	if (rc < 0)
		start_die(&program, what);
}

static void open_port(unsigned int i, const char *socket, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = {0};
	char name[16], args[256];

	snprintf(name, sizeof(name), "net_memif%u", i);
	snprintf(args, sizeof(args), "role=server,id=%u,socket=%s,socket-abstract=no", i, socket);
	check(rte_vdev_init(name, args), "cannot make a memif port");
	check(rte_eth_dev_get_port_by_name(name, &ports[i]), "the memif port is not there");
	check(rte_eth_dev_configure(ports[i], QUEUES, 1, &conf), "cannot configure a port");
	for (uint16_t q = 0; q < QUEUES; q++)
		check(rte_eth_rx_queue_setup(ports[i], q, DESCRIPTORS, SOCKET_ID_ANY, NULL, pool),
		      "cannot set an rx queue up");
	check(rte_eth_tx_queue_setup(ports[i], 0, DESCRIPTORS, SOCKET_ID_ANY, NULL),
	      "cannot set a tx queue up");
	check(rte_eth_dev_start(ports[i]), "cannot start a port");
}

static bool is_esp(const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

	return rte_pktmbuf_data_len(m) > 23 && get_be16(p + 12) == ETHERTYPE_IPV4 &&
	       p[23] == PROTOCOL_ESP;
}

/* A burst of a queue of port I. */
static void carry(unsigned int i, uint16_t queue)
{
	struct rte_mbuf *pkts[BURST], *on[BURST];
	uint16_t n = rte_eth_rx_burst(ports[i], queue, pkts, BURST), m = 0, sent;

	for (uint16_t k = 0; k < n; k++) {
		if (is_esp(pkts[k]))
			rte_pktmbuf_free(pkts[k]);
		else
			on[m++] = pkts[k];
	}
	sent = m > 0 ? rte_eth_tx_burst(ports[!i], 0, on, m) : 0;
	rte_pktmbuf_free_bulk(on + sent, (unsigned int)m - sent);
}

/* Whoever started us is there. */
static bool wanted(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	char byte;

	return poll(&in, 1, 0) <= 0 || read(STDIN_FILENO, &byte, 1) > 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
	        {"socket", required_argument, NULL, 's'}, START_OPTIONS, {0}};
	const char *socket = NULL;
	struct rte_mempool *pool;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			socket = optarg;
		else if (!start_option(&program, c, optarg))
			return 2;
	}
	if (socket == NULL)
		start_die(&program, "--socket is missing");
	start_eal(&program, 1);
	pool = rte_pktmbuf_pool_create("wire", POOL, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
	                               SOCKET_ID_ANY);
	if (pool == NULL)
		start_die(&program, rte_strerror(rte_errno));
	for (unsigned int i = 0; i < 2; i++)
		open_port(i, socket, pool);
	printf("ready\n");
	fflush(stdout);
	while (wanted()) {
		for (unsigned int i = 0; i < 2; i++)
			for (uint16_t q = 0; q < QUEUES; q++)
				carry(i, q);
		usleep(PAUSE_US);
	}
	_exit(0);
}
