/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/rekey.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/random.h"
#include "common/secret.h"
#include "dataplane/rekey_state.h"

LOG_COMPONENT_DEFINE(rekey)

/* Conditions change without a word: look at them this often. */
#define LOOK_NS NS_PER_S

const char *rekey_standing_name(enum rekey_standing standing)
{
	static const char *const names[] = {
	        [REKEY_STOPPED] = "stopped",
	        [REKEY_ON_QKD] = "qkd",
	        [REKEY_ON_RATCHET] = "ratchet",
	        [REKEY_ON_HYBRID] = "hybrid",
	};

	return names[standing];
}

static int check(const struct rekey_config *config, struct err *err)
{
	if (config->subs == 0 || config->subs > TUNNEL_SUBS_MAX)
		return err_set(err, EINVAL, "rekey: %u SAs a direction, 1 to %d are possible",
		               config->subs, TUNNEL_SUBS_MAX);
	if (config->place >= REKEY_PLACES_MAX)
		return err_set(err, EINVAL, "rekey: tunnel %u, %d are possible", config->place,
		               REKEY_PLACES_MAX);
	if (config->peer_subs_max > TUNNEL_SUBS_MAX)
		return err_set(err, EINVAL,
		               "rekey: %u SAs a direction of the peer, 1 to %d are possible",
		               config->peer_subs_max, TUNNEL_SUBS_MAX);
	return 0;
}

struct rekey *rekey_create(const struct rekey_config *config, const struct rekey_ops *ops,
                           void *ctx, struct keystore *ks, struct err *err)
{
	struct rekey *r;
	uint32_t start;

	if (check(config, err) < 0)
		return NULL;
	r = calloc(1, sizeof(*r));
	if (r == NULL || (r->secret = secret_alloc(sizeof(*r->secret))) == NULL) {
		free(r);
		err_set(err, ENOMEM, "rekey: out of memory");
		return NULL;
	}
	r->config = *config;
	r->ops = *ops;
	r->ctx = ctx;
	r->ks = ks;
	/* So that the first generation after a restart is not one that the peer still holds. */
	random_bytes(&start, sizeof(start));
	r->highest = config->initiator ? ((uint64_t)start << 16) + 1 : 0;
	r->stats.last_reject = "";
	r->stats.standing = REKEY_STOPPED;
	r->stats.stopped = true;
	r->stats.subs = config->subs;
	if (config->peer_subs_max == 0)
		r->config.peer_subs_max = TUNNEL_SUBS_MAX;
	r->stats.peer_subs_max = r->config.peer_subs_max;
	/* No key, no traffic: a fact to be seen from the first moment. */
	r->no_key = true;
	ops->alarm(ctx, "no-key", true, "no key was agreed so far");
	return r;
}

void rekey_destroy(struct rekey *r)
{
	if (r == NULL)
		return;
	secret_free(r->secret);
	free(r);
}

/* A message that cannot be sent is one that was lost. */
void rekey_repeat(struct rekey *r)
{
	r->ops.send(r->ctx, r->message, r->message_len);
}

void rekey_send_kept(struct rekey *r, const struct rekey_message *m)
{
	struct rekey_message out = *m;

	out.current = r->stats.generation;
	r->message_len = rekey_encode(&out, r->message);
	rekey_repeat(r);
}

void rekey_send(struct rekey *r, const struct rekey_message *m)
{
	struct rekey_message out = *m;
	uint8_t buf[REKEY_MESSAGE_MAX];

	out.current = r->stats.generation;
	r->ops.send(r->ctx, buf, rekey_encode(&out, buf));
}

bool rekey_subs_fit(struct rekey *r, unsigned int subs)
{
	if (subs <= r->config.peer_subs_max)
		return true;
	if (r->stats.peer_subs_refused++ == 0)
		log_warn("tunnel %s: the peer sends with %u SAs, at most %u are foreseen: set "
		         "peer-sub-sas, at least to its forwarding lcores times its classes",
		         r->config.tunnel, subs, r->config.peer_subs_max);
	return false;
}

