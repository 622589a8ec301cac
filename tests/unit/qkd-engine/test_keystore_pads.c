/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/keystore.h"
#include "tests/unit/qkd-engine/keystore_rig.h"

#include <errno.h>

#include <sqlite3.h>

#define PSK_BYTES (64 * 32)

static struct keystore *a, *b;
static uint8_t psk[PSK_BYTES];

static void open_both(void)
{
	set_up();
	a = open_end(0, 1);
	b = open_end(1, 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(a);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
}

static void start(void)
{
	set_up();
	remove_files();
	open_both();
	for (size_t i = 0; i < sizeof(psk); i++)
		psk[i] = (uint8_t)(i * i + 3);
}

static void stop(void)
{
	keystore_close(a);
	keystore_close(b);
}

static struct keystore_stats stats_of(const struct keystore *ks)
{
	struct keystore_stats s;

	keystore_stats_read(ks, &s);
	return s;
}

/* Both halves of the keys, numbered in a row; the other end finds them by number, each once. */
static void test_numbers_are_the_same_at_both_ends(void)
{
	struct key_block *kb = make_block(5, KEYS);
	struct auth_pad pads[16], got;

	start();
	CU_ASSERT_EQUAL(keystore_add_psk(a, psk, sizeof(psk), NULL), 0);
	CU_ASSERT_EQUAL(keystore_add_psk(a, psk, sizeof(psk), NULL), -EEXIST);
	CU_ASSERT_EQUAL(keystore_add_psk(b, psk, sizeof(psk), NULL), 0);
	add(a, 5, KEYS);
	add(b, 5, KEYS);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, pads, 16, 16, NULL), 16);
	/* The pads of QKD go first, the pre-shared secret is the reserve. */
	for (int i = 0; i < 6; i++) {
		CU_ASSERT_EQUAL(pads[i].id, kb->pad_base + (uint64_t)i);
		CU_ASSERT_EQUAL(memcmp(pads[i].bits, kb->key + (i / 2) * 64 + (i % 2) * 16, 16), 0);
	}
	for (int i = 6; i < 16; i++) {
		CU_ASSERT_EQUAL(pads[i].id, (uint64_t)i - 6);
		CU_ASSERT_EQUAL(memcmp(pads[i].bits, psk + ((i - 6) / 2) * 64 + (i % 2) * 16, 16),
		                0);
	}
	for (int i = 15; i >= 0; i--) {
		CU_ASSERT_EQUAL(keystore_pad_fetch(b, KEY_AUTH_A, pads[i].id, &got, NULL), 0);
		CU_ASSERT_EQUAL(got.id, pads[i].id);
		CU_ASSERT_EQUAL(memcmp(got.bits, pads[i].bits, 16), 0);
		CU_ASSERT_EQUAL(keystore_pad_fetch(b, KEY_AUTH_A, pads[i].id, &got, NULL), -ENOENT);
	}
	CU_ASSERT_EQUAL(keystore_pad_fetch(b, KEY_AUTH_A, 64, &got, NULL), -ENOENT);
	CU_ASSERT_EQUAL(keystore_pad_fetch(b, KEY_AUTH_A, UINT64_MAX >> 1, &got, NULL), -ENOENT);
	/* Nor is any given to a tag again. */
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, pads, 2, 2, NULL), 2);
	CU_ASSERT_EQUAL(pads[0].id, 10);
	free(kb);
	stop();
}

/*
 * A crash of either end loses what was taken, and the half of a key that the receiver had not
 * heard of yet; both go on with the next key.
 */
static void test_a_crash_skips_to_the_next_key(void)
{
	struct auth_pad first[2], next[2], got;

	start();
	add(a, 5, KEYS);
	add(b, 5, KEYS);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, first, 2, 0, NULL), 2);
	CU_ASSERT_EQUAL(keystore_pad_fetch(b, KEY_AUTH_A, first[0].id, &got, NULL), 0);
	stop();
	open_both();
	CU_ASSERT_EQUAL(keystore_pad_fetch(b, KEY_AUTH_A, first[1].id, &got, NULL), -ENOENT);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, next, 2, 0, NULL), 2);
	CU_ASSERT_EQUAL(next[0].id, first[0].id + 2);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(keystore_pad_fetch(b, KEY_AUTH_A, next[i].id, &got, NULL), 0);
		CU_ASSERT_EQUAL(memcmp(got.bits, next[i].bits, 16), 0);
	}
	stop();
}

