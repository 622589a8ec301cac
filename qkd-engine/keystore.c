/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/keystore.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/clock.h"
#include "common/hkdf.h"
#include "common/log.h"
#include "common/random.h"
#include "common/secret.h"
#include "qkd-engine/keystore_block.h"

LOG_COMPONENT_DEFINE(keystore)

void ks_forget(struct ks_block *b, uint32_t index)
{
	secret_wipe(b->bytes + (size_t)index * KEY_BYTES, KEY_BYTES);
	b->bitmap[index / 8] &= (uint8_t) ~(1u << (index % 8));
	b->available--;
}

static void block_free(struct ks_block *b)
{
	secret_free(b->bytes);
	free(b->bitmap);
	free(b);
}

void ks_drop(struct keystore *ks, struct ks_block *block)
{
	struct ks_block **at = &ks->first;

	while (*at != block)
		at = &(*at)->next;
	*at = block->next;
	if (ks->last == &block->next)
		ks->last = at;
	block_free(block);
}

/* Room in memory for the block AT_REST describes, its keys still zero. */
static struct ks_block *block_new(const struct storage_block *at_rest)
{
	struct ks_block *b = calloc(1, sizeof(*b));
	size_t bitmap_bytes = (at_rest->keys + 7) / 8;

	if (b == NULL)
		return NULL;
	*b = (struct ks_block){
	        .keys = at_rest->keys,
	        .auth_keys = at_rest->auth_keys,
	        .pad_base = at_rest->pad_base,
	        .source = at_rest->source,
	        .simulated = at_rest->simulated,
	        .time_wall_ns = at_rest->time_wall_ns,
	        .bitmap = malloc(bitmap_bytes),
	        .bytes = secret_alloc((size_t)at_rest->keys * KEY_BYTES),
	};
	memcpy(b->id, at_rest->id, sizeof(b->id));
	memcpy(b->hash, at_rest->hash, sizeof(b->hash));
	if (b->bitmap == NULL || b->bytes == NULL) {
		block_free(b);
		return NULL;
	}
	memcpy(b->bitmap, at_rest->bitmap, bitmap_bytes);
	for (uint32_t i = 0; i < b->keys; i++)
		b->available += b->bitmap[i / 8] >> (i % 8) & 1;
	return b;
}

static void append(struct keystore *ks, struct ks_block *b, int64_t row)
{
	b->row = row;
	*ks->last = b;
	ks->last = &b->next;
}

struct loading {
	struct keystore *ks;
	struct err *err;
};

static int load_block(void *ctx, const struct storage_block *at_rest)
{
	struct loading *l = ctx;
	struct ks_block *b;
	int rc;

	if (at_rest->sealed_key_bytes != SEALED_KEY_BYTES)
		return err_set(l->err, EPROTO, "key store: sealed keys of %u bytes",
		               at_rest->sealed_key_bytes);
	b = block_new(at_rest);
	if (b == NULL)
		return err_set(l->err, ENOMEM, "key store: no memory for %u keys", at_rest->keys);
	rc = ks_unseal(l->ks, at_rest, b->bytes);
	if (rc < 0) {
		block_free(b);
		return err_set(l->err, -rc,
		               "key store: block %lld does not open: another storage key, or the "
		               "file was altered",
		               (long long)at_rest->row);
	}
	append(l->ks, b, at_rest->row);
	return 0;
}

int keystore_open(const struct keystore_config *config, struct storage *storage,
                  struct keystore **out, struct err *err)
{
	struct keystore *ks = calloc(1, sizeof(*ks));
	struct loading loading = {ks, err};
	int rc;

	if (ks == NULL) {
		storage->close(storage);
		return err_set(err, ENOMEM, "key store: out of memory");
	}
	ks->storage = storage;
	ks->last = &ks->first;
	ks->storage_key = secret_alloc(32);
	ks->summary_key = secret_alloc(32);
	ks->pad_key = secret_alloc(32);
	ks->halves = secret_alloc(PAD_HALVES * sizeof(*ks->halves));
	if (ks->storage_key == NULL || ks->summary_key == NULL || ks->pad_key == NULL ||
	    ks->halves == NULL) {
		keystore_close(ks);
		return err_set(err, ENOMEM, "key store: out of memory");
	}
	ks->config = *config;
	memcpy(ks->storage_key, config->storage_key, 32);
	secret_wipe(ks->config.storage_key, 32);
	memcpy(ks->summary_key, config->summary_key, 32);
	secret_wipe(ks->config.summary_key, 32);
	memcpy(ks->pad_key, config->pad_key, 32);
	secret_wipe(ks->config.pad_key, 32);
	rc = storage->load(storage, load_block, &loading, err);
	if (rc == 0)
		rc = storage->eps_total(storage, &ks->eps_total, err);
	if (rc == 0)
		rc = storage->count(storage, STORAGE_PRESHARED_HASHES, 0, &ks->preshared_hashes,
		                    err);
	if (rc < 0) {
		keystore_close(ks);
		return rc;
	}
	*out = ks;
	return 0;
}

