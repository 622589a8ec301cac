/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/dataplane_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mempool.h>

LOG_COMPONENT_DEFINE(dataplane)

/* Behind forwarding, but not so far that the card's rings overflow on a busy CPU. */
#define QKD_NICE 3

_Static_assert(IFACE_SUBS == PORT_ROLES, "interfaces begin with the ports");

static int start_eal(struct dataplane *dp, struct err *err)
{
	const struct config *c = &dp->config;
	struct eal_config eal = {
	        .file_prefix = c->eal.file_prefix,
	        .cpus = c->eal.cpus,
	        .memory_mb = c->eal.memory_mb,
	        .lcores = c->eal.forward_lcores + 1 + c->eal.qkd_lcores,
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
	for (unsigned int i = 1; i <= c->eal.qkd_lcores; i++)
		worker_get(c->eal.forward_lcores + i)->name = "qkd-worker";
	for (unsigned int i = 0; i <= c->eal.qkd_lcores; i++)
		worker_get(c->eal.forward_lcores + i)->nice = QKD_NICE;
	return 0;
}

static int configure_ports(struct dataplane *dp, struct err *err)
{
	const struct config_port *config[PORT_ROLES] = {&dp->config.lan, &dp->config.wan};
	unsigned int cores = dp->config.eal.forward_lcores;
	uint16_t mtu = RTE_MAX(config[PORT_LAN]->mtu, config[PORT_WAN]->mtu);
	const struct config_addr *local = &dp->config.channel.local;
	struct port_channel channel = {.ipv6 = local->ipv6,
	                               .any_source = dp->config.channel.dynamic,
	                               .udp_port = dp->config.channel.port};

	memcpy(channel.local, local->bytes, sizeof(channel.local));
	memcpy(channel.remote, dp->config.channel.remote.bytes, sizeof(channel.remote));

	if (dp->config.eal.chained)
		mtu = RTE_MIN(mtu, RTE_ETHER_MTU);
	dp->pool = port_pool_create("packets", mtu, PORT_ROLES * cores, 0, err);
	if (dp->pool == NULL)
		return -err->code;
	for (unsigned int role = 0; role < PORT_ROLES; role++) {
		/* Cards are told of datagrams without a tag. */
		bool steer = channel.udp_port != 0 && dp->config.wan.vlan == 0;
		int rc = port_configure(&dp->port[role], (enum port_role)role, config[role]->device,
		                        config[role]->mtu, cores, steer ? &channel : NULL, dp->pool,
		                        err);

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

static int create_channel(struct dataplane *dp, struct err *err)
{
	const struct config *c = &dp->config;
	struct channel_mux_config mc = {
	        .ipv6 = c->channel.local.ipv6,
	        .port = c->channel.port,
	        .dynamic = c->channel.dynamic,
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

static unsigned int inner_mtu(const struct dataplane *dp, const struct config *c, unsigned int t)
{
	unsigned int wan = c->wan.mtu, whole = tunnel_inner_mtu(dp->tunnel[t], wan);
	unsigned int pieces;

	if (!c->tunnels[t].outer_fragment)
		return whole;
	pieces = tunnel_inner_mtu(dp->tunnel[t],
	                          forward_fragments_mtu(c->tunnels[t].local.ipv6, wan));
	return RTE_MAX(whole, RTE_MIN(pieces, (unsigned int)c->lan.mtu));
}

/* Longest LAN packets that do not cross a tunnel whole: an operator should know, and why. */
uint16_t dataplane_tunnel_mtu(const struct dataplane *dp, const struct config *c, unsigned int t)
{
	unsigned int lan = c->lan.mtu, wan = c->wan.mtu, inner = inner_mtu(dp, c, t);

	if (inner < lan)
		log_warn("tunnel %s: wan mtu %u is below the lan mtu %u and %u of ESP around it: "
		         "packets above %u bytes are fragmented or refused",
		         c->tunnels[t].name, wan, lan, tunnel_outer_mtu(dp->tunnel[t], lan) - lan,
		         inner);
	return (uint16_t)inner;
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
	for (unsigned int i = 0; i < IFACES_MAX; i++)
		fc.exception[i] = exception_path_queue(dp->exceptions, i);
	for (unsigned int t = 0; t < dp->config.tunnel_count; t++) {
		fc.tunnel_mtu[t] = dataplane_tunnel_mtu(dp, &dp->config, t);
		fc.tunnel[t] = dp->tunnel[t];
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
	if (dataplane_tunnels_check(config, err) < 0)
		goto fail;
	if (start_eal(dp, err) < 0 || configure_ports(dp, err) < 0)
		goto fail;
	dp->fib = fib_table_create(worker_qsbr(), err);
	dp->spd = spd_table_create(config->eal.forward_lcores, worker_qsbr(), err);
	if (dp->fib == NULL || dp->spd == NULL || dataplane_policy_update(dp, config, err) < 0 ||
	    dataplane_tunnels_create(dp, err) < 0 || create_channel(dp, err) < 0 ||
	    exception_path_create(config, dp->port, dp->iface, &dp->exceptions, err) < 0 ||
	    create_forward(dp, err) < 0)
		goto fail;
	return dp;
fail:
	dataplane_destroy(dp);
	return NULL;
}

static int add_role(struct dataplane *dp, unsigned int lcore, const struct role *role,
                    struct err *err)
{
	if (dp->running)
		return err_set(err, EBUSY, "role \"%s\": the lcores run already", role->name);
	return worker_add_role(worker_get(lcore), role, err);
}

int dataplane_add_role(struct dataplane *dp, const struct role *role, struct err *err)
{
	return add_role(dp, dp->config.eal.forward_lcores, role, err);
}

int dataplane_add_qkd_role(struct dataplane *dp, unsigned int i, const struct role *role,
                           struct err *err)
{
	return add_role(dp, dp->config.eal.forward_lcores + 1 + i, role, err);
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
	for (unsigned int i = 0; i < IFACES_MAX; i++) {
		free((void *)(uintptr_t)dp->iface[i].virtual_);
		free((void *)(uintptr_t)dp->iface[i].learnt);
	}
	rte_mempool_free(dp->pool);
	workers_destroy();
	if (dp->eal)
		eal_stop();
	free(dp);
}
