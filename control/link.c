/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/secret.h"
#include "control/alarm.h"
#include "control/secret_file.h"
#include "qkd-engine/storage.h"

LOG_COMPONENT_DEFINE(link)

/* First byte of a message on the control stream. */
enum { MESSAGE_SUMMARY = 1, MESSAGE_REKEY = 2 };

#define PADS_KEPT       16 /* with the role: enough for ten blocks */
#define NOTES_A_TURN    256
#define SUPERVISE_NS    (100 * NS_PER_MS)
#define HOUSEKEEPING_NS (1 * NS_PER_S)
#define SUMMARY_MAX     (CHANNEL_MESSAGE_MAX - 1)

struct rekey_context {
	struct link *link;
	unsigned int index;
	struct tunnel *tunnel;
	struct rekey *rekey;
	char resource[64];
};

struct link {
	bool site_a;
	char resource[64];
	struct qkd_role *role;
	struct keystore *ks;
	struct rekey_context tunnels[CONFIG_TUNNELS_MAX];
	unsigned int tunnel_count;
	uint64_t session; /* of the notes that are answered */
	bool summary_sent, summary_taken, channel_up;
	uint64_t next_supervise_ns, next_housekeeping_ns;
	struct link_stats stats;
	struct link_block blocks[LINK_BLOCKS]; /* a ring */
	uint64_t blocks_seen;
};

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

void link_stats_read(const struct link *l, struct link_stats *out)
{
	*out = l->stats;
	out->connected = l->summary_taken && l->channel_up;
}

static void set_alarm(bool raised, const char *kind, const char *resource,
                      enum alarm_severity severity, const char *text)
{
	if (raised)
		alarm_raise(kind, resource, severity, text);
	else
		alarm_clear(kind, resource, text);
}

/* Messages to the peer. */

static int post_message(struct link *l, uint8_t kind, int tunnel, const void *msg, size_t len)
{
	size_t head = tunnel < 0 ? 1 : 2;
	struct qkd_note *note = qkd_note_new(QKD_NOTE_SEND, head + len);
	int rc;

	if (note == NULL)
		return -ENOMEM;
	note->session = l->session;
	note->data[0] = kind;
	if (tunnel >= 0)
		note->data[1] = (uint8_t)tunnel;
	memcpy(note->data + head, msg, len);
	rc = qkd_role_post(l->role, note);
	if (rc < 0)
		secret_free(note);
	return rc;
}

static void send_summary(struct link *l)
{
	uint8_t *summary = malloc(SUMMARY_MAX);
	size_t len;

	if (summary == NULL)
		return;
	if (keystore_summary(l->ks, summary, SUMMARY_MAX, &len) == 0 &&
	    post_message(l, MESSAGE_SUMMARY, -1, summary, len) == 0)
		l->summary_sent = true;
	free(summary);
}

/* What rekeying asks for. */

static int op_send(void *ctx, const void *msg, size_t len)
{
	struct rekey_context *t = ctx;

	return post_message(t->link, MESSAGE_REKEY, (int)t->index, msg, len);
}

static int op_rx_install(void *ctx, uint64_t generation, const struct sa_key *keys, unsigned int n)
{
	struct rekey_context *t = ctx;
	struct err err = {0};
	int rc = tunnel_rx_install(t->tunnel, generation, keys, n, &err);

	if (rc < 0)
		log_err("%s: %s", t->resource, err.text);
	return rc;
}

static int op_tx_switch(void *ctx, uint64_t generation, const struct sa_key *keys, unsigned int n)
{
	struct rekey_context *t = ctx;
	struct err err = {0};
	int rc = tunnel_tx_switch(t->tunnel, generation, keys, n, &err);

	if (rc < 0)
		log_err("%s: %s", t->resource, err.text);
	return rc;
}

static void op_tx_stop(void *ctx)
{
	tunnel_tx_stop(((struct rekey_context *)ctx)->tunnel);
}

static void op_rx_retire(void *ctx, uint64_t generation)
{
	tunnel_rx_retire(((struct rekey_context *)ctx)->tunnel, generation);
}

