/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The state of a tunnel's rekeying, for rekey*.c only. All of it belongs to the control thread.
 *
 *   rekey.c            life, messages in, poll
 *   rekey_initiator.c  site A's side of an exchange
 *   rekey_responder.c  site B's
 *   rekey_derive.c     SA keys of a generation
 *   rekey_hybrid.c     the exchange's key of a key of the store and ML-KEM
 *   rekey_retire.c     receive generations and their grace
 *   rekey_schedule.c   when the next rekey is due
 *   rekey_policy.c     what is sealed with when keys run out
 *   rekey_ratchet.c    keys from the last one
 */

#ifndef DATAPLANE_REKEY_STATE_H
#define DATAPLANE_REKEY_STATE_H

#include "common/clock.h"
#include "dataplane/rekey.h"
#include "dataplane/rekey_message.h"

/*
 *   A: IDLE -> OFFERED (OFFER sent) -> CONFIRMING (CONFIRM sent) -> IDLE
 *   B: IDLE -> ACCEPTED (ACCEPT sent; A may seal with the new keys) -> IDLE
 */
enum rekey_phase { REKEY_IDLE, REKEY_OFFERED, REKEY_ACCEPTED, REKEY_CONFIRMING };

/* A receive generation that is installed. */
struct rekey_rx {
	uint64_t generation; /* 0: free place */
	uint64_t order;      /* later ones are greater */
	uint64_t retire_ns;  /* UINT64_MAX: the peer may seal with it */
	uint32_t spi_base;
};

struct rekey_secrets {
	uint8_t key[KEY_BYTES];                 /* of the exchange under way */
	uint8_t kem_seed[MLKEM_SEED_BYTES];     /* A: of the offer's ML-KEM key */
	uint8_t kem_shared[MLKEM_SHARED_BYTES]; /* until it is combined with the key */
	uint8_t chain_next[REKEY_SECRET_BYTES]; /* the chain's beginning that follows from it */
	uint8_t chain[REKEY_SECRET_BYTES];
};

/* The exchange under way. */
struct rekey_exchange {
	enum rekey_phase phase;
	uint64_t generation;
	uint64_t since_ns;
	uint64_t repeat_ns, repeat_wait_ns; /* A: when the message goes out again */
	enum rekey_source source;
	struct key_id key;
	uint8_t nonce_a[REKEY_NONCE_BYTES], nonce_b[REKEY_NONCE_BYTES];
	uint32_t spi_own, spi_peer; /* bases */
	unsigned int subs_peer;
	bool session_before; /* B: it is of an earlier session */
};

struct rekey {
	struct rekey_config config;
	struct rekey_ops ops;
	void *ctx;
	struct keystore *ks;
	struct rekey_secrets *secret;
	struct rekey_exchange x;
	struct rekey_stats stats;

	/* A: the last message of the exchange; B: the answer to the offer of ANSWERED. */
	uint8_t message[REKEY_MESSAGE_MAX];
	size_t message_len;
	uint64_t answered;

	uint64_t highest; /* A: generation ever named; B: offered in this session */
	struct rekey_rx rx[TUNNEL_RX_GENERATIONS];
	uint64_t rx_order; /* of the newest */

	/* When. */
	uint64_t started_ns; /* the last exchange */
	uint64_t retry_ns;   /* A: not before this; for want of a key, after a refusal */
	uint64_t retry_wait_ns;
	uint64_t ask_ns, ask_wait_ns; /* B: when REQUEST goes out again */
	uint64_t volume_ns;           /* when the counters are looked at */
	uint64_t packets_base, bytes_base;
	enum rekey_cause wanted; /* before the period is over */
	bool first_of_session;
	uint32_t clamped_ms; /* the period that was logged as the least; 0: not clamped */

	/* Keys. */
	uint64_t keyed_ns;   /* transmit switched */
	uint64_t chain_base; /* generation with whose key the chain began; 0: there is none */
	uint64_t chain_begin_ns;
	uint32_t chain_step;
	bool chain_prepared;
	bool key_kept; /* A: the key in SECRET was taken and never named to a peer that heeds it */
	bool no_key;   /* the alarm */
	bool version_alarm, policy_alarm;
};

/* rekey.c: send, send and keep for rekey_repeat(). */
void rekey_send(struct rekey *r, const struct rekey_message *m);
void rekey_send_kept(struct rekey *r, const struct rekey_message *m);
void rekey_repeat(struct rekey *r);

/* May the peer send with so many? If not, it is counted, and the first time logged. */
bool rekey_subs_fit(struct rekey *r, unsigned int subs);