void keystore_close(struct keystore *ks)
{
	if (ks == NULL)
		return;
	while (ks->first != NULL)
		ks_drop(ks, ks->first);
	secret_free(ks->storage_key);
	secret_free(ks->summary_key);
	secret_free(ks->pad_key);
	secret_free(ks->halves);
	ks->storage->close(ks->storage);
	free(ks);
}

/*
 * Beyond the limit the rekey keys of the oldest blocks of QKD or foreign key go; pads and imported
 * keys stay. Those of the newest stay, too. Blocks of which pads alone are left are bounded, so
 * that the summary fits a message.
 */
#define NEWEST_KEPT    8
#define QKD_BLOCKS_MAX 1024

static void make_room(struct keystore *ks)
{
	struct keystore_stats stats;
	unsigned int blocks = 0;

	keystore_stats_read(ks, &stats);
	for (const struct ks_block *b = ks->first; b != NULL; b = b->next)
		blocks += ks_made(b);
	for (struct ks_block *b = ks->first, *next; b != NULL && blocks > NEWEST_KEPT; b = next) {
		bool all = blocks > QKD_BLOCKS_MAX;
		uint32_t freed;

		next = b->next;
		if (!all &&
		    (ks->config.max_keys == 0 || stats.available[KEY_REKEY] <= ks->config.max_keys))
			break;
		if (!ks_made(b))
			continue;
		freed = ks_rekey_keys(b);
		if ((all ? ks_void_block(ks, b, NULL) : ks_void_rekey(ks, b, NULL)) < 0)
			break;
		stats.available[KEY_REKEY] -= freed;
		blocks--;
	}
}

/* Seal and store a block of keys, all available but SPENT behind the pads. */
static int add_block(struct keystore *ks, struct storage_block *at_rest, uint32_t spent,
                     const uint8_t *bytes, struct err *err)
{
	size_t bitmap_bytes = (at_rest->keys + 7) / 8;
	uint8_t *bitmap = calloc(1, bitmap_bytes);
	uint8_t *sealed = malloc((size_t)at_rest->keys * SEALED_KEY_BYTES);
	struct ks_block *b = NULL;
	int rc = -ENOMEM;

	if (bitmap != NULL && sealed != NULL) {
		for (uint32_t i = 0; i < at_rest->keys; i++)
			if (i < at_rest->auth_keys || i >= at_rest->auth_keys + spent)
				bitmap[i / 8] |= (uint8_t)(1u << (i % 8));
		random_bytes(at_rest->salt, sizeof(at_rest->salt));
		at_rest->bitmap = bitmap;
		at_rest->sealed = sealed;
		at_rest->sealed_key_bytes = SEALED_KEY_BYTES;
		b = block_new(at_rest);
		if (b != NULL)
			rc = ks_seal(ks, at_rest->id, at_rest->salt, bytes, at_rest->keys, sealed);
	}
	if (rc == -ENOMEM)
		err_set(err, ENOMEM, "key store: no memory for %u keys", at_rest->keys);
	if (rc == 0)
		rc = ks->storage->add(ks->storage, at_rest, err);
	if (rc == 0) {
		memcpy(b->bytes, bytes, (size_t)at_rest->keys * KEY_BYTES);
		append(ks, b, at_rest->row);
		ks->added += at_rest->keys;
		ks->eps_total += at_rest->eps;
		ks->preshared_hashes += at_rest->preshared_hashes;
		make_room(ks);
	} else if (b != NULL) {
		block_free(b);
	}
	free(bitmap);
	free(sealed);
	return rc;
}

int keystore_add(struct keystore *ks, const struct key_block *kb, struct err *err)
{
	char record[KS_RECORD_MAX];
	uint64_t delivered =
	        ((uint64_t)kb->units[0] + kb->units[1]) * ENGINE_UNIT_BYTES / KEY_BYTES;
	struct storage_block at_rest = {
	        .keys = kb->bits / (8 * KEY_BYTES),
	        .auth_keys = kb->pad_keys,
	        .pad_base = kb->pad_base,
	        .source = STORAGE_QKD,
	        .simulated = kb->simulated,
	        .time_wall_ns = kb->time_wall_ns,
	        .record = record,
	        .eps = kb->source.eps_sec + kb->source.eps_cor + kb->eps_auth,
	        .preshared_hashes = kb->preshared_hashes,
	};
	if (!leak_mode_proven(kb->leak_mode))
		return err_set(err, EINVAL,
		               "key store: block %llu: leak-mode %s has no proof, this is no key",
		               (unsigned long long)kb->number, leak_mode_name(kb->leak_mode));
	if (at_rest.keys == 0)
		return err_set(err, EINVAL, "key store: block %llu holds no key",
		               (unsigned long long)kb->number);
	if (delivered > at_rest.keys || at_rest.keys - delivered == 0)
		return err_set(err, EINVAL, "key store: block %llu delivers all that it has",
		               (unsigned long long)kb->number);
	at_rest.keys -= (uint32_t)delivered;
	if (kb->pad_keys > at_rest.keys || kb->hash_keys > at_rest.keys - kb->pad_keys)
		return err_set(err, EINVAL, "key store: block %llu has no %u keys for pads",
		               (unsigned long long)kb->number, kb->pad_keys);
	ks_record(kb, record, sizeof(record));
	memcpy(at_rest.id, kb->id, sizeof(at_rest.id));
	memcpy(at_rest.hash, kb->hash, sizeof(at_rest.hash));
	return add_block(ks, &at_rest, kb->hash_keys, kb->key, err);
}

