/* SPDX-License-Identifier: BSD-3-Clause */

/* Keys of a foreign KME: joins its client's socket, the feed, the key store and the channel. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/secret.h"
#include "control/kme_feed.h"
#include "control/kme_socket.h"
#include "control/link_state.h"

LOG_COMPONENT_DEFINE(link_kme)

#define PACKETS_A_TURN 4
/* What an exchange may take beside the time-out of HTTP. */
#define ANSWER_SPARE_NS (10 * NS_PER_S)

struct link_kme {
	struct link *link;
	struct kme_socket *socket;
	struct kme_feed *feed;
	uint8_t *packet; /* secret memory: KME_PACKET_MAX and one */
	bool greeted;
	uint64_t now;
};

static void client_gone(struct link_kme *k)
{
	if (kme_socket_has_client(k->socket))
		log_info("the client of the KME is gone");
	kme_socket_drop(k->socket);
	k->greeted = false;
	kme_feed_client(k->feed, false, k->now);
}

static void op_to_client(void *ctx, const struct kme_message *m)
{
	struct link_kme *k = ctx;
	uint8_t *packet = malloc(KME_PACKET_MAX); /* requests have no key bytes */

	/* What is lost here is found by the time-out. */
	if (packet != NULL && kme_socket_send(k->socket, packet, kme_encode(m, packet)) < 0)
		log_warn("the client of the KME takes nothing");
	free(packet);
}

static void op_close_client(void *ctx)
{
	log_warn("the client of the KME does not answer");
	client_gone(ctx);
}

static int op_to_peer(void *ctx, const struct kme_peer_message *m)
{
	struct link_kme *k = ctx;
	uint8_t *msg;
	int rc;

	if (!link_stores_agree(k->link))
		return -EAGAIN;
	msg = malloc(KME_PEER_MAX);
	if (msg == NULL)
		return -ENOMEM;
	rc = link_send(k->link, MESSAGE_KME, NULL, msg, kme_peer_encode(m, msg));
	free(msg);
	return rc;
}

/* The store's form; the record is in *RECORD, for free(). */
static struct keystore_foreign to_store(const struct kme_batch *b, char **record)
{
	struct keystore_foreign f = {
	        .keys = b->keys, .n = b->n, .simulated = b->light == KME_LIGHT_SIMULATED};

	memcpy(f.id, b->block, sizeof(f.id));
	if (record != NULL) {
		json_t *o = json_pack("{s:s, s:s, s:s}", "source", "foreign", "kme", b->kme,
		                      "simulated", kme_light_name(b->light));

		*record = json_dumps(o, JSON_COMPACT);
		f.record = *record;
		json_decref(o);
	}
	return f;
}

static int op_add(void *ctx, const struct kme_batch *b, struct err *err)
{
	struct link *l = ((struct link_kme *)ctx)->link;
	char *record = NULL;
	struct keystore_foreign f = to_store(b, &record);
	int rc = keystore_add_foreign(l->ks, &f, err);

	if (rc < 0)
		l->stats.blocks_refused++;
	else
		l->stats.blocks_stored++;
	free(record);
	return rc;
}

static int op_mac(void *ctx, const struct kme_batch *b, uint8_t mac[16])
{
	struct keystore_foreign f = to_store(b, NULL);

	return keystore_foreign_mac(((struct link_kme *)ctx)->link->ks, &f, mac);
}

static void op_drop(void *ctx, const uint8_t block[KME_BLOCK_BYTES])
{
	struct key_id id = {0};

	memcpy(id.block, block, sizeof(id.block));
	keystore_refused(((struct link_kme *)ctx)->link->ks, &id, true);
}

static uint64_t op_keys(void *ctx)
{
	struct keystore_stats s;

	keystore_stats_read(((struct link_kme *)ctx)->link->ks, &s);
	return s.available[KEY_REKEY];
}

static void op_alarm(void *ctx, const char *kind, bool raised, const char *text)
{
	link_alarm(raised, kind, ((struct link_kme *)ctx)->link->resource,
	           strcmp(kind, "kme-divergence") == 0 ? ALARM_CRITICAL : ALARM_MAJOR, text);
}

