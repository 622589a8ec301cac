/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/keystore.h"
#include "tests/unit/qkd-engine/keystore_rig.h"

#include <errno.h>
#include <sys/stat.h>

#include <sqlite3.h>

/* Whatever handed it over: counted as no proof allows, it is no key. */
static void test_refuses_what_no_proof_counts(void)
{
	static const enum leak_mode unproven[] = {LEAK_AUTO, LEAK_ERROR_PATTERN, LEAK_ALICE_ONLY};
	struct key_block *kb = make_block(1, KEYS);
	struct keystore_stats stats;
	struct keystore *ks;
	struct err err;

	set_up();
	remove_files();
	ks = open_end(0, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ks);
	for (unsigned int i = 0; i < sizeof(unproven) / sizeof(unproven[0]); i++) {
		kb->leak_mode = unproven[i];
		CU_ASSERT_EQUAL(keystore_add(ks, kb, &err), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, leak_mode_name(unproven[i])));
	}
	keystore_stats_read(ks, &stats);
	CU_ASSERT_EQUAL(stats.blocks, 0);
	CU_ASSERT_EQUAL(stats.available[KEY_REKEY], 0);
	kb->leak_mode = LEAK_ONE_WAY;
	CU_ASSERT_EQUAL(keystore_add(ks, kb, &err), 0);
	free(kb);
	keystore_close(ks);
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
	CU_ASSERT_EQUAL(stats.available[KEY_REKEY], KEYS - AUTH_KEYS);
	CU_ASSERT_TRUE(stats.simulated);
	CU_ASSERT_FALSE(stats.has_imported);
	while (keystore_take(a, KEY_REKEY, &id, ka, NULL) == 0) {
		CU_ASSERT_EQUAL(id.index, (uint32_t)(AUTH_KEYS + n));
		CU_ASSERT_EQUAL(memcmp(ka, kb->key + id.index * 32, 32), 0);
		CU_ASSERT_EQUAL(keystore_take_id(b, KEY_AUTH_A, &id, kb_key, NULL), -ENOENT);
		CU_ASSERT_EQUAL(keystore_take_id(b, KEY_REKEY, &id, kb_key, NULL), 0);
		CU_ASSERT_EQUAL(memcmp(ka, kb_key, 32), 0);
		CU_ASSERT_EQUAL(keystore_take_id(b, KEY_REKEY, &id, kb_key, NULL), -EALREADY);
		n++;
	}
	CU_ASSERT_EQUAL(n, KEYS - AUTH_KEYS);
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
	CU_ASSERT_EQUAL(stats.available[KEY_REKEY], KEYS - AUTH_KEYS - 3);
	keystore_close(a);
	keystore_close(b);
	a = open_end(0, 1);
	b = open_end(1, 2);
	keystore_stats_read(a, &stats);
	CU_ASSERT_EQUAL(stats.available[KEY_REKEY], KEYS - AUTH_KEYS - 4);
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
	struct auth_pad pads[4], more[8];
	struct keystore_stats stats;

	set_up();
	remove_files();
	a = open_end(0, 1);
	add(a, 1, KEYS);
	CU_ASSERT_EQUAL(keystore_take(a, KEY_REKEY, &first, key, NULL), 0);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, pads, 4, 4, NULL), 4);
	keystore_close(a);
	a = open_end(0, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_EQUAL(add(a, 1, KEYS), -EEXIST);
	CU_ASSERT_EQUAL(keystore_take(a, KEY_REKEY, &second, key, NULL), 0);
	CU_ASSERT_EQUAL(second.index, first.index + 1);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, more, 8, 8, NULL), 2);
	for (int i = 0; i < 4; i++)
		CU_ASSERT(more[0].id > pads[i].id && more[1].id > pads[i].id);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, more, 8, 8, NULL), -ENOENT);
	keystore_stats_read(a, &stats);
	CU_ASSERT_EQUAL(stats.available[KEY_REKEY], KEYS - AUTH_KEYS - 2);
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

