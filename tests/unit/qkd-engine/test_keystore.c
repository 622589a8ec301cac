/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/keystore.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "common/gcm.h"
#include "common/hkdf.h"
#include "common/secret.h"
#include "qkd-engine/storage.h"

#define KEYS 40

static char dir[] = "/tmp/keystore-XXXXXX";
static char paths[2][64];

static void set_up(void)
{
	struct err err = {0};

	if (gcm_provider() == NULL) {
		CU_ASSERT_EQUAL_FATAL(gcm_provider_init(NULL, &err), 0);
		CU_ASSERT_EQUAL_FATAL(secret_init(4 << 20, &err), 0);
		CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
		snprintf(paths[0], sizeof(paths[0]), "%s/a.db", dir);
		snprintf(paths[1], sizeof(paths[1]), "%s/b.db", dir);
	}
}

static void remove_files(void)
{
	for (int i = 0; i < 2; i++) {
		char wal[80];

		unlink(paths[i]);
		snprintf(wal, sizeof(wal), "%s-wal", paths[i]);
		unlink(wal);
	}
}

static uint8_t summary_keys[2]; /* every byte of it, by end */

static struct keystore *open_end(int end, uint8_t storage_key)
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
static struct key_block *make_block(uint64_t number, uint32_t keys)
{
	struct key_block *kb = calloc(1, sizeof(*kb) + (size_t)keys * KEY_BYTES);

	kb->number = number;
	kb->bits = keys * KEY_BYTES * 8;
	kb->simulated = true;
	kb->time_wall_ns = number * 1000000000ULL;
	memset(kb->id, (int)number, sizeof(kb->id));
	kb->proof = FINITE_KEY_WIESEMANN2024;
	kb->source = (struct finite_key_source){{0.3, 0.1}, {0.3, 0.7}, 1e-12, 1e-15};
	kb->eps_auth = 1e-34;
	strcpy(kb->leak_mode, "two-way");
	for (size_t i = 0; i < (size_t)keys * KEY_BYTES; i++)
		kb->key[i] = (uint8_t)(number * 31 + i * 7 + i / 256);
	sha256(kb->key, (size_t)keys * KEY_BYTES, kb->hash);
	return kb;
}

static int add(struct keystore *ks, uint64_t number, uint32_t keys)
{
	struct key_block *kb = make_block(number, keys);
	int rc = keystore_add(ks, kb, NULL);

	free(kb);
	return rc;
}