/* Site A numbers the pads of blocks to come: never twice, whatever becomes of the blocks. */
static void test_granted_numbers_never_repeat(void)
{
	struct auth_pad pads[4];
	uint64_t last = STORAGE_PADS_FROM;

	start();
	keystore_add_psk(a, psk, sizeof(psk), NULL);
	keystore_add_psk(b, psk, sizeof(psk), NULL);
	CU_ASSERT_EQUAL(keystore_pads_take(b, KEY_AUTH_B, pads, 4, 4, NULL), 4);
	for (int i = 0; i < 4; i++)
		CU_ASSERT(pads[i].grant_base == 0 && pads[i].grant_keys == 0);
	for (int round = 0; round < 4; round++) {
		CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, pads, 4, 4, NULL), 4);
		for (int i = 0; i < 4; i++) {
			CU_ASSERT(pads[i].grant_base >= last);
			CU_ASSERT_EQUAL(pads[i].grant_base % 2, 0);
			CU_ASSERT_EQUAL(pads[i].grant_keys, 4);
			last = pads[i].grant_base + pads[i].grant_keys;
		}
		stop();
		open_both();
	}
	stop();
}

/* As many pads as are spent, once a stock is there; the stock is bounded. */
static void test_blocks_give_back_what_tags_take(void)
{
	struct auth_pad pads[2], got;
	uint64_t granted = 0;
	unsigned int blocks = 0;

	start();
	keystore_add_psk(a, psk, sizeof(psk), NULL);
	for (uint64_t number = 1; number <= 60; number += 2) {
		CU_ASSERT_EQUAL_FATAL(keystore_pads_take(a, KEY_AUTH_A, pads, 2, 2, NULL), 2);
		for (int i = 0; i < 2; i++) {
			struct key_block *kb = make_block(number + (uint64_t)i, KEYS);

			kb->pad_base = pads[i].grant_base;
			kb->pad_keys = pads[i].grant_keys;
			CU_ASSERT_EQUAL(keystore_add(a, kb, NULL), 0);
			free(kb);
			if (number > 20) {
				granted += pads[i].grant_keys;
				blocks++;
			}
		}
		/* The peer spends as many. */
		for (uint64_t id = pads[0].id; id < pads[0].id + 2; id++)
			CU_ASSERT_EQUAL(keystore_pad_fetch(a, KEY_AUTH_B, id, &got, NULL), 0);
	}
	/* One of each direction a block: one key. */
	CU_ASSERT_DOUBLE_EQUAL((double)granted / blocks, 1, 0.15);
	CU_ASSERT(stats_of(a).available[KEY_AUTH_A] - stats_of(a).preshared[KEY_AUTH_A] <= 12);
	stop();
}

/* Pads that the peer lost in crashes do not count as stock for ever: blocks make up for them. */
static void test_lost_pads_are_made_up_for(void)
{
	struct auth_pad pads[4], got;
	uint64_t stock;

	start();
	for (uint64_t i = 1; i <= 10; i++) {
		add(a, i, KEYS);
		add(b, i, KEYS);
	}
	/* B takes 4 pads at each of five starts and uses none. */
	for (int i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(keystore_pads_take(b, KEY_AUTH_B, pads, 4, 0, NULL), 4);
	CU_ASSERT_EQUAL(stats_of(a).available[KEY_AUTH_B], 30);
	CU_ASSERT_EQUAL(keystore_pads_take(b, KEY_AUTH_B, pads, 2, 0, NULL), 2);
	CU_ASSERT_EQUAL(keystore_pad_fetch(a, KEY_AUTH_B, pads[0].id, &got, NULL), 0);
	stock = stats_of(b).available[KEY_AUTH_B];
	CU_ASSERT_EQUAL(stock, 30 - 11);
	CU_ASSERT_EQUAL(stats_of(a).available[KEY_AUTH_B], stock + 4);
	/* A's own, and what comes behind, stay; so does the other half. */
	CU_ASSERT_EQUAL(stats_of(a).available[KEY_AUTH_A], 30);
	CU_ASSERT_EQUAL(keystore_pad_fetch(a, KEY_AUTH_B, pads[1].id, &got, NULL), 0);
	/* One that was overtaken is still good. */
	CU_ASSERT_EQUAL(keystore_pad_fetch(a, KEY_AUTH_B, pads[0].id - 2, &got, NULL), 0);
	stop();
}

/* The pre-shared secret is not refilled, and a restart loses what was taken ahead. */
static void test_the_reserve_is_spared(void)
{
	struct auth_pad pads[16];

	start();
	keystore_add_psk(a, psk, sizeof(psk), NULL);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, pads, 16, 2, NULL), 2);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, pads, 16, 0, NULL), -ENOENT);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, pads, 16, 1, NULL), -ENOENT);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, pads, 1, 1, NULL), 0);
	add(a, 5, KEYS);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, pads, 16, 2, NULL), 6);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, pads, 2, 2, NULL), 2);
	CU_ASSERT_EQUAL(stats_of(a).available[KEY_AUTH_A], 32 - 2);
	CU_ASSERT_EQUAL(stats_of(a).preshared[KEY_AUTH_A], 32 - 2);
	CU_ASSERT_EQUAL(stats_of(a).available[KEY_AUTH_B], 32 + 3);
	stop();
}