/* rekey_initiator.c, rekey_responder.c: messages of their own exchange, and what is due. */
void rekey_initiator_receive(struct rekey *r, const struct rekey_message *m, uint64_t now);
void rekey_initiator_session(struct rekey *r, uint64_t now);
void rekey_initiator_poll(struct rekey *r, uint64_t now);
uint64_t rekey_initiator_wake(const struct rekey *r, uint64_t now);
void rekey_responder_receive(struct rekey *r, const struct rekey_message *m, uint64_t now);
void rekey_responder_session(struct rekey *r);
void rekey_responder_poll(struct rekey *r, uint64_t now);
uint64_t rekey_responder_wake(const struct rekey *r);
/* The peer seals with GENERATION: if B waits to hear that, it switches. */
void rekey_responder_peer_at(struct rekey *r, uint64_t generation, uint64_t now);

/* rekey_derive.c: install or switch by the exchange's keys; 0 or negative errno. */
int rekey_install_rx(struct rekey *r);
int rekey_switch_tx(struct rekey *r);
/* A fresh nonce to NONCE and M, fresh SPIs of this end's receive SAs. */
void rekey_draw(struct rekey *r, uint8_t nonce[REKEY_NONCE_BYTES], struct rekey_message *m);
/* Forget the exchange and its key. */
void rekey_forget(struct rekey *r);

/* rekey_hybrid.c */
bool rekey_hybrid_wanted(const struct rekey *r);
/* A: a fresh ML-KEM key for the offer, its public part to EK; 0 or negative errno. */
int rekey_hybrid_offer(struct rekey *r, uint8_t ek[MLKEM_KEY_BYTES]);
/* B: a secret for the key of OFFER, its ciphertext to CT; 0, or the reason why not. */
enum rekey_reason rekey_hybrid_encapsulate(struct rekey *r, const struct rekey_message *offer,
                                           uint8_t ct[MLKEM_CIPHERTEXT_BYTES]);
/* B: the exchange's key becomes the combined one; ANSWER is complete but for its confirmation. */
int rekey_hybrid_answer(struct rekey *r, const struct rekey_message *offer,
                        struct rekey_message *answer);
/* A: likewise, for ACCEPT; -EBADMSG when B has another key. */
int rekey_hybrid_accept(struct rekey *r, const struct rekey_message *accept);
/* One end wants hybrid, the other does not: REASON says which. Else 0: they agree. */
void rekey_hybrid_alarm(struct rekey *r, enum rekey_reason reason);

/* rekey_retire.c */
uint64_t rekey_grace_ns(const struct rekey *r);
bool rekey_rx_full(const struct rekey *r);
void rekey_rx_add(struct rekey *r, uint64_t generation, uint32_t spi_base);
/* Gone at once: nothing was ever sealed with it. */
void rekey_rx_drop(struct rekey *r, uint64_t generation);
void rekey_rx_retire(struct rekey *r, uint64_t generation, uint64_t now);
/* The peer seals with GENERATION: those installed before it retire. */
void rekey_rx_peer_at(struct rekey *r, uint64_t generation, uint64_t now);
/* The peer seals with GENERATION, 0 for nothing, and has no other: all others retire. */
void rekey_rx_only(struct rekey *r, uint64_t generation, uint64_t now);
void rekey_rx_due(struct rekey *r, uint64_t now);
/* The next one that retires, UINT64_MAX for none. */
uint64_t rekey_rx_next(const struct rekey *r);
bool rekey_rx_has_base(const struct rekey *r, uint32_t spi_base);

/* rekey_schedule.c */
uint64_t rekey_rtt_ns(const struct rekey *r);
/* The period as it is now; logs when it is clamped. */
uint64_t rekey_period_ns(const struct rekey *r);
void rekey_log_clamp(struct rekey *r);
uint64_t rekey_next_ns(const struct rekey *r);
/* Note in WANTED that this end's transmit limits are reached. */
void rekey_volume_check(struct rekey *r, uint64_t now);
void rekey_volume_restart(struct rekey *r);
uint64_t rekey_volume_wake(const struct rekey *r);

/* rekey_policy.c */
/* A: a key for the exchange and its name in M; negative errno when there is none. */
int rekey_take_key(struct rekey *r, struct rekey_message *m, uint64_t now);
/* This end seals with the exchange's key now. */
void rekey_keyed(struct rekey *r, uint64_t now);
/* Lives of the key in use. */
void rekey_policy_check(struct rekey *r, uint64_t now);
uint64_t rekey_policy_wake(const struct rekey *r);

/* rekey_ratchet.c */
/* The beginning of a chain from the exchange's key, not yet in use. */
int rekey_ratchet_prepare(struct rekey *r);
/* It is in use at both ends. */
void rekey_ratchet_begin(struct rekey *r, uint64_t now);
bool rekey_ratchet_possible(const struct rekey *r, uint64_t now);
/* One step on: the exchange's key. */
int rekey_ratchet_step(struct rekey *r);
/* B: on to step STEP of the chain that began at BASE. 0, or the reason why not. */
enum rekey_reason rekey_ratchet_follow(struct rekey *r, uint64_t base, uint32_t step, uint64_t now);
void rekey_ratchet_forget(struct rekey *r);

#endif