static void test_each_key_once_and_equal_at_both_ends(void)
{
	struct keystore *a, *b;
	struct key_block *kb = make_block(1, KEYS);
	struct keystore_stats stats;
	uint8_t ka[32], kb_key[32];
	struct key_id id;
	int n = 0;

	set_up();
	remove_files();
	a = open_end(0, 1);
	b = open_end(1, 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	CU_ASSERT_EQUAL(add(a, 1, KEYS), 0);
	CU_ASSERT_EQUAL(add(b, 1, KEYS), 0);
	CU_ASSERT_EQUAL(add(a, 1, KEYS), -EEXIST);
	keystore_stats_read(a, &stats);
	CU_ASSERT_EQUAL(stats.available[KEY_AUTH_A], 3);
	CU_ASSERT_EQUAL(stats.available[KEY_AUTH_B], 3);
	CU_ASSERT_EQUAL(stats.available[KEY_REKEY], KEYS - KEYSTORE_AUTH_KEYS);
	CU_ASSERT_TRUE(stats.simulated);
	CU_ASSERT_FALSE(stats.has_imported);
	while (keystore_take(a, KEY_REKEY, &id, ka, NULL) == 0) {
		CU_ASSERT_EQUAL(id.index, (uint32_t)(KEYSTORE_AUTH_KEYS + n));
		CU_ASSERT_EQUAL(memcmp(ka, kb->key + id.index * 32, 32), 0);
		CU_ASSERT_EQUAL(keystore_take_id(b, KEY_AUTH_A, &id, kb_key, NULL), -ENOENT);
		CU_ASSERT_EQUAL(keystore_take_id(b, KEY_REKEY, &id, kb_key, NULL), 0);
		CU_ASSERT_EQUAL(memcmp(ka, kb_key, 32), 0);
		CU_ASSERT_EQUAL(keystore_take_id(b, KEY_REKEY, &id, kb_key, NULL), -EALREADY);
		n++;
	}
	CU_ASSERT_EQUAL(n, KEYS - KEYSTORE_AUTH_KEYS);
	memset(id.block, 9, sizeof(id.block));
	CU_ASSERT_EQUAL(keystore_take_id(b, KEY_REKEY, &id, kb_key, NULL), -ENOENT);
	keystore_close(a);
	keystore_close(b);
	free(kb);
}

/*
 * Marked used ahead of time: none of them comes back after a restart, those not yet given out
 * are at hand until then, and the other end finds keys named out of order.
 */
static void test_keys_marked_ahead(void)
{
	struct keystore_stats stats;
	struct keystore *a, *b;
	struct key_id id, late;
	uint8_t ka[32], kb[32];

	set_up();
	remove_files();
	a = open_end(0, 1);
	b = open_end(1, 2);
	CU_ASSERT_EQUAL(add(a, 1, KEYS), 0);
	CU_ASSERT_EQUAL(add(b, 1, KEYS), 0);
	keystore_ahead(a, 4);
	keystore_ahead(b, 4);
	CU_ASSERT_EQUAL(keystore_take(a, KEY_REKEY, &late, ka, NULL), 0);
	for (unsigned int i = 1; i < 3; i++) {
		CU_ASSERT_EQUAL(keystore_take(a, KEY_REKEY, &id, ka, NULL), 0);
		CU_ASSERT_EQUAL(id.index, late.index + i);
		CU_ASSERT_EQUAL(keystore_take_id(b, KEY_REKEY, &id, kb, NULL), 0);
		CU_ASSERT_EQUAL(memcmp(ka, kb, 32), 0);
	}
	/* Before the first that B marked: marked now. */
	CU_ASSERT_EQUAL(keystore_take_id(b, KEY_REKEY, &late, kb, NULL), 0);
	CU_ASSERT_EQUAL(keystore_take_id(b, KEY_REKEY, &late, kb, NULL), -EALREADY);
	keystore_stats_read(a, &stats);
	CU_ASSERT_EQUAL(stats.available[KEY_REKEY], KEYS - KEYSTORE_AUTH_KEYS - 3);
	keystore_close(a);
	keystore_close(b);
	a = open_end(0, 1);
	b = open_end(1, 2);
	keystore_stats_read(a, &stats);
	CU_ASSERT_EQUAL(stats.available[KEY_REKEY], KEYS - KEYSTORE_AUTH_KEYS - 4);
	CU_ASSERT_EQUAL(keystore_take(a, KEY_REKEY, &id, ka, NULL), 0);
	CU_ASSERT_EQUAL(id.index, late.index + 4);
	CU_ASSERT_EQUAL(keystore_take_id(b, KEY_REKEY, &late, kb, NULL), -EALREADY);
	keystore_close(a);
	keystore_close(b);
}

/* What was given out before the process died is not given out by the next one. */
static void test_restart_repeats_nothing(void)
{
	struct keystore *a;
	struct key_id first, second;
	uint8_t key[32];
	struct auth_pad pads[2], more[8];
	struct keystore_stats stats;

	set_up();
	remove_files();
	a = open_end(0, 1);
	add(a, 1, KEYS);
	CU_ASSERT_EQUAL(keystore_take(a, KEY_REKEY, &first, key, NULL), 0);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, pads, 2, 2, NULL), 2);
	keystore_close(a);
	a = open_end(0, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_EQUAL(add(a, 1, KEYS), -EEXIST);
	CU_ASSERT_EQUAL(keystore_take(a, KEY_REKEY, &second, key, NULL), 0);
	CU_ASSERT_EQUAL(second.index, first.index + 1);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, more, 8, 8, NULL), 1);
	CU_ASSERT(more[0].id != pads[0].id && more[0].id != pads[1].id);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, more, 8, 8, NULL), -ENOENT);
	keystore_stats_read(a, &stats);
	CU_ASSERT_EQUAL(stats.available[KEY_REKEY], KEYS - KEYSTORE_AUTH_KEYS - 2);
	keystore_close(a);
}

static bool file_holds(const char *path, const void *needle, size_t len)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	long size;
	bool found;

	if (f == NULL)
		return false;
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	data = malloc((size_t)size + 1);
	size = (long)fread(data, 1, (size_t)size, f);
	fclose(f);
	found = memmem(data, (size_t)size, needle, len) != NULL;
	free(data);
	return found;
}

