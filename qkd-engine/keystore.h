/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The key store of one link at one end: blocks in, 256-bit keys out, each once. It runs on
 * the control thread; what it hands out is marked used in durable storage before the call
 * returns. Bytes rest sealed with AES-256-GCM under the storage key and are destroyed on
 * delivery.
 *
 * A key is named by its block's 16-byte identity and its index in the block; both ends
 * split a block as Alice's tag says: the first keys go to the authentication classes (even
 * index: pads of A, odd: pads of B), one maybe was the hash keys and is used up, and the others
 * are for the gateway's own rekeying. What is delivered, the last bytes of a block, never enters.
 * Each class has one spender, who chooses the key and names it to the other end: A for its
 * pads and for rekeying, B for its pads.
 */

#ifndef QKD_ENGINE_KEYSTORE_H
#define QKD_ENGINE_KEYSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "qkd-engine/engine.h"

#define KEY_BYTES 32

#define KEYSTORE_PADS_MAX 64 /* taken at once */

enum key_class { KEY_AUTH_A, KEY_AUTH_B, KEY_REKEY, KEY_CLASSES };

struct key_id {
	uint8_t block[16];
	uint32_t index;
};

/* How records are kept; qkd-engine/storage.h has the interface, storage_sqlite.c one of them. */
struct storage;

struct keystore_config {
	bool site_a;
	uint8_t storage_key[32];
	uint8_t summary_key[32]; /* the same at both ends: what shows of key bytes is under it */
	uint8_t pad_key[32];     /* the same at both ends: for computational pads */
	uint32_t max_keys; /* beyond this the oldest blocks of QKD key are voided; 0: no limit */
	uint64_t ttl_s;    /* blocks older than this expire; 0: never */
};

struct keystore_stats {
	uint64_t available[KEY_CLASSES];
	uint64_t added, delivered, voided, expired, imported; /* keys, since opening */
	uint64_t blocks;                                      /* that hold an available key */
	uint64_t preshared[KEY_CLASSES]; /* of available: keys of the pre-shared secret */
	uint64_t preshared_hashes;       /* tags under its hash keys since the file was created */
	double eps_total;                /* of all blocks ever added, since the file was created */
	bool simulated;                  /* some available key comes from a simulated card */
	bool has_imported;               /* some available key was imported by an operator */
	bool has_foreign;                /* some available key comes from a foreign KME */
};

struct keystore;

/* Takes over STORAGE. Recovers the state that storage holds. */
int keystore_open(const struct keystore_config *config, struct storage *storage,
                  struct keystore **out, struct err *err);
void keystore_close(struct keystore *ks);

/* Add an agreed block; -EEXIST when its identity or its bytes were ever seen before. */
int keystore_add(struct keystore *ks, const struct key_block *kb, struct err *err);

/* The oldest available key of a class; -ENOENT when there is none. KEY is for secret memory. */
int keystore_take(struct keystore *ks, enum key_class class, struct key_id *id,
                  uint8_t key[KEY_BYTES], struct err *err);

/*
 * From now on mark up to KEYS rekey keys of a block used in storage at once, when the first of
 * them is given out: a thousand tunnels cannot wait for a disk each. The others are given out
 * from memory; a crash loses them, as a crash loses keys under way.
 */
void keystore_ahead(struct keystore *ks, uint32_t keys);

/* The key that the peer named; -ENOENT: never had it, -EALREADY: used, voided or expired. */
int keystore_take_id(struct keystore *ks, enum key_class class, const struct key_id *id,
                     uint8_t key[KEY_BYTES], struct err *err);

/*
 * The peer refused the key ID that this end named: does not know its block, or used the key
 * before. What else the block would offer is refused likewise, one by one, so it goes: all of
 * it, or its rekey keys. Imported blocks stay: the peer may be about to import them.
 */
int keystore_refused(struct keystore *ks, const struct key_id *id, bool unknown);

/* Destroy a key about which the ends disagree. */
int keystore_void(struct keystore *ks, const struct key_id *id);

