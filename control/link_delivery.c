/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Delivery of the link's keys: what it gets of each block, and what it hears. The weights are in
 * force at site A alone, whose tags say what of a block is delivered; B's matter only once it is
 * asked to take A's place.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/hkdf.h"
#include "common/log.h"
#include "common/secret.h"
#include "control/link_state.h"
#include "control/psk.h"
#include "qkd-engine/finite_key.h"

LOG_COMPONENT_DEFINE(link_delivery)

#define QUEUE_LEAST   (512u << 10)
#define QUEUE_BLOCKS  8 /* of the largest size */
#define DOWN_AFTER_NS (10 * NS_PER_S)
#define BEHIND_NS     (10 * NS_PER_S)
/* No block for so long: no key is being made. */
#define MAKING_NS (30 * NS_PER_S)

/* Key of the largest block: all that matched in Z, were it secret. */
static size_t block_bytes(const struct config *config)
{
	return config->qkd.block_bits / 8;
}

static size_t queue_bytes(const struct config *config)
{
	size_t n = QUEUE_BLOCKS * block_bytes(config);

	return n > QUEUE_LEAST ? n : QUEUE_LEAST;
}

size_t link_delivery_bytes(const struct config *config)
{
	const struct delivery_config c = {.queue_bytes = queue_bytes(config)};

	return config->delivery.enabled ? delivery_secret_bytes(&c) : 0;
}

static bool send_peer(void *ctx, enum delivery_message kind, const uint8_t *msg, size_t len)
{
	struct link *l = ctx;

	/* Behind what the role has no room for: pads and rekeying must not wait for long. */
	if (!l->delivery.session || l->unposted != NULL)
		return false;
	return link_send(l, kind == DELIVERY_PEER ? MESSAGE_KMS : MESSAGE_DELIVERY, NULL, msg,
	                 len) == 0;
}

int link_create_delivery(struct link *l, const struct config *config, const uint8_t *psk,
                         struct err *err)
{
	static const char label[] = "lumengate key delivery";
	static const uint8_t no_salt[32]; /* RFC 5869, section 2.2 */
	struct delivery_config c = {.site_a = l->site_a,
	                            .link_number = config->delivery.link_number,
	                            .link = config->link,
	                            .block_bytes = block_bytes(config),
	                            .queue_bytes = queue_bytes(config)};
	const struct delivery_ops ops = {.send = send_peer, .ctx = l};
	struct link_delivery_state *d = &l->delivery;
	enum finite_key_proof proof;
	uint8_t *secret;

	if (!config->delivery.enabled)
		return 0;
	secret = secret_alloc(HANDOVER_SECRET_BYTES);
	if (secret == NULL)
		return err_set(err, ENOMEM, "delivery: secret memory is full");
	if (hkdf_sha256(psk + PSK_SECRET, 32, no_salt, sizeof(no_salt), label, sizeof(label) - 1,
	                secret, HANDOVER_SECRET_BYTES) < 0) {
		secret_free(secret);
		return err_set(err, EIO, "delivery: OpenSSL refuses HKDF");
	}
	c.secret = secret;
	c.protocol = finite_key_proof_find(config->qkd.proof, &proof) == 0
	                     ? finite_key_protocol_name(proof)
	                     : "";
	d->delivery = delivery_create(&c, &ops, err);
	secret_free(secret);
	if (d->delivery == NULL)
		return -err->code;
	d->socket = delivery_socket_create(config->delivery.socket, config->delivery.group,
	                                   d->delivery, err);
	if (d->socket == NULL)
		return -err->code;
	/* So that no block has more units than a pad has positions. */
	d->positions = (uint32_t)(block_bytes(config) / ENGINE_UNIT_BYTES) + 1;
	d->started_ns = clock_mono_ns();
	link_reconfigure_delivery(l, config);
	return 0;
}

void link_destroy_delivery(struct link *l)
{
	delivery_socket_destroy(l->delivery.socket);
	delivery_destroy(l->delivery.delivery);
	l->delivery = (struct link_delivery_state){0};
}