static void test_rests_sealed_under_the_storage_key(void)
{
	struct key_block *kb = make_block(1, KEYS);
	struct keystore *a;
	struct stat st;
	char wal[80];

	set_up();
	remove_files();
	snprintf(wal, sizeof(wal), "%s-wal", paths[0]);
	a = open_end(0, 1);
	CU_ASSERT_PTR_NULL(open_end(0, 1)); /* locked */
	add(a, 1, KEYS);
	CU_ASSERT_EQUAL(stat(paths[0], &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	for (int i = 0; i < KEYS; i++) {
		CU_ASSERT_FALSE(file_holds(paths[0], kb->key + i * 32, 16));
		CU_ASSERT_FALSE(file_holds(wal, kb->key + i * 32, 16));
	}
	keystore_close(a);
	CU_ASSERT_TRUE(file_holds(paths[0], kb->hash, 32)); /* the search does find */
	CU_ASSERT_PTR_NULL(open_end(0, 7));                 /* another storage key */
	a = open_end(0, 1);
	CU_ASSERT_PTR_NOT_NULL(a);
	keystore_close(a);
	free(kb);
}

static void test_pads_name_themselves_to_the_other_end(void)
{
	struct keystore *a, *b;
	uint8_t psk[64 * 32];
	struct auth_pad pads[16], got;

	set_up();
	remove_files();
	a = open_end(0, 1);
	b = open_end(1, 2);
	for (size_t i = 0; i < sizeof(psk); i++)
		psk[i] = (uint8_t)(i * i + 3);
	CU_ASSERT_EQUAL(keystore_add_psk(a, psk, sizeof(psk), NULL), 0);
	CU_ASSERT_EQUAL(keystore_add_psk(a, psk, sizeof(psk), NULL), -EEXIST);
	CU_ASSERT_EQUAL(keystore_add_psk(b, psk, sizeof(psk), NULL), 0);
	add(a, 5, KEYS);
	add(b, 5, KEYS);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, pads, 16, 16, NULL), 16);
	/* The pads of QKD go first, the pre-shared secret is the reserve. */
	CU_ASSERT_NOT_EQUAL(memcmp(pads[0].bits, psk, 16), 0);
	CU_ASSERT_EQUAL(memcmp(pads[3].bits, psk, 16), 0);
	for (int i = 15; i >= 0; i--) {
		CU_ASSERT_EQUAL(keystore_pad_fetch(b, KEY_AUTH_B, pads[i].id, &got, NULL), -ENOENT);
		CU_ASSERT_EQUAL(keystore_pad_fetch(b, KEY_AUTH_A, pads[i].id, &got, NULL), 0);
		CU_ASSERT_EQUAL(memcmp(got.bits, pads[i].bits, 16), 0);
		CU_ASSERT_EQUAL(keystore_pad_fetch(b, KEY_AUTH_A, pads[i].id, &got, NULL), -ENOENT);
	}
	keystore_close(a);
	keystore_close(b);
}

