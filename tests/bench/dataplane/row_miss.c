/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * policy-miss: what the first packet of a flow costs more than those after it. Behind the
 * device's receive function, where both bodies pay for it, each packet is given ports: those of
 * one of 256 flows, or such as no packet had before.
 */

#include "tests/bench/dataplane/row.h"

#include <errno.h>
#include <stdio.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "common/bytes.h"
#include "tests/bench/dataplane/frames.h"

#define POOL   8191
#define BURSTS (1024 / MEASURE_BURST)
#define TURNS  256
#define PORTS  (14 + 20) /* of the UDP header, in the frame */

enum { HIT, MISS, WAYS };

struct turnstile {
	struct site *site;
	uint32_t count, mask; /* of the flow numbers that are given */
};

static uint16_t on_receive(uint16_t port, uint16_t queue, struct rte_mbuf *pkts[], uint16_t n,
                           uint16_t max, void *ctx)
{
	struct turnstile *t = ctx;

	for (unsigned int i = 0; i < n; i++)
		put_be32(rte_pktmbuf_mtod_offset(pkts[i], uint8_t *, PORTS), t->count++ & t->mask);
	return n;
}

static void hit_burst(void *ctx)
{
	struct turnstile *t = ctx;

	t->mask = FRAMES_FLOWS - 1;
	site_turn(t->site);
}

static void miss_burst(void *ctx)
{
	struct turnstile *t = ctx;

	t->mask = UINT32_MAX;
	site_turn(t->site);
}

static void settle(void *ctx)
{
	struct turnstile *t = ctx;

	site_settle(t->site);
}

static int run(const struct row_options *o, struct err *err)
{
	static const struct rte_ether_addr lan_mac = {{2, 0, 0, 0, SITE_A, PORT_LAN}};
	static struct frame_flow flows[FRAMES_FLOWS];
	static struct turnstile t = {.mask = FRAMES_FLOWS - 1};
	struct site_config sc = {.side = SITE_A,
	                         .device = {"net_pcap_lan", "net_null_wan"},
	                         .mtu = row_mtu(o->size),
	                         .tunnels = 1,
	                         .networks = 1,
	                         .routes = ROW_ROUTES,
	                         .rules = ROW_RULES,
	                         .window = o->window,
	                         .peerless = true};
	struct measure m = {
	        .bodies = WAYS, .bursts = BURSTS, .batch = 1, .settle = settle, .ctx = &t};
	struct measured r;
	const char *why;
	uint64_t before;
	char path[400];

	sc.pool = row_pool(o->size, POOL, err);
	snprintf(path, sizeof(path), "%s/lan.pcap", o->dir);
	if (sc.pool == NULL)
		return -1;
	if (frames_pcap(path, o->size, &lan_mac, flows, FRAMES_FLOWS) < 0)
		return err_set(err, EIO, "cannot write %s", path);
	if (row_device_pcap("net_pcap_lan", path, err) < 0 ||
	    row_device_null("net_null_wan", err) < 0)
		return -1;
	t.site = site_create(&sc, err);
	if (t.site == NULL || site_key(t.site, NULL, 0, 1, err) < 0)
		return -1;
	if (rte_eth_add_rx_callback(t.site->port[PORT_LAN].id, 0, on_receive, &t) == NULL)
		return err_set(err, ENOMEM, "no memory for a callback");
	for (unsigned int i = 0; i < TURNS; i++)
		site_settle(t.site);
	before = site_drops(t.site, &why);
	m.body[HIT] = (struct measure_body){hit_burst, &t, t.site->port[PORT_WAN].id};
	m.body[MISS] = (struct measure_body){miss_burst, &t, t.site->port[PORT_WAN].id};
	if (measure_run(&m, o->seconds, &r, err) < 0 || row_check_drops(t.site, before, err) < 0)
		return -1;
	printf("{\"name\": \"%s\", \"mpps\": %.3f, \"overhead_cycles\": %.1f, "
	       "\"hit_cycles\": %.1f, \"miss_cycles\": %.1f, \"samples\": %u, "
	       "\"left_out\": %.3f}\n",
	       o->name, (double)rte_get_tsc_hz() / r.cycles[MISS] / 1e6,
	       r.cycles[MISS] - r.cycles[HIT], r.cycles[HIT], r.cycles[MISS], r.samples,
	       r.left_out);
	return 0;
}

const struct row row_miss = {"policy-miss", run};
