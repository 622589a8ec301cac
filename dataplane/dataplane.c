/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/dataplane.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mempool.h>

#include "common/clock.h"
#include "common/log.h"
#include "dataplane/capture.h"
#include "dataplane/eal.h"
#include "dataplane/esp.h"
#include "dataplane/exception_path.h"
#include "dataplane/forward.h"
#include "dataplane/latency.h"
#include "dataplane/routes.h"
#include "dataplane/sa.h"
#include "dataplane/spd_rules.h"
#include "dataplane/wire.h"
#include "qkd-engine/channel.h"

LOG_COMPONENT_DEFINE(dataplane)

/* Forwarding comes first where it shares a CPU with the QKD lcore. */
/* Behind forwarding, but not so far that the card's rings overflow on a busy CPU. */
#define QKD_NICE 3

/*
 * Keys of a crypto device: of each tunnel and sub-SA the receive generations, the one that
 * transmits, and what waits to be freed. No more than there are SAs in the SAD.
 */
#define SESSION_GENERATIONS (TUNNEL_RX_GENERATIONS + 4)
#define SESSIONS_MAX        (2U * SAD_RECEIVE_MAX)

_Static_assert(IFACE_SUBS == PORT_ROLES, "interfaces begin with the ports");

struct dataplane {
	struct config config;
	struct routes routes;
	struct spd_rule rules[SPD_RULES_MAX];
	struct rte_mempool *pool;
	struct port port[PORT_ROLES];
	struct port_link link[PORT_ROLES];
	struct iface iface[IFACES_MAX];
	struct fib_table *fib;
	struct spd_table *spd;
	struct sad *sad;
	struct esp_cipher *cipher; /* NULL: the CPU does it */
	struct wire_table wires;
	struct tunnel *tunnel[CONFIG_TUNNELS_MAX];
	struct channel_mux *mux;
	struct forward *forward;
	struct exception_path *exceptions; /* NULL: no port has daemons */
	bool eal, running;
};

static int start_eal(struct dataplane *dp, struct err *err)
{
	const struct config *c = &dp->config;
	struct eal_config eal = {
	        .file_prefix = c->eal.file_prefix,
	        .cpus = c->eal.cpus,
	        .memory_mb = c->eal.memory_mb,
	        .lcores = c->eal.forward_lcores + 1,
	        .hugepages = c->eal.hugepages,
	        .secondaries = c->eal.secondaries,
	        .telemetry = true,
	        .devices = {c->lan.device, c->wan.device, c->crypto_device},
	        .device_count = c->crypto_device[0] != '\0' ? 3 : 2,
	};
	int rc = eal_start(&eal, err);

	if (rc < 0)
		return rc;
	dp->eal = true;
	rc = workers_create(eal.lcores, err);
	if (rc < 0)
		return rc;
	for (unsigned int i = 0; i < c->eal.forward_lcores; i++)
		worker_get(i)->name = "forward";
	worker_get(c->eal.forward_lcores)->name = "qkd";
	worker_get(c->eal.forward_lcores)->nice = QKD_NICE;
	return 0;
}

