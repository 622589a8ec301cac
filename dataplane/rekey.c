/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/rekey.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "common/hkdf.h"
#include "common/random.h"
#include "common/secret.h"
#include "dataplane/rekey_message.h"

#define ANSWER_TIMEOUT_NS (2 * NS_PER_S)
/* After a refusal or for want of keys: soon, but not at every turn of the loop. */
#define RETRY_NS (100 * NS_PER_MS)

/* A receive generation whose successor is in use. */
struct retiring {
	uint64_t generation; /* 0: none */
	uint64_t at_ns;
};

/* What both sides of one generation's SAs follow from. */
struct secret_keys {
	uint8_t key[KEY_BYTES];
	struct sa_key rx[TUNNEL_CORES_MAX], tx[TUNNEL_CORES_MAX];
};

struct rekey {
	struct rekey_config config;
	struct rekey_ops ops;
	void *ctx;
	struct keystore *ks;
	struct rekey_stats stats;
	struct secret_keys *secret; /* of the generation under way */

	/* The exchange under way; 0: none. */
	uint64_t pending;
	uint64_t pending_since_ns;
	struct key_id offered; /* A: the key of it */
	uint8_t nonce_own[REKEY_NONCE_BYTES], nonce_peer[REKEY_NONCE_BYTES];
	uint32_t spi_own[TUNNEL_CORES_MAX], spi_peer[TUNNEL_CORES_MAX];

	uint64_t highest; /* generation ever named; a later one is always higher */
	uint64_t rx_current;
	uint64_t rx_previous;    /* A: B may still seal with it, for want of DONE; 0: none */
	uint64_t rx_unconfirmed; /* B: A may seal with it, though CONFIRM never came; 0: none */
	struct retiring retiring[TUNNEL_RX_GENERATIONS];
	uint64_t next_ns; /* when the initiator offers again */
	uint64_t keyed_ns;
	bool requested, no_key, was_connected;
};

struct rekey *rekey_create(const struct rekey_config *config, const struct rekey_ops *ops,
                           void *ctx, struct keystore *ks, struct err *err)
{
	struct rekey *r;
	uint32_t start;

	if (config->cores == 0 || config->cores > TUNNEL_CORES_MAX) {
		err_set(err, EINVAL, "rekey: %u cores, 1 to %d are possible", config->cores,
		        TUNNEL_CORES_MAX);
		return NULL;
	}
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
	r->highest = (uint64_t)start << 16;
	rekey_period(r, config->period_ms);
	r->stats.stopped = true;
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

static void wipe(struct rekey *r)
{
	secret_wipe(r->secret, sizeof(*r->secret));
	r->pending = 0;
}

static void send(struct rekey *r, const struct rekey_message *m)
{
	uint8_t buf[REKEY_MESSAGE_MAX];

	/* A message that cannot be sent is one that was lost: the exchange times out. */
	r->ops.send(r->ctx, buf, rekey_encode(m, buf));
}

/*
 * Key and salt of one SA. The label names purpose, link, tunnel, direction, core and
 * generation; the salt is both nonces, A's first.
 */
static int derive_one(const struct rekey *r, bool a_to_b, unsigned int core, uint32_t spi,
                      struct sa_key *out)
{
	bool own_first = r->config.initiator;
	uint8_t salt[2 * REKEY_NONCE_BYTES], bytes[36];
	char label[160];
	int n, rc;

	memcpy(salt, own_first ? r->nonce_own : r->nonce_peer, REKEY_NONCE_BYTES);
	memcpy(salt + REKEY_NONCE_BYTES, own_first ? r->nonce_peer : r->nonce_own,
	       REKEY_NONCE_BYTES);
	n = snprintf(label, sizeof(label), "lumengate esp|%s|%s|%s|%u|%llu", r->config.link,
	             r->config.tunnel, a_to_b ? "a-b" : "b-a", core,
	             (unsigned long long)r->pending);
	rc = hkdf_sha256(r->secret->key, KEY_BYTES, salt, sizeof(salt), label, (size_t)n, bytes,
	                 sizeof(bytes));
	out->spi = spi;
	memcpy(out->key, bytes, 32);
	memcpy(out->salt, bytes + 32, 4);
	secret_wipe(bytes, sizeof(bytes));
	return rc;
}

static int derive(struct rekey *r)
{
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < r->config.cores; i++) {
		rc = derive_one(r, r->config.initiator, i, r->spi_peer[i], &r->secret->tx[i]);
		if (rc == 0)
			rc = derive_one(r, !r->config.initiator, i, r->spi_own[i],
			                &r->secret->rx[i]);
	}
	return rc;
}

