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

/*
 * What the cores read of an entry. A reference to one stays good until the entry becomes
 * another neighbour's, which its version tells; between two quiescent states it does not.
 */
struct neighbour_link {
	uint64_t word;    /* owner: wo, cores: ro; NEIGHBOUR_LINK_VALID and the 6 bytes */
	uint32_t version; /* owner: wo, cores: ro */
	bool used;        /* cores: set, owner: clears */
};

struct neighbour_ref {
	uint32_t version;
	uint16_t slot;
};

/* The bit above the address: it may be used. */
#define NEIGHBOUR_LINK_VALID (1ULL << 48)

const struct neighbour_link *neighbour_links(const struct neighbour_table *t);

/* Any core: find KEY; false when its link address is not known. */
bool neighbour_refer(const struct neighbour_table *t, const struct neighbour_key *key,
                     struct neighbour_ref *ref);

/*
 * Any core: the link address behind REF as a word, its first byte the lowest; without
 * NEIGHBOUR_LINK_VALID when it is no longer known.
 */
static inline uint64_t neighbour_link(const struct neighbour_link *links,
                                      const struct neighbour_ref *ref)
{
	struct neighbour_link *n = (struct neighbour_link *)(uintptr_t)&links[ref->slot];
	uint64_t word = __atomic_load_n(&n->word, __ATOMIC_ACQUIRE);

	if (__atomic_load_n(&n->version, __ATOMIC_RELAXED) != ref->version)
		return 0;
	/* A store only when it changes something keeps the line shared between cores. */
	if (!__atomic_load_n(&n->used, __ATOMIC_RELAXED))
		__atomic_store_n(&n->used, true, __ATOMIC_RELAXED);
	return word;
}

/* Any core: the link address of KEY, if it is known. */
bool neighbour_lookup(const struct neighbour_table *t, const struct neighbour_key *key,
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

/* The link of PORT was away: ask again for what is known there, and for what did not answer. */
void neighbour_confirm(struct neighbour_table *t, uint8_t port, uint64_t now_ns);

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
