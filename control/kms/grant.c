/* SPDX-License-Identifier: BSD-3-Clause */

/* The giver's side, and what both share; grant_fetch.c has the fetcher's. */

#include "control/kms/grant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/random.h"
#include "control/kms/grant_batch.h"
#include "control/kms/grant_state.h"
#include "control/kms/peer_message.h"

LOG_COMPONENT_DEFINE(grant)

#define TIMEOUT_NS  (3 * NS_PER_S)
#define KEYS_MAX    65536
#define SENDING_MAX 256

struct reading {
	struct kms_grants *g;
	struct err *err;
	uint64_t wall_ns;
};

static int take_row(void *arg, const struct kms_record *r)
{
	struct reading *reading = arg;
	int rc;
	struct granted *row = granted_new(r->data, r->n, true, &rc);

	if (row == NULL)
		return err_set(reading->err, rc == -EPROTO ? EINVAL : -rc,
		               rc == -EPROTO ? "grant %s: the record is damaged"
		                             : "grant %s: out of memory",
		               r->name);
	/* What has expired goes with the first turn. */
	if (grant_table_add(&reading->g->table, row) < 0) {
		granted_free(row);
		return err_set(reading->err, EINVAL, "grant %s: its keys have another one",
		               r->name);
	}
	return 0;
}

int kms_grants_new(const struct kms_grants_config *config, uint64_t wall_ns,
                   struct kms_grants **out, struct err *err)
{
	struct kms_grants *g = calloc(1, sizeof(*g));
	struct reading reading = {g, err, wall_ns};
	int rc;

	if (g == NULL)
		return err_set(err, ENOMEM, "grants: out of memory");
	g->config = *config;
	if (g->config.timeout_ns == 0)
		g->config.timeout_ns = TIMEOUT_NS;
	if (g->config.keys_max == 0)
		g->config.keys_max = KEYS_MAX;
	if (g->config.sending_max == 0)
		g->config.sending_max = SENDING_MAX;
	g->incoming_end = &g->incoming;
	g->markings_end = &g->markings;
	random_bytes(&g->process, sizeof(g->process));
	pthread_mutex_init(&g->lock, NULL);
	if (grant_table_init(&g->table, g->config.keys_max) < 0)
		rc = err_set(err, ENOMEM, "grants: out of memory");
	else
		rc = config->records->read(config->records->ctx, GRANT_KIND, take_row, &reading,
		                           err);
	if (rc < 0) {
		kms_grants_free(g);
		return rc;
	}
	*out = g;
	return 0;
}

/* All that wait for an ACK are over. */
static void end_all(struct kms_grants *g, int why)
{
	struct sending *all;

	pthread_mutex_lock(&g->lock);
	all = g->sending;
	g->sending = NULL;
	g->stats.sending = 0;
	pthread_mutex_unlock(&g->lock);
	while (all != NULL) {
		struct sending *s = all;

		all = s->next;
		s->done(s->ctx, why);
		free(s);
	}
}

