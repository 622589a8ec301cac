/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What two gateways that take their keys from foreign KMEs say to each other over the
 * authenticated channel: which keys A's KME gave, and whether B's gave the same. Identifiers are
 * no secrets; key bytes show as a keyed hash alone.
 *
 *   B -> A  1 READY    u8 version, u8 ready, u16 most keys in a request
 *   A -> B  2 OFFER    u16 n, n * key_ID[36]
 *   B -> A  3 HAVE     block[16], keyed hash[16]: it is in B's store
 *   B -> A  4 REFUSED  block[16], u8 fault, u8 n + words
 *   A -> B  5 DROP     block[16]: it will not be used
 *
 * A block's name is the beginning of a hash of its identifiers.
 */

#ifndef CONTROL_KME_PEER_H
#define CONTROL_KME_PEER_H

#include <stdbool.h>

#include "control/kme_wire.h"

#define KME_PEER_VERSION 1
#define KME_BLOCK_BYTES  16
#define KME_PEER_MAX     (3 + KME_KEYS_MAX * KME_ID_BYTES)

enum kme_peer_type {
	KME_PEER_READY = 1,
	KME_PEER_OFFER,
	KME_PEER_HAVE,
	KME_PEER_REFUSED,
	KME_PEER_DROP
};

struct kme_peer_message {
	enum kme_peer_type type;
	uint8_t version;
	bool ready;
	uint16_t most;   /* READY */
	uint16_t number; /* OFFER */
	const uint8_t *ids;
	uint8_t block[KME_BLOCK_BYTES], mac[16];
	enum kme_fault fault;
	char text[KME_TEXT_MAX + 1];
};

size_t kme_peer_encode(const struct kme_peer_message *m, uint8_t out[KME_PEER_MAX]);
/* 0, or -EPROTO for anything that kme_peer_encode() would not write; M points into MSG. */
int kme_peer_decode(const uint8_t *msg, size_t len, struct kme_peer_message *m);

/* The name of the block of N keys with these identifiers. */
void kme_block_name(const uint8_t *ids, unsigned int n, uint8_t block[KME_BLOCK_BYTES]);

#endif
