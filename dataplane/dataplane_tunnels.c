/* SPDX-License-Identifier: BSD-3-Clause */

/* The tunnels of the configuration: how many sub-SAs either end has, and what they take. */

#include "dataplane/dataplane_state.h"

#include <errno.h>
#include <string.h>

/*
 * Keys of a crypto device: of each tunnel and sub-SA the receive generations, the one that
 * transmits, and what waits to be freed. No more than there are SAs in the SAD.
 */
#define SESSION_GENERATIONS (TUNNEL_RX_GENERATIONS + 4)
#define SESSIONS_MAX        (2U * SAD_RECEIVE_MAX)

static void steer_add(void *ctx, const struct sa *sa, unsigned int core)
{
	port_steer_add(ctx, sa->spi, sa->ipv6, core);
}

static void steer_remove(void *ctx, const struct sa *sa, unsigned int core)
{
	(void)core;
	port_steer_remove(ctx, sa->spi);
}

/* Sub-SAs that this gateway sends with. */
static unsigned int own_subs(const struct config *c, unsigned int tunnel)
{
	return c->eal.forward_lcores * RTE_MAX(c->tunnels[tunnel].classes, 1U);
}

/* All that a core's table holds, on the worst core, with all generations. */
unsigned int dataplane_peer_subs(const struct config *config, unsigned int tunnel)
{
	unsigned int share = SAD_RECEIVE_MAX / TUNNEL_RX_GENERATIONS / config_tunnel_number(config);

	if (config->tunnels[tunnel].peer_subs != 0)
		return config->tunnels[tunnel].peer_subs;
	return RTE_MIN(RTE_MAX(share, own_subs(config, tunnel)), (unsigned int)TUNNEL_SUBS_MAX);
}

/* What was foreseen for the peers fits into the table of the core that gets most of it. */
int dataplane_tunnels_check(const struct config *c, struct err *err)
{
	unsigned int cores = c->eal.forward_lcores, sas = 0;

	for (unsigned int t = 0; t < c->tunnel_count; t++) {
		const struct config_tunnel *ct = &c->tunnels[t];

		if (!config_tunnel_used(ct))
			continue;
		sas += (dataplane_peer_subs(c, t) + cores - 1) / cores * TUNNEL_RX_GENERATIONS;
		if (ct->peer_subs != 0 && sas > SAD_RECEIVE_MAX)
			return err_set(
			        err, EINVAL,
			        "tunnel %s: peer-sub-sas: %u and those of the tunnels before "
			        "it are more than %u receive SAs on one lcore",
			        ct->name, ct->peer_subs, SAD_RECEIVE_MAX);
	}
	return 0;
}

struct tunnel *dataplane_tunnel_create(struct dataplane *dp, const struct config *config,
                                       unsigned int t, struct err *err)
{
	const struct config_tunnel *ct = &config->tunnels[t];
	struct tunnel_config tc = {
	        .ipv6 = ct->local.ipv6,
	        .replay_window = ct->replay_window,
	        .index = t,
	        .udp = ct->udp,
	        .udp_spread = ct->udp_spread,
	        .udp_port = ct->udp_port,
	        .nat_keepalive = ct->nat_keepalive,
	        .nat_dynamic = ct->nat_dynamic,
	        .classes = ct->classes,
	        .outer_fragment = ct->outer_fragment,
	        .mss_clamp = ct->mss_clamp,
	        .mtu_floor = ct->mtu_discovery ? ct->mtu_floor : 0,
	        .dscp_mapped = ct->dscp_mapped,
	        .ecn_compatible = ct->ecn_compatible,
	};

	memcpy(tc.name, ct->name, sizeof(tc.name));
	memcpy(tc.local, ct->local.bytes, sizeof(tc.local));
	memcpy(tc.dscp, ct->dscp, sizeof(tc.dscp));
	memcpy(tc.class_of, ct->class_of, sizeof(tc.class_of));
	memcpy(tc.remote, ct->remote.bytes, sizeof(tc.remote));
	return tunnel_create(&tc, dp->sad, err);
}

unsigned int dataplane_tunnel_sessions(const struct config *c, unsigned int t)
{
	return RTE_MAX(dataplane_peer_subs(c, t), own_subs(c, t)) * SESSION_GENERATIONS;
}

int dataplane_tunnels_create(struct dataplane *dp, struct err *err)
{
	const struct config *c = &dp->config;

	/* With places for those that come while it runs. */
	dp->sad = sad_create(c->eal.forward_lcores, CONFIG_TUNNELS_MAX, worker_qsbr(), err);
	if (dp->sad == NULL)
		return -err->code;
	if (c->crypto_device[0] != '\0') {
		for (unsigned int t = 0; t < c->tunnel_count; t++)
			dp->sessions += dataplane_tunnel_sessions(c, t);
		dp->sessions = RTE_MIN(dp->sessions, SESSIONS_MAX);
		dp->cipher = esp_cipher_create(c->crypto_device, c->eal.forward_lcores,
		                               dp->sessions, err);
		if (dp->cipher == NULL)
			return -err->code;
		dp->sad->cipher = dp->cipher;
	}
	dp->sad->watch = (struct sad_watch){steer_add, steer_remove, &dp->port[PORT_WAN]};
	for (unsigned int t = 0; t < c->tunnel_count; t++) {
		dp->tunnel[t] = dataplane_tunnel_create(dp, c, t, err);
		if (dp->tunnel[t] == NULL)
			return -err->code;
	}
	return 0;
}

/* Of receive SAs one generation more than live is being retired, of transmit SAs too. */
static size_t tunnel_secret_bytes(const struct config *c, unsigned int t, unsigned int peer_subs)
{
	size_t transmit = sizeof(struct sa) + GCM_KEY_BYTES;
	size_t receive = transmit + c->tunnels[t].replay_window / 8;

	return receive * (TUNNEL_RX_GENERATIONS + 1) * peer_subs + transmit * 2 * own_subs(c, t);
}

size_t dataplane_secret_bytes(const struct config *config)
{
	size_t bytes = 0;

	for (unsigned int t = 0; t < config->tunnel_count; t++)
		bytes += tunnel_secret_bytes(config, t, dataplane_peer_subs(config, t));
	return bytes;
}

size_t dataplane_tunnel_secret(const struct config *config, unsigned int t)
{
	unsigned int peer_subs = config->tunnels[t].peer_subs;

	return tunnel_secret_bytes(config, t, peer_subs != 0 ? peer_subs : own_subs(config, t));
}

size_t dataplane_secret_least(const struct config *config)
{
	size_t bytes = 0;

	for (unsigned int t = 0; t < config->tunnel_count; t++)
		bytes += dataplane_tunnel_secret(config, t);
	return bytes;
}
