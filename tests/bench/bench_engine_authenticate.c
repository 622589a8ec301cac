/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Authentication: row authenticate. The share of the sifted key that tags take, with key stores
 * of both ends that give out pads and get them back as the gateway's do, over blocks that all
 * become key; and the speed of the transcripts' hash.
 */

#include "bench_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/gcm.h"
#include "common/hkdf.h"
#include "common/secret.h"
#include "qkd-engine/auth.h"
#include "qkd-engine/hash_keys.h"
#include "qkd-engine/keystore.h"
#include "qkd-engine/storage.h"

#define BLOCK_BITS  (1u << 20)
#define BLOCK_LEAST 4096
#define BLOCK_MOST  16000000
#define WARM_UP     64  /* blocks until the stock of pads is what it stays */
#define BLOCKS      256 /* that count: each renews the hash keys as often as any other */
#define KEYS        64  /* of a block; more make no difference here */
#define SAMPLES     9
#define HASHED      (64u << 20) /* bytes a sample */

static struct {
	char dir[32];
	struct keystore *ks[2];
} pads;

static void open_stores(void)
{
	static const char *const names[] = {"a", "b"};
	static uint8_t psk[64 * KEY_BYTES] = {1};
	struct err err = {0};

	strcpy(pads.dir,
	       access("/dev/shm", W_OK) == 0 ? "/dev/shm/pads-XXXXXX" : "/tmp/pads-XXXXXX");
	if (mkdtemp(pads.dir) == NULL)
		bench_fail("authenticate: no folder for key stores");
	for (int i = 0; i < 2; i++) {
		struct keystore_config config = {.site_a = i == 0};
		struct storage *storage;
		char path[64];

		snprintf(path, sizeof(path), "%s/%s", pads.dir, names[i]);
		if (storage_sqlite_open(path, &storage, &err) < 0 ||
		    keystore_open(&config, storage, &pads.ks[i], &err) < 0 ||
		    keystore_add_psk(pads.ks[i], psk, sizeof(psk), &err) < 0)
			bench_fail("authenticate: %s", err.text);
	}
}

static void close_stores(void)
{
	static const char *const names[] = {"a", "a-wal", "b", "b-wal"};
	char path[64];

	keystore_close(pads.ks[0]);
	keystore_close(pads.ks[1]);
	for (unsigned int i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", pads.dir, names[i]);
		unlink(path);
	}
	rmdir(pads.dir);
}

/* A block with its two tags becomes key at both ends; the keys that it gives to pads. */
static unsigned int block(uint64_t number, const struct auth_pad *a, const struct auth_pad *b)
{
	struct key_block *kb = calloc(1, sizeof(*kb) + (size_t)KEYS * KEY_BYTES);
	struct auth_pad got;
	struct err err = {0};

	if (kb == NULL)
		bench_fail("authenticate: out of memory");
	kb->number = number;
	kb->bits = KEYS * KEY_BYTES * 8;
	kb->proof = FINITE_KEY_WIESEMANN2024;
	kb->leak_mode = LEAK_TWO_WAY;
	kb->pad_base = a->grant_base;
	kb->pad_keys = a->grant_keys;
	memcpy(kb->id, &number, sizeof(number));
	memcpy(kb->key, &number, sizeof(number));
	sha256(kb->key, kb->bits / 8, kb->hash);
	if (keystore_pad_fetch(pads.ks[1], KEY_AUTH_A, a->id, &got, &err) < 0 ||
	    memcmp(got.bits, a->bits, sizeof(got.bits)) != 0 ||
	    keystore_pad_fetch(pads.ks[0], KEY_AUTH_B, b->id, &got, &err) < 0 ||
	    memcmp(got.bits, b->bits, sizeof(got.bits)) != 0 ||
	    keystore_add(pads.ks[0], kb, &err) < 0 || keystore_add(pads.ks[1], kb, &err) < 0)
		bench_fail("authenticate: block %llu: %s", (unsigned long long)number, err.text);
	free(kb);
	return a->grant_keys;
}

/* Keys of 256 bits that BLOCKS blocks give to pads. */
static uint64_t pad_keys(void)
{
	uint64_t keys = 0;

	for (unsigned int n = 0; n < WARM_UP + BLOCKS; n += 2) {
		struct auth_pad a[2], b[2];

		if (keystore_pads_take(pads.ks[0], KEY_AUTH_A, a, 2, 2, NULL) != 2 ||
		    keystore_pads_take(pads.ks[1], KEY_AUTH_B, b, 2, 2, NULL) != 2)
			bench_fail("authenticate: no pads");
		for (unsigned int i = 0; i < 2; i++) {
			unsigned int given = block(n + i + 1, &a[i], &b[i]);

			keys += n >= WARM_UP ? given : 0;
		}
	}
	return keys;
}

/* GB/s of a transcript in messages of LEN bytes. */
static double speed(const uint8_t *data, size_t len)
{
	static const uint8_t key[16] = {2}, pad[AUTH_TAG_BYTES] = {3};
	struct auth_key *k = auth_key_create(key);
	uint8_t tag[AUTH_TAG_BYTES], first[AUTH_TAG_BYTES];
	double s[SAMPLES];

	if (k == NULL)
		bench_fail("authenticate: secret memory is full");
	for (int i = 0; i < SAMPLES; i++) {
		struct auth_transcript t;
		double start = bench_cpu_s();

		auth_transcript_init(&t, k);
		for (size_t done = 0; done < HASHED; done += len)
			auth_transcript_add(&t, data, len);
		auth_transcript_tag(&t, "bench", 5, pad, tag);
		s[i] = bench_cpu_s() - start;
		if (i == 0)
			memcpy(first, tag, sizeof(first));
		else if (memcmp(first, tag, sizeof(tag)) != 0)
			bench_fail("authenticate: the same transcript has two tags");
	}
	auth_key_destroy(k);
	return (double)HASHED / bench_median(s, SAMPLES) / 1e9;
}

void bench_engine_authenticate(const struct bench_options *o)
{
	size_t bits = o->block > 0 ? o->block : BLOCK_BITS;
	double pad_bits, hash_bits = 256.0 / HASH_KEYS_USES;
	uint8_t *data;
	struct err err = {0};

	if (!bench_wanted(o, "authenticate"))
		return;
	if (bits < BLOCK_LEAST || bits > BLOCK_MOST)
		bench_fail("authenticate: --block is %d to %d bits", BLOCK_LEAST, BLOCK_MOST);
	if (gcm_provider_init(NULL, &err) < 0 ||
	    (secret_size() == 0 && secret_init(4 << 20, &err) < 0))
		bench_fail("authenticate: %s", err.text);
	data = malloc(16384);
	if (data == NULL)
		bench_fail("authenticate: out of memory");
	for (size_t i = 0; i < 16384; i++)
		data[i] = (uint8_t)(i * 167 + i / 256);
	open_stores();
	pad_bits = 256.0 * (double)pad_keys() / BLOCKS;
	close_stores();
	bench_emit("authenticate",
	           "\"key_share\": %.6f, \"bits_a_block\": %.1f, \"pad_bits\": %.1f, "
	           "\"hash_key_bits\": %.1f, \"block\": %zu, \"gbytes_s\": %.2f, "
	           "\"gbytes_s_512\": %.2f",
	           (pad_bits + hash_bits) / (double)bits, pad_bits + hash_bits, pad_bits, hash_bits,
	           bits, speed(data, 16384), speed(data, 512));
	free(data);
}
