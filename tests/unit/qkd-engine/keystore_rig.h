/* SPDX-License-Identifier: BSD-3-Clause */

/* Two key stores in files of a folder of their own, and blocks whose bytes follow from a number. */

#ifndef TESTS_KEYSTORE_RIG_H
#define TESTS_KEYSTORE_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/gcm.h"
#include "common/hkdf.h"
#include "common/secret.h"
#include "qkd-engine/keystore.h"
#include "qkd-engine/storage.h"
#include "tests/unit/unit.h"

#define KEYS      40
#define AUTH_KEYS 6

static char dir[] = "/tmp/keystore-XXXXXX";
static char paths[2][64];

static inline void set_up(void)
{
	struct err err = {0};

	if (gcm_provider() == NULL)
		CU_ASSERT_EQUAL_FATAL(gcm_provider_init(NULL, &err), 0);
	if (secret_size() == 0)
		CU_ASSERT_EQUAL_FATAL(secret_init(4 << 20, &err), 0);
	if (paths[0][0] == '\0') {
		CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
		snprintf(paths[0], sizeof(paths[0]), "%s/a.db", dir);
		snprintf(paths[1], sizeof(paths[1]), "%s/b.db", dir);
	}
}

static inline void remove_files(void)
{
	for (int i = 0; i < 2; i++) {
		char wal[80];

		unlink(paths[i]);
		snprintf(wal, sizeof(wal), "%s-wal", paths[i]);
		unlink(wal);
	}
}

static uint8_t summary_keys[2]; /* every byte of it, by end */

static inline struct keystore *open_end(int end, uint8_t storage_key)
{
	struct keystore_config config = {.site_a = end == 0, .max_keys = 1000};
	struct storage *storage = NULL;
	struct keystore *ks = NULL;
	struct err err = {0};

	memset(config.storage_key, storage_key, sizeof(config.storage_key));
	memset(config.summary_key, summary_keys[end], sizeof(config.summary_key));
	if (storage_sqlite_open(paths[end], &storage, &err) < 0)
		return NULL;
	if (keystore_open(&config, storage, &ks, &err) < 0)
		return NULL;
	return ks;
}

/* A block whose every byte follows from its number. */
static inline struct key_block *make_block(uint64_t number, uint32_t keys)
{
	struct key_block *kb = calloc(1, sizeof(*kb) + (size_t)keys * KEY_BYTES);

	kb->number = number;
	kb->bits = keys * KEY_BYTES * 8;
	kb->pad_keys = keys < AUTH_KEYS ? keys & ~1u : AUTH_KEYS;
	kb->pad_base = STORAGE_PADS_FROM + 8 * number;
	kb->simulated = true;
	kb->time_wall_ns = number * 1000000000ULL;
	memset(kb->id, (int)number, sizeof(kb->id));
	kb->proof = FINITE_KEY_WIESEMANN2024;
	kb->source = (struct finite_key_source){{0.3, 0.1}, {0.3, 0.7}, 1e-12, 1e-15};
	kb->eps_auth = 1e-34;
	kb->leak_mode = LEAK_TWO_WAY;
	for (size_t i = 0; i < (size_t)keys * KEY_BYTES; i++)
		kb->key[i] = (uint8_t)(number * 31 + i * 7 + i / 256);
	sha256(kb->key, (size_t)keys * KEY_BYTES, kb->hash);
	return kb;
}

static inline int add(struct keystore *ks, uint64_t number, uint32_t keys)
{
	struct key_block *kb = make_block(number, keys);
	int rc = keystore_add(ks, kb, NULL);

	free(kb);
	return rc;
}

#endif
