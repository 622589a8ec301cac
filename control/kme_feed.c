/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kme_feed.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/hkdf.h"
#include "common/log.h"
#include "common/secret.h"
#include "control/kme_feed_state.h"

LOG_COMPONENT_DEFINE(kme)

/* A client that restarts is no alarm. */
#define CLIENT_GRACE_NS (5 * NS_PER_S)

struct kme_feed *kme_feed_create(const struct kme_feed_config *config,
                                 const struct kme_feed_ops *ops, void *ctx, struct err *err)
{
	struct kme_feed *f = calloc(1, sizeof(*f));

	if (f != NULL)
		f->keys = secret_alloc(KME_KEYS_MAX * KME_KEY_BYTES);
	if (f == NULL || f->keys == NULL) {
		free(f);
		err_set(err, ENOMEM, "foreign KME: out of memory");
		return NULL;
	}
	f->config = *config;
	f->ops = *ops;
	f->ctx = ctx;
	return f;
}

void kme_feed_destroy(struct kme_feed *f)
{
	if (f == NULL)
		return;
	secret_free(f->keys);
	free(f);
}

void kme_feed_phase(struct kme_feed *f, enum kme_phase phase, uint64_t now)
{
	f->phase = phase;
	f->since_ns = now;
}

void kme_feed_idle(struct kme_feed *f)
{
	secret_wipe(f->keys, KME_KEYS_MAX * KME_KEY_BYTES);
	f->phase = KME_PHASE_IDLE;
	f->number = 0;
}

void kme_feed_dropped(struct kme_feed *f)
{
	f->stats.dropped++;
	f->stats.dropped_keys += f->number;
	kme_feed_idle(f);
}

struct kme_batch kme_feed_batch(const struct kme_feed *f)
{
	struct kme_batch b = {
	        .keys = f->keys, .n = f->number, .light = f->stats.light, .kme = f->stats.kme};

	memcpy(b.block, f->block, sizeof(b.block));
	return b;
}

/* Letters of either case are the same UUID (RFC 9562 section 4). */
static uint64_t id_hash(const uint8_t *id)
{
	uint8_t lower[KME_ID_BYTES], hash[32];

	for (unsigned int i = 0; i < KME_ID_BYTES; i++)
		lower[i] = (uint8_t)tolower(id[i]);
	sha256(lower, sizeof(lower), hash);
	return get_be64(hash) | 1; /* 0 is a free place */
}

bool kme_feed_repeats(const struct kme_feed *f, const uint8_t *ids, unsigned int n, size_t each)
{
	uint64_t hash[KME_KEYS_MAX];

	for (unsigned int i = 0; i < n; i++) {
		hash[i] = id_hash(ids + i * each);
		for (unsigned int k = 0; k < i; k++)
			if (hash[k] == hash[i])
				return true;
		for (unsigned int k = 0; k < KME_SEEN; k++)
			if (f->seen[k] == hash[i])
				return true;
	}
	return false;
}

void kme_feed_remember(struct kme_feed *f, const uint8_t *ids, unsigned int n, size_t each)
{
	for (unsigned int i = 0; i < n; i++) {
		f->seen[f->next_seen] = id_hash(ids + i * each);
		f->next_seen = (f->next_seen + 1) % KME_SEEN;
	}
}

/* Alarms. */

static void alarm_refused(struct kme_feed *f, bool raised, const char *text)
{
	f->ops.alarm(f->ctx, "kme-refused", raised, text);
}

void kme_feed_fault(struct kme_feed *f, enum kme_fault fault, const char *who, const char *text)
{
	char line[KME_TEXT_MAX + 40];

	f->stats.faults[fault]++;
	snprintf(line, sizeof(line), "%s %s: %s", who,
	         fault == KME_UNREACHABLE ? "cannot be reached"
	         : fault == KME_GARBLED   ? "answers not as the standard has it"
	         : fault == KME_BUSY      ? "has no keys now"
	                                  : "refuses",
	         text[0] != '\0' ? text : "no reason given");
	if (strncmp(f->stats.last_fault, line, KME_TEXT_MAX) != 0)
		log_warn("%s", line);
	snprintf(f->stats.last_fault, sizeof(f->stats.last_fault), "%s", line);
	if (fault == KME_UNREACHABLE || fault == KME_GARBLED)
		f->ops.alarm(f->ctx, "kme-unreachable", true, line);
	else
		alarm_refused(f, true, line);
}

static void reachable(struct kme_feed *f)
{
	f->ops.alarm(f->ctx, "kme-unreachable", false, "the KME answers");
}

void kme_feed_good(struct kme_feed *f)
{
	f->stats.blocks++;
	f->stats.stored_keys += f->number;
	reachable(f);
	alarm_refused(f, false, "both KMEs give keys");
	f->ops.alarm(f->ctx, "kme-divergence", false, "both KMEs give the same keys");
}