void link_reconfigure_delivery(struct link *l, const struct config *config)
{
	l->delivery.weight[0] = config->delivery.weight_a;
	l->delivery.weight[1] = config->delivery.weight_b;
	l->delivery.floor = config->delivery.floor;
}

void link_poll_delivery(struct link *l, uint64_t now)
{
	if (l->delivery.delivery != NULL)
		delivery_socket_poll(l->delivery.socket, now);
}

void link_delivery_session(struct link *l)
{
	if (l->delivery.delivery == NULL)
		return;
	l->delivery.session = l->channel_up;
	delivery_session(l->delivery.delivery, l->channel_up);
}

static bool has(void *ctx, const uint8_t block[16])
{
	return keystore_has(((struct link *)ctx)->ks, block);
}

void link_delivery_compared(struct link *l)
{
	if (l->delivery.delivery != NULL && l->site_a)
		delivery_compared(l->delivery.delivery, has, l);
}

void link_delivery_block(struct link *l, const struct key_block *kb, bool taken)
{
	if (l->delivery.delivery == NULL)
		return;
	if (taken)
		delivery_block(l->delivery.delivery, kb);
	else
		delivery_refused(l->delivery.delivery, kb);
}

bool link_take_delivery(struct link *l, const uint8_t *msg, size_t len)
{
	/* Where only the other gateway has delivery it hears nothing of us, and delivers nothing.
	 */
	return l->delivery.delivery == NULL ||
	       delivery_message(l->delivery.delivery,
	                        msg[0] == MESSAGE_KMS ? DELIVERY_PEER : DELIVERY_OWN, msg + 1,
	                        len - 1);
}

/* What the key delivery is told of the link, in words for people. */
static void tell_link(struct link *l, const struct qkd_role_status *s, uint64_t now)
{
	struct link_delivery_state *d = &l->delivery;
	char text[HANDOVER_TEXT_MAX + 1];
	const char *why = NULL;
	bool making;

	/* The key that it made stays what it is while it is away. */
	if (s->optics.present)
		d->simulated = s->optics.simulated;
	if (s->engine.blocks_ok != d->blocks_ok) {
		d->blocks_ok = s->engine.blocks_ok;
		d->block_ns = now;
	}
	making = d->block_ns != 0 && now - d->block_ns < MAKING_NS;
	for (int i = 0; why == NULL && i < ENGINE_ALARM_COUNT; i++)
		if ((s->engine.alarms >> i & 1) != 0)
			why = engine_alarm_name((enum engine_alarm)i);
	if (!l->channel_up)
		snprintf(text, sizeof(text), "no session");
	else if (!s->optics.present)
		snprintf(text, sizeof(text), "no key: no card");
	else if (why != NULL)
		snprintf(text, sizeof(text), "no key: %s", why);
	else
		snprintf(text, sizeof(text), making ? "up" : "no key yet");
	delivery_link(d->delivery, l->channel_up && l->session != 0,
	              making && l->channel_up && why == NULL, d->simulated, text);
}

/*
 * A key delivery faces networks, and what it says may be anyone's words: no more than half of all
 * positions is lost by them, once. (Half are 17 TB of key.)
 */
#define SKIP_MOST (ENGINE_POSITIONS / 2)

/*
 * Site A: the key store's count of positions is new, and the streams are not: what the key
 * deliveries have is not named again. True: it is so.
 */
static bool skip_positions(struct link *l)
{
	struct link_delivery_state *d = &l->delivery;
	struct delivery_stats s;
	struct err err = {0};
	char text[128];
	bool far;
	int rc;

	delivery_stats_read(d->delivery, &s);
	far = s.next > SKIP_MOST;
	if (s.next <= d->positions_counted || (far && d->far))
		return true;
	rc = keystore_positions_skip(l->ks, far ? 0 : s.next, &d->positions_counted, &err);
	if (rc == 0 && s.next > d->positions_counted) {
		snprintf(text, sizeof(text),
		         "a key delivery says that it has key up to position %llu: that is not "
		         "believed",
		         (unsigned long long)s.next);
		link_alarm(true, "delivery-position", l->resource, ALARM_MAJOR, text);
		d->far = true;
		return true;
	}
	if (rc > 0) {
		log_warn("%s: the key deliveries have key up to position %llu: this key store is "
		         "younger, and goes on from there",
		         l->resource, (unsigned long long)s.next);
		d->position = s.next;
		d->percent[0] = d->percent[1] = UINT32_MAX; /* the role is told anew */
	} else if (rc < 0) {
		log_err("%s", err.text);
		d->positions_counted = 0;
	}
	return rc >= 0;
}

