/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Keys from a pair of foreign KMEs (ETSI GS QKD 014) in place of an engine, a state machine on the
 * control thread without I/O or clocks of its own. Each gateway has a client (kme_wire.h) that
 * speaks to the KME of its site:
 *
 *   A: its store is low, both KMEs answer: ENC to its client, which comes back with keys
 *   A: OFFER of their identifiers to B (kme_peer.h); the keys wait in secret memory
 *   B: DEC to its client, again and again within bounds; the block goes into its store; HAVE
 *   A: the keyed hashes are equal: the block goes into its store, too, and may be used
 *
 * A alone chooses keys for rekeying, so none is used before both ends have it. What fails is
 * dropped at both ends, counted, and shown by the alarms kme-unreachable, kme-refused and
 * kme-divergence. A waits before it asks again: what a KME gave and B could not fetch is lost.
 *
 *     f = kme_feed_create(&config, &ops, ctx, &err);
 *     on a packet of the client:  kme_feed_receive(f, msg, len, now)
 *     on a message of the peer:   kme_feed_peer(f, msg, len, now)
 *     every few milliseconds:     kme_feed_poll(f, connected, now)
 */

#ifndef CONTROL_KME_FEED_H
#define CONTROL_KME_FEED_H

#include "common/err.h"
#include "control/kme_peer.h"
#include "control/kme_wire.h"

struct kme_feed_config {
	bool site_a;
	uint16_t batch; /* keys in a request, at most KME_KEYS_MAX */
	uint32_t low,
	        high; /* A: with fewer keys than LOW fetch as long as HIGH has room for more */
	uint64_t answer_ns; /* that the client takes at the longest for an exchange */
};

/* Keys that this end's KME gave. */
struct kme_batch {
	uint8_t block[KME_BLOCK_BYTES];
	const uint8_t *keys; /* n * KME_KEY_BYTES */
	unsigned int n;
	enum kme_light light;
	const char *kme; /* its identifier, as far as it is known */
};

struct kme_feed_ops {
	void (*to_client)(void *ctx, const struct kme_message *m);
	void (*close_client)(void *ctx);                             /* it does not answer */
	int (*to_peer)(void *ctx, const struct kme_peer_message *m); /* negative: not sent */
	/* Into the store; the hash by which the ends compare; out of the store. */
	int (*add)(void *ctx, const struct kme_batch *b, struct err *err);
	int (*mac)(void *ctx, const struct kme_batch *b, uint8_t mac[16]);
	void (*drop)(void *ctx, const uint8_t block[KME_BLOCK_BYTES]);
	uint64_t (*keys)(void *ctx); /* for rekeying in the store */
	/* "kme-unreachable", "kme-refused", "kme-divergence" */
	void (*alarm)(void *ctx, const char *kind, bool raised, const char *text);
};

struct kme_feed_stats {
	const char *state;              /* in words */
	bool client, ready, peer_ready; /* ready: the client is there and its KME answers */
	enum kme_light light;           /* of the last status, as the following */
	uint32_t stored;                /* keys that the KME says it has */
	uint16_t most;                  /* keys that it gives in a request */
	char kme[KME_TEXT_MAX + 1], peer_kme[KME_TEXT_MAX + 1]; /* source_KME_ID, target_KME_ID */
	uint64_t requests;              /* enc_keys and dec_keys sent to the client */
	uint64_t retries;               /* of these: dec_keys again */
	uint64_t received;              /* keys from the KME */
	uint64_t blocks, stored_keys;   /* into the store */
	uint64_t dropped, dropped_keys; /* batches: the ends do not both have them */
	uint64_t repeated;              /* of these: an identifier came again */
	uint64_t divergences;           /* of these: the KMEs gave different keys */
	uint64_t faults[KME_FAULTS];
	uint64_t bad_messages;             /* of the peer */
	char last_fault[KME_TEXT_MAX + 1]; /* in words, "": none so far */
};

struct kme_feed;
struct kme_feed *kme_feed_create(const struct kme_feed_config *config,
                                 const struct kme_feed_ops *ops, void *ctx, struct err *err);
void kme_feed_destroy(struct kme_feed *f);

/* The client came, and said hello in our version, or went. */
void kme_feed_client(struct kme_feed *f, bool there, uint64_t now);
/* Its packet; -EPROTO: close it. */
int kme_feed_receive(struct kme_feed *f, const uint8_t *msg, size_t len, uint64_t now);
/* The other gateway's message; anything may be in it. */
void kme_feed_peer(struct kme_feed *f, const uint8_t *msg, size_t len, uint64_t now);
/* The channel has a new session: what was under way is dropped. */
void kme_feed_session(struct kme_feed *f, uint64_t now);
/* CONNECTED: the stores were compared, blocks may be offered. */
void kme_feed_poll(struct kme_feed *f, bool connected, uint64_t now);

void kme_feed_stats_read(const struct kme_feed *f, struct kme_feed_stats *out);

#endif