/* Room is made of rekey keys; pads of the oldest blocks are good as long as they last. */
static void test_pads_outlive_their_block(void)
{
	struct auth_pad pads[6], got;

	start();
	for (uint64_t i = 1; i <= 13; i++) {
		add(a, i, 600);
		add(b, i, 600);
	}
	CU_ASSERT(stats_of(b).voided > 0);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, pads, 6, 0, NULL), 6);
	CU_ASSERT_EQUAL(pads[0].id, STORAGE_PADS_FROM + 8);
	for (int i = 0; i < 6; i++)
		CU_ASSERT_EQUAL(keystore_pad_fetch(b, KEY_AUTH_A, pads[i].id, &got, NULL), 0);
	stop();
}

/* The key behind the pads that became hash keys is nobody's. */
static void test_hash_keys_are_not_in_the_store(void)
{
	struct key_block *kb = make_block(1, 10);
	struct key_id id;
	uint8_t key[32];

	start();
	kb->pad_keys = 2;
	kb->hash_keys = 1;
	CU_ASSERT_EQUAL(keystore_add(a, kb, NULL), 0);
	CU_ASSERT_EQUAL(stats_of(a).available[KEY_REKEY], 7);
	CU_ASSERT_EQUAL(keystore_take(a, KEY_REKEY, &id, key, NULL), 0);
	CU_ASSERT_EQUAL(id.index, 3);
	memcpy(id.block, kb->id, 16);
	id.index = 2;
	CU_ASSERT_EQUAL(keystore_take_id(a, KEY_REKEY, &id, key, NULL), -EALREADY);
	kb->id[0]++;
	kb->hash[0]++;
	kb->pad_keys = 10;
	CU_ASSERT_EQUAL(keystore_add(a, kb, NULL), -EINVAL);
	free(kb);
	stop();
}

static void test_delivered_keys_are_not_in_the_store(void)
{
	struct key_block *kb = make_block(1, 10);
	struct key_id id;
	uint8_t key[32];

	start();
	kb->pad_keys = 2;
	kb->units[0] = 3 * 4;
	kb->units[1] = 2 * 4;
	kb->position = 99;
	CU_ASSERT_EQUAL(keystore_add(a, kb, NULL), 0);
	CU_ASSERT_EQUAL(keystore_add(b, kb, NULL), 0);
	CU_ASSERT_EQUAL(stats_of(a).available[KEY_REKEY], 3);
	for (uint32_t i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(keystore_take(a, KEY_REKEY, &id, key, NULL), 0);
		CU_ASSERT_EQUAL(id.index, 2 + i);
		CU_ASSERT_EQUAL(memcmp(key, kb->key + 32 * (2 + (size_t)i), 32), 0);
		CU_ASSERT_EQUAL(keystore_take_id(b, KEY_REKEY, &id, key, NULL), 0);
	}
	CU_ASSERT_EQUAL(keystore_take(a, KEY_REKEY, &id, key, NULL), -ENOENT);
	for (id.index = 5; id.index < 10; id.index++)
		CU_ASSERT_EQUAL(keystore_take_id(b, KEY_REKEY, &id, key, NULL), -ENOENT);
	/* One that keeps nothing has no key of its own. */
	kb->id[0]++;
	kb->hash[0]++;
	kb->units[1] = 7 * 4;
	CU_ASSERT_EQUAL(keystore_add(a, kb, NULL), -EINVAL);
	kb->units[1] = UINT32_MAX - 3;
	CU_ASSERT_EQUAL(keystore_add(a, kb, NULL), -EINVAL);
	free(kb);
	stop();
}