static int configure_ports(struct dataplane *dp, struct err *err)
{
	const struct config_port *config[PORT_ROLES] = {&dp->config.lan, &dp->config.wan};
	unsigned int cores = dp->config.eal.forward_lcores;
	uint16_t mtu = RTE_MAX(config[PORT_LAN]->mtu, config[PORT_WAN]->mtu);
	const struct config_addr *local = &dp->config.channel.local;
	struct port_channel channel = {.ipv6 = local->ipv6, .udp_port = dp->config.channel.port};

	memcpy(channel.local, local->bytes, sizeof(channel.local));
	memcpy(channel.remote, dp->config.channel.remote.bytes, sizeof(channel.remote));

	if (dp->config.eal.chained)
		mtu = RTE_MIN(mtu, RTE_ETHER_MTU);
	dp->pool = port_pool_create("packets", mtu, PORT_ROLES * cores, 0, err);
	if (dp->pool == NULL)
		return -err->code;
	for (unsigned int role = 0; role < PORT_ROLES; role++) {
		int rc = port_configure(&dp->port[role], (enum port_role)role, config[role]->device,
		                        config[role]->mtu, cores,
		                        channel.udp_port != 0 ? &channel : NULL, dp->pool, err);

		if (rc < 0)
			return rc;
		iface_init(&dp->iface[role], (uint8_t)role, config[role], &dp->port[role].mac);
	}
	for (unsigned int i = 0; i < dp->config.lan_sub_count; i++) {
		const struct config_sub *sub = &dp->config.lan_subs[i];
		struct iface *iface = &dp->iface[IFACE_SUBS + i];

		iface_init(iface, PORT_LAN, &sub->port, &dp->port[PORT_LAN].mac);
		iface->vlan = sub->vlan;
	}
	return 0;
}

static void steer_add(void *ctx, const struct sa *sa, unsigned int core)
{
	port_steer_add(ctx, sa->spi, sa->ipv6, core);
}

static void steer_remove(void *ctx, const struct sa *sa, unsigned int core)
{
	(void)core;
	port_steer_remove(ctx, sa->spi);
}

static int create_tunnels(struct dataplane *dp, struct err *err)
{
	const struct config *c = &dp->config;

	dp->sad =
	        sad_create(c->eal.forward_lcores, RTE_MAX(c->tunnel_count, 1U), worker_qsbr(), err);
	if (dp->sad == NULL)
		return -err->code;
	if (c->crypto_device[0] != '\0') {
		unsigned int sessions = 0;

		for (unsigned int t = 0; t < c->tunnel_count; t++)
			sessions += TUNNEL_CORES_MAX * RTE_MAX(c->tunnels[t].classes, 1U) *
			            SESSION_GENERATIONS;
		dp->cipher = esp_cipher_create(c->crypto_device, c->eal.forward_lcores,
		                               RTE_MIN(sessions, SESSIONS_MAX), err);
		if (dp->cipher == NULL)
			return -err->code;
		dp->sad->cipher = dp->cipher;
	}
	dp->sad->watch = (struct sad_watch){steer_add, steer_remove, &dp->port[PORT_WAN]};
	for (unsigned int t = 0; t < c->tunnel_count; t++) {
		const struct config_tunnel *ct = &c->tunnels[t];
		struct tunnel_config tc = {
		        .ipv6 = ct->local.ipv6,
		        .replay_window = ct->replay_window,
		        .index = t,
		        .udp = ct->udp,
		        .udp_spread = ct->udp_spread,
		        .udp_port = ct->udp_port,
		        .nat_keepalive = ct->nat_keepalive,
		        .classes = ct->classes,
		        .outer_fragment = ct->outer_fragment,
		        .mss_clamp = ct->mss_clamp,
		        .dscp_mapped = ct->dscp_mapped,
		        .ecn_compatible = ct->ecn_compatible,
		};

		memcpy(tc.name, ct->name, sizeof(tc.name));
		memcpy(tc.local, ct->local.bytes, sizeof(tc.local));
		memcpy(tc.dscp, ct->dscp, sizeof(tc.dscp));
		memcpy(tc.class_of, ct->class_of, sizeof(tc.class_of));
		memcpy(tc.remote, ct->remote.bytes, sizeof(tc.remote));
		dp->tunnel[t] = tunnel_create(&tc, dp->sad, err);
		if (dp->tunnel[t] == NULL)
			return -err->code;
	}
	return 0;
}

