/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Link addresses of neighbours, for ARP and ND alike. Any forwarding core reads; one of them,
 * the owner, resolves, learns, ages and holds the packets that wait.
 *
 * An entry exists only because we asked: an answer that nobody asked for changes an entry
 * that is there, and never makes one. A neighbour in use is probed by unicast before its
 * entry expires and keeps its link address meanwhile, so that no packet waits or is lost.
 * Timers after RFC 4861 section 10.
 */

#ifndef DATAPLANE_NEIGHBOUR_H
#define DATAPLANE_NEIGHBOUR_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

#include "common/counter.h"
#include "common/err.h"
#include "dataplane/packet.h"

struct rte_rcu_qsbr;
struct neighbour_table;

#define NEIGHBOUR_QUEUE 8 /* packets that wait for one neighbour; beyond, the oldest goes */

#define NEIGHBOUR_REACHABLE_NS (30 * 1000000000ULL) /* REACHABLE_TIME */
#define NEIGHBOUR_RETRANS_NS   (1 * 1000000000ULL)  /* RETRANS_TIMER */
#define NEIGHBOUR_SOLICITS     3 /* MAX_MULTICAST_SOLICIT and MAX_UNICAST_SOLICIT */
#define NEIGHBOUR_FAILED_NS    (3 * 1000000000ULL)   /* until it is asked for again */
#define NEIGHBOUR_UNUSED_NS    (600 * 1000000000ULL) /* until an unused one is forgotten */

/* Called by the owner from within the functions below. */
struct neighbour_ops {
	/* Ask for KEY; by unicast when LINK is not NULL, else by broadcast or multicast. */
	void (*solicit)(void *ctx, const struct neighbour_key *key,
	                const struct rte_ether_addr *link);
	/* Send a packet that waited. */
	void (*release)(void *ctx, const struct neighbour_key *key, struct rte_mbuf *m,
	                const struct rte_ether_addr *link);
	/* Nobody answered: tell the sender of the packet, and free it. */
	void (*unreachable)(void *ctx, const struct neighbour_key *key, struct rte_mbuf *m);
};

struct neighbour_table *neighbour_table_create(unsigned int capacity, struct rte_rcu_qsbr *qsbr,
                                               const struct neighbour_ops *ops, void *ctx,
                                               struct err *err);
void neighbour_table_destroy(struct neighbour_table *t);

/* Any core: the link address of KEY, if it is known. */
bool neighbour_lookup(struct neighbour_table *t, const struct neighbour_key *key,
                      struct rte_ether_addr *link);

/* The owner's functions. */

/* Resolve KEY; M, if not NULL, goes out when its link address is known. */
void neighbour_resolve(struct neighbour_table *t, struct counter_set *cs,
                       const struct neighbour_key *key, struct rte_mbuf *m, uint64_t now_ns);

enum neighbour_evidence {
	NEIGHBOUR_HINT,     /* a request of the neighbour's, or an answer to nobody */
	NEIGHBOUR_OVERRIDE, /* an unsolicited change of its link address */
	NEIGHBOUR_ANSWER,   /* an answer to us */
};

void neighbour_learn(struct neighbour_table *t, const struct neighbour_key *key,
                     const struct rte_ether_addr *link, enum neighbour_evidence evidence,
                     uint64_t now_ns);

/* Run the timers; cheap, to be called in each turn of the loop. */
void neighbour_poll(struct neighbour_table *t, struct counter_set *cs, uint64_t now_ns);

/* For status; an approximate snapshot by the control thread. */
struct neighbour_info {
	struct neighbour_key key;
	struct rte_ether_addr link;
	bool resolved;
};
unsigned int neighbour_list(const struct neighbour_table *t, struct neighbour_info *out,
                            unsigned int max);

#endif
