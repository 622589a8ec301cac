/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Pads for authentication tags. Each 256-bit key of an authentication class is two pads with
 * numbers that follow each other; a block's pads begin at the number that Alice chose from a
 * durable count, those of the pre-shared secret at 0. So each direction has one sequence of
 * numbers, none of which is ever given to two pads, and each pad is given out once: its key is
 * marked used in storage before, at both ends. A key is the batch in which pads are reserved:
 * after a crash both ends go on with the next one.
 */

#include "qkd-engine/keystore.h"

#include <errno.h>
#include <string.h>

#include "common/bytes.h"
#include "common/hkdf.h"
#include "common/secret.h"
#include "qkd-engine/keystore_block.h"

#define PADS_A_KEY (KEY_BYTES / AUTH_PAD_BYTES)
/* Pads at hand in each direction, below which a block gives two more of each, and four. */
#define PADS_ENOUGH 16
#define PADS_FEW    8
#define GRANT_MAX   4 /* keys of both directions, and so pads of each */

/* The place of key INDEX among its class's keys of the block, times the pads of each. */
static uint64_t first_pad(const struct ks_block *b, uint32_t index)
{
	return b->pad_base + (uint64_t)(index / 2) * PADS_A_KEY;
}

static uint32_t next_pad_key(const struct ks_block *b, enum key_class class, uint32_t from)
{
	uint32_t i = from;

	while (i < b->auth_keys && !(ks_available(b, i) && ks_class(b, i) == class))
		i++;
	return i;
}

/* How many keys a block shall give: enough to make up for what is spent, and no more. */
static uint8_t grant_of(const struct keystore *ks)
{
	struct keystore_stats s;
	uint64_t pads;

	keystore_stats_read(ks, &s);
	s.available[KEY_AUTH_A] -= s.preshared[KEY_AUTH_A];
	s.available[KEY_AUTH_B] -= s.preshared[KEY_AUTH_B];
	pads = s.available[KEY_AUTH_A] < s.available[KEY_AUTH_B] ? s.available[KEY_AUTH_A]
	                                                         : s.available[KEY_AUTH_B];
	pads *= PADS_A_KEY;
	return pads < PADS_FEW ? GRANT_MAX : pads < PADS_ENOUGH ? GRANT_MAX / 2 : 0;
}

void keystore_positions(struct keystore *ks, uint32_t positions)
{
	ks->positions = positions;
}

int keystore_positions_skip(struct keystore *ks, uint64_t least, uint64_t *next, struct err *err)
{
	int rc = ks->storage->count(ks->storage, STORAGE_NEXT_POSITION, 0, next, err);

	if (rc < 0 || *next >= least)
		return rc;
	rc = ks->storage->count(ks->storage, STORAGE_NEXT_POSITION, least - *next, next, err);
	*next = least;
	return rc < 0 ? rc : 1;
}

/* Positions for these pads, as far as there are any. */
static int grant_positions(struct keystore *ks, struct auth_pad *pads, unsigned int count,
                           struct err *err)
{
	uint64_t from = 0;
	int rc;

	if (ks->positions == 0)
		return 0;
	rc = ks->storage->count(ks->storage, STORAGE_NEXT_POSITION, 0, &from, err);
	if (rc < 0 || from > ENGINE_POSITIONS ||
	    (uint64_t)count * ks->positions > ENGINE_POSITIONS - from)
		return rc;
	rc = ks->storage->count(ks->storage, STORAGE_NEXT_POSITION, (uint64_t)count * ks->positions,
	                        &from, err);
	for (unsigned int i = 0; rc == 0 && i < count; i++) {
		pads[i].grant_position = from + (uint64_t)i * ks->positions;
		pads[i].grant_positions = ks->positions;
	}
	return rc;
}

/* Site A: what the blocks of these pads' tags give back, should they become key. */
static int grant(struct keystore *ks, struct auth_pad *pads, unsigned int count, struct err *err)
{
	uint64_t base = 0;
	uint8_t keys;
	int rc;

	if (!ks->config.site_a)
		return 0;
	keys = grant_of(ks);
	rc = ks->storage->count(ks->storage, STORAGE_NEXT_PAD, (uint64_t)count * GRANT_MAX, &base,
	                        err);
	for (unsigned int i = 0; rc == 0 && i < count; i++) {
		pads[i].grant_base = base + (uint64_t)i * GRANT_MAX;
		pads[i].grant_keys = keys;
	}
	return rc == 0 ? grant_positions(ks, pads, count, err) : rc;
}