/* Fresh nonce, and receive SPIs: random, the low bits name the core. */
static void draw(struct rekey *r, struct rekey_message *m)
{
	random_bytes(r->nonce_own, sizeof(r->nonce_own));
	memcpy(m->nonce, r->nonce_own, sizeof(m->nonce));
	m->cores = r->config.cores;
	for (unsigned int i = 0; i < r->config.cores; i++) {
		uint32_t spi;

		do
			random_bytes(&spi, sizeof(spi));
		while (spi < 256);
		r->spi_own[i] = spi / TUNNEL_SUBS_MAX * TUNNEL_SUBS_MAX + i;
		m->spi[i] = r->spi_own[i];
	}
}

/* The receive generation before the current one goes after its grace. */
static void retire_later(struct rekey *r, uint64_t generation, uint64_t now)
{
	struct retiring *slot = &r->retiring[0];

	if (generation == 0)
		return;
	for (unsigned int i = 0; i < TUNNEL_RX_GENERATIONS; i++) {
		if (r->retiring[i].generation == 0) {
			slot = &r->retiring[i];
			break;
		}
		if (r->retiring[i].at_ns < slot->at_ns)
			slot = &r->retiring[i];
	}
	if (slot->generation != 0)
		r->ops.rx_retire(r->ctx, slot->generation);
	*slot = (struct retiring){generation, now + r->config.grace_ms * NS_PER_MS};
}

static void retire_due(struct rekey *r, uint64_t now)
{
	for (unsigned int i = 0; i < TUNNEL_RX_GENERATIONS; i++) {
		if (r->retiring[i].generation != 0 && now >= r->retiring[i].at_ns) {
			r->ops.rx_retire(r->ctx, r->retiring[i].generation);
			r->retiring[i].generation = 0;
		}
	}
}

/* Receive first: nothing can arrive under these keys before. */
static int install_receive(struct rekey *r)
{
	int rc = derive(r);

	if (rc == 0)
		rc = r->ops.rx_install(r->ctx, r->pending, r->secret->rx, r->config.cores);
	return rc;
}

static void switch_transmit(struct rekey *r, uint64_t now)
{
	if (r->ops.tx_switch(r->ctx, r->pending, r->secret->tx, r->config.cores) < 0) {
		r->ops.rx_retire(r->ctx, r->pending);
		wipe(r);
		return;
	}
	if (r->config.initiator) {
		retire_later(r, r->rx_previous, now);
		r->rx_previous = r->rx_current;
	} else {
		/* CONFIRM says that A no longer seals with these. */
		retire_later(r, r->rx_current, now);
		retire_later(r, r->rx_unconfirmed, now);
		r->rx_unconfirmed = 0;
	}
	r->rx_current = r->pending;
	r->stats.generation = r->pending;
	r->stats.rekeys++;
	r->stats.stopped = false;
	r->keyed_ns = now;
	if (r->no_key) {
		r->no_key = false;
		r->ops.alarm(r->ctx, "no-key", false, "keys are back");
	}
	wipe(r);
}

/* Abandon what is under way. B's receive side stays: A may have switched to it. */
static void abandon(struct rekey *r, uint64_t now)
{
	if (r->pending == 0)
		return;
	if (!r->config.initiator) {
		retire_later(r, r->rx_unconfirmed, now);
		r->rx_unconfirmed = r->pending;
	}
	wipe(r);
}

static void offer(struct rekey *r, uint64_t now)
{
	struct rekey_message m = {.type = REKEY_OFFER};
	struct err err = {0};
	int rc = keystore_take(r->ks, KEY_REKEY, &m.key, r->secret->key, &err);

	r->next_ns = now + RETRY_NS;
	if (rc < 0) {
		r->stats.no_key++;
		if (!r->no_key) {
			r->no_key = true;
			r->ops.alarm(r->ctx, "no-key", true, err.text);
		}
		return;
	}
	draw(r, &m);
	r->offered = m.key;
	r->pending = m.generation = ++r->highest;
	r->pending_since_ns = now;
	r->requested = false;
	r->stats.offers++;
	send(r, &m);
}

static void refuse(struct rekey *r, uint64_t generation, enum rekey_reason reason)
{
	struct rekey_message m = {.type = REKEY_REJECT, .generation = generation, .reason = reason};

	r->stats.rejects++;
	send(r, &m);
}

static void receive_offer(struct rekey *r, const struct rekey_message *m, uint64_t now)
{
	struct rekey_message answer = {.type = REKEY_ACCEPT, .generation = m->generation};
	int rc;

	if (m->cores != r->config.cores) {
		refuse(r, m->generation, REKEY_CORES);
		return;
	}
	abandon(r, now);
	rc = keystore_take_id(r->ks, KEY_REKEY, &m->key, r->secret->key, NULL);
	if (rc < 0) {
		refuse(r, m->generation, rc == -EALREADY ? REKEY_KEY_USED : REKEY_KEY_UNKNOWN);
		return;
	}
	r->pending = m->generation;
	r->pending_since_ns = now;
	if (m->generation > r->highest)
		r->highest = m->generation;
	memcpy(r->nonce_peer, m->nonce, sizeof(r->nonce_peer));
	memcpy(r->spi_peer, m->spi, sizeof(r->spi_peer));
	draw(r, &answer);
	if (install_receive(r) < 0) {
		wipe(r);
		refuse(r, m->generation, REKEY_BUSY);
		return;
	}
	r->stats.offers++;
	send(r, &answer);
}

