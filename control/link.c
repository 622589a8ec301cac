/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/secret.h"
#include "control/alarm.h"
#include "control/error_cause.h"
#include "control/link_state.h"

LOG_COMPONENT_DEFINE(link)

#define NOTES_A_TURN    256
#define UNPOSTED_MAX    4096
#define SUPERVISE_NS    (100 * NS_PER_MS)
#define HOUSEKEEPING_NS (1 * NS_PER_S)
#define SUMMARY_MAX     (CHANNEL_MESSAGE_MAX - 1)

struct keystore *link_keystore(struct link *l)
{
	return l->ks;
}

struct rekey *link_rekey(struct link *l, unsigned int tunnel)
{
	return tunnel < l->tunnel_count ? l->tunnels[tunnel].rekey : NULL;
}

struct qkd_role *link_role(struct link *l)
{
	return l->role;
}

bool link_stores_agree(const struct link *l)
{
	return l->summary_sent && l->summary_taken && l->channel_up;
}

void link_stats_read(const struct link *l, struct link_stats *out)
{
	*out = l->stats;
	out->connected = link_stores_agree(l);
}

void link_alarm(bool raised, const char *kind, const char *resource, enum alarm_severity severity,
                const char *text)
{
	if (raised)
		alarm_raise(kind, resource, severity, text);
	else
		alarm_clear(kind, resource, text);
}

/* Notes to the role. */

int link_post(struct link *l, struct qkd_note *note)
{
	if (l->unposted == NULL && qkd_role_post(l->role, note) == 0)
		return 0;
	if (l->unposted_count == UNPOSTED_MAX) {
		l->stats.notes_dropped++;
		qkd_note_free(note);
		return -EAGAIN;
	}
	*l->unposted_end = note;
	l->unposted_end = &note->next;
	l->unposted_count++;
	return 0;
}

static void post_waiting(struct link *l)
{
	while (l->unposted != NULL) {
		struct qkd_note *note = l->unposted, *next = note->next;

		note->next = NULL;
		if (qkd_role_post(l->role, note) < 0) {
			note->next = next;
			return;
		}
		l->unposted = next;
		l->unposted_count--;
	}
	l->unposted_end = &l->unposted;
}

int link_send(struct link *l, uint8_t kind, const char *tunnel, const void *msg, size_t len)
{
	size_t name = tunnel == NULL ? 0 : strlen(tunnel), head = tunnel == NULL ? 1 : 2 + name;
	struct qkd_note *note = qkd_note_new(QKD_NOTE_SEND, head + len);

	if (note == NULL)
		return -ENOMEM;
	note->session = l->session;
	note->data[0] = kind;
	if (tunnel != NULL) {
		note->data[1] = (uint8_t)name;
		memcpy(note->data + 2, tunnel, name);
	}
	memcpy(note->data + head, msg, len);
	return link_post(l, note);
}

static void send_summary(struct link *l)
{
	uint8_t *summary = malloc(SUMMARY_MAX);
	size_t len;
	int rc = summary == NULL ? -ENOMEM : keystore_summary(l->ks, summary, SUMMARY_MAX, &len);

	if (rc == 0)
		rc = link_send(l, MESSAGE_SUMMARY, NULL, summary, len);
	free(summary);
	if (rc < 0 && !l->summary_failed)
		log_err("%s: the stores cannot be compared, so no key is used: %s", l->resource,
		        rc == -ENOSPC ? "too many blocks for one message" : strerror(-rc));
	l->summary_failed = rc < 0;
	l->summary_sent = rc == 0;
}

/* Notes of the role. */

static void take_session(struct link *l, uint64_t session, uint64_t now)
{
	l->session = session;
	l->stats.sessions++;
	l->summary_sent = l->summary_taken = false;
	l->peer_power = 0;
	link_delivery_session(l);
	send_summary(l);
	for (unsigned int i = 0; i < l->tunnel_count; i++)
		if (l->tunnels[i].rekey != NULL)
			rekey_session(l->tunnels[i].rekey, now);
	link_presence_session(l, now);
	link_kme_session(l, now);
	link_wake_rekeys(l);
}

static void take_summary(struct link *l, const uint8_t *msg, size_t len)
{
	uint64_t voided = 0;
	struct err err = {0};

	if (keystore_reconcile(l->ks, msg, len, &voided, &err) < 0) {
		l->stats.bad_messages++;
		log_err("%s", err.text);
		return;
	}
	if (voided > 0)
		log_warn("%llu keys that only this end had were destroyed",
		         (unsigned long long)voided);
	l->summary_taken = true;
	link_delivery_compared(l);
}

