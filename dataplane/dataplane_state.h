/* SPDX-License-Identifier: BSD-3-Clause */

/* What makes up the data plane; private to dataplane*.c, and the control thread's alone. */

#ifndef DATAPLANE_DATAPLANE_STATE_H
#define DATAPLANE_DATAPLANE_STATE_H

#include "dataplane/dataplane.h"
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

/* Taking over routes of daemons. */
struct learn {
	bool pending;                  /* something changed */
	uint64_t first_ns, changed_ns; /* the first change that waits, and the last */
	uint64_t next_ns;              /* not before */
	bool failed[IFACES_MAX];       /* the last time */
};

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
	uint64_t peer_refused_ns;          /* when that was logged */
	struct learn learn;
	unsigned int sessions; /* of the crypto device */
	bool eal, running;
	bool changing; /* dataplane_tunnels_add() */
};

/* dataplane_tunnels.c: what was foreseen for the peers fits into the tables; all tunnels, SAD. */
int dataplane_tunnels_check(const struct config *c, struct err *err);
int dataplane_tunnels_create(struct dataplane *dp, struct err *err);
/* One of CONFIG's; NULL: see ERR. */
struct tunnel *dataplane_tunnel_create(struct dataplane *dp, const struct config *config,
                                       unsigned int tunnel, struct err *err);
/* Sessions of the crypto device, and secret memory at the least, that a tunnel takes. */
unsigned int dataplane_tunnel_sessions(const struct config *config, unsigned int tunnel);
size_t dataplane_tunnel_secret(const struct config *config, unsigned int tunnel);

/* dataplane.c: the longest inner packet of a tunnel that is created; warns if it is short. */
uint16_t dataplane_tunnel_mtu(const struct dataplane *dp, const struct config *config,
                              unsigned int tunnel);

/* Build routes anew, and with RULES the way of what the policy lets through; swap them in. */
int dataplane_tables_update(struct dataplane *dp, bool rules, struct err *err);

#endif
