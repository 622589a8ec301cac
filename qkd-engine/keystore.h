/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The key store of one link at one end: blocks in, 256-bit keys out, each once. It runs on
 * the control thread; what it hands out is marked used in durable storage before the call
 * returns. Bytes rest sealed with AES-256-GCM under the storage key and are destroyed on
 * delivery.
 *
 * A key is named by its block's 16-byte identity and its index in the block; both ends
 * split a block in the same way: the first auth_keys keys go to the authentication classes
 * (even index: pads of A, odd: pads of B), the others to the gateway's own rekeying.
 */

#ifndef QKD_ENGINE_KEYSTORE_H
#define QKD_ENGINE_KEYSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "qkd-engine/engine.h"

#define KEY_BYTES 32

enum key_class { KEY_AUTH_A, KEY_AUTH_B, KEY_REKEY, KEY_CLASSES };

struct key_id {
	uint8_t block[16];
	uint32_t index;
};

/* How records are kept; qkd-engine/storage.h has the interface, storage_sqlite.c one of them. */
struct storage;

struct keystore_config {
	char link[32];
	uint8_t storage_key[32];
	uint32_t auth_floor; /* keys per authentication class that are filled first */
	uint32_t max_keys;   /* oldest rekey keys are destroyed beyond this */
	uint64_t ttl_s;      /* 0: none */
};

struct keystore_stats {
	uint64_t available[KEY_CLASSES];
	uint64_t added, delivered, voided, expired, imported;
	uint64_t blocks;
	bool simulated;    /* some available key comes from a simulated card */
	bool has_imported; /* some available key was imported by an operator */
};

struct keystore;

/* Takes over STORAGE. Recovers the state that storage holds. */
int keystore_open(const struct keystore_config *config, struct storage *storage,
                  struct keystore **out, struct err *err);
void keystore_close(struct keystore *ks);

/* Add an agreed block; -EEXIST when its identity was ever seen before. */
int keystore_add(struct keystore *ks, const struct key_block *kb, struct err *err);

/* The oldest available key of a class; -ENOENT when there is none. KEY is for secret memory. */
int keystore_take(struct keystore *ks, enum key_class class, struct key_id *id,
                  uint8_t key[KEY_BYTES], struct err *err);

/* COUNT (at most 64) keys in one transaction; the number taken. */
int keystore_take_many(struct keystore *ks, enum key_class class, struct key_id *ids,
                       uint8_t (*keys)[KEY_BYTES], size_t count, struct err *err);

/* The key that the peer named; -ENOENT: never had it, -EALREADY: used, voided or expired. */
int keystore_take_id(struct keystore *ks, enum key_class class, const struct key_id *id,
                     uint8_t key[KEY_BYTES], struct err *err);

/* Destroy a key about which the ends disagree. */
int keystore_void(struct keystore *ks, const struct key_id *id);

/*
 * After a restart the ends compare what they hold. summary() writes one record a live block
 * (identity, hash, bitmap of available keys); reconcile() takes the peer's and voids what
 * only one of the ends has. Both return bytes or keys, or negative errno.
 */
int keystore_summary(struct keystore *ks, uint8_t *out, size_t cap, size_t *len);
int keystore_reconcile(struct keystore *ks, const uint8_t *peer, size_t len, uint64_t *voided);

/*
 * Import keys from a file for lab use and tests: its SHA-256 names the block, its bytes (a
 * multiple of 32, at least 32) are the keys, all in class KEY_REKEY. The same file at both
 * ends gives the same keys. -EEXIST when it was imported before.
 */
int keystore_import(struct keystore *ks, const void *data, size_t len, struct err *err);

void keystore_stats_read(const struct keystore *ks, struct keystore_stats *out);

#endif
