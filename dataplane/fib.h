/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Forwarding tables: longest-prefix match of inner packets to adjacencies, and the next hop
 * of each tunnel's outer packets. The two never meet: no prefix leads to the WAN, so that no
 * inner packet can leave there but through a tunnel.
 *
 * A table is built by the control thread and never changed: an update builds another one and
 * swaps the pointer, the old one is freed when all forwarding cores have passed a quiescent
 * state.
 */

#ifndef DATAPLANE_FIB_H
#define DATAPLANE_FIB_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "config/config.h"
#include "dataplane/packet.h"

#define FIB_ADJACENCIES_MAX 8192
/* The last outer next hop is the QKD channel's, those before the tunnels'. */
#define FIB_OUTER_CHANNEL CONFIG_TUNNELS_MAX
#define FIB_OUTER_MAX     (CONFIG_TUNNELS_MAX + 1)

struct rte_rcu_qsbr;

enum adjacency_kind {
	ADJACENCY_NONE,      /* no route: ICMP unreachable */
	ADJACENCY_DISCARD,   /* multicast, broadcast, martian: silence */
	ADJACENCY_LOCAL,     /* an address of the gateway */
	ADJACENCY_CONNECTED, /* on the LAN's link: the destination is the neighbour */
	ADJACENCY_GATEWAY,   /* behind a router on the LAN */
	ADJACENCY_TUNNEL,
};

struct adjacency {
	uint8_t kind; /* enum adjacency_kind */
	uint16_t tunnel;
	/* ADJACENCY_GATEWAY; ADJACENCY_CONNECTED, _LOCAL: the interface alone */
	struct neighbour_key next_hop;
};

struct fib_route {
	struct config_prefix prefix;
	struct adjacency via;
};

struct fib_outer {
	bool valid;
	bool has_backup, stay; /* as in the configuration of the route */
	struct neighbour_key next_hop, backup;
};

/* Read by forwarding cores between two quiescent states. Adjacency 0 is ADJACENCY_NONE. */
struct fib {
	struct rte_fib *v4;
	struct rte_fib6 *v6; /* NULL: no IPv6 routes */
	struct fib *retired;
	uint64_t token; /* grace period */
	struct fib_outer outer[FIB_OUTER_MAX];
	unsigned int adjacency_count;
	struct adjacency adjacency[];
};

struct fib_table;

struct fib_table *fib_table_create(struct rte_rcu_qsbr *qsbr, struct err *err);

/* Once the cores have stopped. */
void fib_table_destroy(struct fib_table *t);

/*
 * Replace the table. Of two routes with one prefix the later counts. On failure the old table
 * stays. Takes some 50 ms, as the tables have 2^24 entries at the first level.
 */
int fib_update(struct fib_table *t, const struct fib_route *routes, unsigned int count,
               const struct fib_outer outer[FIB_OUTER_MAX], struct err *err);

/* Free what no core can read any more; call it a few times a second. */
void fib_reclaim(struct fib_table *t);

/* The current table; never NULL. */
const struct fib *fib_current(const struct fib_table *t);

/* Adjacency indices of N addresses, at most FIB_BURST: IPv4 in host order, IPv6 as on the wire. */
#define FIB_BURST 64
void fib_lookup4(const struct fib *fib, const uint32_t *addr, uint64_t *index, unsigned int n);
void fib_lookup6(const struct fib *fib, uint8_t (*addr)[16], uint64_t *index, unsigned int n);

#endif