/* With the source, so that the same bytes from elsewhere are another block's. */
static void foreign_hash(const struct keystore_foreign *f, uint8_t out[32])
{
	uint8_t name[33];

	sha256(f->keys, (size_t)f->n * KEY_BYTES, name);
	name[32] = STORAGE_FOREIGN;
	sha256(name, sizeof(name), out);
}

int keystore_foreign_mac(const struct keystore *ks, const struct keystore_foreign *f,
                         uint8_t mac[16])
{
	uint8_t hash[32];

	foreign_hash(f, hash);
	return ks_mac(ks, hash, sizeof(hash), mac);
}

int keystore_add_foreign(struct keystore *ks, const struct keystore_foreign *f, struct err *err)
{
	struct storage_block at_rest = {
	        .keys = f->n,
	        .source = STORAGE_FOREIGN,
	        .simulated = f->simulated,
	        .time_wall_ns = clock_wall_ns(),
	        .record = f->record,
	};

	if (f->n == 0 || f->n > KEYSTORE_FOREIGN_MAX)
		return err_set(err, EINVAL, "key store: %u keys of a foreign KME", f->n);
	memcpy(at_rest.id, f->id, sizeof(at_rest.id));
	foreign_hash(f, at_rest.hash);
	return add_block(ks, &at_rest, 0, f->keys, err);
}

/* Bytes from a file: a keyed hash is the identity, so that both ends name them alike. */
static int add_file(struct keystore *ks, const void *data, size_t len, enum storage_source source,
                    struct err *err)
{
	struct storage_block at_rest = {
	        .keys = (uint32_t)(len / KEY_BYTES),
	        .auth_keys = source == STORAGE_PSK ? (uint32_t)(len / KEY_BYTES) : 0,
	        .source = source,
	        .time_wall_ns = clock_wall_ns(),
	};
	uint8_t name[33];

	if (len == 0 || len % KEY_BYTES != 0 || len > (64u << 20))
		return err_set(err, EINVAL, "keys: %zu bytes is not a multiple of %d up to 64 MiB",
		               len, KEY_BYTES);
	sha256(data, len, at_rest.hash);
	memcpy(name, at_rest.hash, 32);
	name[32] = (uint8_t)source;
	sha256(name, sizeof(name), at_rest.hash);
	/* The identity goes over the wire in the clear. */
	if (ks_mac(ks, at_rest.hash, sizeof(at_rest.hash), at_rest.id) < 0)
		return err_set(err, EIO, "key store: OpenSSL refuses HMAC");
	return add_block(ks, &at_rest, 0, data, err);
}

int keystore_import(struct keystore *ks, const void *data, size_t len, struct err *err)
{
	int rc = add_file(ks, data, len, STORAGE_IMPORTED, err);

	if (rc == 0) {
		ks->imported += len / KEY_BYTES;
		log_warn("an operator imported %zu keys", len / KEY_BYTES);
	}
	return rc;
}

int keystore_add_psk(struct keystore *ks, const void *data, size_t len, struct err *err)
{
	return add_file(ks, data, len, STORAGE_PSK, err);
}

bool keystore_has(const struct keystore *ks, const uint8_t block[16])
{
	const struct ks_block *b = ks->first;

	while (b != NULL && memcmp(b->id, block, sizeof(b->id)) != 0)
		b = b->next;
	return b != NULL;
}

void keystore_stats_read(const struct keystore *ks, struct keystore_stats *out)
{
	*out = (struct keystore_stats){.added = ks->added,
	                               .delivered = ks->delivered,
	                               .voided = ks->voided,
	                               .expired = ks->expired,
	                               .imported = ks->imported,
	                               .eps_total = ks->eps_total,
	                               .preshared_hashes = ks->preshared_hashes};
	for (const struct ks_block *b = ks->first; b != NULL; b = b->next) {
		if (b->available == 0)
			continue;
		out->blocks++;
		out->simulated |= b->simulated;
		out->has_imported |= b->source == STORAGE_IMPORTED;
		out->has_foreign |= b->source == STORAGE_FOREIGN;
		for (uint32_t i = 0; i < b->auth_keys; i++) {
			out->available[ks_class(b, i)] += ks_available(b, i);
			if (b->source == STORAGE_PSK)
				out->preshared[ks_class(b, i)] += ks_available(b, i);
		}
		out->available[KEY_REKEY] += b->available;
		for (uint32_t i = 0; i < b->auth_keys; i++)
			out->available[KEY_REKEY] -= ks_available(b, i);
	}
}