static int create_channel(struct dataplane *dp, struct err *err)
{
	const struct config *c = &dp->config;
	struct channel_mux_config mc = {
	        .ipv6 = c->channel.local.ipv6,
	        .port = c->channel.port,
	        .mtu = c->wan.mtu,
	        .cores = c->eal.forward_lcores,
	};

	if (c->channel.port == 0)
		return 0;
	memcpy(mc.local, c->channel.local.bytes, sizeof(mc.local));
	memcpy(mc.remote, c->channel.remote.bytes, sizeof(mc.remote));
	dp->mux = channel_mux_create(&mc, err);
	if (dp->mux == NULL)
		return -err->code;
	if (channel_mux_payload_max(dp->mux) < CHANNEL_DATAGRAM_MAX)
		return err_set(err, EINVAL, "wan port: mtu %u is too small for the channel's %u",
		               c->wan.mtu, CHANNEL_DATAGRAM_MAX);
	return 0;
}

static unsigned int inner_mtu(const struct dataplane *dp, unsigned int t)
{
	unsigned int wan = dp->config.wan.mtu, whole = tunnel_inner_mtu(dp->tunnel[t], wan);
	unsigned int pieces;

	if (!dp->config.tunnels[t].outer_fragment)
		return whole;
	pieces = tunnel_inner_mtu(dp->tunnel[t],
	                          forward_fragments_mtu(dp->config.tunnels[t].local.ipv6, wan));
	return RTE_MAX(whole, RTE_MIN(pieces, (unsigned int)dp->config.lan.mtu));
}

/* Longest LAN packets that do not cross a tunnel whole: an operator should know, and why. */
static void warn_mtu(const struct dataplane *dp, unsigned int t, unsigned int inner)
{
	unsigned int lan = dp->config.lan.mtu, wan = dp->config.wan.mtu;

	if (inner < lan)
		log_warn("tunnel %s: wan mtu %u is below the lan mtu %u and %u of ESP around it: "
		         "packets above %u bytes are fragmented or refused",
		         dp->config.tunnels[t].name, wan, lan,
		         tunnel_outer_mtu(dp->tunnel[t], lan) - lan, inner);
}

static int create_forward(struct dataplane *dp, struct err *err)
{
	struct forward_config fc = {
	        .cores = dp->config.eal.forward_lcores,
	        .port = {&dp->port[PORT_LAN], &dp->port[PORT_WAN]},
	        .fib = dp->fib,
	        .sad = dp->sad,
	        .spd = dp->spd,
	        .wires = wire_table_used(&dp->wires) ? &dp->wires : NULL,
	        .mux = dp->mux,
	        .detect_duplicates = true,
	        .pool = dp->pool,
	        .qsbr = worker_qsbr(),
	};

	memcpy(fc.iface, dp->iface, sizeof(fc.iface));
	for (unsigned int role = 0; role < PORT_ROLES; role++)
		fc.exception[role] = exception_path_queue(dp->exceptions, (enum port_role)role);
	for (unsigned int t = 0; t < dp->config.tunnel_count; t++) {
		fc.tunnel_mtu[t] = (uint16_t)inner_mtu(dp, t);
		fc.tunnel[t] = dp->tunnel[t];
		warn_mtu(dp, t, fc.tunnel_mtu[t]);
	}
	dp->forward = forward_create(&fc, err);
	if (dp->forward == NULL)
		return -err->code;
	for (unsigned int i = 0; i < fc.cores; i++) {
		struct role role = forward_role(dp->forward, i);
		int rc = worker_add_role(worker_get(i), &role, err);

		if (rc < 0)
			return rc;
	}
	return 0;
}

struct dataplane *dataplane_create(const struct config *config, struct err *err)
{
	struct dataplane *dp = calloc(1, sizeof(*dp));
	struct err local;