static void receive_accept(struct rekey *r, const struct rekey_message *m, uint64_t now)
{
	struct rekey_message confirm = {.type = REKEY_CONFIRM, .generation = m->generation};

	if (m->cores != r->config.cores) {
		wipe(r);
		r->stats.bad_messages++;
		return;
	}
	memcpy(r->nonce_peer, m->nonce, sizeof(r->nonce_peer));
	memcpy(r->spi_peer, m->spi, sizeof(r->spi_peer));
	if (install_receive(r) < 0) {
		wipe(r);
		return;
	}
	switch_transmit(r, now);
	if (r->rx_current == m->generation)
		send(r, &confirm);
	r->next_ns = now + r->config.period_ms * NS_PER_MS;
}

static void receive_confirm(struct rekey *r, const struct rekey_message *m, uint64_t now)
{
	struct rekey_message done = {.type = REKEY_DONE, .generation = m->generation};

	switch_transmit(r, now);
	if (r->rx_current == m->generation)
		send(r, &done);
}

void rekey_receive(struct rekey *r, const uint8_t *msg, size_t len, uint64_t now)
{
	struct rekey_message m;
	bool ours;

	if (rekey_decode(msg, len, &m) < 0) {
		r->stats.bad_messages++;
		return;
	}
	ours = r->pending != 0 && m.generation == r->pending;
	if (r->config.initiator && m.type == REKEY_ACCEPT && ours) {
		receive_accept(r, &m, now);
	} else if (r->config.initiator && m.type == REKEY_REJECT && ours) {
		r->stats.rejects++;
		wipe(r);
		if (m.reason == REKEY_KEY_UNKNOWN || m.reason == REKEY_KEY_USED)
			keystore_refused(r->ks, &r->offered, m.reason == REKEY_KEY_UNKNOWN);
		r->next_ns = now + RETRY_NS;
	} else if (!r->config.initiator && m.type == REKEY_OFFER) {
		receive_offer(r, &m, now);
	} else if (r->config.initiator && m.type == REKEY_DONE && m.generation == r->rx_current) {
		retire_later(r, r->rx_previous, now);
		r->rx_previous = 0;
	} else if (!r->config.initiator && m.type == REKEY_CONFIRM && ours) {
		receive_confirm(r, &m, now);
	} else {
		r->stats.bad_messages++;
	}
}

void rekey_session(struct rekey *r, uint64_t now)
{
	abandon(r, now);
	/* The peer may have restarted without any SA: key it at once. */
	r->next_ns = now;
}

/* Past its hard life a key seals nothing more (the policy require-qkd). */
static void check_hard_life(struct rekey *r, uint64_t now)
{
	char text[96];

	if (r->stats.stopped || now - r->keyed_ns < r->config.hard_life_ms * NS_PER_MS)
		return;
	r->ops.tx_stop(r->ctx);
	r->stats.stopped = true;
	r->no_key = true;
	snprintf(text, sizeof(text), "tunnel %s stopped: no new key for %u ms", r->config.tunnel,
	         r->config.hard_life_ms);
	r->ops.alarm(r->ctx, "no-key", true, text);
}

void rekey_poll(struct rekey *r, bool connected, uint64_t now)
{
	retire_due(r, now);
	check_hard_life(r, now);
	if (r->pending != 0 && now - r->pending_since_ns > ANSWER_TIMEOUT_NS) {
		r->stats.timeouts++;
		abandon(r, now);
	}
	if (!r->config.initiator || !connected || r->pending != 0)
		return;
	if (now >= r->next_ns || r->requested)
		offer(r, now);
}

void rekey_request(struct rekey *r)
{
	r->requested = true;
}

void rekey_period(struct rekey *r, uint32_t period_ms)
{
	/* At most three generations live through one grace; the table holds one more. */
	uint32_t least = r->config.grace_ms / (TUNNEL_RX_GENERATIONS - 1);

	r->config.period_ms = period_ms < least ? least : period_ms;
}

void rekey_hard_life(struct rekey *r, uint32_t hard_life_ms)
{
	r->config.hard_life_ms = hard_life_ms;
}

void rekey_stats_read(const struct rekey *r, uint64_t now, struct rekey_stats *out)
{
	*out = r->stats;
	out->key_age_ms = r->keyed_ns == 0 ? 0 : (now - r->keyed_ns) / NS_PER_MS;
}
