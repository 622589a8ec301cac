/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * tunnels/SIZE: packets to 1,024 networks in a seeded random order, by a gateway with a tunnel
 * for each network and by one with a single tunnel for all. They take turns on the same ports.
 */

#include "tests/bench/dataplane/row.h"

#include <errno.h>
#include <stdio.h>

#include <rte_cycles.h>

#include "tests/bench/dataplane/frames.h"

#define NETWORKS 1024
#define ROUNDS   2 /* permutations of the networks, one after the other */
#define POOL     16383
#define BURSTS   (2048 / MEASURE_BURST)
#define TURNS    256

enum { ONE, MANY, SITES };

static struct site *sites[SITES];

static void settle(void *ctx)
{
	for (unsigned int i = 0; i < SITES; i++)
		site_settle(sites[i]);
}

static uint32_t draw(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 33);
}

static int lan_file(const struct row_options *o, char *path, size_t size, struct err *err)
{
	static const struct rte_ether_addr lan_mac = {{2, 0, 0, 0, SITE_A, PORT_LAN}};
	static struct frame_flow flows[ROUNDS * NETWORKS];
	uint64_t state = 1;

	for (unsigned int r = 0; r < ROUNDS; r++) {
		struct frame_flow *f = flows + (size_t)r * NETWORKS;

		for (unsigned int i = 0; i < NETWORKS; i++) {
			unsigned int j = draw(&state) % (i + 1); /* Fisher and Yates */

			f[i] = f[j];
			f[j] = (struct frame_flow){.network = i};
		}
	}
	snprintf(path, size, "%s/lan.pcap", o->dir);
	if (frames_pcap(path, o->size, &lan_mac, flows, ROUNDS * NETWORKS) < 0)
		return err_set(err, EIO, "cannot write %s", path);
	return 0;
}

static int make_sites(struct site_config *sc, unsigned int many, struct err *err)
{
	for (unsigned int i = 0; i < SITES; i++) {
		sc->worker = i;
		sc->tunnels = i == ONE ? 1 : many;
		sc->beside = i == ONE ? NULL : sites[ONE];
		sites[i] = site_create(sc, err);
		for (unsigned int t = 0; sites[i] != NULL && t < sc->tunnels; t++)
			if (site_key(sites[i], NULL, t, 1, err) < 0)
				return -1;
		if (sites[i] == NULL)
			return -1;
	}
	return 0;
}

static int run(const struct row_options *o, struct err *err)
{
	struct site_config sc = {.side = SITE_A,
	                         .device = {"net_pcap_lan", "net_null_wan"},
	                         .mtu = row_mtu(o->size),
	                         .networks = NETWORKS,
	                         .rules = ROW_RULES,
	                         .window = o->window,
	                         .peerless = true};
	struct measure m = {.bodies = SITES, .bursts = BURSTS, .batch = 1, .settle = settle};
	unsigned int many = RTE_MIN(NETWORKS, CONFIG_TUNNELS_MAX);
	struct measured r;
	uint64_t before[SITES];
	char path[400];
	const char *why;

	sc.pool = row_pool(o->size, POOL, err);
	if (sc.pool == NULL || lan_file(o, path, sizeof(path), err) < 0 ||
	    row_device_pcap("net_pcap_lan", path, err) < 0 ||
	    row_device_null("net_null_wan", err) < 0 || make_sites(&sc, many, err) < 0)
		return -1;
	for (unsigned int i = 0; i < TURNS; i++)
		settle(NULL);
	for (unsigned int i = 0; i < SITES; i++) {
		before[i] = site_drops(sites[i], &why);
		m.body[i] = (struct measure_body){row_gateway_burst, sites[i],
		                                  sites[ONE]->port[PORT_WAN].id};
	}
	if (measure_run(&m, o->seconds, &r, err) < 0)
		return -1;
	for (unsigned int i = 0; i < SITES; i++)
		if (row_check_drops(sites[i], before[i], err) < 0)
			return -1;
	printf("{\"name\": \"%s\", \"mpps\": %.3f, \"ratio_to_one\": %.4f, \"tunnels\": %u, "
	       "\"one_cycles\": %.1f, \"many_cycles\": %.1f, \"samples\": %u, "
	       "\"left_out\": %.3f}\n",
	       o->name, (double)rte_get_tsc_hz() / r.cycles[MANY] / 1e6,
	       r.cycles[ONE] / r.cycles[MANY], many, r.cycles[ONE], r.cycles[MANY], r.samples,
	       r.left_out);
	return 0;
}

const struct row row_tunnels = {"tunnels", run};
