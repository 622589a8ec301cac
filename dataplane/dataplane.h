/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The data plane as the control thread sees it. All functions belong to that thread, which
 * becomes DPDK's main lcore; secret memory and the GCM provider must be ready before.
 *
 *     dp = dataplane_create(&config, &err);            DPDK, ports (stopped), policy, tunnels
 *     dataplane_add_role(dp, &qkd_role, &err);         on the QKD lcore
 *     dataplane_run(dp, &err);                         from here packets are forwarded
 *     ... dataplane_poll(dp) a few times a second ...
 *     dataplane_destroy(dp);
 *
 * Forwarding lcores are workers 0 .. forward_lcores - 1; the worker after them runs the QKD
 * and optics roles at lower priority, and those behind it compute for the QKD role.
 */

#ifndef DATAPLANE_DATAPLANE_H
#define DATAPLANE_DATAPLANE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "config/config.h"
#include "dataplane/channel_mux.h"
#include "dataplane/forward.h"
#include "dataplane/neighbour.h"
#include "dataplane/port.h"
#include "dataplane/port_link.h"
#include "dataplane/spd.h"
#include "dataplane/tunnel.h"
#include "dataplane/worker.h"

struct dataplane;

/* Nothing is left behind on failure. CONFIG is copied. Once per process. */
struct dataplane *dataplane_create(const struct config *config, struct err *err);

/* A further role of the QKD lcore; before dataplane_run(). */
int dataplane_add_role(struct dataplane *dp, const struct role *role, struct err *err);
/* Likewise of the I-th further QKD lcore, I below the configuration's qkd_lcores. */
int dataplane_add_qkd_role(struct dataplane *dp, unsigned int i, const struct role *role,
                           struct err *err);

/* Start the ports, then the lcores. The tunnels drop everything until they have keys. */
int dataplane_run(struct dataplane *dp, struct err *err);

/* Stop the lcores, then the ports. Roles' contexts may be freed afterwards. */
void dataplane_stop(struct dataplane *dp);

/* Stops first if need be; NULL is allowed. */
void dataplane_destroy(struct dataplane *dp);

/*
 * Carry frames to and from routing daemons, and take over their addresses and routes; every few
 * milliseconds.
 */
void dataplane_exceptions(struct dataplane *dp);

/* Free what live changes and rekeying left to be freed. */
void dataplane_poll(struct dataplane *dp);

/*
 * Change routes and rules of the policy, and lose no packet that both the old and the new ones
 * let pass. On failure nothing changed.
 */
int dataplane_policy_update(struct dataplane *dp, const struct config *next, struct err *err);

/*
 * Tunnels come and go, around dataplane_policy_update(): NEXT is of config_place(). _add(): those
 * that are new are there, no route leads to them; with an error (-EINVAL, -ENOMEM, -ENOSPC)
 * nothing changed. Then, after the update, _settle(): those that are not in it are gone, and
 * nothing may refer to them any more; or, without it, _cancel(). With new or old tunnels, these two
 * wait for the forwarding lcores to be quiescent.
 */
int dataplane_tunnels_add(struct dataplane *dp, const struct config *next, struct err *err);
void dataplane_tunnels_settle(struct dataplane *dp);
void dataplane_tunnels_cancel(struct dataplane *dp);

/* The rules in order, what they decided since they are there; then what none matched. */
unsigned int dataplane_policy(const struct dataplane *dp, struct spd_info *out, unsigned int max);

/* Packets that left in the clear for want of a key of tunnel INDEX. */
uint64_t dataplane_cleared_no_key(const struct dataplane *dp, unsigned int index);

/* Secret memory for the SAs of all tunnels of CONFIG, with as many as their peers may have. */
size_t dataplane_secret_bytes(const struct config *config);
/* The same where tunnels without peer-sub-sas have peers like this gateway. */
size_t dataplane_secret_least(const struct config *config);
/* The most sub-SAs that the peer of a tunnel may send with. */
unsigned int dataplane_peer_subs(const struct config *config, unsigned int tunnel);

/* For captures and the like, which keep it no longer than until dataplane_stop(). */
const struct port *dataplane_port(struct dataplane *dp, enum port_role role);

/* By its place in the configuration; NULL: that is free. */
struct tunnel *dataplane_tunnel(struct dataplane *dp, unsigned int index);

/* The driver of the crypto device; NULL: there is none. */
const char *dataplane_crypto_driver(const struct dataplane *dp);

/* The QKD lcore's end of the channel; its functions belong to that lcore while it runs. */
struct channel_mux *dataplane_channel(struct dataplane *dp);

/* Status. */
struct dataplane_port {
	const char *name; /* "lan", "wan" */
	const char *device;
	struct rte_ether_addr mac;
	uint16_t mtu, rx_queues, tx_queues;
	const char *rx_mode, *channel_mode; /* port_rx_mode(), port_channel_mode() or NULL */
	unsigned int steer_rules;           /* in the device, for SPIs */
	uint64_t steer_failed;
	uint64_t link_flaps; /* times that its link went down */
	struct port_stats stats;
};
void dataplane_port_read(struct dataplane *dp, enum port_role role, struct dataplane_port *out);
/*
 * What an interface, numbered as in iface.h, took over from routing daemons, until the next
 * dataplane_exceptions().
 */
struct dataplane_learnt {
	unsigned int most;            /* that it may; 0: none */
	unsigned int count, left_out; /* as tap_list_routes() */
	bool failed;                  /* the newest could not be used: these are older */
	const struct iface_route *route;
};
void dataplane_learnt(const struct dataplane *dp, unsigned int iface, struct dataplane_learnt *out);
unsigned int dataplane_addresses(const struct dataplane *dp, struct forward_address *out,
                                 unsigned int max);
/* As it was at the last dataplane_poll(). */
const struct port_link *dataplane_link(const struct dataplane *dp, enum port_role role);
/* As port_link_set(). */
int dataplane_link_set(struct dataplane *dp, enum port_role role, bool up);
/* As forward_hops() and forward_hop_select(). */
void dataplane_hops(const struct dataplane *dp, unsigned int outer, struct forward_hops *out);
void dataplane_hop_select(struct dataplane *dp, unsigned int outer, unsigned int hop);
void dataplane_path(const struct dataplane *dp, unsigned int tunnel, struct forward_path_info *out);
void dataplane_probe(struct dataplane *dp, unsigned int tunnel);
void dataplane_wire_counts(const struct dataplane *dp, unsigned int wire,
                           struct forward_wire_count *out);
bool dataplane_running(const struct dataplane *dp);
bool dataplane_on_hugepages(const struct dataplane *dp);
unsigned int dataplane_neighbours(const struct dataplane *dp, struct neighbour_info *out,
                                  unsigned int max);

#endif