struct taken {
	struct ks_block *block;
	uint32_t index;
};

/* Up to COUNT keys of CLASS, of blocks that are (or are not) the pre-shared secret's. */
static unsigned int find_keys(const struct keystore *ks, enum key_class class, bool preshared,
                              struct taken *taken, unsigned int count)
{
	unsigned int n = 0;

	for (struct ks_block *b = ks->first; b != NULL && n < count; b = b->next) {
		if ((b->source == STORAGE_PSK) != preshared)
			continue;
		for (uint32_t i = next_pad_key(b, class, 0); i < b->auth_keys && n < count;
		     i = next_pad_key(b, class, i + 1))
			taken[n++] = (struct taken){b, i};
	}
	return n;
}

static int mark_used(struct keystore *ks, const struct taken *taken, unsigned int n,
                     struct auth_pad *pads, struct err *err)
{
	int rc = ks->storage->begin(ks->storage, err);

	if (rc < 0)
		return rc;
	memset(pads, 0, n * PADS_A_KEY * sizeof(*pads));
	for (unsigned int k = 0; rc == 0 && k < n; k++)
		rc = ks->storage->spend(ks->storage, taken[k].block->row, taken[k].index, err);
	if (rc == 0)
		rc = grant(ks, pads, n * PADS_A_KEY, err);
	if (rc == 0)
		rc = ks->storage->commit(ks->storage, err);
	if (rc < 0)
		ks->storage->rollback(ks->storage);
	return rc;
}

int keystore_pads_take(struct keystore *ks, enum key_class class, struct auth_pad *pads,
                       unsigned int count, unsigned int reserve, struct err *err)
{
	struct taken taken[KEYSTORE_PADS_MAX / PADS_A_KEY];
	unsigned int keys = count / PADS_A_KEY, least = reserve / PADS_A_KEY, n;
	int rc;

	if (keys > KEYSTORE_PADS_MAX / PADS_A_KEY)
		keys = KEYSTORE_PADS_MAX / PADS_A_KEY;
	if (least > keys)
		least = keys;
	if (keys == 0)
		return 0;
	n = find_keys(ks, class, false, taken, keys);
	if (n < least)
		n += find_keys(ks, class, true, taken + n, least - n);
	if (n == 0)
		return err_set(err, ENOENT, "key store: no authentication pad is left");
	rc = mark_used(ks, taken, n, pads, err);
	if (rc < 0)
		return rc;
	for (unsigned int k = 0; k < n * PADS_A_KEY; k++) {
		const struct taken *t = &taken[k / PADS_A_KEY];
		unsigned int half = k % PADS_A_KEY;

		pads[k].id = first_pad(t->block, t->index) + half;
		memcpy(pads[k].bits,
		       t->block->bytes + (size_t)t->index * KEY_BYTES + half * AUTH_PAD_BYTES,
		       AUTH_PAD_BYTES);
	}
	/* Dropping a block invalidates it, so that comes after all pads are copied. */
	for (unsigned int k = 0; k < n; k++)
		ks_delivered(ks, taken[k].block, taken[k].index);
	return (int)(n * PADS_A_KEY);
}

/* The pad's bits from HKDF-SHA-256 (RFC 5869): as secret as the pre-shared secret, no more. */
static int computational(const struct keystore *ks, enum key_class class, uint64_t id,
                         struct auth_pad *pad, struct err *err)
{
	static const char *const labels[] = {
	        [KEY_AUTH_A] = "lumengate computational pad A",
	        [KEY_AUTH_B] = "lumengate computational pad B",
	};
	uint8_t salt[8];

	put_be64(salt, id);
	pad->id = id;
	if (hkdf_sha256(ks->pad_key, 32, salt, sizeof(salt), labels[class], strlen(labels[class]),
	                pad->bits, sizeof(pad->bits)) < 0)
		return err_set(err, EIO, "key store: OpenSSL refuses HKDF");
	return 0;
}

int keystore_pads_computational(struct keystore *ks, enum key_class class, struct auth_pad *pads,
                                unsigned int count, struct err *err)
{
	uint64_t next = 0;
	int rc;

	if (!ks->computational)
		return err_set(err, EPERM, "key store: computational pads are not allowed");
	if (count == 0)
		return 0;
	memset(pads, 0, count * sizeof(*pads));
	rc = ks->storage->begin(ks->storage, err);
	if (rc < 0)
		return rc;
	/* Even, so that the second half of a key always has an odd number. */
	rc = ks->storage->count(ks->storage, STORAGE_NEXT_PAD, count + count % 2, &next, err);
	for (unsigned int i = 0; rc == 0 && i < count; i++)
		rc = computational(ks, class, AUTH_PAD_COMPUTATIONAL | (next + i), &pads[i], err);
	if (rc == 0)
		rc = grant(ks, pads, count, err);
	if (rc == 0)
		rc = ks->storage->commit(ks->storage, err);
	if (rc < 0)
		ks->storage->rollback(ks->storage);
	return rc < 0 ? rc : (int)count;
}