/* Site A: what of the blocks is delivered from now on. */
static void set_weights(struct link *l)
{
	struct link_delivery_state *d = &l->delivery;
	bool good = skip_positions(l);
	unsigned int percent[2];
	struct keystore_stats keys;
	struct qkd_note *note;

	keystore_stats_read(l->ks, &keys);
	d->below_floor = keys.available[KEY_REKEY] < d->floor;
	for (unsigned int i = 0; i < 2; i++)
		percent[i] =
		        good && !d->below_floor && delivery_why(d->delivery, i) == DELIVERY_OPEN
		                ? d->weight[i]
		                : 0;
	if (memcmp(percent, d->percent, sizeof(percent)) == 0)
		return;
	note = qkd_note_new(QKD_NOTE_DELIVERY, 0);
	if (note == NULL) {
		l->stats.notes_dropped++;
		return; /* tried again in the next turn */
	}
	memcpy(note->percent, percent, sizeof(percent));
	note->position = d->position;
	if (link_post(l, note) == 0)
		memcpy(d->percent, percent, sizeof(percent));
}

static void alarms(struct link *l, uint64_t now)
{
	struct link_delivery_state *d = &l->delivery;
	struct delivery_stats s;
	char text[160];
	bool down, behind;

	delivery_stats_read(d->delivery, &s);
	if (s.connected)
		d->connected_ns = now;
	down = now - (d->connected_ns != 0 ? d->connected_ns : d->started_ns) > DOWN_AFTER_NS;
	link_alarm(down, "kms-down", l->resource, ALARM_MAJOR,
	           down ? "no key delivery is connected to the delivery socket"
	                : "the key delivery is connected");
	if (s.dropped + s.refused != d->dropped) {
		d->dropped = s.dropped + s.refused;
		d->dropped_ns = now;
	}
	behind = s.queued_bytes > s.queue_bytes / 2 ||
	         (d->dropped_ns != 0 && now - d->dropped_ns < BEHIND_NS);
	snprintf(text, sizeof(text),
	         "%llu KiB of key wait for the key delivery; %llu segments were lost for want of "
	         "room, %llu refused",
	         (unsigned long long)s.queued_bytes >> 10, (unsigned long long)s.dropped,
	         (unsigned long long)s.refused);
	link_alarm(behind, "delivery-behind", l->resource, ALARM_WARNING,
	           behind ? text : "keys are handed over as they come");
}

void link_supervise_delivery(struct link *l, const struct qkd_role_status *s, uint64_t now)
{
	struct link_delivery_state *d = &l->delivery;
	bool session = l->channel_up && l->session != 0;

	if (d->delivery == NULL)
		return;
	if (session != d->session) {
		d->session = session;
		delivery_session(d->delivery, session);
	}
	tell_link(l, s, now);
	delivery_tick(d->delivery, now);
	if (l->site_a)
		set_weights(l);
	alarms(l, now);
}

bool link_delivery_read(const struct link *l, struct link_delivery *out)
{
	const struct link_delivery_state *d = &l->delivery;

	if (d->delivery == NULL)
		return false;
	*out = (struct link_delivery){.floor = d->floor, .below_floor = d->below_floor};
	delivery_stats_read(d->delivery, &out->stats);
	delivery_socket_stats_read(d->socket, &out->socket);
	for (unsigned int i = 0; i < 2; i++) {
		out->weight[i] = d->weight[i];
		out->percent[i] = d->percent[i];
		out->why[i] = delivery_why_text(delivery_why(d->delivery, i));
	}
	return true;
}