	if (err == NULL)
		err = &local;
	if (dp == NULL) {
		err_set(err, ENOMEM, "data plane: no memory");
		return NULL;
	}
	dp->config = *config;
	if (config->eal.forward_lcores < 1 || config->eal.forward_lcores > TUNNEL_CORES_MAX) {
		err_set(err, EINVAL, "forward-lcores: %u is not within 1 to %u",
		        config->eal.forward_lcores, TUNNEL_CORES_MAX);
		goto fail;
	}
	wire_table_init(&dp->wires, config);
	if (start_eal(dp, err) < 0 || configure_ports(dp, err) < 0)
		goto fail;
	dp->fib = fib_table_create(worker_qsbr(), err);
	dp->spd = spd_table_create(config->eal.forward_lcores, worker_qsbr(), err);
	if (dp->fib == NULL || dp->spd == NULL || dataplane_policy_update(dp, config, err) < 0 ||
	    create_tunnels(dp, err) < 0 || create_channel(dp, err) < 0 ||
	    exception_path_create(config, dp->port, dp->iface, &dp->exceptions, err) < 0 ||
	    create_forward(dp, err) < 0)
		goto fail;
	return dp;
fail:
	dataplane_destroy(dp);
	return NULL;
}

int dataplane_add_role(struct dataplane *dp, const struct role *role, struct err *err)
{
	if (dp->running)
		return err_set(err, EBUSY, "role \"%s\": the lcores run already", role->name);
	return worker_add_role(worker_get(dp->config.eal.forward_lcores), role, err);
}

int dataplane_run(struct dataplane *dp, struct err *err)
{
	int rc = 0;

	dp->port[PORT_LAN].promiscuous = wire_table_used(&dp->wires);
	/* A device must not be polled before it is started; what comes in meanwhile waits. */
	for (unsigned int role = 0; role < PORT_ROLES && rc == 0; role++)
		rc = port_start(&dp->port[role], err);
	dp->running = true;
	for (unsigned int i = 0; i < worker_count() && rc == 0; i++)
		rc = worker_launch(worker_get(i), err);
	if (rc < 0)
		dataplane_stop(dp);
	return rc;
}

void dataplane_stop(struct dataplane *dp)
{
	if (!dp->running)
		return;
	workers_stop();
	capture_shutdown();
	latency_shutdown();
	for (unsigned int role = 0; role < PORT_ROLES; role++)
		port_stop(&dp->port[role]);
	dp->running = false;
}

void dataplane_destroy(struct dataplane *dp)
{
	if (dp == NULL)
		return;
	dataplane_stop(dp);
	forward_destroy(dp->forward);
	for (unsigned int t = 0; t < CONFIG_TUNNELS_MAX; t++)
		if (dp->tunnel[t] != NULL)
			tunnel_destroy(dp->tunnel[t]);
	sad_destroy(dp->sad);
	esp_cipher_destroy(dp->cipher);
	fib_table_destroy(dp->fib);
	spd_table_destroy(dp->spd);
	for (unsigned int role = 0; role < PORT_ROLES; role++)
		port_close(&dp->port[role]);
	channel_mux_destroy(dp->mux);
	exception_path_destroy(dp->exceptions);
	for (unsigned int role = 0; role < PORT_ROLES; role++)
		free((void *)(uintptr_t)dp->iface[role].virtual_);
	rte_mempool_free(dp->pool);
	workers_destroy();
	if (dp->eal)
		eal_stop();
	free(dp);
}

unsigned int dataplane_addresses(const struct dataplane *dp, struct forward_address *out,
                                 unsigned int max)
{
	return forward_addresses(dp->forward, out, max);
}

/* What turned out to be another station's is no source of outer packets, until it is ours. */
static void follow_duplicates(struct dataplane *dp)
{
	struct forward_address list[FORWARD_ADDRESSES_MAX];
	unsigned int n = forward_addresses(dp->forward, list, RTE_DIM(list)), k = 0;
	uint32_t mask = 0;

	for (unsigned int i = 0; i < n; i++)
		if (list[i].role == PORT_WAN && k < dp->iface[PORT_WAN].address_count)
			mask |= (uint32_t)(list[i].state == ADDRESS_DUPLICATE) << k++;
	if (mask == dp->iface[PORT_WAN].unusable)
		return;
	dp->iface[PORT_WAN].unusable = mask;
	if (routes_build(&dp->config, dp->iface, &dp->routes, NULL) == 0 &&
	    fib_update(dp->fib, dp->routes.route, dp->routes.count, dp->routes.outer, NULL) == 0)
		forward_invalidate(dp->forward);
}

