/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Two gateways in one thread, with rings for wires: a host's frames go into lan_in and come
 * out of lan_out, the WAN is a ring each way that a test may look into and alter.
 *
 *   host 10.1.0.10 - 10.1.0.1 A 192.0.2.1 - 192.0.2.2 B 10.2.0.1 - host 10.2.0.10
 *   2001:db8:a::10                                                  2001:db8:b::10
 */

#ifndef TESTS_UNIT_DATAPLANE_GATEWAY_RIG_H
#define TESTS_UNIT_DATAPLANE_GATEWAY_RIG_H

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ring.h>

#include "common/clock.h"
#include "common/gcm.h"
#include "common/secret.h"
#include "dataplane/arp.h"
#include "dataplane/esp.h"
#include "dataplane/forward.h"
#include "dataplane/nd.h"
#include "dataplane/routes.h"
#include "dataplane/wire.h"
#include "tests/unit/dataplane/tunnel_burst.h"
#include "tests/unit/dataplane/dpdk.h"
#include "tests/unit/dataplane/packets.h"
#include "tests/unit/unit.h"

#define RIG_CORES_MAX  4
#define RIG_QUEUES_MAX (RIG_CORES_MAX + 1)
#define RIG_PORT       4790

/* What a gateway's devices have; 0: LAN one rx queue, all else one a core. */
struct rig_shape {
	unsigned int cores;
	unsigned int lan_rx, lan_tx, wan_rx, wan_tx;
};

struct gateway {
	unsigned int first_worker, cores;
	struct rig_shape shape;
	/* lan_in and wan_out are the first of the rings below */
	struct rte_ring *lan_in, *lan_out, *wan_out;
	struct rte_ring *lan_rx[RIG_QUEUES_MAX], *wan_in[RIG_QUEUES_MAX], *wan_tx[RIG_QUEUES_MAX];
	struct config config;
	struct port port[PORT_ROLES];
	struct iface iface[IFACES_MAX];
	struct fib_table *fib;
	struct spd_table *spd;
	struct sad *sad;
	struct tunnel *tunnel, *tunnels[CONFIG_TUNNELS_MAX]; /* the first one, and all */
	struct channel_mux *mux;
	struct forward *forward;
};

static struct gateway gw[2];
/* Set before rig_start(): what a test wants else of the tunnels, and of the ports. */
static void (*rig_adjust)(struct tunnel_config *tc);
static void (*rig_configure)(struct config *c, unsigned int site);
static struct exception *rig_exception[IFACES_MAX]; /* of gateway 0 */
static size_t rig_secret = 4 << 20;
static uint16_t rig_lan_mtu = 1500, rig_wan_mtu = 1500;
static bool rig_detect;         /* probe addresses */
static uint16_t rig_buffer_mtu; /* a buffer holds such a frame; 0: the longest */
static unsigned int rig_run;    /* so that names of rings and devices differ between runs */
static struct rte_mempool *rig_pool;
static struct routes rig_routes;
static const struct wire_table *rig_wires[2]; /* of each gateway, set before rig_start() */
static const uint8_t rig_host_mac[2][6] = {{2, 0, 0, 0, 0xa, 0x10}, {2, 0, 0, 0, 0xb, 0x10}};

static inline struct rte_ring *rig_ring(const char *name, unsigned int i)
{
	char text[32];

	snprintf(text, sizeof(text), "%s%u_%u", name, i, rig_run);
	return rte_ring_create(text, 1024, SOCKET_ID_ANY, 0);
}

static inline void rig_route(struct config *c, const char *addr, uint8_t len, const char *tunnel)
{
	struct config_route *r = &c->routes[c->route_count++];

	r->prefix = test_prefix(addr, len);
	r->via = CONFIG_VIA_TUNNEL;
	snprintf(r->tunnel, sizeof(r->tunnel), "%s", tunnel);
}

static inline void rig_config(struct config *c, unsigned int site)
{
	static const char *const lan4[] = {"10.1.0.1", "10.2.0.1"};
	static const char *const lan6[] = {"2001:db8:a::1", "2001:db8:b::1"};
	static const char *const wan[] = {"192.0.2.1", "192.0.2.2"};

	memset(c, 0, sizeof(*c));
	c->lan.mtu = rig_lan_mtu;
	c->wan.mtu = rig_wan_mtu;
	c->lan.addresses[c->lan.address_count++] = test_prefix(lan4[site], 24);
	c->lan.addresses[c->lan.address_count++] = test_prefix(lan6[site], 64);
	c->wan.addresses[c->wan.address_count++] = test_prefix(wan[site], 30);
	c->tunnel_count = 1;
	snprintf(c->tunnels[0].name, sizeof(c->tunnels[0].name), "t0");
	c->tunnels[0].local = test_prefix(wan[site], 0).addr;
	c->tunnels[0].remote = test_prefix(wan[!site], 0).addr;
	c->tunnels[0].replay_window = 1024;
	c->channel.local = c->tunnels[0].local;
	c->channel.remote = c->tunnels[0].remote;
	c->channel.port = RIG_PORT;
	rig_route(c, site == 0 ? "10.2.0.0" : "10.1.0.0", 16, "t0");
	rig_route(c, site == 0 ? "2001:db8:b::" : "2001:db8:a::", 48, "t0");
	if (rig_configure != NULL)
		rig_configure(c, site);
}

