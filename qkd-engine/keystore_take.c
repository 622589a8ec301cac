/* SPDX-License-Identifier: BSD-3-Clause */

/* Keys leave the store: delivered, voided or expired; durable before the caller knows. */

#include "qkd-engine/keystore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "common/hkdf.h"
#include "common/log.h"
#include "common/secret.h"
#include "qkd-engine/keystore_block.h"

LOG_COMPONENT_DEFINE(keystore)

/* The first available key of CLASS in B at or after FROM; b->keys when there is none. */
static uint32_t next_key(const struct ks_block *b, enum key_class class, uint32_t from)
{
	uint32_t i = from;

	if (class == KEY_REKEY && i < b->auth_keys)
		i = b->auth_keys;
	if (class != KEY_REKEY && i >= b->auth_keys)
		return b->keys;
	while (i < b->keys && !(ks_available(b, i) && ks_class(b, i) == class))
		i++;
	return i;
}

static void forget_and_drop(struct keystore *ks, struct ks_block *b, uint32_t index)
{
	ks_forget(b, index);
	if (b->available == 0 && ks->storage->retire(ks->storage, b->row, NULL) == 0)
		ks_drop(ks, b);
}

void keystore_ahead(struct keystore *ks, uint32_t keys)
{
	ks->ahead = keys;
}

/* Mark key INDEX used in storage and, of rekey keys, those that come next. */
static int spend(struct keystore *ks, struct ks_block *b, uint32_t index, struct err *err)
{
	uint32_t end = index + 1;
	int rc;

	if (index >= b->ahead_from && index < b->ahead_to)
		return 0;
	if (ks_class(b, index) == KEY_REKEY && ks->ahead > 1)
		end = b->keys - index < ks->ahead ? b->keys : index + ks->ahead;
	rc = ks->storage->begin(ks->storage, err);
	if (rc < 0)
		return rc;
	for (uint32_t i = index; rc == 0 && i < end; i++)
		if (ks_available(b, i))
			rc = ks->storage->spend(ks->storage, b->row, i, err);
	if (rc == 0)
		rc = ks->storage->commit(ks->storage, err);
	if (rc < 0) {
		ks->storage->rollback(ks->storage);
		return rc;
	}
	/* A key alone, a pad, leaves what was marked ahead as it is. */
	if (end > index + 1) {
		b->ahead_from = index;
		b->ahead_to = end;
	}
	return 0;
}

void ks_delivered(struct keystore *ks, struct ks_block *b, uint32_t index)
{
	ks->delivered++;
	forget_and_drop(ks, b, index);
}

/* Mark it used in storage, then give it out. */
static int deliver(struct keystore *ks, struct ks_block *b, uint32_t index, uint8_t key[KEY_BYTES],
                   struct err *err)
{
	int rc = spend(ks, b, index, err);

	if (rc < 0)
		return rc;
	memcpy(key, b->bytes + (size_t)index * KEY_BYTES, KEY_BYTES);
	if (index == b->cursor)
		b->cursor++;
	ks_delivered(ks, b, index);
	return 0;
}

int keystore_take(struct keystore *ks, enum key_class class, struct key_id *id,
                  uint8_t key[KEY_BYTES], struct err *err)
{
	for (struct ks_block *b = ks->first; b != NULL; b = b->next) {
		uint32_t i = next_key(b, class, class == KEY_REKEY ? b->cursor : 0);

		if (i == b->keys)
			continue;
		memcpy(id->block, b->id, sizeof(id->block));
		id->index = i;
		b->cursor = class == KEY_REKEY ? i : b->cursor;
		return deliver(ks, b, i, key, err);
	}
	return err_set(err, ENOENT, "key store: no key of this class is available");
}

int keystore_take_id(struct keystore *ks, enum key_class class, const struct key_id *id,
                     uint8_t key[KEY_BYTES], struct err *err)
{
	for (struct ks_block *b = ks->first; b != NULL; b = b->next) {
		if (memcmp(b->id, id->block, sizeof(b->id)) != 0)
			continue;
		if (id->index >= b->keys || ks_class(b, id->index) != class)
			return err_set(err, ENOENT, "key store: the block has no such key");
		if (!ks_available(b, id->index))
			return err_set(err, EALREADY, "key store: this key was used before");
		return deliver(ks, b, id->index, key, err);
	}
	return err_set(err, ENOENT, "key store: no such block");
}