void kms_grants_free(struct kms_grants *g)
{
	if (g == NULL)
		return;
	end_all(g, -ECANCELED);
	grants_fetch_end(g);
	grant_table_fini(&g->table);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

/* Out of the list, NULL: it is not there any more. With the lock. */
static struct sending *take_sending(struct kms_grants *g, struct grant_name name)
{
	struct sending **at = &g->sending, *s;

	if (name.process != g->process)
		return NULL;
	while (*at != NULL && (*at)->number != name.number)
		at = &(*at)->next;
	s = *at;
	if (s != NULL) {
		*at = s->next;
		g->stats.sending--;
	}
	return s;
}

int kms_grant_send(struct kms_grants *g, const struct kms_grant *grant, uint64_t now_ns,
                   kms_grant_done done, void *ctx)
{
	struct sending *s = malloc(sizeof(*s));
	struct grant_name name = {g->process, 0};
	uint8_t *msg;
	size_t len;
	int rc;

	if (s == NULL)
		return -ENOMEM;
	pthread_mutex_lock(&g->lock);
	name.number = ++g->last_number;
	rc = !g->up ? -ENOTCONN : g->stats.sending >= g->config.sending_max ? -ENOBUFS : 0;
	pthread_mutex_unlock(&g->lock);
	msg = rc == 0 ? grant_encode(grant, name, &len, &rc) : NULL;
	if (msg == NULL) {
		free(s);
		return rc;
	}
	*s = (struct sending){.number = name.number,
	                      .deadline_ns = now_ns + g->config.timeout_ns,
	                      .done = done,
	                      .ctx = ctx};
	pthread_mutex_lock(&g->lock);
	s->next = g->sending;
	g->sending = s;
	g->stats.sending++;
	g->stats.sent++;
	pthread_mutex_unlock(&g->lock);
	if (!g->config.send(g->config.ctx, msg, len)) {
		pthread_mutex_lock(&g->lock);
		s = take_sending(g, name);
		pthread_mutex_unlock(&g->lock);
		free(msg);
		/* Else the session ended meanwhile, and DONE was called. */
		if (s == NULL)
			return 0;
		free(s);
		return -ENOTCONN;
	}
	free(msg);
	return 0;
}

void kms_grants_session(struct kms_grants *g, bool up)
{
	pthread_mutex_lock(&g->lock);
	g->up = up;
	pthread_mutex_unlock(&g->lock);
	if (!up)
		end_all(g, -ENOTCONN);
}

static void take_ack(struct kms_grants *g, const uint8_t *msg, size_t len)
{
	enum grant_verdict verdict;
	struct grant_name name;
	struct sending *s;

	if (grant_ack_decode(msg, len, &name, &verdict) < 0) {
		grants_bad(g);
		return;
	}
	pthread_mutex_lock(&g->lock);
	s = take_sending(g, name);
	if (s != NULL && verdict == GRANT_STORED)
		g->stats.acked++;
	else if (s != NULL)
		g->stats.refused++;
	pthread_mutex_unlock(&g->lock);
	if (s == NULL)
		return; /* too late: it was withdrawn */
	s->done(s->ctx, verdict == GRANT_STORED ? 0 : verdict == GRANT_FULL ? -ENOSPC : -EIO);
	free(s);
}

void grants_bad(struct kms_grants *g)
{
	pthread_mutex_lock(&g->lock);
	g->stats.bad_messages++;
	pthread_mutex_unlock(&g->lock);
}

void kms_grants_receive(struct kms_grants *g, const uint8_t *msg, size_t len)
{
	switch (len > 0 ? msg[0] : 0) {
	case KMS_PEER_GRANT:
		grants_take_grant(g, msg, len);
		break;
	case KMS_PEER_GRANT_ACK:
		take_ack(g, msg, len);
		break;
	case KMS_PEER_WITHDRAW:
		grants_take_withdraw(g, msg, len);
		break;
	default:
		grants_bad(g);
		break;
	}
}

/* Those without an ACK in time; the peer may have it, so it is told. */
static bool time_out(struct kms_grants *g, uint64_t now_ns)
{
	struct sending *late = NULL, **at;
	bool some;

	pthread_mutex_lock(&g->lock);
	for (at = &g->sending; *at != NULL;) {
		struct sending *s = *at;

		if (s->deadline_ns > now_ns) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		s->next = late;
		late = s;
		g->stats.sending--;
		g->stats.timed_out++;
	}
	pthread_mutex_unlock(&g->lock);
	some = late != NULL;
	while (late != NULL) {
		struct sending *s = late;
		uint8_t msg[GRANT_WITHDRAW_BYTES];

		late = s->next;
		grant_withdraw_encode((struct grant_name){g->process, s->number}, msg);
		g->config.send(g->config.ctx, msg, sizeof(msg));
		s->done(s->ctx, -ETIMEDOUT);
		free(s);
	}
	return some;
}

bool kms_grants_work(struct kms_grants *g, uint64_t now_ns, uint64_t wall_ns)
{
	bool some = time_out(g, now_ns);

	return grants_fetch_work(g, now_ns, wall_ns) || some;
}

void kms_grants_stats_read(struct kms_grants *g, struct kms_grants_stats *out)
{
	pthread_mutex_lock(&g->lock);
	*out = g->stats;
	out->keys = g->table.keys;
	out->grants = g->table.grants;
	pthread_mutex_unlock(&g->lock);
}