/* Positions are counted on disk: none is ever brought along twice, and there is an end of them. */
static void test_positions_never_repeat(void)
{
	struct auth_pad pads[4];
	struct err err = {0};
	uint64_t next = 0, counted;
	sqlite3 *db;

	start();
	keystore_add_psk(a, psk, sizeof(psk), NULL);
	keystore_add_psk(b, psk, sizeof(psk), NULL);
	keystore_positions(b, 100);
	CU_ASSERT_EQUAL(keystore_pads_take(b, KEY_AUTH_B, pads, 4, 4, NULL), 4);
	CU_ASSERT_EQUAL(pads[0].grant_positions, 0);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, pads, 4, 4, NULL), 4);
	CU_ASSERT_EQUAL(pads[0].grant_positions, 0);
	for (uint32_t round = 0; round < 3; round++) {
		keystore_positions(a, 1000 + round);
		CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, pads, 4, 4, NULL), 4);
		for (int i = 0; i < 4; i++) {
			CU_ASSERT_EQUAL(pads[i].grant_positions, 1000 + round);
			CU_ASSERT_EQUAL(pads[i].grant_position, next);
			next += pads[i].grant_positions;
		}
		stop();
		open_both();
	}
	stop();
	open_both();
	/* A store that is younger than the streams skips what they have; not what it counted. */
	CU_ASSERT_EQUAL(keystore_positions_skip(a, next - 5, &counted, &err), 0);
	CU_ASSERT_EQUAL(counted, next);
	CU_ASSERT_EQUAL(keystore_positions_skip(a, next + 77, &counted, &err), 1);
	CU_ASSERT_EQUAL(counted, next + 77);
	keystore_positions(a, 10);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, pads, 2, 2, NULL), 2);
	CU_ASSERT_EQUAL(pads[0].grant_position, next + 77);
	stop();
	CU_ASSERT_EQUAL_FATAL(sqlite3_open(paths[0], &db), SQLITE_OK);
	CU_ASSERT_EQUAL(
	        sqlite3_exec(db, "UPDATE counter SET value = 4398046511104 - 4000 WHERE name = 2",
	                     NULL, NULL, NULL),
	        SQLITE_OK);
	sqlite3_close(db);
	open_both();
	keystore_positions(a, 1000);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, pads, 4, 4, &err), 4);
	CU_ASSERT_EQUAL(pads[3].grant_position, ENGINE_POSITIONS - 1000);
	CU_ASSERT_EQUAL(pads[3].grant_positions, 1000);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, pads, 2, 2, &err), 2);
	CU_ASSERT_EQUAL(pads[0].grant_positions, 0);
	stop();
}

static void test_computational_pads(void)
{
	struct auth_pad pads[3], more, got;

	start();
	CU_ASSERT_EQUAL(keystore_pads_computational(a, KEY_AUTH_A, pads, 3, NULL), -EPERM);
	keystore_allow_computational(a, true);
	CU_ASSERT_EQUAL(keystore_pads_computational(a, KEY_AUTH_A, pads, 3, NULL), 3);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_TRUE((pads[i].id & AUTH_PAD_COMPUTATIONAL) != 0);
		CU_ASSERT_EQUAL(pads[i].grant_keys, 4);
		CU_ASSERT_EQUAL(keystore_pad_fetch(b, KEY_AUTH_A, pads[i].id, &got, NULL), -EPERM);
	}
	CU_ASSERT(pads[0].id != pads[1].id && memcmp(pads[0].bits, pads[1].bits, 16) != 0);
	keystore_allow_computational(b, true);
	CU_ASSERT_EQUAL(keystore_pad_fetch(b, KEY_AUTH_A, pads[2].id, &got, NULL), 0);
	CU_ASSERT_EQUAL(memcmp(got.bits, pads[2].bits, 16), 0);
	/* Another direction, other bits. */
	CU_ASSERT_EQUAL(keystore_pad_fetch(b, KEY_AUTH_B, pads[2].id, &got, NULL), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(got.bits, pads[2].bits, 16), 0);
	stop();
	open_both();
	keystore_allow_computational(a, true);
	CU_ASSERT_EQUAL(keystore_pads_computational(a, KEY_AUTH_A, &more, 1, NULL), 1);
	CU_ASSERT(more.id > pads[2].id);
	stop();
}

