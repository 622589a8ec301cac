/* SPDX-License-Identifier: BSD-3-Clause */

/* Site A's side of an exchange: it offers, repeats until it is answered, and gives up. */

#include "dataplane/rekey_state.h"

#include <string.h>

#include "common/log.h"

LOG_COMPONENT_DEFINE(rekey_initiator)

/* The channel repeats what is lost on the path; this is for what is lost beside it. */
#define REPEAT_LEAST_NS   (40 * NS_PER_MS)
#define REPEAT_UNKNOWN_NS (100 * NS_PER_MS)
#define REPEAT_MOST_NS    NS_PER_S
/* An end that answers nothing for so long, and 8 RTT, is asked anew with another key. */
#define ANSWER_NS (2 * NS_PER_S)
/* After a refusal or for want of keys: soon, but not at every turn of the loop. */
#define RETRY_LEAST_NS (100 * NS_PER_MS)
#define RETRY_MOST_NS  (800 * NS_PER_MS)

static void answer_awaited(struct rekey *r, enum rekey_phase phase, uint64_t now)
{
	uint64_t rtt = rekey_rtt_ns(r);

	r->x.phase = phase;
	r->x.since_ns = now;
	r->x.repeat_wait_ns = rtt == 0 ? REPEAT_UNKNOWN_NS : 2 * rtt + REPEAT_LEAST_NS;
	if (r->x.repeat_wait_ns > REPEAT_MOST_NS)
		r->x.repeat_wait_ns = REPEAT_MOST_NS;
	r->x.repeat_ns = now + r->x.repeat_wait_ns;
}

static uint64_t give_up_ns(const struct rekey *r)
{
	return r->x.since_ns + ANSWER_NS + 8 * rekey_rtt_ns(r);
}

static void retry_later(struct rekey *r, uint64_t now)
{
	r->retry_wait_ns = r->retry_wait_ns == 0 ? RETRY_LEAST_NS : 2 * r->retry_wait_ns;
	if (r->retry_wait_ns > RETRY_MOST_NS)
		r->retry_wait_ns = RETRY_MOST_NS;
	r->retry_ns = now + r->retry_wait_ns;
	if (r->wanted == REKEY_BY_NONE)
		r->wanted = REKEY_BY_RETRY;
}

static void offer(struct rekey *r, enum rekey_cause cause, uint64_t now)
{
	struct rekey_message m = {.type = REKEY_OFFER, .cause = cause};
	uint8_t ek[MLKEM_KEY_BYTES];

	if (rekey_take_key(r, &m, now) < 0) {
		retry_later(r, now);
		return;
	}
	if (m.source == REKEY_FROM_HYBRID) {
		if (rekey_hybrid_offer(r, ek) < 0) {
			r->x.key = m.key;
			r->key_kept = true;
			retry_later(r, now);
			return;
		}
		m.kem = ek;
	}
	rekey_draw(r, r->x.nonce_a, &m);
	r->x.generation = m.generation = ++r->highest;
	r->x.source = m.source;
	r->x.key = m.key;
	r->started_ns = now;
	r->wanted = REKEY_BY_NONE;
	r->stats.last_cause = cause;
	r->stats.offers++;
	answer_awaited(r, REKEY_OFFERED, now);
	rekey_send_kept(r, &m);
}

static void take_accept(struct rekey *r, const struct rekey_message *m, uint64_t now)
{
	/* B names no other generation from now on. */
	rekey_rx_only(r, m->current, now);
	if (rekey_rx_full(r)) {
		r->stats.deferred++; /* the offer goes out again, and this comes again */
		return;
	}
	if (!rekey_subs_fit(r, m->subs)) {
		r->stats.last_reject = rekey_reason_name(REKEY_TOO_MANY_SUBS);
		rekey_forget(r);
		retry_later(r, now);
		return;
	}
	memcpy(r->x.nonce_b, m->nonce, sizeof(r->x.nonce_b));
	if (m->kem != NULL && rekey_hybrid_accept(r, m) < 0) {
		rekey_forget(r);
		retry_later(r, now);
		return;
	}
	r->x.spi_peer = m->spi_base;
	r->x.subs_peer = m->subs;
	if (rekey_install_rx(r) < 0) {
		rekey_forget(r);
		retry_later(r, now);
		return;
	}
	if (rekey_switch_tx(r) < 0) {
		rekey_rx_drop(r, r->x.generation);
		rekey_forget(r);
		retry_later(r, now);
		return;
	}
	rekey_ratchet_begin(r, now);
	rekey_keyed(r, now);
	r->retry_wait_ns = 0;
	answer_awaited(r, REKEY_CONFIRMING, now);
	rekey_send_kept(
	        r, &(struct rekey_message){.type = REKEY_CONFIRM, .generation = r->x.generation});
}

static void take_reject_of_offer(struct rekey *r, const struct rekey_message *m, uint64_t now)
{
	bool stored = r->x.source != REKEY_FROM_RATCHET;
	bool policy = m->reason == REKEY_NOT_HYBRID || m->reason == REKEY_HYBRID_ONLY;

	if (stored && (m->reason == REKEY_KEY_UNKNOWN || m->reason == REKEY_KEY_USED))
		keystore_refused(r->ks, &r->x.key, m->reason == REKEY_KEY_UNKNOWN);
	if (policy) {
		r->stats.policy_refused++;
		rekey_hybrid_alarm(r, m->reason);
	}
	/* The peer restarted: its chain is gone, and with it the use of ours. */
	if (m->reason == REKEY_RATCHET_UNKNOWN)
		rekey_ratchet_forget(r);
	/* Such a peer took no key: one is enough to ask with until it is updated. */
	if (stored && (policy || m->reason == REKEY_OTHER_VERSION ||
	               m->reason == REKEY_TOO_MANY_SUBS || m->reason == REKEY_KEM_REFUSED))
		r->key_kept = true;
	else
		rekey_forget(r);
	r->x.phase = REKEY_IDLE;
	retry_later(r, now);
}