static void poll_links(struct dataplane *dp)
{
	for (unsigned int role = 0; role < PORT_ROLES; role++) {
		enum port_link_change change = port_link_update(
		        &dp->link[role], port_link_read(&dp->port[role]), clock_mono_ns());

		if (change == PORT_LINK_CAME_UP && dp->forward != NULL)
			forward_link_up(dp->forward, (enum port_role)role);
	}
}

int dataplane_link_set(struct dataplane *dp, enum port_role role, bool up)
{
	return port_link_set(&dp->port[role], &dp->link[role], up);
}

void dataplane_wire_counts(const struct dataplane *dp, unsigned int wire,
                           struct forward_wire_count *out)
{
	forward_wire_counts(dp->forward, wire, out);
}

void dataplane_probe(struct dataplane *dp, unsigned int tunnel)
{
	forward_probe(dp->forward, tunnel);
}

void dataplane_hops(const struct dataplane *dp, unsigned int outer, struct forward_hops *out)
{
	forward_hops(dp->forward, outer, out);
}

void dataplane_hop_select(struct dataplane *dp, unsigned int outer, unsigned int hop)
{
	forward_hop_select(dp->forward, outer, hop);
}

const struct port_link *dataplane_link(const struct dataplane *dp, enum port_role role)
{
	return &dp->link[role];
}

void dataplane_poll(struct dataplane *dp)
{
	poll_links(dp);
	follow_duplicates(dp);
	fib_reclaim(dp->fib);
	spd_reclaim(dp->spd);
	capture_poll();
	latency_poll();
	for (unsigned int t = 0; t < dp->config.tunnel_count; t++)
		tunnel_reclaim(dp->tunnel[t]);
}

static int update_rules(struct dataplane *dp, const struct config *config, struct err *err)
{
	unsigned int count = spd_rules_build(config, dp->rules);

	return spd_update(dp->spd, dp->rules, count, dp->routes.wan, dp->routes.wan_count, err);
}

int dataplane_policy_update(struct dataplane *dp, const struct config *next, struct err *err)
{
	int rc = routes_build(next, dp->iface, &dp->routes, err);

	/* Rules first: what the new ones discard is not to leave by a new route. */
	if (rc == 0)
		rc = update_rules(dp, next, err);
	if (rc < 0)
		return rc;
	rc = fib_update(dp->fib, dp->routes.route, dp->routes.count, dp->routes.outer, err);
	if (rc < 0) {
		routes_build(&dp->config, dp->iface, &dp->routes, NULL);
		update_rules(dp, &dp->config, NULL);
		return rc;
	}
	dp->config = *next;
	/* At start there is no forwarding yet. */
	if (dp->forward != NULL)
		forward_invalidate(dp->forward);
	return 0;
}

/*
 * Further addresses of a port: as soon as the cores know them they answer for them, and the
 * routes follow.
 */
static int set_virtual(struct dataplane *dp, enum port_role role, const struct iface_virtual *v,
                       struct err *err)
{
	const struct iface_virtual *old = dp->iface[role].virtual_;
	struct iface_virtual *next = malloc(sizeof(*next));
	int rc;

	if (next == NULL)
		return err_set(err, ENOMEM, "no memory");
	*next = *v;
	iface_set_virtual(&dp->iface[role], next);
	forward_set_virtual(dp->forward, role, next);
	rte_rcu_qsbr_synchronize(worker_qsbr(), RTE_QSBR_THRID_INVALID);
	free((void *)(uintptr_t)old);
	rc = routes_build(&dp->config, dp->iface, &dp->routes, err);
	if (rc == 0)
		rc = fib_update(dp->fib, dp->routes.route, dp->routes.count, dp->routes.outer, err);
	forward_invalidate(dp->forward);
	return rc;
}

