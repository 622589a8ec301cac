/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One gateway, or two back to back, between two memif ports, for a load from outside. They run
 * as in the product, on a polling lcore of their own, but with static keys. Two share the lcore,
 * and rings are the WAN between them.
 *
 *     dataplane_gateway --socket PATH [--pair] [--cpu N] [--memory MB] [--hugepages]
 *                       [--library PATH] [--provider NAME]
 *
 * On the socket, memif 0 is the LAN of site A; memif 1 is the WAN of A, or the LAN of B.
 */

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <rte_bus_vdev.h>
#include <rte_errno.h>

#include "common/secret.h"
#include "tests/bench/dataplane/row.h"
#include "tests/bench/dataplane/start.h"

#define POOL     16383
#define SIZE     1420
#define TICK_US  50000
#define MEMIF_BY "role=server,socket-abstract=no"

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
	stop = signal;
}

static int memif(const char *name, unsigned int id, const char *socket, struct err *err)
{
	char args[256];

	snprintf(args, sizeof(args), "id=%u,socket=%s," MEMIF_BY, id, socket);
	return rte_vdev_init(name, args) == 0
	               ? 0
	               : err_set(err, rte_errno, "%s: %s", name, rte_strerror(rte_errno));
}

/* Site A alone, or A and B in turn on the same lcore. */
static int build(struct site *sites[2], bool pair, struct rte_mempool *pool, struct err *err)
{
	struct site_config sc = {.side = SITE_A,
	                         .device = {"net_memif0", pair ? "net_ring_wan_a" : "net_memif1"},
	                         .mtu = row_mtu(SIZE),
	                         .pool = pool,
	                         .tunnels = 1,
	                         .networks = 1,
	                         .routes = ROW_ROUTES,
	                         .rules = ROW_RULES,
	                         .window = 4096,
	                         .peerless = !pair};
	struct rte_ring *ab, *ba;

	if (pair) {
		ab = row_ring("ab", 1024, err);
		ba = row_ring("ba", 1024, err);
		if (ab == NULL || ba == NULL || row_device_ring("wan_a", ba, ab, err) < 0 ||
		    row_device_ring("wan_b", ab, ba, err) < 0)
			return -1;
	}
	sites[SITE_A] = site_create(&sc, err);
	if (sites[SITE_A] == NULL)
		return -1;
	if (pair) {
		sc.side = SITE_B;
		sc.device[PORT_LAN] = "net_memif1";
		sc.device[PORT_WAN] = "net_ring_wan_b";
		sites[SITE_B] = site_create(&sc, err);
		if (sites[SITE_B] == NULL)
			return -1;
	}
	return site_key(sites[SITE_A], sites[SITE_B], 0, 1, err);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"socket", required_argument, NULL, 's'},
	                                        {"pair", no_argument, NULL, 'p'},
	                                        START_OPTIONS,
	                                        START_GCM_OPTIONS,
	                                        {0}};
	struct start start = {.program = "dataplane_gateway", .memory_mb = 512};
	struct site *sites[2] = {NULL};
	const char *socket = NULL;
	struct rte_mempool *pool;
	struct err err = {0};
	bool pair = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			socket = optarg;
		else if (c == 'p')
			pair = true;
		else if (!start_option(&start, c, optarg))
			return 2;
	}
	if (socket == NULL)
		start_die(&start, "--socket is missing");
	start_eal(&start, 2);
	start_gateway(&start, 1);
	if (memif("net_memif0", 0, socket, &err) < 0 || memif("net_memif1", 1, socket, &err) < 0)
		start_die(&start, err.text);
	pool = row_pool(SIZE, POOL, &err);
	if (pool == NULL || build(sites, pair, pool, &err) < 0 ||
	    worker_launch(worker_get(0), &err) < 0)
		start_die(&start, err.text);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	printf("ready\n");
	fflush(stdout);
	while (!stop) {
		for (unsigned int i = 0; i < 2; i++)
			if (sites[i] != NULL)
				site_answer(sites[i]);
		usleep(TICK_US);
	}
	workers_stop();
	secret_fini();
	_exit(0);
}