static void op_alarm(void *ctx, const char *kind, bool raised, const char *text)
{
	set_alarm(raised, kind, ((struct rekey_context *)ctx)->resource, ALARM_CRITICAL, text);
}

static int create_rekeys(struct link *l, const struct config *config, struct tunnel *const *tunnels,
                         struct err *err)
{
	static const struct rekey_ops ops = {.send = op_send,
	                                     .rx_install = op_rx_install,
	                                     .tx_switch = op_tx_switch,
	                                     .tx_stop = op_tx_stop,
	                                     .rx_retire = op_rx_retire,
	                                     .alarm = op_alarm};

	for (unsigned int i = 0; i < config->tunnel_count; i++) {
		const struct config_tunnel *c = &config->tunnels[i];
		struct rekey_context *t = &l->tunnels[i];
		struct rekey_config rc = {.initiator = l->site_a,
		                          .period_ms = c->rekey_period_ms,
		                          .hard_life_ms = c->hard_life_ms,
		                          .grace_ms = c->grace_ms,
		                          .cores = config->eal.forward_lcores};

		snprintf(rc.link, sizeof(rc.link), "%s", config->link);
		snprintf(rc.tunnel, sizeof(rc.tunnel), "%s", c->name);
		snprintf(t->resource, sizeof(t->resource), "tunnel/%s", c->name);
		t->link = l;
		t->index = i;
		t->tunnel = tunnels[i];
		t->rekey = rekey_create(&rc, &ops, t, l->ks, err);
		if (t->rekey == NULL)
			return -err->code;
		l->tunnel_count++;
	}
	return 0;
}

static int open_keystore(struct link *l, const struct config *config, const uint8_t *psk,
                         size_t psk_len, struct err *err)
{
	struct keystore_config kc = {.site_a = l->site_a,
	                             .max_keys = config->keystore.max_keys,
	                             .ttl_s = config->keystore.ttl_s};
	struct storage *storage;
	uint8_t *key = NULL;
	size_t len;
	int rc;

	rc = secret_file_read(config->keystore.storage_key_file, "storage key", 32, 32, &key, &len,
	                      err);
	if (rc < 0)
		return rc;
	memcpy(kc.storage_key, key, 32);
	secret_free(key);
	rc = storage_sqlite_open(config->keystore.path, &storage, err);
	if (rc == 0)
		rc = keystore_open(&kc, storage, &l->ks, err);
	secret_wipe(&kc, sizeof(kc));
	if (rc == 0) {
		rc = keystore_add_psk(l->ks, psk + PSK_PADS,
		                      (psk_len - PSK_PADS) / KEY_BYTES * KEY_BYTES, err);
		if (rc == -EEXIST)
			rc = 0;
	}
	return rc;
}

static int create_role(struct link *l, const struct config *config, const uint8_t *psk,
                       struct channel_mux *mux, struct err *err)
{
	struct qkd_role_config rc = {
	        .channel = {.initiator = l->site_a},
	        .quantum = config->qkd.enabled,
	        .engine = {.role = l->site_a ? ENGINE_ALICE : ENGINE_BOB,
	                   .block_bits = config->qkd.block_bits,
	                   .frame_bits = 65536,
	                   .source = {.mu = {config->qkd.mu1, config->qkd.mu2},
	                              .p = {config->qkd.p_mu1, 1 - config->qkd.p_mu1},
	                              .eps_sec = config->qkd.eps_sec,
	                              .eps_cor = config->qkd.eps_cor},
	                   .qber_abort = config->qkd.qber_abort,
	                   .qber_alarm = config->qkd.qber_alarm,
	                   .sample_interval = 64},
	        .card = {.transport = config->qkd.transport,
	                 .path = config->qkd.path,
	                 .role = l->site_a ? CARD_IS_ALICE : CARD_IS_BOB,
	                 .mu1 = config->qkd.mu1,
	                 .mu2 = config->qkd.mu2,
	                 .p_mu1 = config->qkd.p_mu1,
	                 .p_z = config->qkd.p_z,
	                 .holdoff_ns = config->qkd.holdoff_ns,
	                 .watchdog_ms = 1000},
	};