void keystore_allow_computational(struct keystore *ks, bool allowed)
{
	ks->computational = allowed;
}

static void give_half(uint64_t id, const uint8_t *bits, struct auth_pad *pad)
{
	*pad = (struct auth_pad){.id = id};
	memcpy(pad->bits, bits, sizeof(pad->bits));
}

/* The other half of a key that was marked used for the first one. */
static bool fetch_half(struct keystore *ks, enum key_class class, uint64_t id, struct auth_pad *pad)
{
	for (unsigned int i = 0; i < PAD_HALVES; i++) {
		struct pad_half *h = &ks->halves[i];

		if (!h->there || h->class != class || h->id != id)
			continue;
		give_half(id, h->bits, pad);
		secret_wipe(h, sizeof(*h));
		return true;
	}
	return false;
}

static void keep_half(struct keystore *ks, enum key_class class, uint64_t id, const uint8_t *bits)
{
	struct pad_half *h = &ks->halves[ks->next_half++ % PAD_HALVES];

	h->there = true;
	h->class = class;
	h->id = id;
	memcpy(h->bits, bits, sizeof(h->bits));
}

/*
 * The peer takes its pads in order, so what is far before the one that it named was lost in a
 * crash: it must not count as stock. Tags that are under way, or overtook, are of the last few.
 */
#define KEYS_BEHIND 4

static void forget_lost(struct keystore *ks, enum key_class class, uint64_t first)
{
	unsigned int before = 0;

	for (const struct ks_block *b = ks->first; b != NULL; b = b->next)
		for (uint32_t i = next_pad_key(b, class, 0); i < b->auth_keys;
		     i = next_pad_key(b, class, i + 1))
			before += b->source == STORAGE_QKD && first_pad(b, i) < first;
	for (struct ks_block *b = ks->first, *next; b != NULL && before > KEYS_BEHIND; b = next) {
		struct key_id id = {.index = next_pad_key(b, class, 0)};

		next = b->next;
		if (b->source != STORAGE_QKD || id.index >= b->auth_keys ||
		    first_pad(b, id.index) >= first)
			continue;
		memcpy(id.block, b->id, sizeof(id.block));
		if (b->available > 1)
			next = b; /* maybe another one of it */
		if (keystore_void(ks, &id) < 0)
			return;
		before--;
	}
}

int keystore_pad_fetch(struct keystore *ks, enum key_class class, uint64_t id, struct auth_pad *pad,
                       struct err *err)
{
	if ((id & AUTH_PAD_COMPUTATIONAL) != 0)
		return ks->computational ? computational(ks, class, id, pad, err)
		                         : err_set(err, EPERM,
		                                   "key store: the peer's pad is computational, "
		                                   "which is not allowed here");
	if (fetch_half(ks, class, id, pad))
		return 0;
	for (struct ks_block *b = ks->first; b != NULL; b = b->next) {
		uint8_t key[KEY_BYTES];
		struct key_id name;
		uint64_t at = id - b->pad_base, half = at % PADS_A_KEY, first;
		bool preshared;
		int rc;

		if (id < b->pad_base || at >= b->auth_keys + b->auth_keys % 2)
			continue;
		memcpy(name.block, b->id, sizeof(name.block));
		name.index = (uint32_t)(at / PADS_A_KEY * 2) + (class == KEY_AUTH_B);
		first = first_pad(b, name.index);
		preshared = b->source == STORAGE_PSK;
		rc = keystore_take_id(ks, class, &name, key, err);
		if (rc == 0) {
			give_half(id, key + half * AUTH_PAD_BYTES, pad);
			keep_half(ks, class, half == 0 ? id + 1 : id - 1,
			          key + (1 - half) * AUTH_PAD_BYTES);
		}
		secret_wipe(key, sizeof(key));
		if (rc == 0 && !preshared)
			forget_lost(ks, class, first);
		return rc == -EALREADY ? -ENOENT : rc;
	}
	return err_set(err, ENOENT, "key store: the peer's pad is unknown or was used before");
}
