/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The fetcher's grants. Requests look them up and mark them under the lock; rows are written by
 * the store thread, all that came since its last turn in one transaction, and only then is an
 * ACK sent or an answer given.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "control/kms/grant_batch.h"
#include "control/kms/grant_state.h"
#include "control/kms/peer_message.h"

/* Waiting for the store thread; more are refused at once. */
#define INCOMING_MAX    256
#define WITHDRAWALS_MAX 1024
#define EXPIRY_NS       NS_PER_S

static void wake(struct kms_grants *g)
{
	if (g->config.wake != NULL)
		g->config.wake(g->config.ctx);
}

static void ack(struct kms_grants *g, struct grant_name name, enum grant_verdict verdict)
{
	uint8_t msg[GRANT_ACK_BYTES];

	grant_ack_encode(name, verdict, msg);
	g->config.send(g->config.ctx, msg, sizeof(msg));
}

void grants_take_grant(struct kms_grants *g, const uint8_t *msg, size_t len)
{
	struct granted *new;
	struct grant_name name;
	bool room;
	int rc;

	new = granted_new(msg, len, false, &rc);
	if (new == NULL) {
		grants_bad(g);
		return;
	}
	name = new->parts.name;
	pthread_mutex_lock(&g->lock);
	room = g->incoming_count < INCOMING_MAX;
	if (room) {
		*g->incoming_end = new;
		g->incoming_end = &new->next;
		g->incoming_count++;
	} else {
		g->stats.full++;
	}
	pthread_mutex_unlock(&g->lock);
	if (room) {
		wake(g);
		return;
	}
	granted_free(new);
	ack(g, name, GRANT_FULL);
}

void grants_take_withdraw(struct kms_grants *g, const uint8_t *msg, size_t len)
{
	struct withdrawal *w = malloc(sizeof(*w));

	if (w == NULL || grant_withdraw_decode(msg, len, &w->name) < 0) {
		free(w);
		grants_bad(g);
		return;
	}
	pthread_mutex_lock(&g->lock);
	/* What is lost here expires. */
	if (g->withdrawal_count < WITHDRAWALS_MAX) {
		w->next = g->withdrawals;
		g->withdrawals = w;
		g->withdrawal_count++;
		w = NULL;
	}
	pthread_mutex_unlock(&g->lock);
	free(w);
	wake(g);
}

enum kms_grant_found kms_grant_find(struct kms_grants *g, const uint8_t id[KEY_UUID_BYTES],
                                    const char *master, const char *slave, bool *last)
{
	enum kms_grant_found found = KMS_GRANT_NONE;
	const struct granted_key *k;

	*last = false;
	pthread_mutex_lock(&g->lock);
	k = grant_table_find(&g->table, id);
	if (k != NULL) {
		int n = granted_slave(k->of, slave);
		uint32_t taken = granted_taken(k->of, k->index);

		if (n < 0 || !granted_master(k->of, master)) {
			found = KMS_GRANT_OTHERS;
		} else if ((taken >> n & 1) != 0) {
			found = KMS_GRANT_TAKEN;
		} else {
			found = KMS_GRANT_GIVEN;
		}
		if (found != KMS_GRANT_OTHERS)
			*last = (unsigned int)__builtin_popcount(taken | 1U << n) ==
			        k->of->parts.slave_count;
	}
	pthread_mutex_unlock(&g->lock);
	return found;
}

/* Mark them; on failure none is. With the lock. */
static int mark(struct kms_grants *g, struct marking *m, const uint8_t (*ids)[KEY_UUID_BYTES],
                size_t count, const char *slave)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		const struct granted_key *k = grant_table_find(&g->table, ids[i]);
		int n = k == NULL ? -1 : granted_slave(k->of, slave);

		if (n < 0) {
			rc = -ENOENT;
		} else if ((granted_taken(k->of, k->index) >> n & 1) != 0) {
			rc = -EALREADY;
		} else {
			granted_mark(k->of, k->index, (unsigned int)n, true);
			m->key[m->count].of = k->of;
			m->key[m->count].index = k->index;
			m->key[m->count++].slave = (unsigned int)n;
		}
	}
	for (unsigned int i = 0; rc < 0 && i < m->count; i++)
		granted_mark(m->key[i].of, m->key[i].index, m->key[i].slave, false);
	return rc;
}

int kms_grant_fetched(struct kms_grants *g, const uint8_t (*ids)[KEY_UUID_BYTES], size_t count,
                      const char *slave, kms_grant_done done, void *ctx)
{
	struct marking *m =
	        count <= KMS_GRANT_KEYS ? calloc(1, sizeof(*m) + count * sizeof(m->key[0])) : NULL;
	int rc;

	if (m == NULL)
		return -ENOBUFS;
	m->done = done;
	m->ctx = ctx;
	pthread_mutex_lock(&g->lock);
	rc = mark(g, m, ids, count, slave);
	if (rc == 0) {
		for (unsigned int i = 0; i < m->count; i++)
			m->key[i].of->pending++;
		*g->markings_end = m;
		g->markings_end = &m->next;
	}
	pthread_mutex_unlock(&g->lock);
	if (rc < 0)
		free(m);
	else
		wake(g);
	return rc;
}

/* Away with a grant and its row, unless marks of it are under way. With the lock. */
static void drop(struct kms_grants *g, struct grant_batch *b, struct granted *old)
{
	grant_batch_row(b, old->parts.name);
	grant_table_remove(&g->table, old);
	granted_free(old);
}