uint64_t link_session(const struct link *l)
{
	return l->channel_up ? l->session : 0;
}

int link_wire_send(struct link *l, uint16_t tunnel, const void *msg, size_t len)
{
	if (tunnel >= l->tunnel_count || l->tunnels[tunnel].rekey == NULL)
		return -ENOENT;
	return link_send(l, MESSAGE_WIRE, l->tunnels[tunnel].name, msg, len);
}

void link_wire_receiver(struct link *l,
                        bool (*receive)(uint16_t tunnel, const uint8_t *msg, size_t len))
{
	l->wire_receive = receive;
}

static void take_wire(struct link *l, const uint8_t *msg, size_t len)
{
	const struct rekey_context *t = NULL;
	struct link_named named;

	if (link_name_take(msg, len, &named))
		t = link_tunnel_find(l, named.name);
	if (t == NULL || l->wire_receive == NULL ||
	    !l->wire_receive((uint16_t)t->index, named.msg, named.len))
		l->stats.bad_messages++;
}

static void take_message(struct link *l, const struct qkd_note *note, uint64_t now)
{
	if (note->session != l->session)
		return;
	/* One a session: a later one would be older than the blocks that came since. */
	if (note->len >= 1 && note->data[0] == MESSAGE_SUMMARY && !l->summary_taken)
		take_summary(l, note->data + 1, note->len - 1);
	else if (note->len >= 1 && l->summary_taken && note->data[0] == MESSAGE_REKEY)
		link_take_rekey(l, note->data + 1, note->len - 1, now);
	else if (note->len >= 1 &&
	         (note->data[0] == MESSAGE_REKEY_1 || note->data[0] == MESSAGE_REKEY_2))
		link_refuse_old_rekey(l);
	else if (note->len >= 1 && note->data[0] == MESSAGE_TUNNEL)
		l->stats.bad_messages += !link_take_tunnel(l, note->data + 1, note->len - 1, now);
	else if (note->len >= 1 && note->data[0] == MESSAGE_WIRE)
		take_wire(l, note->data + 1, note->len - 1);
	else if (note->len >= 1 && l->summary_taken && note->data[0] == MESSAGE_KME)
		l->stats.bad_messages += !link_take_kme(l, note->data + 1, note->len - 1, now);
	else if (note->len == 5 && note->data[0] == MESSAGE_POWER)
		l->peer_power = get_be32(note->data + 1);
	else if (note->len >= 1 &&
	         (note->data[0] == MESSAGE_KMS || note->data[0] == MESSAGE_DELIVERY))
		l->stats.bad_messages += !link_take_delivery(l, note->data, note->len);
	else if (note->len >= 1 && note->data[0] == MESSAGE_SPECTRUM)
		l->stats.bad_messages += !link_take_spectrum(l, note->data + 1, note->len - 1, now);
	else
		l->stats.bad_messages++;
}

double link_peer_power(const struct link *l)
{
	return l->channel_up ? l->peer_power : 0;
}

void link_hold(struct link *l, bool held)
{
	struct qkd_note *note;

	if (held == l->held)
		return;
	note = qkd_note_new(QKD_NOTE_HOLD, 0);
	if (note == NULL) {
		l->stats.notes_dropped++;
		return; /* asked for again in the next turn */
	}
	note->raised = held;
	if (link_post(l, note) == 0)
		l->held = held;
}

const struct link_block *link_block_at(const struct link *l, unsigned int i)
{
	if (i >= LINK_BLOCKS || i >= l->blocks_seen)
		return NULL;
	return &l->blocks[(l->blocks_seen - 1 - i) % LINK_BLOCKS];
}

static void remember_block(struct link *l, const struct key_block *kb)
{
	l->blocks[l->blocks_seen++ % LINK_BLOCKS] = (struct link_block){
	        .number = kb->number,
	        .time_wall_ns = kb->time_wall_ns,
	        .first_slot = kb->first_slot,
	        .last_slot = kb->last_slot,
	        .sifted_bits = kb->sifted_bits,
	        .leaked_bits = kb->leaked_bits,
	        .disclosed_bits = kb->disclosed_bits,
	        .planned_z = {kb->planned_z[0], kb->planned_z[1]},
	        .secret_bits = kb->bits,
	        .efficiency_f = kb->efficiency_f,
	        .proof = kb->proof,
	        .leak_mode = kb->leak_mode,
	        .method = kb->method,
	        .reason = kb->reason,
	        .source = kb->source,
	        .eps_auth = kb->eps_auth,
	        .counts = kb->counts,
	        .computational = kb->computational,
	        .simulated = kb->simulated,
	};
}

