/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/secret.h"
#include "qkd-engine/channel_internal.h"

struct channel *channel_create(const struct channel_config *config,
                               const struct random_source *random, struct err *err)
{
	struct channel *ch;

	if (gcm_provider() == NULL) {
		err_set(err, ENOTSUP, "channel: no AES-GCM code was chosen before it");
		return NULL;
	}
	ch = calloc(1, sizeof(*ch));
	if (ch == NULL) {
		err_set(err, ENOMEM, "channel: out of memory");
		return NULL;
	}
	ch->config = *config;
	ch->random = random;
	secret_wipe(ch->config.link_secret, sizeof(ch->config.link_secret));
	ch->secrets = secret_alloc(sizeof(*ch->secrets));
	if (ch->secrets == NULL) {
		err_set(err, ENOMEM, "channel: secret memory is full");
		channel_destroy(ch);
		return NULL;
	}
	memcpy(ch->secrets->link_secret, config->link_secret, sizeof(config->link_secret));
	if (sender_create(ch) < 0 || receiver_create(ch) < 0 || session_secrets(ch) < 0) {
		err_set(err, ENOMEM, "channel: out of memory");
		channel_destroy(ch);
		return NULL;
	}
	sender_reset(ch);
	receiver_reset(ch);
	ch->dirty = true;
	return ch;
}

void channel_destroy(struct channel *ch)
{
	if (ch == NULL)
		return;
	sender_destroy(ch);
	receiver_destroy(ch);
	secret_free(ch->secrets);
	free(ch);
}

void channel_switch(struct channel *ch, const struct channel_session *s)
{
	secret_wipe(&ch->secrets->session[1 - s->slot], sizeof(ch->secrets->session[0]));
	ch->current = *s;
	ch->hs.next.valid = false;
	ch->hs.phase = HANDSHAKE_IDLE;
	ch->hs.hinted = false;
	ch->stats.sessions++;
	sender_reset(ch);
	receiver_reset(ch);
	ch->dirty = true;
}

void channel_drop(struct channel *ch)
{
	ch->current.valid = false;
	secret_wipe(&ch->secrets->session[ch->current.slot], sizeof(ch->secrets->session[0]));
	sender_reset(ch);
	receiver_reset(ch);
	ch->dirty = true;
}

void channel_found(struct channel *ch)
{
	if (memcmp(&ch->peer, &ch->from, sizeof(ch->peer)) == 0 ||
	    (ch->stats.moves > 0 && ch->now_ns - ch->moved_ns < CHANNEL_MOVE_NS))
		return;
	ch->peer = ch->from;
	ch->moved_ns = ch->now_ns;
	ch->stats.moves++;
}

void channel_peer(const struct channel *ch, struct channel_place *out)
{
	*out = ch->peer;
}

static bool names(const struct channel_session *s, const struct wire_datagram *d)
{
	return s->valid && memcmp(s->id, d->session, WIRE_SESSION_BYTES) == 0;
}

static void data_input(struct channel *ch, const uint8_t *data, size_t len,
                       const struct wire_datagram *d)
{
	struct channel_handshake *hs = &ch->hs;
	bool next = names(&hs->next, d);

	if (!next && !names(&ch->current, d)) {
		ch->stats.unknown_session++;
		handshake_unknown_session(ch, d->session);
		return;
	}
	if (!session_open_data(ch, next ? &hs->next : &ch->current, data, d)) {
		ch->stats.bad_mac++;
		return;
	}
	if (next) {
		struct channel_session s = hs->next;

		channel_switch(ch, &s);
		/* The responder waits for a sign that its session is the live one. */
		ch->tx.ping = true;
	}
	if (!receiver_is_new(&ch->rx, d->number)) {
		ch->stats.replayed++;
		return;
	}
	/* The path was gone and is back: no need for a new session. */
	if (hs->phase == HANDSHAKE_INIT) {
		hs->phase = HANDSHAKE_IDLE;
		hs->hinted = false;
	}
	if (d->number > ch->rx.largest)
		channel_found(ch);
	ch->stats.datagrams_received++;
	ch->stats.bytes_received += len;
	ch->stats.last_heard_ns = ch->now_ns;
	ch->dirty = true;
	receiver_data(ch, d);
}

static enum channel_state state_of(const struct channel *ch)
{
	uint64_t heard = ch->stats.last_heard_ns;

	/* A path that works one way only is down at both ends: nothing is acknowledged here. */
	if (ch->current.valid && ch->now_ns < heard + CHANNEL_SILENCE_NS &&
	    ch->now_ns < ch->tx.acked_ns + CHANNEL_SILENCE_NS)
		return CHANNEL_UP;
	if (ch->config.initiator)
		return ch->hs.phase != HANDSHAKE_IDLE ? CHANNEL_CONNECTING : CHANNEL_DOWN;
	return ch->hs.heard && ch->now_ns < ch->hs.heard_ns + CHANNEL_SILENCE_NS
	               ? CHANNEL_CONNECTING
	               : CHANNEL_DOWN;
}

void channel_input_from(struct channel *ch, const uint8_t *data, size_t len,
                        const struct channel_place *from, uint64_t now_ns)
{
	struct wire_datagram d;
	uint64_t failures = ch->stats.hello_mac_failures, good = ch->stats.datagrams_received;

	ch->now_ns = now_ns;
	ch->from = *from;
	if (wire_parse(data, len, &d) < 0) {
		ch->stats.bad_format++;
		return;
	}
	if (d.type == WIRE_DATA)
		data_input(ch, data, len, &d);
	else
		handshake_input(ch, data, &d);
	if (ch->stats.datagrams_received != good)
		ch->stats.authentication_failing = false;
	else if (ch->stats.hello_mac_failures != failures && state_of(ch) != CHANNEL_UP)
		ch->stats.authentication_failing = true;
}

void channel_input(struct channel *ch, const uint8_t *data, size_t len, uint64_t now_ns)
{
	static const struct channel_place configured;

	channel_input_from(ch, data, len, &configured, now_ns);
}

static size_t output(struct channel *ch, uint8_t *buf, uint64_t now_ns)
{
	size_t n;

	if (!ch->dirty && now_ns < ch->wake_ns)
		return 0;
	ch->now_ns = now_ns;
	ch->to = ch->peer;
	n = handshake_output(ch, buf);
	if (n == 0 && ch->current.valid)
		n = sender_output(ch, buf);
	if (n > 0) {
		ch->stats.datagrams_sent++;
		ch->stats.bytes_sent += n;
		ch->dirty = true;
		return n;
	}
	ch->dirty = false;
	ch->wake_ns = handshake_wake(ch);
	if (ch->current.valid && sender_wake(ch) < ch->wake_ns)
		ch->wake_ns = sender_wake(ch);
	return 0;
}

size_t channel_output_to(struct channel *ch, uint8_t *buf, struct channel_place *to,
                         uint64_t now_ns)
{
	size_t n = output(ch, buf, now_ns);

	*to = ch->to;
	return n;
}

size_t channel_output(struct channel *ch, uint8_t *buf, uint64_t now_ns)
{
	return output(ch, buf, now_ns);
}

bool channel_session(const struct channel *ch, uint8_t id[16])
{
	if (ch->current.valid)
		memcpy(id, ch->current.id, 16);
	return ch->current.valid;
}

void channel_stats_read(const struct channel *ch, struct channel_stats *out)
{
	*out = ch->stats;
	out->state = state_of(ch);
	out->rtt_ns = ch->tx.rate.srtt_ns;
	out->datagram_bytes = ch->tx.mtu.size;
	out->rtt_min_ns = ch->tx.rate.min_ns;
}
