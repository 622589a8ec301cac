/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/neighbour_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_jhash.h>
#include <rte_memory.h>
#include <rte_rcu_qsbr.h>

COUNTER_DEFINE(drop_neighbour_queue, "drop.neighbour_queue",
               "packets pushed out of a queue that waits for a link address")
COUNTER_DEFINE(drop_neighbour_full, "drop.neighbour_full",
               "packets dropped as the neighbour table is full")

static uint64_t link_word(const struct rte_ether_addr *link)
{
	uint64_t word = 0;

	memcpy(&word, link->addr_bytes, RTE_ETHER_ADDR_LEN);
	return word | LINK_VALID;
}

struct neighbour_table *neighbour_table_create(unsigned int capacity, struct rte_rcu_qsbr *qsbr,
                                               const struct neighbour_ops *ops, void *ctx,
                                               struct err *err)
{
	static unsigned int created;
	struct neighbour_table *t = calloc(1, sizeof(*t));
	char name[RTE_HASH_NAMESIZE];
	struct rte_hash_parameters params = {
	        .name = name,
	        .entries = capacity,
	        .key_len = sizeof(struct neighbour_key),
	        .hash_func = rte_jhash,
	        .socket_id = SOCKET_ID_ANY,
	        .extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF,
	};

	snprintf(name, sizeof(name), "neighbour%u", created++);
	if (t == NULL) {
		err_set(err, ENOMEM, "neighbours: no memory");
		return NULL;
	}
	t->ops = *ops;
	t->ctx = ctx;
	t->qsbr = qsbr;
	t->capacity = capacity;
	t->hash = rte_hash_create(&params);
	if (t->hash != NULL) {
		t->slots = (unsigned int)rte_hash_max_key_id(t->hash) + 1;
		t->entry = aligned_alloc(64, t->slots * sizeof(*t->entry));
		t->link = calloc(t->slots, sizeof(*t->link));
	}
	if (t->entry == NULL || t->link == NULL || t->slots > UINT16_MAX) {
		err_set(err, ENOMEM, "neighbours: no memory for a table of %u", capacity);
		rte_hash_free(t->hash);
		free(t->entry);
		free(t->link);
		free(t);
		return NULL;
	}
	memset(t->entry, 0, t->slots * sizeof(*t->entry));
	return t;
}

void neighbour_table_destroy(struct neighbour_table *t)
{
	if (t == NULL)
		return;
	for (unsigned int i = 0; i < t->slots; i++)
		rte_pktmbuf_free_bulk(t->entry[i].queue, t->entry[i].queued);
	rte_hash_free(t->hash);
	free(t->entry);
	free(t->link);
	free(t);
}

static struct neighbour *find(struct neighbour_table *t, const struct neighbour_key *key)
{
	int32_t slot = rte_hash_lookup(t->hash, key);

	return slot < 0 ? NULL : &t->entry[slot];
}

const struct neighbour_link *neighbour_links(const struct neighbour_table *t)
{
	return t->link;
}

bool neighbour_refer(const struct neighbour_table *t, const struct neighbour_key *key,
                     struct neighbour_ref *ref)
{
	int32_t slot = rte_hash_lookup(t->hash, key);

	if (slot < 0)
		return false;
	ref->slot = (uint16_t)slot;
	ref->version = __atomic_load_n(&t->link[slot].version, __ATOMIC_RELAXED);
	return (neighbour_link(t->link, ref) & LINK_VALID) != 0;
}

bool neighbour_lookup(const struct neighbour_table *t, const struct neighbour_key *key,
                      struct rte_ether_addr *link)
{
	struct neighbour_ref ref;
	uint64_t word;

	if (!neighbour_refer(t, key, &ref))
		return false;
	word = neighbour_link(t->link, &ref);
	*link = link_addr(word);
	return (word & LINK_VALID) != 0;
}

/* A new entry, or NULL when there is no room. Strangers' scans may fill a quarter at most. */
static struct neighbour *insert(struct neighbour_table *t, const struct neighbour_key *key)
{
	struct neighbour *n;
	int32_t slot;

