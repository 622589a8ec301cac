/* SPDX-License-Identifier: BSD-3-Clause */

/* The key store's blocks in memory and their sealing; private to keystore*.c. */

#ifndef QKD_ENGINE_KEYSTORE_BLOCK_H
#define QKD_ENGINE_KEYSTORE_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "qkd-engine/keystore.h"
#include "qkd-engine/storage.h"

#define SEALED_KEY_BYTES (KEY_BYTES + 16)

struct ks_block {
	int64_t row;
	uint8_t id[16];
	uint8_t hash[32];
	uint32_t keys, auth_keys;
	uint64_t pad_base;  /* number of the first pad of both classes */
	uint32_t available; /* bits set in the bitmap */
	uint32_t cursor;    /* no rekey key below this index is available */
	/* Storage has these as used, though they are at hand: keystore_ahead(). */
	uint32_t ahead_from, ahead_to;
	enum storage_source source;
	bool simulated;
	uint64_t time_wall_ns;
	uint8_t *bitmap;
	uint8_t *bytes; /* secret memory: keys * KEY_BYTES; used ones are zero */
	struct ks_block *next;
};

/*
 * Pads whose key was marked used for the pad beside them: the peer names it next, or never. The
 * oldest gives way; more than six tags are not under way.
 */
#define PAD_HALVES 16
struct pad_half {
	bool there;
	enum key_class class;
	uint64_t id;
	uint8_t bits[AUTH_PAD_BYTES];
};

struct keystore {
	struct keystore_config config;
	uint8_t *storage_key, *summary_key, *pad_key; /* secret memory, 32 bytes each */
	struct pad_half *halves;                      /* secret memory: PAD_HALVES */
	unsigned int next_half;
	bool computational; /* pads may be bits of a cipher */
	struct storage *storage;
	struct ks_block *first, **last; /* the oldest first */
	uint32_t positions;             /* that a pad brings along */
	uint32_t ahead; /* rekey keys marked used in one transaction; 0 and 1: one by one */
	uint64_t added, delivered, voided, expired, imported;
	double eps_total;
	uint64_t preshared_hashes;
};

static inline bool ks_available(const struct ks_block *b, uint32_t index)
{
	return index < b->keys && (b->bitmap[index / 8] >> (index % 8) & 1);
}

static inline enum key_class ks_class(const struct ks_block *b, uint32_t index)
{
	if (index >= b->auth_keys)
		return KEY_REKEY;
	return index % 2 == 0 ? KEY_AUTH_A : KEY_AUTH_B;
}

/* It came by itself and more will: it expires, and gives way when there is too much. */
static inline bool ks_made(const struct ks_block *b)
{
	return b->source == STORAGE_QKD || b->source == STORAGE_FOREIGN;
}

/* Rekey keys of B that are available. */
static inline uint32_t ks_rekey_keys(const struct ks_block *b)
{
	uint32_t n = b->available;

	for (uint32_t i = 0; i < b->auth_keys; i++)
		n -= ks_available(b, i);
	return n;
}

/* The class is spent by this end. */
static inline bool ks_spender(const struct keystore *ks, enum key_class class)
{
	return (class == KEY_AUTH_B) != ks->config.site_a;
}

/* Seal all keys of BYTES into OUT (keys * SEALED_KEY_BYTES); open one. */
int ks_seal(const struct keystore *ks, const uint8_t id[16], const uint8_t salt[16],
            const uint8_t *bytes, uint32_t keys, uint8_t *out);
/* Opens those keys that BITMAP has; -EBADMSG when one is not what was sealed. */
int ks_unseal(const struct keystore *ks, const struct storage_block *at_rest, uint8_t *bytes);

/*
 * The first half of HMAC-SHA-256 under the summary key: what the peer may see of key bytes
 * goes through it. 0, or -EIO when OpenSSL fails.
 */
int ks_mac(const struct keystore *ks, const void *data, size_t len, uint8_t out[16]);

/* KB's record as JSON, without the key. */
#define KS_RECORD_MAX 1536
void ks_record(const struct key_block *kb, char *out, size_t len);

/* Wipe key INDEX from memory and clear its bit; storage is the caller's. */
void ks_forget(struct ks_block *b, uint32_t index);

/* Key INDEX is marked used in storage and given out: forget it. */
void ks_delivered(struct keystore *ks, struct ks_block *b, uint32_t index);

/* Void the rekey keys of a block, not its pads; the number voided. */
int ks_void_rekey(struct keystore *ks, struct ks_block *b, struct err *err);

/* Take BLOCK out of the list, wipe and free it. */
void ks_drop(struct keystore *ks, struct ks_block *block);

/* Void the keys of MASK (same shape as the bitmap) in one transaction; the number voided. */
int ks_void_mask(struct keystore *ks, struct ks_block *b, const uint8_t *mask, struct err *err);

/* Void a whole block: storage and memory. */
int ks_void_block(struct keystore *ks, struct ks_block *b, struct err *err);

#endif