/*
 * Pads for authentication tags: each half of a key of class KEY_AUTH_A or _B, so they come in
 * twos. pads_take() takes up to COUNT, at most KEYSTORE_PADS_MAX, in one transaction, the oldest
 * first, and returns their number, -ENOENT for none. The pre-shared secret, which nothing
 * refills, is touched only while fewer than RESERVE are taken. pad_fetch() is the other end's.
 *
 * pads_computational() makes pads of a cipher instead, for an operator who allowed them with
 * allow_computational(), at both ends; -EPERM else.
 */
int keystore_pads_take(struct keystore *ks, enum key_class class, struct auth_pad *pads,
                       unsigned int count, unsigned int reserve, struct err *err);
int keystore_pad_fetch(struct keystore *ks, enum key_class class, uint64_t id, struct auth_pad *pad,
                       struct err *err);

/*
 * Site A: from now on each pad taken brings POSITIONS of the streams of delivery along, counted
 * in storage; none when ENGINE_POSITIONS are used up. 0: none.
 */
void keystore_positions(struct keystore *ks, uint32_t positions);

/*
 * Site A: positions below LEAST are used, whatever this store's count says: it may be a new one,
 * beside streams that go on. 1: the count was below and goes on from there; 0: it was not. *NEXT
 * is the count.
 */
int keystore_positions_skip(struct keystore *ks, uint64_t least, uint64_t *next, struct err *err);

void keystore_allow_computational(struct keystore *ks, bool allowed);
int keystore_pads_computational(struct keystore *ks, enum key_class class, struct auth_pad *pads,
                                unsigned int count, struct err *err);

/*
 * At the start of a session the ends compare what they hold. summary() writes one record a
 * block (identity, keyed hash, bitmap of available keys), returns 0, -ENOSPC or -EIO; reconcile()
 * takes the peer's and destroys what only this end has, or has otherwise: blocks that the
 * peer does not know or knows with another hash; of the rest, keys that the peer has used.
 * Pads of the peer's own class stay: it may have taken them for tags that are under way.
 * Imported blocks that the peer does not know stay, too: it may be about to import them.
 * -EPROTO: the peer's record is malformed, nothing was changed.
 */
int keystore_summary(struct keystore *ks, uint8_t *out, size_t cap, size_t *len);
int keystore_reconcile(struct keystore *ks, const uint8_t *peer, size_t len, uint64_t *voided,
                       struct err *err);

/* Destroy what is past its time to live; call it once in a while. */
void keystore_expire(struct keystore *ks, uint64_t wall_ns);

/*
 * Import keys from a file for lab use and tests: a keyed hash of its bytes names the block,
 * the bytes (a multiple of 32) are the keys, all in class KEY_REKEY. The same file at both
 * ends gives the same keys. -EEXIST when it was imported before, -EINVAL for another length.
 */
int keystore_import(struct keystore *ks, const void *data, size_t len, struct err *err);

/*
 * N keys that a key management entity of another maker gave both ends (ETSI GS QKD 014), as a
 * block named ID, all for rekeying. SIMULATED: it says so. RECORD: JSON, without the keys. The
 * time to live, the limit and the comparison of both ends hold for it as for QKD key. -EEXIST when
 * its identity or its bytes were ever seen before, -EINVAL for more than KEYSTORE_FOREIGN_MAX.
 */
#define KEYSTORE_FOREIGN_MAX 1024
struct keystore_foreign {
	uint8_t id[16];
	const uint8_t *keys; /* n * KEY_BYTES */
	uint32_t n;
	bool simulated;
	const char *record;
};
int keystore_add_foreign(struct keystore *ks, const struct keystore_foreign *f, struct err *err);
/* A keyed hash of it, by which the ends compare what they got; 0 or -EIO. */
int keystore_foreign_mac(const struct keystore *ks, const struct keystore_foreign *f,
                         uint8_t mac[16]);

/*
 * The one-time part of the pre-shared secret, as pads of both classes in turn. Returns
 * -EEXIST, which is fine, when the store has seen it before, however much of it is used.
 */
int keystore_add_psk(struct keystore *ks, const void *data, size_t len, struct err *err);

/* Whether it has keys of this block left. */
bool keystore_has(const struct keystore *ks, const uint8_t block[16]);

void keystore_stats_read(const struct keystore *ks, struct keystore_stats *out);

#endif