static void take_reject(struct rekey *r, const struct rekey_message *m, uint64_t now)
{
	bool of_confirm = m->reason == REKEY_GENERATION_UNKNOWN || m->reason == REKEY_CANNOT_SWITCH;

	if (of_confirm != (r->x.phase == REKEY_CONFIRMING)) {
		r->stats.duplicates++;
		return;
	}
	r->stats.rejects++;
	r->stats.last_reject = rekey_reason_name(m->reason);
	log_info("tunnel %s: the peer refuses: %s", r->config.tunnel, r->stats.last_reject);
	if (!of_confirm) {
		take_reject_of_offer(r, m, now);
		return;
	}
	/* It does not open what this end seals, or seals with an old key: anew, soon. */
	rekey_forget(r);
	retry_later(r, now);
}

static void take_request(struct rekey *r, const struct rekey_message *m)
{
	/* One about keys that are replaced, or being replaced, is late. */
	if (r->x.phase != REKEY_IDLE ||
	    (m->current != 0 && m->current != r->stats.peer_generation)) {
		r->stats.duplicates++;
		return;
	}
	if (r->wanted == REKEY_BY_NONE || r->wanted == REKEY_BY_RETRY)
		r->wanted = m->cause;
	r->stats.requests++;
}

void rekey_initiator_receive(struct rekey *r, const struct rekey_message *m, uint64_t now)
{
	bool ours = r->x.phase != REKEY_IDLE && m->generation == r->x.generation;

	if (m->type == REKEY_REQUEST)
		take_request(r, m);
	else if (!ours)
		r->stats.duplicates++;
	else if (m->type == REKEY_REJECT)
		take_reject(r, m, now);
	else if (m->type == REKEY_ACCEPT && (m->kem != NULL) != (r->x.source == REKEY_FROM_HYBRID))
		r->stats.bad_messages++;
	else if (m->type == REKEY_ACCEPT && r->x.phase == REKEY_OFFERED)
		take_accept(r, m, now);
	else if (m->type == REKEY_DONE && r->x.phase == REKEY_CONFIRMING)
		rekey_forget(r);
	else
		r->stats.duplicates++;
}

void rekey_initiator_session(struct rekey *r, uint64_t now)
{
	/* A kept key, too: the stores are compared anew, and this end's says that it is used. */
	rekey_forget(r);
	/* The peer may have restarted without any SA: key it at once. */
	r->wanted = REKEY_BY_SESSION;
	r->retry_ns = now;
	r->retry_wait_ns = 0;
	r->first_of_session = true;
}

/* A cause to begin now; of causes by volume only when the generations before have room. */
static enum rekey_cause due(const struct rekey *r, uint64_t now)
{
	bool volume = r->wanted == REKEY_BY_BYTES || r->wanted == REKEY_BY_PACKETS;

	if (now < r->retry_ns)
		return REKEY_BY_NONE;
	if (r->wanted != REKEY_BY_NONE &&
	    (!volume || now >= r->started_ns + rekey_grace_ns(r) / (TUNNEL_RX_GENERATIONS - 1)))
		return r->wanted;
	return now >= rekey_next_ns(r) ? REKEY_BY_PERIOD : REKEY_BY_NONE;
}

void rekey_initiator_poll(struct rekey *r, uint64_t now)
{
	enum rekey_cause cause;

	if (r->x.phase != REKEY_IDLE && now >= give_up_ns(r)) {
		r->stats.timeouts++;
		rekey_forget(r);
		if (r->wanted == REKEY_BY_NONE)
			r->wanted = REKEY_BY_RETRY;
	}
	if (r->x.phase != REKEY_IDLE) {
		if (now < r->x.repeat_ns)
			return;
		r->x.repeat_wait_ns = 2 * r->x.repeat_wait_ns < REPEAT_MOST_NS
		                              ? 2 * r->x.repeat_wait_ns
		                              : REPEAT_MOST_NS;
		r->x.repeat_ns = now + r->x.repeat_wait_ns;
		r->stats.retransmits++;
		rekey_repeat(r);
		return;
	}
	cause = due(r, now);
	/* The answer needs a place; all places are taken until the next one retires. */
	if (cause == REKEY_BY_NONE || rekey_rx_full(r))
		return;
	rekey_log_clamp(r);
	offer(r, cause, now);
}

uint64_t rekey_initiator_wake(const struct rekey *r, uint64_t now)
{
	uint64_t at;

	if (r->x.phase != REKEY_IDLE) {
		at = give_up_ns(r);
		return r->x.repeat_ns < at ? r->x.repeat_ns : at;
	}
	if (r->wanted == REKEY_BY_BYTES || r->wanted == REKEY_BY_PACKETS)
		at = r->started_ns + rekey_grace_ns(r) / (TUNNEL_RX_GENERATIONS - 1);
	else
		at = r->wanted != REKEY_BY_NONE ? now : rekey_next_ns(r);
	if (at < r->retry_ns)
		at = r->retry_ns;
	if (rekey_rx_full(r) && at < rekey_rx_next(r))
		at = rekey_rx_next(r);
	return at;
}
