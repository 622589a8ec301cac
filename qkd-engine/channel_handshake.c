/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * INIT (A's nonce), RESP (both), CONFIRM (both), and B's first datagram of the session.
 *
 * A believes a RESP only if it echoes the nonce of the INIT under way, B a CONFIRM only if
 * it echoes B's nonce, which is drawn anew after each success: a replayed hello changes
 * nothing. B keeps no state per INIT. A session that lives is kept until the next is proven.
 */

#include <string.h>

#include "qkd-engine/channel_internal.h"

#define INIT_FIRST_NS    (250 * NS_PER_MS)
#define INIT_MOST_NS     (1 * NS_PER_S)
#define CONFIRM_FIRST_NS (100 * NS_PER_MS)
#define CONFIRM_MOST_NS  (500 * NS_PER_MS)
#define CONFIRM_TRIES_NS (3 * NS_PER_S)
#define HINT_EVERY_NS    (100 * NS_PER_MS)

static bool draw(struct channel *ch, uint8_t *out, size_t n)
{
	return ch->random->fill(ch->random->ctx, out, n) == 0;
}

static bool same_nonces(const struct channel_session *s, const struct wire_datagram *d)
{
	return s->valid && memcmp(s->nonce_a, d->nonce_a, WIRE_NONCE_BYTES) == 0 &&
	       memcmp(s->nonce_b, d->nonce_b, WIRE_NONCE_BYTES) == 0;
}

/* B: an INIT. The oldest debt gives way, A will ask again. */
static void take_init(struct channel *ch, const struct wire_datagram *d)
{
	struct channel_handshake *hs = &ch->hs;

	for (unsigned int i = 0; i < hs->owed_count; i++)
		if (memcmp(hs->owed[i], d->nonce_a, WIRE_NONCE_BYTES) == 0)
			return;
	if (hs->owed_count == RESP_OWED) {
		memmove(hs->owed[0], hs->owed[1], (RESP_OWED - 1) * WIRE_NONCE_BYTES);
		memmove(hs->owed_to, hs->owed_to + 1, (RESP_OWED - 1) * sizeof(hs->owed_to[0]));
		hs->owed_count--;
	}
	hs->owed_to[hs->owed_count] = ch->from;
	memcpy(hs->owed[hs->owed_count++], d->nonce_a, WIRE_NONCE_BYTES);
}

/* A: an answer to the INIT under way. */
static void take_resp(struct channel *ch, const struct wire_datagram *d)
{
	struct channel_handshake *hs = &ch->hs;
	unsigned int slot = ch->current.valid ? 1 - ch->current.slot : 0;

	if (hs->phase != HANDSHAKE_INIT || memcmp(hs->nonce_a, d->nonce_a, WIRE_NONCE_BYTES) != 0) {
		ch->stats.hello_stale++;
		return;
	}
	if (session_derive(ch, &hs->next, slot, d->nonce_a, d->nonce_b) < 0)
		return;
	channel_found(ch);
	hs->phase = HANDSHAKE_CONFIRM;
	hs->started_ns = hs->next_ns = ch->now_ns;
	hs->interval_ns = CONFIRM_FIRST_NS;
}

/* B: the peer is there now and wants this session. */
static void take_confirm(struct channel *ch, const struct wire_datagram *d)
{
	struct channel_handshake *hs = &ch->hs;
	struct channel_session s;

	/* A has the session once it sent a datagram of it: late then, or replayed. */
	if (same_nonces(&ch->current, d) && !ch->rx.any) {
		ch->tx.ping = true;
		return;
	}
	if (!hs->have_nonce_b || memcmp(hs->nonce_b, d->nonce_b, WIRE_NONCE_BYTES) != 0) {
		ch->stats.hello_stale++;
		return;
	}
	if (session_derive(ch, &s, ch->current.valid ? 1 - ch->current.slot : 0, d->nonce_a,
	                   d->nonce_b) < 0)
		return;
	hs->have_nonce_b = false;
	channel_found(ch);
	channel_switch(ch, &s);
	ch->stats.last_heard_ns = ch->now_ns;
	ch->tx.ping = true;
}

/*
 * A: B does not know the session that it names. Only the live session and the one being
 * confirmed count: B cannot have said so of them before they began.
 */
static void take_hint(struct channel *ch, const struct wire_datagram *d)
{
	struct channel_handshake *hs = &ch->hs;
	const struct channel_session *s = hs->phase == HANDSHAKE_CONFIRM ? &hs->next : &ch->current;

	if (hs->phase == HANDSHAKE_INIT || !s->valid ||
	    memcmp(s->id, d->session, WIRE_SESSION_BYTES) != 0) {
		ch->stats.hello_stale++;
		return;
	}
	hs->next.valid = false;
	hs->phase = HANDSHAKE_IDLE;
	hs->next_ns = ch->now_ns;
	hs->hinted = true;
}

void handshake_input(struct channel *ch, const uint8_t *data, const struct wire_datagram *d)
{
	static const uint8_t no_session[WIRE_SESSION_BYTES];
	bool to_a = d->type == WIRE_RESP || d->type == WIRE_HINT;

	if (to_a != ch->config.initiator) {
		ch->stats.bad_format++;
		return;
	}
	if (!session_open_hello(ch, data, d)) {
		ch->stats.hello_mac_failures++;
		/* An answer, so that A's operator learns of different secrets, too. */
		if (d->type == WIRE_INIT && !ch->hs.hint_owed)
			handshake_unknown_session(ch, no_session);
		return;
	}
	ch->stats.datagrams_received++;
	ch->hs.heard_ns = ch->now_ns;
	ch->hs.heard = true;
	ch->dirty = true;
	switch (d->type) {
	case WIRE_INIT:
		take_init(ch, d);
		break;
	case WIRE_RESP:
		take_resp(ch, d);
		break;
	case WIRE_CONFIRM:
		take_confirm(ch, d);
		break;
	default:
		take_hint(ch, d);
		break;
	}
}

void handshake_unknown_session(struct channel *ch, const uint8_t *session)
{
	struct channel_handshake *hs = &ch->hs;

	if (ch->config.initiator)
		return;
	/* The latest counts: a forgery does not keep the peer's own datagram from its answer. */
	memcpy(hs->hint_session, session, WIRE_SESSION_BYTES);
	hs->hint_owed = true;
	ch->dirty = true;
}

static size_t put_hello(struct channel *ch, uint8_t *buf, enum wire_type type, const uint8_t *body,
                        size_t len)
{
	uint8_t iv[WIRE_IV_BYTES];

	if (!draw(ch, iv, sizeof(iv)))
		return 0;
	return session_seal_hello(ch, buf, wire_put_hello(buf, type, iv, body, len));
}

static size_t output_responder(struct channel *ch, uint8_t *buf)
{
	struct channel_handshake *hs = &ch->hs;
	uint8_t body[2 * WIRE_NONCE_BYTES];
	size_t n;

	if (hs->hint_owed && ch->now_ns >= hs->hint_after_ns) {
		hs->hint_owed = false;
		hs->hint_after_ns = ch->now_ns + HINT_EVERY_NS;
		return put_hello(ch, buf, WIRE_HINT, hs->hint_session, WIRE_SESSION_BYTES);
	}
	if (hs->owed_count == 0)
		return 0;
	if (!hs->have_nonce_b)
		hs->have_nonce_b = draw(ch, hs->nonce_b, sizeof(hs->nonce_b));
	if (!hs->have_nonce_b)
		return 0;
	memcpy(body, hs->owed[0], WIRE_NONCE_BYTES);
	memcpy(body + WIRE_NONCE_BYTES, hs->nonce_b, WIRE_NONCE_BYTES);
	n = put_hello(ch, buf, WIRE_RESP, body, sizeof(body));
	if (n > 0) {
		ch->to = hs->owed_to[0];
		hs->owed_count--;
		memmove(hs->owed[0], hs->owed[1], hs->owed_count * WIRE_NONCE_BYTES);
		memmove(hs->owed_to, hs->owed_to + 1, hs->owed_count * sizeof(hs->owed_to[0]));
	}
	return n;
}

/* When A must ask for a session: at once, or after long silence. */
static uint64_t ask_at(const struct channel *ch)
{
	if (!ch->current.valid || ch->hs.hinted)
		return 0;
	return ch->stats.last_heard_ns + CHANNEL_GIVE_UP_NS;
}

static void start_init(struct channel *ch)
{
	struct channel_handshake *hs = &ch->hs;

	hs->next.valid = false;
	hs->phase = HANDSHAKE_IDLE;
	if (!draw(ch, hs->nonce_a, sizeof(hs->nonce_a)))
		return;
	hs->phase = HANDSHAKE_INIT;
	hs->started_ns = hs->next_ns = ch->now_ns;
	hs->interval_ns = INIT_FIRST_NS;
}

static size_t output_initiator(struct channel *ch, uint8_t *buf)
{
	struct channel_handshake *hs = &ch->hs;
	bool confirm = hs->phase == HANDSHAKE_CONFIRM;
	uint64_t most;
	size_t n;

	if (hs->phase == HANDSHAKE_IDLE && ch->now_ns >= ask_at(ch))
		start_init(ch);
	if (confirm && ch->now_ns >= hs->started_ns + CONFIRM_TRIES_NS)
		start_init(ch);
	if (hs->phase == HANDSHAKE_IDLE || ch->now_ns < hs->next_ns)
		return 0;
	confirm = hs->phase == HANDSHAKE_CONFIRM;
	if (confirm) {
		uint8_t body[2 * WIRE_NONCE_BYTES];

		memcpy(body, hs->next.nonce_a, WIRE_NONCE_BYTES);
		memcpy(body + WIRE_NONCE_BYTES, hs->next.nonce_b, WIRE_NONCE_BYTES);
		n = put_hello(ch, buf, WIRE_CONFIRM, body, sizeof(body));
	} else {
		n = put_hello(ch, buf, WIRE_INIT, hs->nonce_a, WIRE_NONCE_BYTES);
	}
	if (n == 0)
		return 0;
	most = confirm ? CONFIRM_MOST_NS : INIT_MOST_NS;
	hs->next_ns = ch->now_ns + hs->interval_ns;
	hs->interval_ns = hs->interval_ns * 3 / 2 < most ? hs->interval_ns * 3 / 2 : most;
	return n;
}

size_t handshake_output(struct channel *ch, uint8_t *buf)
{
	return ch->config.initiator ? output_initiator(ch, buf) : output_responder(ch, buf);
}

uint64_t handshake_wake(const struct channel *ch)
{
	const struct channel_handshake *hs = &ch->hs;
	uint64_t retry = ch->now_ns + 10 * NS_PER_MS; /* the random source had nothing */
	uint64_t at;

	if (!ch->config.initiator && hs->owed_count > 0)
		return retry;
	if (!ch->config.initiator)
		return hs->hint_owed ? hs->hint_after_ns : CHANNEL_NEVER;
	at = hs->phase == HANDSHAKE_IDLE ? ask_at(ch) : hs->next_ns;
	return at > ch->now_ns ? at : retry;
}
