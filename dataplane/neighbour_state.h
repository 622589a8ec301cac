/* SPDX-License-Identifier: BSD-3-Clause */

/* The neighbour table's entries, for neighbour.c and neighbour_age.c only. */

#ifndef DATAPLANE_NEIGHBOUR_STATE_H
#define DATAPLANE_NEIGHBOUR_STATE_H

#include <string.h>

#include <rte_hash.h>
#include <rte_rcu_qsbr.h>

#include "dataplane/neighbour.h"

#define LINK_VALID NEIGHBOUR_LINK_VALID

enum state {
	STATE_FREE,
	STATE_INCOMPLETE, /* no link address yet */
	STATE_REACHABLE,
	STATE_PROBE,  /* link address in use, confirmation under way */
	STATE_FAILED, /* nobody answered */
	STATE_DYING,  /* out of the table, its slot waits for the grace period */
};

/* The owner's; key: ro while in the table. */
struct neighbour {
	_Alignas(64) struct neighbour_key key;
	uint8_t state;
	uint8_t solicits;
	uint8_t queued;
	uint64_t deadline_ns;
	uint64_t used_ns;
	uint64_t token;
	struct rte_mbuf *queue[NEIGHBOUR_QUEUE];
};

struct neighbour_table {
	struct rte_hash *hash;
	struct neighbour *entry;
	struct neighbour_link *link; /* by the index of the entry */
	unsigned int slots;          /* entries of the array */
	unsigned int capacity;       /* keys of the hash */
	struct neighbour_ops ops;
	void *ctx;
	struct rte_rcu_qsbr *qsbr;

	/* owner */
	unsigned int cursor;
	unsigned int live, incomplete;
	uint64_t next_poll_ns;
};

static inline struct rte_ether_addr link_addr(uint64_t word)
{
	struct rte_ether_addr link;

	memcpy(link.addr_bytes, &word, RTE_ETHER_ADDR_LEN);
	return link;
}

static inline struct neighbour_link *link_of(const struct neighbour_table *t,
                                             const struct neighbour *n)
{
	return &t->link[n - t->entry];
}

/* The owner's view of its link address. */
static inline uint64_t word_of(const struct neighbour_table *t, const struct neighbour *n)
{
	return link_of(t, n)->word;
}

static inline void set_link(struct neighbour_table *t, struct neighbour *n, uint64_t word)
{
	__atomic_store_n(&link_of(t, n)->word, word, __ATOMIC_RELEASE);
}

/* neighbour_age.c */
extern struct counter drop_neighbour_failed;

/* Ask for the link address, of all on the wire or of who has it. */
void neighbour_solicit(struct neighbour_table *t, struct counter_set *cs, struct neighbour *n,
                       bool unicast, uint64_t now_ns);

#endif
