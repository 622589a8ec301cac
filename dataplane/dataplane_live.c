/* SPDX-License-Identifier: BSD-3-Clause */

/* What changes while it runs: links, rules and routes, addresses, next hops. */

#include "dataplane/dataplane_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

LOG_COMPONENT_DEFINE(dataplane_live)

static struct config_addr place_addr(const struct dataplane *dp, unsigned int t,
                                     const struct peer_place *place)
{
	struct config_addr addr = {.ipv6 = dp->config.tunnels[t].local.ipv6};

	memcpy(addr.bytes, place->addr, sizeof(addr.bytes));
	return addr;
}

/* By CONFIG, and by where peers are now that moved. */
static int build_routes(struct dataplane *dp, const struct config *config, struct err *err)
{
	int rc = routes_build(config, dp->iface, &dp->routes, err);

	for (unsigned int t = 0; rc == 0 && t < config->tunnel_count; t++) {
		const struct peer_place *place =
		        dp->tunnel[t] == NULL ? NULL : tunnel_peer(dp->tunnel[t]);
		struct config_addr addr;

		if (place == NULL)
			continue;
		addr = place_addr(dp, t, place);
		rc = routes_outer(config, dp->iface, t, &addr, &dp->routes, err);
	}
	return rc;
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
	dataplane_tables_update(dp, false, NULL);
}

static const char *place_text(const struct dataplane *dp, unsigned int t,
                              const struct peer_place *place, char out[CONFIG_ADDR_TEXT + 8])
{
	struct config_addr addr = place_addr(dp, t, place);
	char text[CONFIG_ADDR_TEXT];

	snprintf(out, CONFIG_ADDR_TEXT + 8, addr.ipv6 ? "[%s]:%u" : "%s:%u",
	         config_addr_format(&addr, text), place->port);
	return out;
}

/* The way first: packets to the new place by the old one would be lost. */
static void move_peer(struct dataplane *dp, unsigned int t, const struct peer_place *to)
{
	char from_text[CONFIG_ADDR_TEXT + 8], to_text[CONFIG_ADDR_TEXT + 8];
	struct config_addr addr = place_addr(dp, t, to);
	const struct fib_outer before = dp->routes.outer[t];
	struct err err = {0};
	int rc;

	place_text(dp, t, tunnel_peer(dp->tunnel[t]), from_text);
	place_text(dp, t, to, to_text);
	rc = routes_outer(&dp->config, dp->iface, t, &addr, &dp->routes, &err);
	/* Mostly the way is the same, to a router. */
	if (rc == 0 && memcmp(&before, &dp->routes.outer[t], sizeof(before)) != 0) {
		rc = fib_update(dp->fib, dp->routes.route, dp->routes.count, dp->routes.outer,
		                &err);
		forward_invalidate(dp->forward);
		/* Else the next try would find the way as it should be. */
		if (rc < 0)
			dp->routes.outer[t] = before;
	}
	if (rc == 0)
		rc = tunnel_peer_move(dp->tunnel[t], to, clock_mono_ns());
	if (rc == 0)
		log_info("tunnel %s: the peer moved from %s to %s", dp->config.tunnels[t].name,
		         from_text, to_text);
	else if (dp->peer_refused_ns + NS_PER_S * 10 < clock_mono_ns()) {
		dp->peer_refused_ns = clock_mono_ns();
		log_warn("tunnel %s: the peer is heard from %s, and stays at %s: %s",
		         dp->config.tunnels[t].name, to_text, from_text, err.text);
	}
}

static void follow_peers(struct dataplane *dp)
{
	struct peer_place to;

	for (unsigned int t = 0; t < dp->config.tunnel_count; t++)
		if (dp->config.tunnels[t].nat_dynamic &&
		    tunnel_peer_heard(dp->tunnel[t], clock_mono_ns(), &to))
			move_peer(dp, t, &to);
}

static void follow_paths(struct dataplane *dp)
{
	uint64_t now = clock_mono_ns();

	if (!forward_path_poll(dp->forward, now))
		return;
	for (unsigned int t = 0; t < dp->config.tunnel_count; t++) {
		struct forward_path_info p;

		forward_path_read(dp->forward, t, now, &p);
		if (p.mtu < p.before)
			log_info("tunnel %s: a router lowered the path's MTU from %u to %u: "
			         "inner packets up to %u bytes",
			         dp->config.tunnels[t].name, p.before, p.mtu, p.inner_mtu);
		else if (p.mtu > p.before)
			log_info("tunnel %s: the path's MTU is tried at %u again",
			         dp->config.tunnels[t].name, p.mtu);
	}
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

void dataplane_probe(struct dataplane *dp, unsigned int tunnel)
{
	forward_probe(dp->forward, tunnel);
}

void dataplane_hop_select(struct dataplane *dp, unsigned int outer, unsigned int hop)
{
	forward_hop_select(dp->forward, outer, hop);
}

void dataplane_poll(struct dataplane *dp)
{
	poll_links(dp);
	follow_duplicates(dp);
	follow_peers(dp);
	follow_paths(dp);
	fib_reclaim(dp->fib);
	spd_reclaim(dp->spd);
	capture_poll();
	latency_poll();
	for (unsigned int t = 0; t < dp->config.tunnel_count; t++)
		if (dp->tunnel[t] != NULL)
			tunnel_reclaim(dp->tunnel[t]);
}

static int update_rules(struct dataplane *dp, const struct config *config, struct err *err)
{
	unsigned int count = spd_rules_build(config, dp->rules);

	return spd_update(dp->spd, dp->rules, count, dp->routes.wan, dp->routes.wan_count, err);
}

int dataplane_tables_update(struct dataplane *dp, bool rules, struct err *err)
{
	int rc = build_routes(dp, &dp->config, err);

	if (rc == 0 && rules)
		rc = update_rules(dp, &dp->config, err);
	if (rc == 0)
		rc = fib_update(dp->fib, dp->routes.route, dp->routes.count, dp->routes.outer, err);
	if (rc == 0)
		forward_invalidate(dp->forward);
	return rc;
}

int dataplane_policy_update(struct dataplane *dp, const struct config *next, struct err *err)
{
	int rc = build_routes(dp, next, err);

	/* Rules first: what the new ones discard is not to leave by a new route. */
	if (rc == 0)
		rc = update_rules(dp, next, err);
	if (rc < 0)
		return rc;
	rc = fib_update(dp->fib, dp->routes.route, dp->routes.count, dp->routes.outer, err);
	if (rc < 0) {
		build_routes(dp, &dp->config, NULL);
		update_rules(dp, &dp->config, NULL);
		return rc;
	}
	dp->config = *next;
	/* At start there is no forwarding yet. */
	if (dp->forward != NULL)
		forward_invalidate(dp->forward);
	return 0;
}