int link_kme_create(struct link *l, const struct config *config, struct err *err)
{
	static const struct kme_feed_ops ops = {.to_client = op_to_client,
	                                        .close_client = op_close_client,
	                                        .to_peer = op_to_peer,
	                                        .add = op_add,
	                                        .mac = op_mac,
	                                        .drop = op_drop,
	                                        .keys = op_keys,
	                                        .alarm = op_alarm};
	const struct config_foreign_kme *c = &config->foreign_kme;
	struct kme_feed_config fc = {.site_a = l->site_a,
	                             .batch = c->batch,
	                             .low = c->low_water,
	                             .high = c->high_water,
	                             .answer_ns = c->timeout_s * NS_PER_S + ANSWER_SPARE_NS};
	struct link_kme *k;

	if (!c->enabled)
		return 0;
	k = l->kme = calloc(1, sizeof(*k));
	if (k == NULL)
		return err_set(err, ENOMEM, "foreign KME: out of memory");
	k->link = l;
	k->packet = secret_alloc(KME_PACKET_MAX + 1);
	if (k->packet == NULL)
		return err_set(err, ENOMEM, "foreign KME: secret memory is full");
	k->feed = kme_feed_create(&fc, &ops, k, err);
	if (k->feed == NULL)
		return -err->code;
	return kme_socket_open(c->socket, c->group, &k->socket, err);
}

void link_kme_destroy(struct link *l)
{
	if (l->kme == NULL)
		return;
	kme_socket_close(l->kme->socket);
	kme_feed_destroy(l->kme->feed);
	secret_free(l->kme->packet);
	free(l->kme);
	l->kme = NULL;
}

/* Of a client: its hello first, then what the feed knows. */
static int take_packet(struct link_kme *k, size_t len)
{
	struct kme_message m;

	if (k->greeted)
		return kme_feed_receive(k->feed, k->packet, len, k->now);
	if (kme_decode(k->packet, len, &m) < 0 || m.type != KME_CLIENT_HELLO)
		return -EPROTO;
	if (m.version != KME_VERSION) {
		log_err("the client of the KME speaks version %u, this gateway %d: update it",
		        m.version, KME_VERSION);
		return -EPROTO;
	}
	k->greeted = true;
	kme_feed_client(k->feed, true, k->now);
	return 0;
}

static void greet(struct link_kme *k)
{
	struct kme_message m = {
	        .type = KME_HELLO, .version = KME_VERSION, .site = k->link->site_a ? 'A' : 'B'};

	op_to_client(k, &m);
}

void link_kme_poll(struct link *l, bool connected, uint64_t now)
{
	struct link_kme *k = l->kme;

	if (k == NULL)
		return;
	k->now = now;
	if (kme_socket_accept(k->socket))
		greet(k);
	for (int i = 0; i < PACKETS_A_TURN; i++) {
		ssize_t n = kme_socket_receive(k->socket, k->packet, KME_PACKET_MAX + 1);

		if (n == 0)
			break;
		if (n < 0 || take_packet(k, (size_t)n) < 0) {
			if (n > 0)
				log_err("the client of the KME sent what the protocol does not "
				        "have");
			client_gone(k);
			break;
		}
	}
	secret_wipe(k->packet, KME_PACKET_MAX + 1);
	kme_feed_poll(k->feed, connected, now);
}

void link_kme_session(struct link *l, uint64_t now)
{
	if (l->kme != NULL)
		kme_feed_session(l->kme->feed, now);
}

bool link_take_kme(struct link *l, const uint8_t *msg, size_t len, uint64_t now)
{
	if (l->kme == NULL)
		return false;
	l->kme->now = now;
	kme_feed_peer(l->kme->feed, msg, len, now);
	return true;
}

bool link_kme_stats(const struct link *l, struct kme_feed_stats *out)
{
	if (l->kme == NULL)
		return false;
	kme_feed_stats_read(l->kme->feed, out);
	return true;
}