static void test_summaries_bring_both_ends_together(void)
{
	struct keystore *a, *b;
	struct keystore_stats sa, sb;
	struct key_id id;
	struct auth_pad pad;
	uint8_t key[32], summary_a[4096], summary_b[4096];
	size_t len_a, len_b;
	uint64_t voided;

	set_up();
	remove_files();
	a = open_end(0, 1);
	b = open_end(1, 2);
	add(a, 1, KEYS);
	add(b, 1, KEYS);
	add(a, 2, KEYS); /* the commit of block 2 never reached B */
	keystore_take(a, KEY_REKEY, &id, key, NULL);
	keystore_pads_take(b, KEY_AUTH_B, &pad, 1, 1, NULL); /* under way to A */
	CU_ASSERT_EQUAL(keystore_summary(a, summary_a, sizeof(summary_a), &len_a), 0);
	CU_ASSERT_EQUAL(keystore_summary(b, summary_b, sizeof(summary_b), &len_b), 0);
	CU_ASSERT_EQUAL(keystore_summary(a, summary_b, 10, &len_b), -ENOSPC);
	keystore_summary(b, summary_b, sizeof(summary_b), &len_b);
	for (size_t cut = 1; cut < 36; cut++)
		CU_ASSERT_EQUAL(keystore_reconcile(a, summary_b, len_b - cut, &voided, NULL),
		                -EPROTO);
	CU_ASSERT_EQUAL(keystore_reconcile(a, summary_b, len_b, &voided, NULL), 0);
	CU_ASSERT_EQUAL(voided, KEYS);
	CU_ASSERT_EQUAL(keystore_reconcile(b, summary_a, len_a, &voided, NULL), 0);
	CU_ASSERT_EQUAL(voided, 1);
	keystore_stats_read(a, &sa);
	keystore_stats_read(b, &sb);
	CU_ASSERT_EQUAL(sa.available[KEY_REKEY], KEYS - KEYSTORE_AUTH_KEYS - 1);
	CU_ASSERT_EQUAL(sb.available[KEY_REKEY], sa.available[KEY_REKEY]);
	/* The pad that was under way still opens at A. */
	CU_ASSERT_EQUAL(keystore_pad_fetch(a, KEY_AUTH_B, pad.id, &pad, NULL), 0);
	CU_ASSERT_EQUAL(keystore_import(a, summary_a, 64, NULL), 0);
	CU_ASSERT_EQUAL(keystore_reconcile(a, summary_b, 0, &voided, NULL), 0);
	keystore_stats_read(a, &sa);
	CU_ASSERT_EQUAL(sa.available[KEY_REKEY], 2); /* those that B may still import */
	keystore_close(a);
	keystore_close(b);
}

/* The pre-shared secret is not refilled, and a restart loses what was taken ahead. */
static void test_the_reserve_is_spared(void)
{
	struct keystore *a;
	struct keystore_stats stats;
	uint8_t psk[64 * 32];
	struct auth_pad pads[16];

	set_up();
	remove_files();
	a = open_end(0, 1);
	for (size_t i = 0; i < sizeof(psk); i++)
		psk[i] = (uint8_t)(i * i + 3);
	keystore_add_psk(a, psk, sizeof(psk), NULL);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, pads, 16, 2, NULL), 2);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, pads, 16, 0, NULL), -ENOENT);
	add(a, 5, KEYS);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, pads, 16, 2, NULL), 3);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, pads, 1, 2, NULL), 1);
	keystore_stats_read(a, &stats);
	CU_ASSERT_EQUAL(stats.available[KEY_AUTH_A], 32 - 3);
	CU_ASSERT_EQUAL(stats.available[KEY_AUTH_B], 32 + 3);
	keystore_close(a);
}

/* Nothing that goes over the wire in the clear is a plain hash of key bytes. */
static void test_summaries_are_keyed(void)
{
	/* HMAC-SHA-256 under 32 bytes of 7 of block 1's identity and SHA-256 of its key. */
	static const uint8_t mac[16] = {0x8d, 0x66, 0xb1, 0x8c, 0xdf, 0x50, 0x2b, 0x8b,
	                                0xdb, 0xa4, 0x98, 0x14, 0x96, 0xeb, 0x3e, 0x58};
	struct keystore *a, *b;
	struct key_block *kb = make_block(1, KEYS);
	struct key_id id, other;
	uint8_t summary[4096], key[32], file[64], digest[32], name[33];
	uint64_t voided;
	size_t len;

	set_up();
	remove_files();
	memset(file, 0x5a, sizeof(file));
	summary_keys[0] = 7;
	summary_keys[1] = 8; /* another link's */
	a = open_end(0, 1);
	b = open_end(1, 2);
	add(a, 1, KEYS);
	add(b, 1, KEYS);
	CU_ASSERT_EQUAL(keystore_summary(a, summary, sizeof(summary), &len), 0);
	CU_ASSERT_PTR_NULL(memmem(summary, len, kb->hash, 16));
	CU_ASSERT_EQUAL(memcmp(summary + 16, mac, 16), 0);
	CU_ASSERT_EQUAL(keystore_reconcile(b, summary, len, &voided, NULL), 0);
	CU_ASSERT_EQUAL(voided, KEYS);
	CU_ASSERT_EQUAL(keystore_reconcile(a, summary, len, &voided, NULL), 0);
	CU_ASSERT_EQUAL(voided, 0);
	/* An identity from a file's bytes is keyed, too. */
	keystore_reconcile(a, summary, 0, &voided, NULL);
	CU_ASSERT_EQUAL(keystore_import(a, file, sizeof(file), NULL), 0);
	CU_ASSERT_EQUAL(keystore_import(b, file, sizeof(file), NULL), 0);
	CU_ASSERT_EQUAL(keystore_take(a, KEY_REKEY, &id, key, NULL), 0);
	CU_ASSERT_EQUAL(keystore_take(b, KEY_REKEY, &other, key, NULL), 0);
	sha256(file, sizeof(file), digest);
	memcpy(name, digest, 32);
	name[32] = STORAGE_IMPORTED;
	CU_ASSERT_NOT_EQUAL(memcmp(id.block, digest, 16), 0);
	sha256(name, sizeof(name), digest);
	CU_ASSERT_NOT_EQUAL(memcmp(id.block, digest, 16), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(id.block, other.block, 16), 0);
	keystore_close(a);
	/* Another pre-shared secret names the file otherwise; its keys still come once. */
	summary_keys[0] = 9;
	a = open_end(0, 1);
	CU_ASSERT_EQUAL(keystore_import(a, file, sizeof(file), NULL), -EEXIST);
	keystore_close(a);
	keystore_close(b);
	summary_keys[0] = summary_keys[1] = 0;
	free(kb);
}

