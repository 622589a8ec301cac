/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The forwarding role, run to completion on each of its cores:
 *
 *   LAN rx -> ARP, ND, ICMP for us | route -> TTL, MTU -> tunnel: seal -> WAN tx
 *   WAN rx -> ARP, ND, ICMP for us | channel -> QKD core | ESP: open -> route -> LAN tx
 *
 * Inner packets are routed by a table that knows the LAN and the tunnels only; nothing that
 * came in by the LAN has a way to the WAN but through a tunnel, or where a rule of the policy
 * lets it through in the clear. The first core resolves
 * neighbours for all and sends the QKD channel's datagrams.
 */

#ifndef DATAPLANE_FORWARD_H
#define DATAPLANE_FORWARD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "config/config.h"
#include "dataplane/address_check.h"
#include "dataplane/channel_mux.h"
#include "dataplane/exception.h"
#include "dataplane/fib.h"
#include "dataplane/iface.h"
#include "dataplane/neighbour.h"
#include "dataplane/port.h"
#include "dataplane/sad.h"
#include "dataplane/spd.h"
#include "dataplane/worker.h"

#define FORWARD_FLOWS 65536

struct forward;
struct wire_table;

struct forward_config {
	unsigned int cores;
	const struct port *port[PORT_ROLES];
	struct iface iface[IFACES_MAX]; /* those without an address are none */
	struct fib_table *fib;
	const struct sad *sad; /* of the same number of cores */
	/* Of the same number of cores; NULL: no rules, routes are the policy. */
	const struct spd_table *spd;
	/* Longest inner packet of each tunnel, by its index in the SAD: tunnel_inner_mtu(). */
	uint16_t tunnel_mtu[SAD_TUNNELS_MAX];
	/* The tunnels themselves, as far as one asks for more than plain ESP; else NULL. */
	const struct tunnel *tunnel[SAD_TUNNELS_MAX];
	bool detect_duplicates; /* probe our addresses first; else they are taken to be ours */
	unsigned int flows;     /* entries of a core's flow cache; 0: FORWARD_FLOWS */
	const struct wire_table *wires;          /* NULL: none */
	struct channel_mux *mux;                 /* or NULL */
	struct exception *exception[IFACES_MAX]; /* or NULL: no daemons there */
	struct rte_mempool *pool;                /* of port_pool_create() */
	struct rte_rcu_qsbr *qsbr;
};

/* The longest outer packet that crosses a WAN of WAN_MTU in fragments. */
unsigned int forward_fragments_mtu(bool ipv6, unsigned int wan_mtu);

/* What the configuration points to must outlive the result. */
struct forward *forward_create(const struct forward_config *config, struct err *err);

/* Once all cores have stopped; before the ports are closed and the pools are freed. */
void forward_destroy(struct forward *f);

/*
 * Control: tunnels come and go, by their index in the SAD; NULL: none. After _prepare() routes may
 * lead to those of TUNNEL that are new, with MTU as in the configuration. Either _commit(), when no
 * route leads to those that are not in it: once it returns no core looks at them any more, and
 * they may be destroyed; or _cancel(), likewise for the new ones. Both wait for all cores to be
 * quiescent. -ENOMEM: nothing changed.
 */
int forward_tunnels_prepare(struct forward *f, struct tunnel *const tunnel[SAD_TUNNELS_MAX],
                            const uint16_t mtu[SAD_TUNNELS_MAX], struct err *err);
void forward_tunnels_commit(struct forward *f);
void forward_tunnels_cancel(struct forward *f);

/* Policy or routes have changed: what was decided for flows before counts no more. */
void forward_invalidate(struct forward *f);

/*
 * Control: further addresses of the gateway on interface IFACE, as iface_set_virtual(); then routes
 * to them, and forward_invalidate().
 */
void forward_set_virtual(struct forward *f, unsigned int iface, const struct iface_virtual *v);

/* The role of forwarding core CORE. */
struct role forward_role(struct forward *f, unsigned int core);

/* Packets that left in the clear as tunnel TUNNEL had no key, and a rule allowed it. */
uint64_t forward_cleared_no_key(const struct forward *f, unsigned int tunnel);

/* The link of a port came up: addresses are announced, neighbours asked again. */
void forward_link_up(struct forward *f, enum port_role role);

/* The two ways of outer packets of index OUTER in the FIB; to be called by the control thread. */
struct forward_hops {
	bool has_backup, stay;
	bool reachable[2];
};
void forward_hops(const struct forward *f, unsigned int outer, struct forward_hops *out);
/* Which one they take from now on: 0, the next hop, or 1, the backup. */
void forward_hop_select(struct forward *f, unsigned int outer, unsigned int hop);

/*
 * Control: take what routers said of paths' MTUs (RFC 1191 section 6.3: not to be forgotten before
 * 10 minutes), and forget it in time. True: one changed, see mtu and before.
 */
#define FORWARD_PATH_MTU_NS (600 * UINT64_C(1000000000))
bool forward_path_poll(struct forward *f, uint64_t now_ns);

struct forward_path_info {
	bool on; /* routers are listened to */
	uint16_t mtu, before, inner_mtu, floor;
	uint64_t lowered; /* times */
	uint64_t left_ns; /* until it is forgotten; 0: it is the WAN port's */
};
void forward_path_read(const struct forward *f, unsigned int tunnel, uint64_t now_ns,
                       struct forward_path_info *out);

/* Send a probe through tunnel TUNNEL, which the other gateway answers; with a key only. */
void forward_probe(struct forward *f, unsigned int tunnel);

/* Frames of pseudowire WIRE, by its place in the configuration. */
struct forward_wire_count {
	uint64_t sent, received;
};
void forward_wire_counts(const struct forward *f, unsigned int wire,
                         struct forward_wire_count *out);

/* For status; a snapshot by the control thread. */
struct forward_address {
	enum port_role role;
	uint16_t vlan; /* of the interface; 0: the port's own */
	struct config_addr addr;
	uint8_t state; /* enum address_state */
	bool disputed; /* ours, but another station claims it, too */
};
#define FORWARD_ADDRESSES_MAX (IFACES_MAX * (CONFIG_ADDRESSES_MAX + 1))
unsigned int forward_addresses(const struct forward *f, struct forward_address *out,
                               unsigned int max);
unsigned int forward_neighbours(const struct forward *f, struct neighbour_info *out,
                                unsigned int max);

#endif
