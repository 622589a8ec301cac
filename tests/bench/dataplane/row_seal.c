/* SPDX-License-Identifier: BSD-3-Clause */

/* seal/SIZE: packets of a pcap file, over and over, from the LAN into the tunnel. */

#include "tests/bench/dataplane/row.h"

#include <errno.h>
#include <stdio.h>

#include "tests/bench/dataplane/frames.h"

#define POOL   8191
#define BURSTS (1024 / MEASURE_BURST)
#define TURNS  256 /* until the neighbour is known */

static void settle(void *ctx)
{
	site_settle(ctx);
}

static int lan_file(const struct row_options *o, char *path, size_t size, struct err *err)
{
	static const struct rte_ether_addr lan_mac = {{2, 0, 0, 0, SITE_A, PORT_LAN}};
	static struct frame_flow flows[FRAMES_PERIOD];

	for (unsigned int i = 0; i < FRAMES_PERIOD; i++)
		flows[i].flow = i % FRAMES_FLOWS;
	snprintf(path, size, "%s/lan.pcap", o->dir);
	if (frames_pcap(path, o->size, &lan_mac, flows,
	                o->size == FRAMES_IMIX ? FRAMES_PERIOD : FRAMES_FLOWS) < 0)
		return err_set(err, EIO, "cannot write %s", path);
	return 0;
}

static int run(const struct row_options *o, struct err *err)
{
	struct site_config sc = {.side = SITE_A,
	                         .device = {"net_pcap_lan", "net_null_wan"},
	                         .mtu = row_mtu(o->size),
	                         .tunnels = 1,
	                         .networks = 1,
	                         .routes = ROW_ROUTES,
	                         .rules = ROW_RULES,
	                         .window = o->window,
	                         .peerless = true};
	struct measure m = {.bursts = BURSTS, .batch = 1, .settle = settle};
	struct row_bodies bodies;
	struct measured result;
	struct site *site;
	char path[400];
	const char *why;
	uint64_t before;

	sc.pool = row_pool(o->size, POOL, err);
	if (sc.pool == NULL || lan_file(o, path, sizeof(path), err) < 0 ||
	    row_device_pcap("net_pcap_lan", path, err) < 0 ||
	    row_device_null("net_null_wan", err) < 0)
		return -1;
	site = site_create(&sc, err);
	if (site == NULL || site_key(site, NULL, 0, 1, err) < 0 ||
	    row_bodies_init(&bodies, site, PLAIN_SEAL, err) < 0)
		return -1;
	for (unsigned int i = 0; i < TURNS; i++)
		site_settle(site);
	/* Packets waited for the neighbour, and some in vain. */
	before = site_drops(site, &why);
	m.ctx = site;
	row_bodies_measure(&bodies, &m);
	if (measure_run(&m, o->seconds, &result, err) < 0 || row_check_drops(site, before, err) < 0)
		return -1;
	row_print(o, &result);
	if (o->spells && row_spells(&m, ROW_GATEWAY, err) < 0)
		return -1;
	return row_check_drops(site, before, err);
}

const struct row row_seal = {"seal", run};
