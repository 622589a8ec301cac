/* SPDX-License-Identifier: BSD-3-Clause */

/* Rekeying's messages on the control stream; docs/protocol.md has the format. */

#ifndef DATAPLANE_REKEY_MESSAGE_H
#define DATAPLANE_REKEY_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "dataplane/tunnel.h"
#include "qkd-engine/keystore.h"

#define REKEY_NONCE_BYTES 16
#define REKEY_MESSAGE_MAX (64 + 4 * TUNNEL_CORES_MAX)

enum rekey_type { REKEY_OFFER = 1, REKEY_ACCEPT, REKEY_CONFIRM, REKEY_DONE, REKEY_REJECT };

/* Why an offer was not accepted. */
enum rekey_reason { REKEY_KEY_UNKNOWN = 1, REKEY_KEY_USED, REKEY_BUSY, REKEY_CORES };

struct rekey_message {
	enum rekey_type type;
	uint64_t generation;
	/* OFFER */
	struct key_id key;
	/* OFFER, ACCEPT */
	uint8_t nonce[REKEY_NONCE_BYTES];
	unsigned int cores;
	uint32_t spi[TUNNEL_CORES_MAX]; /* of the sender's receive SAs */
	/* REJECT */
	enum rekey_reason reason;
};

/* The bytes written to OUT. */
size_t rekey_encode(const struct rekey_message *m, uint8_t out[REKEY_MESSAGE_MAX]);

/* 0, or -EPROTO for anything that rekey_encode() would not write. */
int rekey_decode(const uint8_t *msg, size_t len, struct rekey_message *m);

#endif