int ks_void_block(struct keystore *ks, struct ks_block *b, struct err *err)
{
	int rc = ks->storage->retire(ks->storage, b->row, err);

	if (rc == 0) {
		ks->voided += b->available;
		ks_drop(ks, b);
	}
	return rc;
}

int ks_void_mask(struct keystore *ks, struct ks_block *b, const uint8_t *mask, struct err *err)
{
	int rc = ks->storage->begin(ks->storage, err);
	int n = 0;

	if (rc < 0)
		return rc;
	for (uint32_t i = 0; rc == 0 && i < b->keys; i++)
		if (mask[i / 8] >> (i % 8) & 1 && ks_available(b, i))
			rc = ks->storage->spend(ks->storage, b->row, i, err);
	if (rc == 0)
		rc = ks->storage->commit(ks->storage, err);
	if (rc < 0) {
		ks->storage->rollback(ks->storage);
		return rc;
	}
	for (uint32_t i = 0; i < b->keys; i++) {
		if (mask[i / 8] >> (i % 8) & 1 && ks_available(b, i)) {
			ks_forget(b, i);
			n++;
		}
	}
	ks->voided += (uint64_t)n;
	if (b->available == 0 && ks->storage->retire(ks->storage, b->row, NULL) == 0)
		ks_drop(ks, b);
	return n;
}

int ks_void_rekey(struct keystore *ks, struct ks_block *b, struct err *err)
{
	uint8_t *mask = malloc((b->keys + 7) / 8);
	int rc = 0;

	if (mask == NULL)
		return err_set(err, ENOMEM, "key store: out of memory");
	memcpy(mask, b->bitmap, (b->keys + 7) / 8);
	for (uint32_t i = 0; i < b->auth_keys; i++)
		mask[i / 8] &= (uint8_t) ~(1u << (i % 8));
	if (ks_rekey_keys(b) > 0)
		rc = ks_void_mask(ks, b, mask, err);
	free(mask);
	return rc;
}

int keystore_refused(struct keystore *ks, const struct key_id *id, bool unknown)
{
	for (struct ks_block *b = ks->first; b != NULL; b = b->next) {
		int rc;

		if (memcmp(b->id, id->block, sizeof(b->id)) != 0)
			continue;
		if (b->source == STORAGE_IMPORTED)
			return 0;
		if (unknown)
			return ks_void_block(ks, b, NULL);
		rc = ks_void_rekey(ks, b, NULL);
		return rc < 0 ? rc : 0;
	}
	return 0;
}

int keystore_void(struct keystore *ks, const struct key_id *id)
{
	for (struct ks_block *b = ks->first; b != NULL; b = b->next) {
		uint8_t *mask;
		int rc;

		if (memcmp(b->id, id->block, sizeof(b->id)) != 0)
			continue;
		if (!ks_available(b, id->index))
			return -ENOENT;
		mask = calloc(1, (b->keys + 7) / 8);
		if (mask == NULL)
			return -ENOMEM;
		mask[id->index / 8] = (uint8_t)(1u << (id->index % 8));
		rc = ks_void_mask(ks, b, mask, NULL);
		free(mask);
		return rc < 0 ? rc : 0;
	}
	return -ENOENT;
}

void keystore_expire(struct keystore *ks, uint64_t wall_ns)
{
	if (ks->config.ttl_s == 0)
		return;
	for (struct ks_block *b = ks->first, *next; b != NULL; b = next) {
		int keys;

		next = b->next;
		if (!ks_made(b) || b->time_wall_ns + ks->config.ttl_s * NS_PER_S > wall_ns)
			continue;
		/* Pads stay: the clocks of the ends differ, and a pad that one lacks voids a block.
		 */
		keys = ks_void_rekey(ks, b, NULL);
		if (keys <= 0)
			continue;
		ks->voided -= (uint64_t)keys;
		ks->expired += (uint64_t)keys;
		log_info("%d keys expired", keys);
	}
}