/* The client. */

void kme_feed_client(struct kme_feed *f, bool there, uint64_t now)
{
	static const struct kme_message gone = {.fault = KME_UNREACHABLE,
	                                        .text = "its client went away"};

	if (there == f->stats.client)
		return;
	f->stats.client = there;
	f->client_ns = now;
	f->status_good = false;
	if (there || f->phase != KME_PHASE_ASKED)
		return;
	if (f->config.site_a)
		kme_feed_a_failed(f, &gone, now);
	else
		kme_feed_b_failed(f, &gone, now);
}

static void take_status(struct kme_feed *f, const struct kme_message *m)
{
	f->stats.light = m->light;
	f->stats.stored = m->stored;
	f->stats.most = m->most;
	memcpy(f->stats.kme, m->source, sizeof(f->stats.kme));
	memcpy(f->stats.peer_kme, m->target, sizeof(f->stats.peer_kme));
	f->status_good = true;
	reachable(f);
	if (f->status_refused)
		alarm_refused(f, false, "the KME tells its status");
	f->status_refused = false;
}

static void take_failed(struct kme_feed *f, const struct kme_message *m, uint64_t now)
{
	if (m->request == 0) {
		f->status_good = false;
		f->status_refused = m->fault == KME_REFUSED || m->fault == KME_BUSY;
		kme_feed_fault(f, m->fault, "the KME", m->text);
		return;
	}
	if (f->phase != KME_PHASE_ASKED || m->request != f->request)
		return;
	/* Until the status says otherwise. */
	if (m->fault == KME_UNREACHABLE)
		f->status_good = false;
	if (f->config.site_a)
		kme_feed_a_failed(f, m, now);
	else
		kme_feed_b_failed(f, m, now);
}

int kme_feed_receive(struct kme_feed *f, const uint8_t *msg, size_t len, uint64_t now)
{
	struct kme_message m;

	if (kme_decode(msg, len, &m) < 0 || !f->stats.client)
		return -EPROTO;
	switch (m.type) {
	case KME_STATUS:
		take_status(f, &m);
		return 0;
	case KME_FAILED:
		take_failed(f, &m, now);
		return 0;
	case KME_KEYS:
		if (f->phase != KME_PHASE_ASKED || m.request != f->request)
			return 0; /* about what was given up */
		if (m.number != f->number)
			return -EPROTO;
		f->stats.received += m.number;
		if (f->config.site_a)
			kme_feed_a_keys(f, &m, now);
		else
			kme_feed_b_keys(f, &m, now);
		return 0;
	default:
		return -EPROTO;
	}
}

/* The peer. */

void kme_feed_peer(struct kme_feed *f, const uint8_t *msg, size_t len, uint64_t now)
{
	struct kme_peer_message m;

	if (kme_peer_decode(msg, len, &m) < 0 ||
	    !(f->config.site_a ? kme_feed_a_peer(f, &m, now) : kme_feed_b_peer(f, &m, now)))
		f->stats.bad_messages++;
}

void kme_feed_session(struct kme_feed *f, uint64_t now)
{
	/* A block that B has and A has not goes when the stores are compared. */
	if (f->phase == KME_PHASE_OFFERED || f->phase == KME_PHASE_AGAIN ||
	    (f->phase == KME_PHASE_ASKED && !f->config.site_a))
		kme_feed_dropped(f);
	f->stats.peer_ready = false;
	f->told = false;
}

void kme_feed_poll(struct kme_feed *f, bool connected, uint64_t now)
{
	f->stats.ready = f->stats.client && f->status_good;
	if (f->client_ns == 0)
		f->client_ns = now;
	if (!f->stats.client && now >= f->client_ns + CLIENT_GRACE_NS)
		f->ops.alarm(f->ctx, "kme-unreachable", true,
		             "lumengate-kme-client is not connected");
	if (f->phase == KME_PHASE_ASKED && now >= f->since_ns + f->config.answer_ns)
		f->ops.close_client(f->ctx);
	if (f->config.site_a)
		kme_feed_a_poll(f, connected, now);
	else
		kme_feed_b_poll(f, connected, now);
}

void kme_feed_stats_read(const struct kme_feed *f, struct kme_feed_stats *out)
{
	*out = f->stats;
	out->state = f->phase == KME_PHASE_ASKED     ? "asks its KME for keys"
	             : f->phase == KME_PHASE_OFFERED ? "waits for the peer to have the keys, too"
	             : f->phase == KME_PHASE_AGAIN   ? "waits to ask its KME again"
	             : !out->client                  ? "has no client"
	             : !out->ready                   ? "its KME does not answer"
	             : f->config.site_a && !out->peer_ready ? "the peer's KME does not answer"
	                                                    : "ready";
}