static void version_alarm(struct rekey *r, bool raised, unsigned int version)
{
	char text[128];

	if (raised == r->version_alarm)
		return;
	r->version_alarm = raised;
	snprintf(text, sizeof(text),
	         raised ? "the peer rekeys by version %u of the protocol, this gateway by %u"
	                : "the peer rekeys by version %u",
	         version, REKEY_VERSION);
	r->ops.alarm(r->ctx, "rekey-version", raised, text);
}

void rekey_receive(struct rekey *r, const uint8_t *msg, size_t len, uint64_t now)
{
	struct rekey_message m;
	bool of_a;
	int rc = rekey_decode(msg, len, &m);

	if (rc == -EPROTONOSUPPORT) {
		version_alarm(r, true, msg[0]);
		if (!r->config.initiator && m.type == REKEY_OFFER) {
			r->stats.rejects++;
			rekey_send(r, &(struct rekey_message){.type = REKEY_REJECT,
			                                      .generation = m.generation,
			                                      .reason = REKEY_OTHER_VERSION});
		}
	}
	of_a = rc == 0 && (m.type == REKEY_OFFER || m.type == REKEY_CONFIRM);
	if (rc < 0 || of_a == r->config.initiator) {
		r->stats.bad_messages++;
		return;
	}
	version_alarm(r, false, REKEY_VERSION);
	if (r->config.initiator) {
		rekey_rx_peer_at(r, m.current, now);
		rekey_initiator_receive(r, &m, now);
	} else {
		rekey_responder_peer_at(r, m.current, now);
		rekey_responder_receive(r, &m, now);
	}
}

void rekey_session(struct rekey *r, uint64_t now)
{
	if (r->config.initiator)
		rekey_initiator_session(r, now);
	else
		rekey_responder_session(r);
}

static uint64_t wake(const struct rekey *r, bool connected, uint64_t now)
{
	uint64_t at = now + LOOK_NS, other;

	if ((other = rekey_rx_next(r)) < at)
		at = other;
	if ((other = rekey_policy_wake(r)) < at)
		at = other;
	if (!connected)
		return at;
	other = r->config.initiator ? rekey_initiator_wake(r, now) : rekey_responder_wake(r);
	if (other < at)
		at = other;
	other = rekey_volume_wake(r);
	return other < at ? other : at;
}

uint64_t rekey_poll(struct rekey *r, bool connected, uint64_t now)
{
	rekey_rx_due(r, now);
	rekey_policy_check(r, now);
	if (connected) {
		rekey_volume_check(r, now);
		if (r->config.initiator)
			rekey_initiator_poll(r, now);
		else
			rekey_responder_poll(r, now);
	}
	return wake(r, connected, now);
}

void rekey_request(struct rekey *r)
{
	r->wanted = REKEY_BY_COMMAND;
}

void rekey_reconfigure(struct rekey *r, const struct rekey_lives *lives)
{
	bool hybrid = rekey_hybrid_wanted(r);

	r->config.lives = *lives;
	if (hybrid != rekey_hybrid_wanted(r)) {
		/* What is in use stays until the next exchange, which begins now. */
		if (r->x.phase == REKEY_OFFERED)
			rekey_forget(r);
		r->wanted = REKEY_BY_COMMAND;
	}
	if (lives->policy != REKEY_RATCHET)
		rekey_ratchet_forget(r);
	rekey_log_clamp(r);
}

void rekey_stats_read(const struct rekey *r, uint64_t now, struct rekey_stats *out)
{
	uint64_t next = rekey_next_ns(r);

	*out = r->stats;
	out->key_age_ms = r->keyed_ns == 0 ? 0 : (now - r->keyed_ns) / NS_PER_MS;
	out->period_ms = (uint32_t)(rekey_period_ns(r) / NS_PER_MS);
	out->grace_ms = (uint32_t)(rekey_grace_ns(r) / NS_PER_MS);
	out->next_rekey_ms = !r->config.initiator || next <= now ? 0 : (next - now) / NS_PER_MS;
}
