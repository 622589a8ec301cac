/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a tunnel seals with. Keys come from the store; when it has none, the last SAs seal on
 * up to their hard life, or, where the policy is ratchet, ever new ones that derive from the
 * last key, for a limited time. Then the tunnel stops: its transmit SAs are gone, which is
 * what a forwarding core sees, and drop.no_key counts. Each change raises or clears an alarm
 * and is counted.
 */

#include "dataplane/rekey_state.h"

#include <stdio.h>

static void stand(struct rekey *r, enum rekey_standing standing)
{
	if (r->stats.standing == standing)
		return;
	r->stats.policy_changes++;
	if (standing == REKEY_ON_RATCHET)
		r->ops.alarm(r->ctx, "ratchet", true,
		             "no key of the store: SAs derive from the last one");
	else if (r->stats.standing == REKEY_ON_RATCHET)
		r->ops.alarm(r->ctx, "ratchet", false,
		             standing == REKEY_STOPPED ? "the tunnel stopped" : "keys are back");
	r->stats.standing = standing;
	r->stats.stopped = standing == REKEY_STOPPED;
}

static void raise_no_key(struct rekey *r, const char *text)
{
	r->no_key = true;
	r->ops.alarm(r->ctx, "no-key", true, text);
}

int rekey_take_key(struct rekey *r, struct rekey_message *m, uint64_t now)
{
	struct err err = {0};
	int rc;

	m->source = rekey_hybrid_wanted(r) ? REKEY_FROM_HYBRID : REKEY_FROM_STORE;
	if (r->key_kept) {
		m->key = r->x.key;
		r->key_kept = false;
		return 0;
	}
	rc = keystore_take(r->ks, KEY_REKEY, &m->key, r->secret->key, &err);
	if (rc == 0)
		return 0;
	r->stats.no_key++;
	if (rekey_ratchet_possible(r, now) && rekey_ratchet_step(r) == 0) {
		m->source = REKEY_FROM_RATCHET;
		m->ratchet_base = r->chain_base;
		m->ratchet_step = r->chain_step;
		return 0;
	}
	if (!r->no_key)
		raise_no_key(r, err.text);
	return rc;
}

void rekey_keyed(struct rekey *r, uint64_t now)
{
	bool ratchet = r->x.source == REKEY_FROM_RATCHET;

	r->stats.generation = r->x.generation;
	r->stats.peer_subs = r->x.subs_peer;
	r->stats.rekeys++;
	r->stats.ratchet_steps += ratchet;
	r->keyed_ns = now;
	/* The first rekey of a session began it; what follows is spread. */
	if (r->stats.last_cause != REKEY_BY_SESSION && r->stats.last_cause != REKEY_BY_RETRY)
		r->first_of_session = false;
	rekey_volume_restart(r);
	rekey_hybrid_alarm(r, 0);
	stand(r, ratchet                            ? REKEY_ON_RATCHET
	         : r->x.source == REKEY_FROM_HYBRID ? REKEY_ON_HYBRID
	                                            : REKEY_ON_QKD);
	if (r->no_key) {
		r->no_key = false;
		r->ops.alarm(r->ctx, "no-key", false,
		             ratchet ? "the ratchet goes on" : "keys are back");
	}
}

static uint64_t hard_end_ns(const struct rekey *r)
{
	return r->keyed_ns + r->config.lives.hard_life_ms * NS_PER_MS;
}

static uint64_t ratchet_end_ns(const struct rekey *r)
{
	if (r->stats.standing != REKEY_ON_RATCHET)
		return UINT64_MAX;
	/* Another policy since: the ratchet's keys may not be used any more. */
	if (r->config.lives.policy != REKEY_RATCHET)
		return 0;
	return r->chain_begin_ns + r->config.lives.ratchet_life_s * NS_PER_S;
}

void rekey_policy_check(struct rekey *r, uint64_t now)
{
	char text[128];

	if (r->stats.stopped || now < rekey_policy_wake(r))
		return;
	if (r->stats.standing == REKEY_ON_RATCHET && r->config.lives.policy != REKEY_RATCHET)
		snprintf(text, sizeof(text),
		         "tunnel %s stopped: its policy is not ratchet any more", r->config.tunnel);
	else if (now >= ratchet_end_ns(r))
		snprintf(text, sizeof(text), "tunnel %s stopped: %u s without a key of the store",
		         r->config.tunnel, r->config.lives.ratchet_life_s);
	else
		snprintf(text, sizeof(text), "tunnel %s stopped: no new key for %u ms",
		         r->config.tunnel, r->config.lives.hard_life_ms);
	r->ops.tx_stop(r->ctx);
	stand(r, REKEY_STOPPED);
	raise_no_key(r, text);
}

uint64_t rekey_policy_wake(const struct rekey *r)
{
	uint64_t hard = hard_end_ns(r), ratchet = ratchet_end_ns(r);

	if (r->stats.stopped)
		return UINT64_MAX;
	return hard < ratchet ? hard : ratchet;
}
