/* SPDX-License-Identifier: BSD-3-Clause */

/* What changes while it runs: links, rules and routes, addresses, next hops. */

#include "dataplane/dataplane_state.h"

#include <errno.h>
#include <string.h>

LOG_COMPONENT_DEFINE(dataplane_live)

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