	memcpy(rc.channel.link_secret, psk + PSK_SECRET, sizeof(rc.channel.link_secret));
	memcpy(rc.engine.hash_key_ab, psk + PSK_HASH_AB, sizeof(rc.engine.hash_key_ab));
	memcpy(rc.engine.hash_key_ba, psk + PSK_HASH_BA, sizeof(rc.engine.hash_key_ba));
	snprintf(rc.engine.link, sizeof(rc.engine.link), "%s", config->link);
	l->role = qkd_role_create(&rc, mux, err);
	secret_wipe(&rc, sizeof(rc));
	return l->role == NULL ? -err->code : 0;
}

struct link *link_create(const struct config *config, struct channel_mux *mux,
                         struct tunnel *const *tunnels, struct err *err)
{
	struct link *l = calloc(1, sizeof(*l));
	uint8_t *psk = NULL;
	size_t psk_len = 0;
	int rc;

	if (l == NULL) {
		err_set(err, ENOMEM, "link: out of memory");
		return NULL;
	}
	l->site_a = config->site == CONFIG_SITE_A;
	snprintf(l->resource, sizeof(l->resource), "link/%s", config->link);
	rc = secret_file_read(config->channel.psk_file, "pre-shared secret", PSK_LEAST, PSK_MOST,
	                      &psk, &psk_len, err);
	if (rc == 0)
		rc = open_keystore(l, config, psk, psk_len, err);
	if (rc == 0)
		rc = create_rekeys(l, config, tunnels, err);
	if (rc == 0)
		rc = create_role(l, config, psk, mux, err);
	secret_free(psk);
	if (rc < 0) {
		link_destroy(l);
		return NULL;
	}
	return l;
}

void link_destroy(struct link *l)
{
	if (l == NULL)
		return;
	qkd_role_destroy(l->role);
	for (unsigned int i = 0; i < l->tunnel_count; i++)
		rekey_destroy(l->tunnels[i].rekey);
	keystore_close(l->ks);
	free(l);
}

/* Notes of the role. */

static void take_session(struct link *l, uint64_t session, uint64_t now)
{
	l->session = session;
	l->stats.sessions++;
	l->summary_sent = l->summary_taken = false;
	send_summary(l);
	for (unsigned int i = 0; i < l->tunnel_count; i++)
		rekey_session(l->tunnels[i].rekey, now);
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
}

static void take_message(struct link *l, const struct qkd_note *note, uint64_t now)
{
	if (note->session != l->session)
		return;
	if (note->len >= 1 && note->data[0] == MESSAGE_SUMMARY)
		take_summary(l, note->data + 1, note->len - 1);
	else if (note->len >= 2 && note->data[0] == MESSAGE_REKEY && l->summary_taken &&
	         note->data[1] < l->tunnel_count)
		rekey_receive(l->tunnels[note->data[1]].rekey, note->data + 2, note->len - 2, now);
	else
		l->stats.bad_messages++;
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
	        .secret_bits = kb->bits,
	        .efficiency_f = kb->efficiency_f,
	        .eps_sec = kb->eps_sec,
	        .eps_cor = kb->eps_cor,
	        .counts = kb->counts,
	        .simulated = kb->simulated,
	};
}

static void take_block(struct link *l, struct key_block *kb)
{
	struct err err = {0};

	if (keystore_add(l->ks, kb, &err) < 0) {
		l->stats.blocks_refused++;
		log_err("block %llu: %s", (unsigned long long)kb->number, err.text);
	} else {
		l->stats.blocks_stored++;
		remember_block(l, kb);
	}
	key_block_free(kb);
}

static void answer_pad(struct link *l, uint64_t id)
{
	struct qkd_note *note = qkd_note_new(QKD_NOTE_PAD_FETCHED, 0);
	struct err err = {0};

	if (note == NULL)
		return;
	note->pad.id = id;
	note->raised = keystore_pad_fetch(l->ks, l->site_a ? KEY_AUTH_B : KEY_AUTH_A, id,
	                                  &note->pad, &err) == 0;
	note->pad.id = id;
	if (note->raised)
		l->stats.pads_fetched++;
	else
		l->stats.pads_unknown++;
	if (qkd_role_post(l->role, note) < 0)
		secret_free(note);
}