static void test_import_room_and_expiry(void)
{
	struct keystore *a;
	struct keystore_stats stats;
	struct key_id id;
	uint8_t file[96], key[32];
	struct err err = {0};

	set_up();
	remove_files();
	a = open_end(0, 1);
	memset(file, 0x5a, sizeof(file));
	CU_ASSERT_EQUAL(keystore_import(a, file, 95, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "95 bytes"));
	CU_ASSERT_EQUAL(keystore_import(a, file, 0, &err), -EINVAL);
	CU_ASSERT_EQUAL(keystore_import(a, file, 96, &err), 0);
	CU_ASSERT_EQUAL(keystore_import(a, file, 96, &err), -EEXIST);
	keystore_stats_read(a, &stats);
	CU_ASSERT_EQUAL(stats.available[KEY_REKEY], 3);
	CU_ASSERT_TRUE(stats.has_imported);
	/* 1000 keys at the most: the oldest blocks go, the newest eight and the imported stay. */
	for (uint64_t i = 1; i <= 10; i++)
		add(a, i, 600);
	keystore_stats_read(a, &stats);
	CU_ASSERT_EQUAL(stats.available[KEY_REKEY], 3 + 8 * (600 - KEYSTORE_AUTH_KEYS));
	CU_ASSERT_EQUAL(stats.voided, 2 * 600);
	CU_ASSERT_EQUAL(keystore_take(a, KEY_REKEY, &id, key, NULL), 0);
	CU_ASSERT_EQUAL(memcmp(key, file, 32), 0);
	CU_ASSERT_EQUAL(keystore_void(a, &id), -ENOENT);
	id.index = 1;
	CU_ASSERT_EQUAL(keystore_void(a, &id), 0);
	CU_ASSERT_EQUAL(keystore_take(a, KEY_REKEY, &id, key, NULL), 0);
	CU_ASSERT_EQUAL(id.index, 2);
	keystore_expire(a, UINT64_MAX);
	keystore_stats_read(a, &stats);
	CU_ASSERT_EQUAL(stats.expired, 0); /* no time to live was set */
	keystore_close(a);
	remove_files();
	rmdir(dir);
}

/* The pads that are taken are not those that room is made of next. */
static void test_pads_come_from_the_newest_block(void)
{
	struct keystore *a, *b;
	struct auth_pad pads[4], got;

	set_up();
	remove_files();
	a = open_end(0, 1);
	b = open_end(1, 2);
	for (uint64_t i = 1; i <= 8; i++) {
		add(a, i, 600);
		add(b, i, 600);
	}
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, pads, 4, 0, NULL), 4);
	for (uint64_t i = 9; i <= 13; i++)
		add(b, i, 600); /* B makes room while the tags are under way */
	for (int i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(keystore_pad_fetch(b, KEY_AUTH_A, pads[i].id, &got, NULL), 0);
	keystore_close(a);
	keystore_close(b);
}