/* The first column of the first row of a query to A's file, which is closed. */
static void expect_text(const char *query, const char *text)
{
	sqlite3_stmt *q;
	sqlite3 *db;

	CU_ASSERT_EQUAL_FATAL(sqlite3_open(paths[0], &db), SQLITE_OK);
	CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(db, query, -1, &q, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL_FATAL(sqlite3_step(q), SQLITE_ROW);
	CU_ASSERT_STRING_EQUAL((const char *)sqlite3_column_text(q, 0), text);
	sqlite3_finalize(q);
	sqlite3_close(db);
}

/* For audits: what authenticated a block, and tags under the pre-shared hash keys. */
static void test_the_record_says_what_authenticated(void)
{
	struct key_block *kb;

	start();
	for (uint64_t number = 1; number <= 2; number++) {
		kb = make_block(number, KEYS);
		kb->computational = number == 2;
		kb->preshared_hashes = 3;
		CU_ASSERT_EQUAL(keystore_add(a, kb, NULL), 0);
		free(kb);
	}
	CU_ASSERT_EQUAL(stats_of(a).preshared_hashes, 6);
	stop();
	expect_text("SELECT json_extract(record, '$.auth') FROM block WHERE row = 1",
	            "information-theoretic");
	expect_text("SELECT json_extract(record, '$.auth') FROM block WHERE row = 2",
	            "computational");
	open_both();
	CU_ASSERT_EQUAL(stats_of(a).preshared_hashes, 6);
	stop();
}

/* A file of before pads had numbers: its keys are void, the pre-shared secret's use is kept. */
static void test_an_older_file_is_taken_over(void)
{
	struct auth_pad pads[2];
	sqlite3 *db;

	start();
	keystore_add_psk(a, psk, sizeof(psk), NULL);
	add(a, 1, KEYS);
	CU_ASSERT_EQUAL(keystore_pads_take(a, KEY_AUTH_A, pads, 2, 2, NULL), 2);
	while (pads[0].id >= STORAGE_PADS_FROM)
		CU_ASSERT_EQUAL_FATAL(keystore_pads_take(a, KEY_AUTH_A, pads, 2, 2, NULL), 2);
	stop();
	CU_ASSERT_EQUAL_FATAL(sqlite3_open(paths[0], &db), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(db,
	                             "ALTER TABLE block DROP COLUMN pad_base; DROP TABLE counter;"
	                             "PRAGMA user_version = 2",
	                             NULL, NULL, NULL),
	                SQLITE_OK);
	sqlite3_close(db);
	open_both();
	CU_ASSERT_EQUAL(stats_of(a).available[KEY_REKEY], 0);
	CU_ASSERT_EQUAL(stats_of(a).available[KEY_AUTH_A], 31);
	CU_ASSERT_EQUAL(add(a, 1, KEYS), -EEXIST);
	CU_ASSERT_EQUAL(add(a, 2, KEYS), 0);
	stop();
	remove_files();
	rmdir(dir);
}

UNIT_MAIN(UNIT(test_numbers_are_the_same_at_both_ends), UNIT(test_a_crash_skips_to_the_next_key),
          UNIT(test_granted_numbers_never_repeat), UNIT(test_blocks_give_back_what_tags_take),
          UNIT(test_lost_pads_are_made_up_for), UNIT(test_the_reserve_is_spared),
          UNIT(test_pads_outlive_their_block), UNIT(test_hash_keys_are_not_in_the_store),
          UNIT(test_delivered_keys_are_not_in_the_store), UNIT(test_positions_never_repeat),
          UNIT(test_computational_pads), UNIT(test_the_record_says_what_authenticated),
          UNIT(test_an_older_file_is_taken_over))