static void take_alarm(struct link *l, const struct qkd_note *note)
{
	enum alarm_severity severity =
	        note->alarm == ENGINE_ALARM_NO_LIGHT || note->alarm == ENGINE_ALARM_SYNC
	                ? ALARM_MAJOR
	                : ALARM_CRITICAL;

	set_alarm(note->raised, engine_alarm_name(note->alarm), l->resource, severity,
	          (const char *)note->data);
}

static void take_note(struct link *l, struct qkd_note *note, uint64_t now)
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
		take_alarm(l, note);
		break;
	default:
		break;
	}
	secret_free(note);
}

/* The role always has pads at hand, marked used on disk before it gets them. */
static void supply_pads(struct link *l)
{
	struct auth_pad *pads;
	struct err err = {0};
	int n;

	if (qkd_role_pads(l->role) >= PADS_KEPT / 2)
		return;
	pads = secret_alloc(PADS_KEPT * sizeof(*pads));
	if (pads == NULL)
		return;
	n = keystore_pads_take(l->ks, l->site_a ? KEY_AUTH_A : KEY_AUTH_B, pads, PADS_KEPT, &err);
	for (int i = 0; i < n; i++) {
		struct qkd_note *note = qkd_note_new(QKD_NOTE_PAD, 0);

		if (note == NULL)
			break;
		note->pad = pads[i];
		if (qkd_role_post(l->role, note) < 0) {
			secret_free(note);
			break;
		}
	}
	secret_free(pads);
}

static void watch_channel(struct link *l, uint64_t now)
{
	struct qkd_role_status s;
	struct err err = {0};

	qkd_role_status_read(l->role, &s);
	l->channel_up = s.channel.state == CHANNEL_UP;
	set_alarm(s.channel.authentication_failing, "authentication", l->resource, ALARM_CRITICAL,
	          s.channel.authentication_failing
	                  ? "the peer's hellos carry wrong tags: the pre-shared secrets differ"
	                  : "the peer is authenticated");
	set_alarm(s.channel.state != CHANNEL_UP, "channel-down", l->resource, ALARM_MAJOR,
	          s.channel.state == CHANNEL_UP ? "the classical channel is up"
	                                        : "the classical channel has no session");
	if (!s.quantum)
		return;
	qkd_role_supervise(l->role, now, &err);
	set_alarm(!s.optics.present, "no-card", l->resource, ALARM_MAJOR,
	          s.optics.present ? "the optical card runs"
	          : err.code != 0  ? err.text
	                           : "the optical card cannot be used");
}

void link_poll(struct link *l, uint64_t now)
{
	struct qkd_note *note;

	for (int i = 0; i < NOTES_A_TURN && (note = qkd_role_receive(l->role)) != NULL; i++)
		take_note(l, note, now);
	if (l->session != 0 && !l->summary_sent)
		send_summary(l);
	for (unsigned int i = 0; i < l->tunnel_count; i++) {
		rekey_poll(l->tunnels[i].rekey, l->summary_taken && l->channel_up, now);
		tunnel_reclaim(l->tunnels[i].tunnel);
	}
	if (now >= l->next_supervise_ns) {
		l->next_supervise_ns = now + SUPERVISE_NS;
		watch_channel(l, now);
		if (l->summary_taken)
			supply_pads(l);
	}
	if (now >= l->next_housekeeping_ns) {
		l->next_housekeeping_ns = now + HOUSEKEEPING_NS;
		keystore_expire(l->ks, clock_wall_ns());
	}
}

void link_reconfigure(struct link *l, const struct config *config)
{
	struct qkd_note *note = qkd_note_new(QKD_NOTE_THRESHOLDS, 0);

	if (note != NULL) {
		note->qber_abort = config->qkd.qber_abort;
		note->qber_alarm = config->qkd.qber_alarm;
		if (qkd_role_post(l->role, note) < 0)
			secret_free(note);
	}
	for (unsigned int i = 0; i < l->tunnel_count; i++)
		rekey_period(l->tunnels[i].rekey, config->tunnels[i].rekey_period_ms);
}