/* One refusal is enough to know what a block is worth at the other end. */
static void test_refused_key_takes_its_block_along(void)
{
	struct keystore *a;
	struct keystore_stats stats;
	struct key_id id;
	uint8_t key[32];

	set_up();
	remove_files();
	a = open_end(0, 1);
	add(a, 1, KEYS);
	add(a, 2, KEYS);
	add(a, 3, KEYS);
	CU_ASSERT_EQUAL(keystore_take(a, KEY_REKEY, &id, key, NULL), 0);
	CU_ASSERT_EQUAL(keystore_refused(a, &id, true), 0);
	keystore_stats_read(a, &stats);
	CU_ASSERT_EQUAL(stats.available[KEY_AUTH_A], 2 * 3);
	CU_ASSERT_EQUAL(stats.available[KEY_REKEY], 2 * (KEYS - KEYSTORE_AUTH_KEYS));
	CU_ASSERT_EQUAL(keystore_take(a, KEY_REKEY, &id, key, NULL), 0);
	CU_ASSERT_EQUAL(keystore_refused(a, &id, false), 0);
	keystore_stats_read(a, &stats);
	CU_ASSERT_EQUAL(stats.available[KEY_AUTH_A], 2 * 3); /* the pads stay */
	CU_ASSERT_EQUAL(stats.available[KEY_REKEY], KEYS - KEYSTORE_AUTH_KEYS);
	CU_ASSERT_EQUAL(keystore_refused(a, &id, true), 0);
	CU_ASSERT_EQUAL(keystore_refused(a, &id, true), 0); /* gone already */
	keystore_close(a);
}

static double eps_total(const struct keystore *ks)
{
	struct keystore_stats stats;

	keystore_stats_read(ks, &stats);
	return stats.eps_total;
}

static void run_sql(const char *text)
{
	sqlite3 *db;

	CU_ASSERT_EQUAL_FATAL(sqlite3_open(paths[0], &db), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* The sum of epsilons is of all blocks there ever were, whatever became of them. */
static void test_epsilons_add_up(void)
{
	static const uint8_t file[64] = {1};
	const double one = 1e-12 + 1e-15 + 1e-34;
	struct keystore *ks;

	set_up();
	remove_files();
	ks = open_end(0, 7);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ks);
	CU_ASSERT_EQUAL(eps_total(ks), 0);
	CU_ASSERT_EQUAL(add(ks, 1, KEYS), 0);
	CU_ASSERT_EQUAL(add(ks, 2, KEYS), 0);
	/* The same again is refused and counts nothing; a file is no block of QKD. */
	CU_ASSERT_EQUAL(add(ks, 2, KEYS), -EEXIST);
	CU_ASSERT_EQUAL(keystore_add_psk(ks, file, sizeof(file), NULL), 0);
	CU_ASSERT_DOUBLE_EQUAL(eps_total(ks), 2 * one, 1e-24);
	keystore_close(ks);

	ks = open_end(0, 7);
	CU_ASSERT_DOUBLE_EQUAL(eps_total(ks), 2 * one, 1e-24);
	keystore_close(ks);

	/* A file from before the sum was kept has it from its records, retired blocks included. */
	run_sql("UPDATE block SET bitmap = NULL, sealed = NULL; DROP TABLE epsilon");
	ks = open_end(0, 7);
	CU_ASSERT_DOUBLE_EQUAL(eps_total(ks), 2 * (1e-12 + 1e-15), 1e-24);
	CU_ASSERT_EQUAL(add(ks, 3, KEYS), 0);
	CU_ASSERT_DOUBLE_EQUAL(eps_total(ks), 3 * one, 1e-24);
	keystore_close(ks);
	remove_files();
}

UNIT_MAIN(UNIT(test_pads_come_from_the_newest_block), UNIT(test_refused_key_takes_its_block_along),
          UNIT(test_each_key_once_and_equal_at_both_ends), UNIT(test_keys_marked_ahead),
          UNIT(test_restart_repeats_nothing), UNIT(test_rests_sealed_under_the_storage_key),
          UNIT(test_pads_name_themselves_to_the_other_end),
          UNIT(test_summaries_bring_both_ends_together), UNIT(test_the_reserve_is_spared),
          UNIT(test_summaries_are_keyed), UNIT(test_epsilons_add_up),
          UNIT(test_import_room_and_expiry))