static inline void rig_port(struct gateway *g, unsigned int site, enum port_role role,
                            struct rte_ring **rx, unsigned int rx_queues, struct rte_ring **tx,
                            unsigned int tx_queues)
{
	struct port_channel channel = {.udp_port = RIG_PORT};
	const struct config_port *cp = role == PORT_LAN ? &g->config.lan : &g->config.wan;
	char name[32], device[40];
	struct err err = {0};

	snprintf(name, sizeof(name), "%s%u_%u", port_role_name(role), site, rig_run);
	snprintf(device, sizeof(device), "net_ring_%s", name);
	memcpy(channel.local, g->config.channel.local.bytes, 16);
	memcpy(channel.remote, g->config.channel.remote.bytes, 16);
	CU_ASSERT_TRUE_FATAL(rte_eth_from_rings(name, rx, rx_queues, tx, tx_queues, 0) >= 0);
	CU_ASSERT_EQUAL_FATAL(port_configure(&g->port[role], role, device, cp->mtu, g->cores,
	                                     &channel, rig_pool, &err),
	                      0);
	/* Rings have no address of their own. */
	g->port[role].mac = (struct rte_ether_addr){{2, 0, 0, 0, (uint8_t)site, (uint8_t)role}};
	iface_init(&g->iface[role], (uint8_t)role, cp, &g->port[role].mac);
	CU_ASSERT_EQUAL_FATAL(port_start(&g->port[role], &err), 0);
}

