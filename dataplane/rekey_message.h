/* SPDX-License-Identifier: BSD-3-Clause */

/* Rekeying's messages on the control stream; docs/protocol.md has the format. */

#ifndef DATAPLANE_REKEY_MESSAGE_H
#define DATAPLANE_REKEY_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "dataplane/rekey.h"
#include "qkd-engine/keystore.h"

#define REKEY_VERSION        2
#define REKEY_VERSION_HYBRID 3 /* OFFER and ACCEPT with ML-KEM: gateways of before refuse it */
#define REKEY_NONCE_BYTES    16
#define REKEY_CONFIRM_BYTES  16
#define REKEY_MESSAGE_MAX    1280

enum rekey_type {
	REKEY_OFFER = 1,
	REKEY_ACCEPT,
	REKEY_CONFIRM,
	REKEY_DONE,
	REKEY_REJECT,
	REKEY_REQUEST
};

/* Why B went no further. */
enum rekey_reason {
	REKEY_KEY_UNKNOWN = 1,
	REKEY_KEY_USED,
	REKEY_CANNOT_INSTALL,
	REKEY_OTHER_VERSION,
	REKEY_GENERATION_UNKNOWN, /* answers CONFIRM */
	REKEY_CANNOT_SWITCH,      /* answers CONFIRM */
	REKEY_RATCHET_REFUSED,    /* not this tunnel's policy */
	REKEY_RATCHET_UNKNOWN,    /* another chain, or a step that is gone */
	REKEY_RATCHET_EXPIRED,
	REKEY_TOO_MANY_SUBS, /* of A's */
	REKEY_NOT_HYBRID,    /* what is offered is, this tunnel's policy not */
	REKEY_HYBRID_ONLY,   /* the other way round */
	REKEY_KEM_REFUSED,   /* A's encapsulation key */
	REKEY_REASONS        /* how many there are, and one */
};
const char *rekey_reason_name(enum rekey_reason reason);

/* Where the key of an offer comes from. */
enum rekey_source { REKEY_FROM_STORE = 1, REKEY_FROM_RATCHET, REKEY_FROM_HYBRID };

struct rekey_message {
	enum rekey_type type;
	uint64_t generation; /* that the exchange is about */
	uint64_t current;    /* that the sender seals with; 0: none */
	/* OFFER, REQUEST */
	enum rekey_cause cause;
	/* OFFER */
	enum rekey_source source;
	struct key_id key;     /* from the store, of hybrid, too */
	uint64_t ratchet_base; /* from the ratchet: the generation whose key it began with */
	uint32_t ratchet_step; /* from 1 */
	/* OFFER, ACCEPT */
	uint8_t nonce[REKEY_NONCE_BYTES];
	unsigned int subs; /* SAs that the sender seals with */
	uint32_t spi_base; /* of its receive SAs: SPI i is this + i */
	/* Hybrid: the encapsulation key of an OFFER, the ciphertext of an ACCEPT; else NULL. */
	const uint8_t *kem;
	uint8_t confirm[REKEY_CONFIRM_BYTES]; /* ACCEPT, hybrid: rekey_hybrid.c */
	/* REJECT */
	enum rekey_reason reason;
};

/* The bytes written to OUT. What was decoded is encoded as the same bytes. */
size_t rekey_encode(const struct rekey_message *m, uint8_t out[REKEY_MESSAGE_MAX]);

/*
 * 0; -EPROTO for anything that rekey_encode() would not write; -EPROTONOSUPPORT for another
 * version of which type and generation are in M. KEM of M points into MSG.
 */
int rekey_decode(const uint8_t *msg, size_t len, struct rekey_message *m);

#endif