	if (t->live == t->capacity || t->incomplete >= t->capacity / 4)
		return NULL;
	slot = rte_hash_add_key(t->hash, key);
	if (slot < 0)
		return NULL;
	n = &t->entry[slot];
	memset(n, 0, sizeof(*n));
	n->key = *key;
	n->state = STATE_INCOMPLETE;
	link_of(t, n)->used = false;
	/* References to who had this place before end here; it was quiescent in between. */
	__atomic_store_n(&link_of(t, n)->version, link_of(t, n)->version + 1, __ATOMIC_RELEASE);
	t->live++;
	t->incomplete++;
	return n;
}

static void enqueue(struct counter_set *cs, struct neighbour *n, struct rte_mbuf *m)
{
	if (n->queued == NEIGHBOUR_QUEUE) {
		rte_pktmbuf_free(n->queue[0]);
		memmove(n->queue, n->queue + 1, sizeof(n->queue) - sizeof(n->queue[0]));
		n->queued--;
		counter_add(cs, &drop_neighbour_queue, 1);
	}
	n->queue[n->queued++] = m;
}

void neighbour_resolve(struct neighbour_table *t, struct counter_set *cs,
                       const struct neighbour_key *key, struct rte_mbuf *m, uint64_t now_ns)
{
	struct neighbour *n = find(t, key);
	bool fresh = n == NULL;
	struct rte_ether_addr link;

	if (fresh)
		n = insert(t, key);
	if (n == NULL) {
		if (m != NULL)
			counter_add(cs, &drop_neighbour_full, 1);
		rte_pktmbuf_free(m);
		return;
	}
	__atomic_store_n(&link_of(t, n)->used, true, __ATOMIC_RELAXED);
	if (word_of(t, n) & LINK_VALID) {
		link = link_addr(word_of(t, n));
		if (m != NULL)
			t->ops.release(t->ctx, key, m, &link);
		return;
	}
	if (n->state == STATE_FAILED) {
		if (m != NULL) {
			counter_add(cs, &drop_neighbour_failed, 1);
			t->ops.unreachable(t->ctx, key, m);
		}
		return;
	}
	if (m != NULL)
		enqueue(cs, n, m);
	if (fresh)
		neighbour_solicit(t, cs, n, false, now_ns);
}

void neighbour_learn(struct neighbour_table *t, const struct neighbour_key *key,
                     const struct rte_ether_addr *link, enum neighbour_evidence evidence,
                     uint64_t now_ns)
{
	struct neighbour *n = find(t, key);
	struct rte_mbuf *queue[NEIGHBOUR_QUEUE];
	unsigned int queued;
	uint64_t word = link_word(link);

	if (n == NULL || !rte_is_unicast_ether_addr(link))
		return;
	/* A hint tells where to ask, not that the way there works (RFC 4861 section 7.2.3). */
	if (evidence == NEIGHBOUR_HINT && (word_of(t, n) & LINK_VALID))
		return;
	if (evidence == NEIGHBOUR_OVERRIDE && word_of(t, n) == word)
		return;
	if (n->state == STATE_INCOMPLETE)
		t->incomplete--;
	set_link(t, n, word);
	n->state = STATE_REACHABLE;
	n->solicits = 0;
	n->used_ns = now_ns;
	/* What is not an answer is soon probed. */
	n->deadline_ns = now_ns + (evidence == NEIGHBOUR_ANSWER ? NEIGHBOUR_REACHABLE_NS
	                                                        : NEIGHBOUR_RETRANS_NS);
	queued = n->queued;
	memcpy(queue, n->queue, sizeof(queue));
	n->queued = 0;
	for (unsigned int i = 0; i < queued; i++)
		t->ops.release(t->ctx, key, queue[i], link);
}

unsigned int neighbour_list(const struct neighbour_table *t, struct neighbour_info *out,
                            unsigned int max)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < t->slots; i++) {
		const struct neighbour *e = &t->entry[i];
		uint64_t word = __atomic_load_n(&t->link[i].word, __ATOMIC_ACQUIRE);

		if (!(word & LINK_VALID) && e->state != STATE_INCOMPLETE &&
		    e->state != STATE_FAILED)
			continue;
		if (n < max)
			out[n] = (struct neighbour_info){
			        .key = e->key,
			        .link = link_addr(word),
			        .resolved = (word & LINK_VALID) != 0,
			};
		n++;
	}
	return n;
}