static void take_block(struct link *l, const struct key_block *kb)
{
	struct err err = {0};

	if (keystore_add(l->ks, kb, &err) < 0) {
		l->stats.blocks_refused++;
		link_delivery_block(l, kb, false);
		log_err("block %llu: %s", (unsigned long long)kb->number, err.text);
	} else {
		l->stats.blocks_stored++;
		l->bootstrapping &= kb->computational;
		link_delivery_block(l, kb, true);
		remember_block(l, kb);
	}
}

/* The engine's block waits for an answer: there is one, whatever happens here. */
static void answer_pad(struct link *l, uint64_t id)
{
	struct qkd_note *note = qkd_note_new(QKD_NOTE_PAD_FETCHED, 0);

	if (note == NULL || keystore_pad_fetch(l->ks, l->site_a ? KEY_AUTH_B : KEY_AUTH_A, id,
	                                       &note->pad, NULL) < 0) {
		qkd_note_free(note);
		l->stats.pads_unknown++;
		note = qkd_note_new(QKD_NOTE_PAD_UNKNOWN, 0);
	} else {
		l->stats.pads_fetched++;
	}
	if (note == NULL) {
		l->stats.notes_dropped++;
		return;
	}
	note->pad.id = id;
	link_post(l, note);
}

static void take_alarm(struct link *l, const struct qkd_note *note, uint64_t now)
{
	enum alarm_severity severity =
	        note->alarm == ENGINE_ALARM_NO_LIGHT || note->alarm == ENGINE_ALARM_SYNC
	                ? ALARM_MAJOR
	                : ALARM_CRITICAL;

	if (error_cause_take(note->alarm, note->raised, l->resource, (const char *)note->data, now))
		return;
	link_alarm(note->raised, engine_alarm_name(note->alarm), l->resource, severity,
	           (const char *)note->data);
}

static void take_note(struct link *l, const struct qkd_note *note, uint64_t now)
{
	switch (note->type) {
	case QKD_NOTE_SESSION:
		take_session(l, note->session, now);
		break;
	case QKD_NOTE_MESSAGE:
		take_message(l, note, now);
		break;
	case QKD_NOTE_BLOCK:
		take_block(l, note->block);
		break;
	case QKD_NOTE_PAD_WANTED:
		answer_pad(l, note->pad.id);
		break;
	case QKD_NOTE_ALARM:
		take_alarm(l, note, now);
		break;
	default:
		break;
	}
}

static void supervise(struct link *l, uint64_t now)
{
	struct qkd_role_status s;

	qkd_role_status_read(l->role, &s);
	link_supervise(l, &s, now);
	if (l->session != 0 && !l->summary_sent)
		send_summary(l);
	link_supervise_delivery(l, &s, now);
	if (link_stores_agree(l))
		link_supply_pads(l, &s, now);
}

void link_poll(struct link *l, uint64_t now)
{
	struct qkd_note *note;

	post_waiting(l);
	for (int i = 0; i < NOTES_A_TURN && (note = qkd_role_receive(l->role)) != NULL; i++) {
		take_note(l, note, now);
		qkd_note_free(note);
	}
	link_kme_poll(l, link_stores_agree(l), now);
	link_poll_rekeys(l, link_stores_agree(l), now);
	link_poll_delivery(l, now);
	if (now >= l->next_supervise_ns) {
		l->next_supervise_ns = now + SUPERVISE_NS;
		supervise(l, now);
	}
	if (now >= l->next_housekeeping_ns) {
		l->next_housekeeping_ns = now + HOUSEKEEPING_NS;
		keystore_expire(l->ks, clock_wall_ns());
		link_watch_keys(l, now);
	}
}

void link_allow_computational(struct link *l, const struct config *config)
{
	l->allow_computational = config->qkd.computational_bootstrap;
	keystore_allow_computational(l->ks, l->allow_computational);
}

void link_reconfigure(struct link *l, const struct config *config)
{
	struct qkd_note *note = qkd_note_new(QKD_NOTE_THRESHOLDS, 0);

	if (note != NULL) {
		note->qber_abort = config->qkd.qber_abort;
		note->qber_alarm = config->qkd.qber_alarm;
		link_post(l, note);
	} else {
		l->stats.notes_dropped++;
	}
	link_allow_computational(l, config);
	link_reconfigure_delivery(l, config);
	link_reconfigure_rekeys(l, config);
}