static inline void rig_make_tunnels(struct gateway *g)
{
	struct err err = {0};

	g->sad = sad_create(g->cores, g->config.tunnel_count, worker_qsbr(), &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(g->sad);
	for (unsigned int t = 0; t < g->config.tunnel_count; t++) {
		const struct config_tunnel *ct = &g->config.tunnels[t];
		struct tunnel_config tc = {.replay_window = ct->replay_window, .index = t};

		memcpy(tc.name, ct->name, sizeof(tc.name));
		memcpy(tc.local, ct->local.bytes, 16);
		memcpy(tc.remote, ct->remote.bytes, 16);
		if (rig_adjust != NULL)
			rig_adjust(&tc);
		g->tunnels[t] = tunnel_create(&tc, g->sad, &err);
		CU_ASSERT_PTR_NOT_NULL_FATAL(g->tunnels[t]);
	}
	g->tunnel = g->tunnels[0];
}

static inline void rig_gateway(unsigned int site, unsigned int first_worker)
{
	struct gateway *g = &gw[site];
	struct rte_ring *lan_tx[RIG_QUEUES_MAX];
	unsigned int cores = g->shape.cores;
	struct channel_mux_config mc = {.port = RIG_PORT, .mtu = 1500, .cores = cores};
	struct forward_config fc = {.cores = cores,
	                            .port = {&g->port[PORT_LAN], &g->port[PORT_WAN]},
	                            .detect_duplicates = rig_detect,
	                            .pool = rig_pool,
	                            .qsbr = worker_qsbr()};
	struct err err = {0};

	g->first_worker = first_worker;
	g->cores = cores;
	rig_config(&g->config, site);
	memcpy(mc.local, g->config.tunnels[0].local.bytes, 16);
	memcpy(mc.remote, g->config.tunnels[0].remote.bytes, 16);
	for (unsigned int q = 0; q < g->shape.lan_rx; q++)
		g->lan_rx[q] = rig_ring("lan_in", site * RIG_QUEUES_MAX + q);
	g->lan_in = g->lan_rx[0];
	g->lan_out = rig_ring("lan_out", site);
	for (unsigned int q = 0; q < g->shape.lan_tx; q++)
		lan_tx[q] = g->lan_out;
	rig_port(g, site, PORT_LAN, g->lan_rx, g->shape.lan_rx, lan_tx, g->shape.lan_tx);
	rig_port(g, site, PORT_WAN, g->wan_in, g->shape.wan_rx, g->wan_tx, g->shape.wan_tx);
	for (unsigned int i = 0; i < g->config.lan_sub_count; i++) {
		iface_init(&g->iface[IFACE_SUBS + i], PORT_LAN, &g->config.lan_subs[i].port,
		           &g->port[PORT_LAN].mac);
		g->iface[IFACE_SUBS + i].vlan = g->config.lan_subs[i].vlan;
	}
	g->fib = fib_table_create(worker_qsbr(), &err);
	CU_ASSERT_EQUAL_FATAL(routes_build(&g->config, g->iface, &rig_routes, &err), 0);
	CU_ASSERT_EQUAL_FATAL(
	        fib_update(g->fib, rig_routes.route, rig_routes.count, rig_routes.outer, &err), 0);
	rig_make_tunnels(g);
	g->mux = channel_mux_create(&mc, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(g->mux);
	g->spd = spd_table_create(cores, worker_qsbr(), &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(g->spd);
	fc.fib = g->fib;
	fc.spd = g->spd;
	fc.sad = g->sad;
	for (unsigned int t = 0; t < g->config.tunnel_count; t++) {
		fc.tunnel_mtu[t] = (uint16_t)tunnel_inner_mtu(g->tunnels[t], g->config.wan.mtu);
		fc.tunnel[t] = g->tunnels[t];
	}
	fc.wires = rig_wires[site];
	fc.mux = g->mux;
	if (site == 0)
		memcpy(fc.exception, rig_exception, sizeof(fc.exception));
	memcpy(fc.iface, g->iface, sizeof(fc.iface));
	g->forward = forward_create(&fc, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(g->forward);
	for (unsigned int i = 0; i < cores; i++) {
		struct role role = forward_role(g->forward, i);

		CU_ASSERT_EQUAL_FATAL(worker_add_role(worker_get(first_worker + i), &role, &err),
		                      0);
	}
}

static inline void rig_fill(struct rig_shape *s)
{
	s->lan_rx += s->lan_rx == 0;
	s->lan_tx = s->lan_tx == 0 ? s->cores : s->lan_tx;
	s->wan_rx = s->wan_rx == 0 ? s->cores : s->wan_rx;
	s->wan_tx = s->wan_tx == 0 ? s->cores : s->wan_tx;
}

/*
 * Once DPDK runs and as often as is wanted, between rig_stop(). The WAN's wire brings what a
 * queue sends to the queue of that number modulo the receiver's; CROSS: further ones turned
 * round, so that SPIs come by another queue than their core's. WIRE: frames that it holds.
 */
static inline void rig_start_shapes(const struct rig_shape shape[2], bool cross, unsigned int wire)
{
	uint16_t mtu = RTE_MAX(rig_lan_mtu, rig_wan_mtu);
	struct err err = {0};

	if (secret_init(RTE_MAX(rig_secret, (size_t)(8 << 20)), &err) < 0 ||
	    gcm_provider_init(NULL, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		exit(2);
	}
	memset(gw, 0, sizeof(gw));
	rig_run++;
	rte_mempool_free(rig_pool);
	CU_ASSERT_EQUAL_FATAL(workers_create(shape[0].cores + shape[1].cores, &err), 0);
	rig_pool = port_pool_create("rig", rig_buffer_mtu != 0 ? rig_buffer_mtu : mtu, 4,
	                            mtu > 1500 ? 8191 : 16383, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(rig_pool);
	for (unsigned int i = 0; i < 2; i++) {
		gw[i].shape = shape[i];
		rig_fill(&gw[i].shape);
	}
	for (unsigned int i = 0; i < 2; i++) {
		unsigned int queues = gw[!i].shape.wan_rx;

		for (unsigned int q = 0; q < queues; q++) {
			char name[32];

			snprintf(name, sizeof(name), "wan%u%u_%u", i, q, rig_run);
			gw[!i].wan_in[q] = rte_ring_create(name, wire, SOCKET_ID_ANY, 0);
			CU_ASSERT_PTR_NOT_NULL_FATAL(gw[!i].wan_in[q]);
		}
		for (unsigned int q = 0; q < gw[i].shape.wan_tx; q++)
			gw[i].wan_tx[q] = gw[!i].wan_in[(q + cross) % queues];
		gw[i].wan_out = gw[!i].wan_in[0];
	}
	rig_gateway(0, 0);
	rig_gateway(1, shape[0].cores);
}

/* A of one core, B of B_CORES. */
static inline void rig_start(unsigned int b_cores)
{
	const struct rig_shape shape[2] = {{.cores = 1}, {.cores = b_cores}};

	dpdk_start(1, 512, NULL, NULL);
	rig_start_shapes(shape, false, 1024);
}

/* The pool stays, so that a test may look at what is in use. */
static inline void rig_stop(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		forward_destroy(gw[i].forward);
		for (unsigned int t = 0; t < gw[i].config.tunnel_count; t++)
			tunnel_destroy(gw[i].tunnels[t]);
		sad_destroy(gw[i].sad);
		fib_table_destroy(gw[i].fib);
		spd_table_destroy(gw[i].spd);
		port_close(&gw[i].port[PORT_LAN]);
		port_close(&gw[i].port[PORT_WAN]);
		channel_mux_destroy(gw[i].mux);
	}
	workers_destroy();
	secret_fini();
}

static inline void rig_turn(unsigned int site)
{
	for (unsigned int i = 0; i < gw[site].cores; i++)
		worker_turn(worker_get(gw[site].first_worker + i));
}

static inline void rig_turns(unsigned int n)
{
	while (n-- > 0) {
		rig_turn(0);
		rig_turn(1);
	}
}

/* A generation of keys from FROM to the other gateway: one a sub-SA of FROM's. */
static inline void rig_key(unsigned int from, uint64_t generation)
{
	struct sa_key keys[RIG_CORES_MAX * TUNNEL_CLASSES_MAX];
	struct err err = {0};
	unsigned int n = tunnel_subs(gw[from].tunnel);

	for (unsigned int i = 0; i < n; i++) {
		keys[i].spi = 0x1000 + (uint32_t)generation * 256 + from * 64 + i;
		memset(keys[i].key, (int)(generation * 32 + from * 16 + i), 32);
		memset(keys[i].salt, (int)i, 4);
	}
	CU_ASSERT_EQUAL(tunnel_rx_install(gw[!from].tunnel, generation, keys, n, &err), 0);
	CU_ASSERT_EQUAL(tunnel_tx_switch(gw[from].tunnel, generation, keys, n, &err), 0);
}

/* Sum over a gateway's workers. */
static inline uint64_t rig_count(unsigned int site, const char *name)
{
	const struct counter *counter = counter_find(name);
	uint64_t sum = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(counter);
	for (unsigned int i = 0; i < gw[site].cores; i++)
		sum += counter_get(&worker_get(gw[site].first_worker + i)->counters, counter);
	return sum;
}

static inline struct rte_mbuf *rig_pop(struct rte_ring *r)
{
	void *m = NULL;

	return rte_ring_dequeue(r, &m) == 0 ? m : NULL;
}

/* From the host of SITE to its gateway. */
static inline void rig_send(unsigned int site, struct rte_mbuf *m)
{
	bool ipv4 = rte_pktmbuf_mtod(m, const uint8_t *)[0] >> 4 == 4;

	test_ether(m, gw[site].iface[PORT_LAN].mac.addr_bytes, rig_host_mac[site],
	           ipv4 ? 0x0800 : 0x86dd);
	CU_ASSERT_EQUAL_FATAL(rte_ring_enqueue(gw[site].lan_in, m), 0);
}

/*
 * What the host of SITE receives, without its Ethernet header, or NULL. The host answers ARP
 * requests and solicitations for .10 and ::10 in its kernel's way.
 */
static inline struct rte_mbuf *rig_receive(unsigned int site)
{
	struct rte_mbuf *m;

	while ((m = rig_pop(gw[site].lan_out)) != NULL) {
		uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
		uint16_t type = get_be16(p + 12);

		if (type == 0x0806 && p[21] == 1 && p[41] == 10) {
			uint8_t addr[4];

			memcpy(addr, p + 38, 4);
			memcpy(p + 38, p + 28, 4);
			memcpy(p + 32, p + 22, 6);
			memcpy(p + 28, addr, 4);
			memcpy(p + 22, rig_host_mac[site], 6);
			memcpy(p, p + 6, 6);
			memcpy(p + 6, rig_host_mac[site], 6);
			p[21] = 2;
			rte_ring_enqueue(gw[site].lan_in, m);
			rig_turn(site);
			continue;
		}
		if (type == 0x86dd && p[20] == 58 && p[54] == 135 && p[77] == 0x10) {
			uint8_t *ip = p + 14;

			memcpy(p, p + 6, 6);
			memcpy(p + 6, rig_host_mac[site], 6);
			memcpy(ip + 24, ip + 8, 16);
			memcpy(ip + 8, ip + 48, 16);
			ip[40] = 136;
			ip[44] = 0x60;
			ip[64] = 2;
			memcpy(ip + 66, rig_host_mac[site], 6);
			put_be16(ip + 42, 0);
			put_be16(ip + 42, test_icmp6_sum(ip));
			rte_ring_enqueue(gw[site].lan_in, m);
			rig_turn(site);
			continue;
		}
		if (type == 0x0806 || (type == 0x86dd && p[20] == 58 && p[54] == 135)) {
			rte_pktmbuf_free(m);
			continue;
		}
		CU_ASSERT_EQUAL(memcmp(p, rig_host_mac[site], 6), 0);
		CU_ASSERT_EQUAL(memcmp(p + 6, gw[site].iface[PORT_LAN].mac.addr_bytes, 6), 0);
		rte_pktmbuf_adj(m, 14);
		return m;
	}
	return NULL;
}

#endif