static void expire(struct kms_grants *g, struct grant_batch *b, uint64_t now_ns, uint64_t wall_ns)
{
	struct granted *next;

	if (now_ns < g->next_expiry_ns)
		return;
	g->next_expiry_ns = now_ns + EXPIRY_NS;
	for (struct granted *old = g->table.first; old != NULL; old = next) {
		next = old->next;
		if (old->parts.expiry_wall_ns > wall_ns || old->pending > 0)
			continue;
		drop(g, b, old);
		g->stats.expired++;
	}
}

static void withdraw(struct kms_grants *g, struct grant_batch *b)
{
	while (g->withdrawals != NULL) {
		struct withdrawal *w = g->withdrawals;
		struct granted *old = grant_table_by_name(&g->table, w->name);

		g->withdrawals = w->next;
		g->withdrawal_count--;
		if (old != NULL && old->pending == 0) {
			drop(g, b, old);
			g->stats.withdrawn++;
		}
		free(w);
	}
}

/* Room for COUNT keys: grants of which all was fetched give way, the oldest first. */
static bool make_room(struct kms_grants *g, struct grant_batch *b, size_t count)
{
	struct granted *next;

	for (struct granted *old = g->table.first;
	     old != NULL && g->table.keys + count > g->config.keys_max; old = next) {
		next = old->next;
		if (old->left == 0 && old->pending == 0)
			drop(g, b, old);
	}
	return g->table.keys + count <= g->config.keys_max;
}

/* A grant that came, and what becomes of it. */
struct arrival {
	struct granted *new; /* NULL: it is not in the table for this arrival */
	struct grant_name name;
	enum grant_verdict verdict;
};

/* Into the table, though nobody has the identifiers before the ACK. With the lock. */
static struct arrival arrive(struct kms_grants *g, struct grant_batch *b, struct granted *new)
{
	struct arrival a = {NULL, new->parts.name, GRANT_STORED};

	if (grant_table_by_name(&g->table, a.name) != NULL) {
		granted_free(new); /* it is here already */
		return a;
	}
	if (!make_room(g, b, new->parts.count)) {
		a.verdict = GRANT_FULL;
		g->stats.full++;
	} else if (grant_table_add(&g->table, new) < 0) {
		a.verdict = GRANT_FAILED;
		g->stats.bad_messages++;
	}
	if (a.verdict != GRANT_STORED) {
		granted_free(new);
		return a;
	}
	a.new = new;
	grant_batch_put(b, new);
	return a;
}

static void finish_marks(struct kms_grants *g, struct marking *m, int rc)
{
	pthread_mutex_lock(&g->lock);
	for (unsigned int i = 0; i < m->count; i++) {
		m->key[i].of->pending--;
		if (rc < 0)
			granted_mark(m->key[i].of, m->key[i].index, m->key[i].slave, false);
	}
	g->stats.fetched += rc == 0 ? m->count : 0;
	pthread_mutex_unlock(&g->lock);
	m->done(m->ctx, rc < 0 ? -EIO : 0);
	free(m);
}

static int write_rows(struct kms_grants *g, struct grant_batch *b)
{
	int rc = grant_batch_write(b, g->config.records);

	if (rc < 0) {
		pthread_mutex_lock(&g->lock);
		g->stats.row_errors++;
		pthread_mutex_unlock(&g->lock);
	}
	return rc;
}

bool grants_fetch_work(struct kms_grants *g, uint64_t now_ns, uint64_t wall_ns)
{
	struct arrival arrivals[INCOMING_MAX];
	struct marking *markings;
	struct grant_batch b = {0};
	unsigned int count = 0;
	bool some;
	int rc;

	pthread_mutex_lock(&g->lock);
	withdraw(g, &b);
	expire(g, &b, now_ns, wall_ns);
	while (g->incoming != NULL) {
		struct granted *new = g->incoming;

		g->incoming = new->next;
		arrivals[count++] = arrive(g, &b, new);
	}
	g->incoming_end = &g->incoming;
	g->incoming_count = 0;
	markings = g->markings;
	g->markings = NULL;
	g->markings_end = &g->markings;
	for (struct marking *m = markings; m != NULL; m = m->next)
		for (unsigned int i = 0; i < m->count; i++)
			m->key[i].of->dirty = true;
	for (struct marking *m = markings; m != NULL; m = m->next) {
		for (unsigned int i = 0; i < m->count; i++) {
			if (m->key[i].of->dirty)
				grant_batch_put(&b, m->key[i].of);
			m->key[i].of->dirty = false;
		}
	}
	pthread_mutex_unlock(&g->lock);
	some = b.count > 0 || count > 0;
	rc = write_rows(g, &b);
	for (unsigned int i = 0; i < count; i++) {
		struct arrival *a = &arrivals[i];

		pthread_mutex_lock(&g->lock);
		if (rc < 0 && a->new != NULL && a->new->pending == 0) {
			grant_table_remove(&g->table, a->new);
			granted_free(a->new);
		}
		g->stats.stored += rc == 0 && a->new != NULL;
		pthread_mutex_unlock(&g->lock);
		ack(g, a->name, rc < 0 && a->verdict == GRANT_STORED ? GRANT_FAILED : a->verdict);
	}
	while (markings != NULL) {
		struct marking *m = markings;

		markings = m->next;
		finish_marks(g, m, rc);
	}
	return some;
}

void grants_fetch_end(struct kms_grants *g)
{
	while (g->markings != NULL) {
		struct marking *m = g->markings;

		g->markings = m->next;
		m->done(m->ctx, -ECANCELED);
		free(m);
	}
	while (g->incoming != NULL) {
		struct granted *new = g->incoming;

		g->incoming = new->next;
		granted_free(new);
	}
	while (g->withdrawals != NULL) {
		struct withdrawal *w = g->withdrawals;

		g->withdrawals = w->next;
		free(w);
	}
}
