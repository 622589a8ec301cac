/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Rekeying of one tunnel, a state machine on the control thread without I/O or clocks of its
 * own. Site A initiates:
 *
 *   A: take a key, OFFER(generation, key id, nonce a, A's SPIs, how many SAs A sends with)
 *   B: take the same key, install receive, ACCEPT(generation, nonce b, B's SPIs, how many)
 *   A: install receive, switch transmit, CONFIRM(generation)
 *   B: switch transmit, DONE(generation)
 *
 * A repeats OFFER and CONFIRM until they are answered; B answers a repetition as it did the
 * first time. Every message says which generation its sender seals with. An end retires
 * receive SAs only when such a word says that the peer is past them, and after a grace for
 * packets under way, so the loss of any messages, in a row or not, loses no packet.
 *
 * Where the policy is hybrid, OFFER has a fresh ML-KEM key, ACCEPT a ciphertext for it and a
 * word under the combined key, which A checks before it installs anything (rekey_hybrid.c).
 *
 * When the key store runs out, the tunnel's policy decides (rekey_policy.c).
 * docs/protocol.md, 4.2, has formats, keys and times.
 *
 *     struct rekey *r = rekey_create(&config, &ops, ctx, keystore, &err);
 *
 *     on a message:  rekey_receive(r, msg, len, now), then poll
 *     else:          if (now >= wake) wake = rekey_poll(r, connected, now);
 */

#ifndef DATAPLANE_REKEY_H
#define DATAPLANE_REKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/mlkem.h"
#include "dataplane/tunnel.h"
#include "qkd-engine/keystore.h"

#define REKEY_PLACES_MAX   1024 /* tunnels of a site, each with SPIs of its own */
#define REKEY_SECRET_BYTES 32

/* What happens to a tunnel's traffic when no key is left. */
enum rekey_policy {
	REKEY_REQUIRE_QKD, /* stops at the hard life of the last key */
	REKEY_RATCHET,     /* goes on with keys derived from the last one, for a limited time */
	REKEY_BYPASS,      /* stops likewise; what may pass in the clear is in the SPD */
	REKEY_HYBRID,      /* stops likewise; its keys are of the store and of ML-KEM together */
};

/* Packets are under way for 2 RTT and the queue delay, but this long at least. */
enum rekey_profile {
	REKEY_WAN, /* max(2 s, 2 RTT + queue delay) */
	REKEY_LAN, /* 100 ms + 2 RTT + queue delay */
};

/* What may change live. */
struct rekey_lives {
	uint32_t period_ms;      /* soft life, default 1000; at least a third of the grace */
	uint32_t hard_life_ms;   /* transmit stops when the newest key is older; default 60000 */
	uint64_t bytes, packets; /* sealed by this end under one generation; 0: no limit */
	uint32_t queue_delay_ms; /* the most that packets wait in queues under way */
	uint32_t stretch;        /* the period grows up to so many times when keys are few */
	uint32_t ratchet_life_s; /* since the last key of the store; default 3600 */
	enum rekey_policy policy;
	enum rekey_profile profile;
};

/* What all tunnels of a link share; the owner writes, the machines read at every poll. */
struct rekey_conditions {
	uint64_t rtt_ns;          /* of the classical channel, smoothed; 0: unknown */
	uint64_t keys, low_water; /* for rekeying in the store, and what is few; 0: never few */
};

struct rekey_config {
	bool initiator; /* site A */
	char link[32];
	char tunnel[32];
	unsigned int place;         /* of the tunnel in its site, below REKEY_PLACES_MAX */
	unsigned int subs;          /* SAs that this end sends with, 1 to TUNNEL_SUBS_MAX */
	unsigned int peer_subs_max; /* that the peer may send with; 0: TUNNEL_SUBS_MAX */
	/* Kept. REKEY_SECRET_BYTES of the pre-shared secret for the ratchet; NULL: no ratchet. */
	const uint8_t *ratchet_secret;
	const struct rekey_conditions *conditions; /* kept; NULL: nothing is known */
	const struct mlkem *kem;                   /* kept; NULL: hybrid agrees on no key */
	struct rekey_lives lives;
};

/* What rekeying acts on; tests put fakes here. */
struct rekey_ops {
	int (*send)(void *ctx, const void *msg, size_t len); /* control stream of the channel */
	int (*rx_install)(void *ctx, uint64_t generation, const struct sa_key *keys,
	                  unsigned int n);
	int (*tx_switch)(void *ctx, uint64_t generation, const struct sa_key *keys, unsigned int n);
	void (*tx_stop)(void *ctx);
	void (*rx_retire)(void *ctx, uint64_t generation);
	/* "no-key", "ratchet", "rekey-version", "rekey-policy" */
	void (*alarm)(void *ctx, const char *kind, bool raised, const char *text);
	/* Sealed since the tunnel was created; NULL: the limits by volume are off. */
	void (*tx_usage)(void *ctx, uint64_t *packets, uint64_t *bytes);
};

/* Why a rekey began; on the wire, too. */
enum rekey_cause {
	REKEY_BY_NONE,
	REKEY_BY_PERIOD,
	REKEY_BY_BYTES,
	REKEY_BY_PACKETS,
	REKEY_BY_COMMAND,
	REKEY_BY_SESSION, /* the peer may have restarted */
	REKEY_BY_RETRY,   /* the exchange before failed */
};
const char *rekey_cause_name(enum rekey_cause cause);

/* What the tunnel seals with. */
enum rekey_standing { REKEY_STOPPED, REKEY_ON_QKD, REKEY_ON_RATCHET, REKEY_ON_HYBRID };
const char *rekey_standing_name(enum rekey_standing standing);

struct rekey_stats {
	uint64_t rekeys;      /* this end switched to new keys */
	uint64_t offers;      /* sent by A, accepted by B */
	uint64_t requests;    /* of B for a rekey: sent by B, heeded by A */
	uint64_t rejects;     /* sent by B, heard by A */
	uint64_t timeouts;    /* exchanges that A gave up */
	uint64_t retransmits; /* of A */
	uint64_t duplicates;  /* messages that came again or too late */
	uint64_t deferred;    /* offers that waited for a receive generation to retire */
	uint64_t
	        peer_subs_refused; /* offers and answers with more sub-SAs than the peer may have */
	uint64_t bad_messages;     /* malformed, or of the wrong role */
	uint64_t policy_refused;   /* exchanges that one end wants hybrid and the other not */
	uint64_t hybrid_failed;    /* no ML-KEM key, one that is none, or keys that differ */
	uint64_t no_key;           /* the store had none */
	uint64_t ratchet_steps;    /* rekeys by ratchet, of REKEYS */
	uint64_t policy_changes;   /* to another standing */
	uint64_t generation;       /* that this end seals with, 0: none so far */
	uint64_t peer_generation;  /* that the peer seals with, as far as is known */
	uint64_t key_age_ms;
	uint64_t next_rekey_ms; /* A: until the period is over */
	uint32_t period_ms;     /* as it is now, stretched or clamped */
	uint32_t grace_ms;
	unsigned int subs, peer_subs, peer_subs_max;
	enum rekey_cause last_cause;
	const char *last_reject; /* reason in words, "" for none */
	enum rekey_standing standing;
	bool stopped; /* nothing is sealed */
};

struct rekey;
struct rekey *rekey_create(const struct rekey_config *config, const struct rekey_ops *ops,
                           void *ctx, struct keystore *ks, struct err *err);
void rekey_destroy(struct rekey *r);

/* A message of the peer's rekeying. Anything may be in it. Poll afterwards. */
void rekey_receive(struct rekey *r, const uint8_t *msg, size_t len, uint64_t now_ns);

/* The channel has a new session: what was under way is void. Poll afterwards. */
void rekey_session(struct rekey *r, uint64_t now_ns);

/*
 * Do what is due. CONNECTED: keys may be named to the peer. Returns when to call it again at
 * the latest, as long as none of the other functions is called and CONNECTED does not change.
 */
uint64_t rekey_poll(struct rekey *r, bool connected, uint64_t now_ns);

/* Rekey now, on command; B asks A to. Poll afterwards. */
void rekey_request(struct rekey *r);
/* Change the lives, of the key in use, too. Poll afterwards. */
void rekey_reconfigure(struct rekey *r, const struct rekey_lives *lives);

void rekey_stats_read(const struct rekey *r, uint64_t now_ns, struct rekey_stats *out);

#endif
