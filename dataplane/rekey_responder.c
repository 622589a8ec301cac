/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Site B's side of an exchange. It answers only, and a repeated message as the first time;
 * what it keeps between messages costs nothing to keep, so it has no time-outs.
 */

#include "dataplane/rekey_state.h"

#include <errno.h>
#include <string.h>

/* B asks for a rekey again after this, then less and less often. */
#define ASK_LEAST_NS (200 * NS_PER_MS)
#define ASK_MOST_NS  (2 * NS_PER_S)

/* Kept, so that the offer when it comes again gets the same answer. */
static void refuse(struct rekey *r, const struct rekey_message *offer, enum rekey_reason reason)
{
	rekey_forget(r);
	r->stats.rejects++;
	r->stats.last_reject = rekey_reason_name(reason);
	r->answered = offer->generation;
	rekey_send_kept(r, &(struct rekey_message){.type = REKEY_REJECT,
	                                           .generation = offer->generation,
	                                           .reason = reason});
}

/* The key that the offer names; 0, or the reason why not. */
static enum rekey_reason find_key(struct rekey *r, const struct rekey_message *m, uint64_t now)
{
	int rc;

	if (m->source == REKEY_FROM_RATCHET)
		return rekey_ratchet_follow(r, m->ratchet_base, m->ratchet_step, now);
	rc = keystore_take_id(r->ks, KEY_REKEY, &m->key, r->secret->key, NULL);
	return rc == 0 ? 0 : rc == -EALREADY ? REKEY_KEY_USED : REKEY_KEY_UNKNOWN;
}

/* Of this end's policy, with a key that it has; CT gets the answer's ciphertext. */
static enum rekey_reason agree(struct rekey *r, const struct rekey_message *m, uint64_t now,
                               uint8_t ct[MLKEM_CIPHERTEXT_BYTES])
{
	bool hybrid = m->source == REKEY_FROM_HYBRID;
	enum rekey_reason reason;

	if (!rekey_subs_fit(r, m->subs))
		return REKEY_TOO_MANY_SUBS;
	if (hybrid != rekey_hybrid_wanted(r)) {
		reason = hybrid ? REKEY_NOT_HYBRID : REKEY_HYBRID_ONLY;
		r->stats.policy_refused++;
		rekey_hybrid_alarm(r, hybrid ? REKEY_HYBRID_ONLY : REKEY_NOT_HYBRID);
		return reason;
	}
	/* Before the key of the store, which is gone when it was taken. */
	reason = hybrid ? rekey_hybrid_encapsulate(r, m, ct) : 0;
	return reason != 0 ? reason : find_key(r, m, now);
}

static void take_new_offer(struct rekey *r, const struct rekey_message *m, uint64_t now)
{
	struct rekey_message answer = {.type = REKEY_ACCEPT, .generation = m->generation};
	uint8_t ct[MLKEM_CIPHERTEXT_BYTES];
	enum rekey_reason reason;

	/*
	 * A gave up what this end accepted before: of this session, A sealed nothing with it, or
	 * CURRENT would have said so; of an earlier one, before a restart it may have.
	 */
	if (r->x.phase == REKEY_ACCEPTED) {
		if (r->x.session_before)
			rekey_rx_retire(r, r->x.generation, now);
		else
			rekey_rx_drop(r, r->x.generation);
		rekey_forget(r);
	}
	rekey_rx_only(r, m->current, now);
	if (rekey_rx_full(r)) {
		r->stats.deferred++; /* A repeats the offer; one of the places will be free */
		return;
	}
	r->highest = m->generation;
	reason = agree(r, m, now, ct);
	if (reason != 0) {
		refuse(r, m, reason);
		return;
	}
	r->x = (struct rekey_exchange){.generation = m->generation,
	                               .since_ns = now,
	                               .source = m->source,
	                               .spi_peer = m->spi_base,
	                               .subs_peer = m->subs};
	memcpy(r->x.nonce_a, m->nonce, sizeof(r->x.nonce_a));
	rekey_draw(r, r->x.nonce_b, &answer);
	answer.kem = m->source == REKEY_FROM_HYBRID ? ct : NULL;
	if ((answer.kem != NULL && rekey_hybrid_answer(r, m, &answer) < 0) ||
	    rekey_install_rx(r) < 0) {
		refuse(r, m, REKEY_CANNOT_INSTALL);
		return;
	}
	r->x.phase = REKEY_ACCEPTED;
	r->started_ns = now;
	r->wanted = REKEY_BY_NONE;
	r->ask_wait_ns = 0;
	r->answered = m->generation;
	r->stats.last_cause = m->cause;
	r->stats.offers++;
	rekey_send_kept(r, &answer);
}

static void take_offer(struct rekey *r, const struct rekey_message *m, uint64_t now)
{
	if (m->generation > r->highest) {
		take_new_offer(r, m, now);
		return;
	}
	r->stats.duplicates++;
	if (m->generation == r->answered)
		rekey_repeat(r);
}

/* A seals with the new keys. That is a fact, whether this end can follow or not. */
void rekey_responder_peer_at(struct rekey *r, uint64_t generation, uint64_t now)
{
	if (r->x.phase == REKEY_ACCEPTED && generation == r->x.generation) {
		r->answered = 0;
		rekey_ratchet_begin(r, now);
		if (rekey_switch_tx(r) == 0)
			rekey_keyed(r, now);
		rekey_forget(r);
	}
	rekey_rx_peer_at(r, generation, now);
}

static void take_confirm(struct rekey *r, const struct rekey_message *m)
{
	struct rekey_message answer = {.type = REKEY_DONE, .generation = m->generation};

	/* What it says was heeded already: peer_at() took CURRENT, which is GENERATION. */
	if (m->generation != r->stats.generation) {
		if (m->generation < r->highest) {
			r->stats.duplicates++;
			return;
		}
		answer.type = REKEY_REJECT;
		answer.reason = m->generation == r->stats.peer_generation
		                        ? REKEY_CANNOT_SWITCH
		                        : REKEY_GENERATION_UNKNOWN;
		r->stats.rejects++;
		r->stats.last_reject = rekey_reason_name(answer.reason);
	}
	rekey_send(r, &answer);
}

void rekey_responder_receive(struct rekey *r, const struct rekey_message *m, uint64_t now)
{
	if (m->type == REKEY_OFFER)
		take_offer(r, m, now);
	else
		take_confirm(r, m);
}

void rekey_responder_session(struct rekey *r)
{
	/* What B accepted stays: A may seal with it. A restarted A counts from anywhere. */
	r->x.session_before = true;
	r->highest = 0;
	r->answered = 0;
	r->ask_wait_ns = 0;
}

void rekey_responder_poll(struct rekey *r, uint64_t now)
{
	if (r->wanted == REKEY_BY_NONE || r->x.phase != REKEY_IDLE)
		return;
	if (r->ask_wait_ns != 0 && now < r->ask_ns)
		return;
	r->ask_wait_ns = r->ask_wait_ns == 0 ? ASK_LEAST_NS : 2 * r->ask_wait_ns;
	if (r->ask_wait_ns > ASK_MOST_NS)
		r->ask_wait_ns = ASK_MOST_NS;
	r->ask_ns = now + r->ask_wait_ns;
	r->stats.requests++;
	rekey_send(r, &(struct rekey_message){.type = REKEY_REQUEST, .cause = r->wanted});
}

uint64_t rekey_responder_wake(const struct rekey *r)
{
	if (r->wanted == REKEY_BY_NONE || r->x.phase != REKEY_IDLE)
		return UINT64_MAX;
	return r->ask_wait_ns == 0 ? 0 : r->ask_ns;
}