void dataplane_exceptions(struct dataplane *dp)
{
	if (dp->exceptions == NULL || !exception_path_poll(dp->exceptions, clock_mono_ns()))
		return;
	for (unsigned int role = 0; role < PORT_ROLES; role++) {
		const struct iface_virtual *now = dp->iface[role].virtual_;
		struct iface_virtual next;
		struct err err = {0};
		int rc = exception_path_virtual(dp->exceptions, (enum port_role)role, &next, &err);

		if (rc == 0 && now == NULL && next.count == 0)
			continue;
		if (rc == 0 && now != NULL && memcmp(now, &next, sizeof(next)) == 0)
			continue;
		if (rc == 0)
			rc = set_virtual(dp, (enum port_role)role, &next, &err);
		if (rc < 0)
			log_warn("%s port: virtual addresses: %s",
			         port_role_name((enum port_role)role), err.text);
		else
			log_info("%s port: %u virtual addresses",
			         port_role_name((enum port_role)role), next.count);
	}
}

unsigned int dataplane_policy(const struct dataplane *dp, struct spd_info *out, unsigned int max)
{
	return spd_list(dp->spd, out, max);
}

uint64_t dataplane_cleared_no_key(const struct dataplane *dp, unsigned int index)
{
	return forward_cleared_no_key(dp->forward, index);
}

size_t dataplane_secret_bytes(const struct config *config)
{
	size_t bytes = 0;

	for (unsigned int t = 0; t < config->tunnel_count; t++) {
		/* Of receive SAs one more than live is being retired, of transmit SAs too. */
		size_t receive =
		        sizeof(struct sa) + GCM_KEY_BYTES + config->tunnels[t].replay_window / 8;
		size_t transmit = sizeof(struct sa) + GCM_KEY_BYTES;

		bytes += config->eal.forward_lcores * RTE_MAX(config->tunnels[t].classes, 1U) *
		         (receive * (TUNNEL_RX_GENERATIONS + 1) + transmit * 2);
	}
	return bytes;
}

const struct port *dataplane_port(struct dataplane *dp, enum port_role role)
{
	return &dp->port[role];
}

const char *dataplane_crypto_driver(const struct dataplane *dp)
{
	return dp->cipher != NULL ? esp_cipher_driver(dp->cipher) : NULL;
}

struct tunnel *dataplane_tunnel(struct dataplane *dp, unsigned int index)
{
	return index < dp->config.tunnel_count ? dp->tunnel[index] : NULL;
}

struct channel_mux *dataplane_channel(struct dataplane *dp)
{
	return dp->mux;
}

void dataplane_port_read(struct dataplane *dp, enum port_role role, struct dataplane_port *out)
{
	struct port *port = &dp->port[role];

	*out = (struct dataplane_port){
	        .name = port_role_name(role),
	        .device = port->device,
	        .mac = port->mac,
	        .mtu = port->mtu,
	        .rx_queues = port->rx_queues,
	        .tx_queues = port->tx_queues,
	        .rx_mode = port_rx_mode(port),
	        .channel_mode = role == PORT_WAN ? port_channel_mode(port) : NULL,
	        .steer_rules = port->steer.count,
	        .steer_failed = port->steer.failed,
	};
	port_stats_read(port, &out->stats);
	out->link_flaps = dp->link[role].flaps;
	out->stats.link_up = dp->link[role].known ? dp->link[role].up : port_link_read(port);
}

bool dataplane_running(const struct dataplane *dp)
{
	return dp->running;
}

bool dataplane_on_hugepages(const struct dataplane *dp)
{
	return dp->eal && eal_on_hugepages();
}

unsigned int dataplane_neighbours(const struct dataplane *dp, struct neighbour_info *out,
                                  unsigned int max)
{
	return forward_neighbours(dp->forward, out, max);
}