static void test_summaries_bring_both_ends_together(void)
{
	struct keystore *a, *b;
	struct keystore_stats sa, sb;
	struct key_id id;
	struct auth_pad pads[2], got;
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
	/* Under way to A. */
	CU_ASSERT_EQUAL(keystore_pads_take(b, KEY_AUTH_B, pads, 2, 0, NULL), 2);
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
	CU_ASSERT_EQUAL(sa.available[KEY_REKEY], KEYS - AUTH_KEYS - 1);
	CU_ASSERT_EQUAL(sb.available[KEY_REKEY], sa.available[KEY_REKEY]);
	/* The pads that were under way still open at A. */
	CU_ASSERT_EQUAL(keystore_pad_fetch(a, KEY_AUTH_B, pads[1].id, &got, NULL), 0);
	CU_ASSERT_EQUAL(keystore_pad_fetch(a, KEY_AUTH_B, pads[0].id, &got, NULL), 0);
	CU_ASSERT_EQUAL(keystore_import(a, summary_a, 64, NULL), 0);
	CU_ASSERT_EQUAL(keystore_reconcile(a, summary_b, 0, &voided, NULL), 0);
	keystore_stats_read(a, &sa);
	CU_ASSERT_EQUAL(sa.available[KEY_REKEY], 2); /* those that B may still import */
	keystore_close(a);
	keystore_close(b);
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

static int add_foreign(struct keystore *ks, uint8_t name, uint8_t byte, uint32_t n)
{
	static uint8_t bytes[700 * KEY_BYTES];
	struct keystore_foreign f = {.keys = bytes, .n = n, .simulated = true, .record = "{}"};

	memset(f.id, name, sizeof(f.id));
	memset(bytes, byte, sizeof(bytes));
	return keystore_add_foreign(ks, &f, NULL);
}

/* They serve as QKD key does: equal at both ends, once, over a restart, within the limit. */
static void test_keys_of_a_foreign_kme(void)
{
	struct keystore *a, *b;
	struct keystore_foreign f = {.keys = (const uint8_t *)"0123456789abcdef0123456789abcdef",
	                             .n = 1};
	static uint8_t summary[8192];
	struct keystore_stats stats;
	uint8_t key[32], other[32], mac[2][16];
	struct key_id id;
	uint64_t voided;
	size_t len;

	set_up();
	remove_files();
	a = open_end(0, 1);
	b = open_end(1, 2);
	CU_ASSERT_EQUAL(add_foreign(a, 1, 10, 5), 0);
	CU_ASSERT_EQUAL(add_foreign(b, 1, 10, 5), 0);
	CU_ASSERT_EQUAL(add_foreign(a, 1, 11, 5), -EEXIST); /* the name */
	CU_ASSERT_EQUAL(add_foreign(a, 2, 10, 5), -EEXIST); /* the bytes */
	CU_ASSERT_EQUAL(add_foreign(a, 3, 12, 0), -EINVAL);
	keystore_close(a);
	a = open_end(0, 1);
	CU_ASSERT_EQUAL(keystore_take(a, KEY_REKEY, &id, key, NULL), 0);
	CU_ASSERT_EQUAL(keystore_take_id(b, KEY_REKEY, &id, other, NULL), 0);
	CU_ASSERT_EQUAL(memcmp(key, other, 32), 0);
	CU_ASSERT_EQUAL(key[0], 10);
	keystore_stats_read(a, &stats);
	CU_ASSERT_TRUE(stats.has_foreign && stats.simulated && !stats.has_imported);
	CU_ASSERT_EQUAL(stats.available[KEY_REKEY], 4);
	CU_ASSERT_EQUAL(stats.available[KEY_AUTH_A] + stats.available[KEY_AUTH_B], 0);
	/* What B alone has goes when the ends compare, and is never taken again. */
	CU_ASSERT_EQUAL(add_foreign(b, 4, 13, 3), 0);
	CU_ASSERT_EQUAL(keystore_summary(a, summary, sizeof(summary), &len), 0);
	CU_ASSERT_EQUAL(keystore_reconcile(b, summary, len, &voided, NULL), 0);
	CU_ASSERT_EQUAL(voided, 3);
	CU_ASSERT_EQUAL(add_foreign(b, 4, 13, 3), -EEXIST);
	/* The hash by which the ends compare: of the bytes, under their key. */
	CU_ASSERT_EQUAL(keystore_foreign_mac(a, &f, mac[0]), 0);
	CU_ASSERT_EQUAL(keystore_foreign_mac(b, &f, mac[1]), 0);
	CU_ASSERT_EQUAL(memcmp(mac[0], mac[1], 16), 0);
	f.keys = (const uint8_t *)"1123456789abcdef0123456789abcdef";
	CU_ASSERT_EQUAL(keystore_foreign_mac(b, &f, mac[1]), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(mac[0], mac[1], 16), 0);
	/* 1000 keys at the most. */
	for (uint8_t i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(add_foreign(a, 20 + i, 20 + i, 600), 0);
	keystore_stats_read(a, &stats);
	CU_ASSERT_EQUAL(stats.available[KEY_REKEY], 8 * 600);
	CU_ASSERT_EQUAL(stats.voided, 4 + 2 * 600);
	keystore_close(a);
	keystore_close(b);
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
	CU_ASSERT_EQUAL(stats.available[KEY_REKEY], 3 + 8 * (600 - AUTH_KEYS));
	CU_ASSERT_EQUAL(stats.voided, 2 * (600 - AUTH_KEYS));
	CU_ASSERT_EQUAL(stats.available[KEY_AUTH_A], 10 * AUTH_KEYS / 2); /* pads stay */
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
	CU_ASSERT_EQUAL(stats.available[KEY_REKEY], 2 * (KEYS - AUTH_KEYS));
	CU_ASSERT_EQUAL(keystore_take(a, KEY_REKEY, &id, key, NULL), 0);
	CU_ASSERT_EQUAL(keystore_refused(a, &id, false), 0);
	keystore_stats_read(a, &stats);
	CU_ASSERT_EQUAL(stats.available[KEY_AUTH_A], 2 * 3); /* the pads stay */
	CU_ASSERT_EQUAL(stats.available[KEY_REKEY], KEYS - AUTH_KEYS);
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

UNIT_MAIN(UNIT(test_refused_key_takes_its_block_along), UNIT(test_refuses_what_no_proof_counts),
          UNIT(test_each_key_once_and_equal_at_both_ends), UNIT(test_keys_marked_ahead),
          UNIT(test_restart_repeats_nothing), UNIT(test_rests_sealed_under_the_storage_key),
          UNIT(test_summaries_bring_both_ends_together), UNIT(test_summaries_are_keyed),
          UNIT(test_epsilons_add_up), UNIT(test_keys_of_a_foreign_kme),
          UNIT(test_import_room_and_expiry))
