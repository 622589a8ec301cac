/* SPDX-License-Identifier: BSD-3-Clause */

/* What status and the parts above read of the data plane. */

#include "dataplane/dataplane_state.h"

unsigned int dataplane_addresses(const struct dataplane *dp, struct forward_address *out,
                                 unsigned int max)
{
	return forward_addresses(dp->forward, out, max);
}

void dataplane_wire_counts(const struct dataplane *dp, unsigned int wire,
                           struct forward_wire_count *out)
{
	forward_wire_counts(dp->forward, wire, out);
}

void dataplane_hops(const struct dataplane *dp, unsigned int outer, struct forward_hops *out)
{
	forward_hops(dp->forward, outer, out);
}

const struct port_link *dataplane_link(const struct dataplane *dp, enum port_role role)
{
	return &dp->link[role];
}

unsigned int dataplane_policy(const struct dataplane *dp, struct spd_info *out, unsigned int max)
{
	return spd_list(dp->spd, out, max);
}

uint64_t dataplane_cleared_no_key(const struct dataplane *dp, unsigned int index)
{
	return forward_cleared_no_key(dp->forward, index);
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
	return index < CONFIG_TUNNELS_MAX ? dp->tunnel[index] : NULL;
}

void dataplane_path(const struct dataplane *dp, unsigned int tunnel, struct forward_path_info *out)
{
	forward_path_read(dp->forward, tunnel, clock_mono_ns(), out);
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
