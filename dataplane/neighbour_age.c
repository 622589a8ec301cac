/* SPDX-License-Identifier: BSD-3-Clause */

/* What time does to neighbours: asking again, probing, failing, forgetting (RFC 4861 section 7.3).
 */

#include "dataplane/neighbour_state.h"

COUNTER_DEFINE(drop_neighbour_failed, "drop.neighbour_failed",
               "packets to a neighbour that does not answer")
COUNTER_DEFINE(neighbour_solicits, "neighbour.solicits", "ARP requests and solicitations sent")

/* Entries whose timers one poll looks at, and the time between polls. */
#define POLL_ENTRIES 16
#define POLL_NS      1000000ULL

void neighbour_solicit(struct neighbour_table *t, struct counter_set *cs, struct neighbour *n,
                       bool unicast, uint64_t now_ns)
{
	struct rte_ether_addr link = link_addr(word_of(t, n));

	n->solicits++;
	n->deadline_ns = now_ns + NEIGHBOUR_RETRANS_NS;
	counter_add(cs, &neighbour_solicits, 1);
	t->ops.solicit(t->ctx, &n->key, unicast ? &link : NULL);
}

static void forget(struct neighbour_table *t, struct neighbour *n)
{
	set_link(t, n, 0);
	rte_hash_del_key(t->hash, &n->key);
	n->token = rte_rcu_qsbr_start(t->qsbr);
	n->state = STATE_DYING;
	t->live--;
}

static void fail(struct neighbour_table *t, struct counter_set *cs, struct neighbour *n,
                 uint64_t now_ns)
{
	unsigned int queued = n->queued;

	if (n->state == STATE_INCOMPLETE)
		t->incomplete--;
	set_link(t, n, 0);
	n->state = STATE_FAILED;
	n->deadline_ns = now_ns + NEIGHBOUR_FAILED_NS;
	n->queued = 0;
	counter_add(cs, &drop_neighbour_failed, queued);
	for (unsigned int i = 0; i < queued; i++)
		t->ops.unreachable(t->ctx, &n->key, n->queue[i]);
}

/* The deadline of REACHABLE has passed: probe it if it is used, forget it after a long time. */
static void expire(struct neighbour_table *t, struct counter_set *cs, struct neighbour *n,
                   uint64_t now_ns)
{
	if (__atomic_load_n(&link_of(t, n)->used, __ATOMIC_RELAXED)) {
		__atomic_store_n(&link_of(t, n)->used, false, __ATOMIC_RELAXED);
		n->used_ns = now_ns;
		n->state = STATE_PROBE;
		n->solicits = 0;
		neighbour_solicit(t, cs, n, true, now_ns);
	} else if (now_ns - n->used_ns >= NEIGHBOUR_UNUSED_NS) {
		forget(t, n);
	}
}

static void poll_one(struct neighbour_table *t, struct counter_set *cs, struct neighbour *n,
                     uint64_t now_ns)
{
	if (n->state == STATE_DYING) {
		if (rte_rcu_qsbr_check(t->qsbr, n->token, false) != 1)
			return;
		n->state = STATE_FREE;
		rte_hash_free_key_with_position(t->hash, (int32_t)(n - t->entry));
		return;
	}
	if (n->state == STATE_FREE || now_ns < n->deadline_ns)
		return;
	switch (n->state) {
	case STATE_INCOMPLETE:
		if (n->solicits < NEIGHBOUR_SOLICITS)
			neighbour_solicit(t, cs, n, false, now_ns);
		else
			fail(t, cs, n, now_ns);
		break;
	case STATE_REACHABLE:
		expire(t, cs, n, now_ns);
		break;
	case STATE_PROBE:
		/* By unicast first; then to all, as it may have a new link address. */
		if (n->solicits < 2 * NEIGHBOUR_SOLICITS)
			neighbour_solicit(t, cs, n, n->solicits < NEIGHBOUR_SOLICITS, now_ns);
		else
			fail(t, cs, n, now_ns);
		break;
	case STATE_FAILED:
		forget(t, n);
		break;
	default:
		break;
	}
}

void neighbour_poll(struct neighbour_table *t, struct counter_set *cs, uint64_t now_ns)
{
	if (now_ns < t->next_poll_ns)
		return;
	t->next_poll_ns = now_ns + POLL_NS;
	for (unsigned int i = 0; i < POLL_ENTRIES; i++) {
		poll_one(t, cs, &t->entry[t->cursor], now_ns);
		t->cursor = t->cursor + 1 < t->slots ? t->cursor + 1 : 0;
	}
}

/* The polls that follow ask, a few entries each, so that a full table makes no storm. */
void neighbour_confirm(struct neighbour_table *t, uint8_t port, uint64_t now_ns)
{
	for (unsigned int i = 0; i < t->slots; i++) {
		struct neighbour *n = &t->entry[i];

		if (n->state == STATE_FREE || n->state == STATE_DYING || n->key.port != port)
			continue;
		if (n->state == STATE_REACHABLE)
			__atomic_store_n(&t->link[i].used, true, __ATOMIC_RELAXED);
		n->deadline_ns = now_ns;
	}
}
