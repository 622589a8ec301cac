/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Rekeying of one tunnel, a state machine on the control thread. Site A initiates:
 *
 *   A: take a key, OFFER(generation, key id, nonce a, A's receive SPIs)
 *   B: take the same key, install receive, ACCEPT(generation, nonce b, B's receive SPIs)
 *   A: install receive, switch transmit, CONFIRM(generation)
 *   B: switch transmit, DONE(generation)
 *
 * B retires the receive SAs before once CONFIRM came, A once DONE came, both after a grace
 * for packets under way; without these messages they stay, since the peer may seal with
 * them. SA keys
 * are HKDF-SHA-256 of the key, salted with both nonces, labelled with purpose, link,
 * direction, core and generation: a key that came back after a crash gives other SA keys.
 */

#ifndef DATAPLANE_REKEY_H
#define DATAPLANE_REKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "dataplane/tunnel.h"
#include "qkd-engine/keystore.h"

struct rekey_config {
	bool initiator; /* site A */
	char link[32];
	char tunnel[32];
	uint32_t period_ms;    /* soft life, default 1000 */
	uint32_t hard_life_ms; /* transmit stops when the newest key is older; default 60000 */
	uint32_t grace_ms;     /* receive SAs outlive their successors by this; default 2000 */
	unsigned int cores;
};

/* What rekeying acts on; tests put fakes here. */
struct rekey_ops {
	int (*send)(void *ctx, const void *msg, size_t len); /* control stream of the channel */
	int (*rx_install)(void *ctx, uint64_t generation, const struct sa_key *keys,
	                  unsigned int n);
	int (*tx_switch)(void *ctx, uint64_t generation, const struct sa_key *keys, unsigned int n);
	void (*tx_stop)(void *ctx);
	void (*rx_retire)(void *ctx, uint64_t generation);
	void (*alarm)(void *ctx, const char *kind, bool raised,
	              const char *text); /* "no-key", ... */
};

struct rekey_stats {
	uint64_t rekeys, offers, rejects, timeouts, bad_messages, no_key;
	uint64_t generation; /* newest transmit generation, 0: none */
	uint64_t key_age_ms;
	bool stopped;
};

struct rekey;
struct rekey *rekey_create(const struct rekey_config *config, const struct rekey_ops *ops,
                           void *ctx, struct keystore *ks, struct err *err);
void rekey_destroy(struct rekey *r);

/* A message of the peer's rekeying. Anything may be in it. */
void rekey_receive(struct rekey *r, const uint8_t *msg, size_t len, uint64_t now_ns);

/* The channel has a new session: what was under way is void. */
void rekey_session(struct rekey *r, uint64_t now_ns);

/* Call every few milliseconds. CONNECTED: the channel has a session. */
void rekey_poll(struct rekey *r, bool connected, uint64_t now_ns);

/* Rekey now, on command. */
void rekey_request(struct rekey *r);
/* Change the period, or the hard life of the key in use, live. */
void rekey_period(struct rekey *r, uint32_t period_ms);
void rekey_hard_life(struct rekey *r, uint32_t hard_life_ms);

void rekey_stats_read(const struct rekey *r, uint64_t now_ns, struct rekey_stats *out);

#endif
