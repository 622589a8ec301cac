/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/store_audit.h"

#include "tests/unit/control/kms/store_rig.h"
#include "tests/unit/dice.h"

static struct key_uuid_place place[KMS_STORE_BATCH];
static uint8_t keys[KMS_STORE_BATCH * KEY_UUID_LENGTH];

static enum kms_found fetch(struct kms_store *s, uint32_t n, int *rc)
{
	*rc = RIG_WAITS;
	return kms_store_fetch(s, place, n, keys, rig_done, rc);
}

static enum kms_found fetch_one(struct kms_store *s, uint64_t position, uint16_t length, int *rc)
{
	place[0] = rig_place(KEY_UUID_FROM_B, position, length);
	return fetch(s, 1, rc);
}

static struct kms_store *open_with_two(void)
{
	struct kms_store *s;

	rig_begin();
	s = rig_open();
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 0, 4096), 0);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 8192, 100), 0);
	return s;
}

static void test_once_and_durable_before_done(void)
{
	struct kms_store_stats st;
	struct kms_store *s = open_with_two();
	int rc, second;

	CU_ASSERT_EQUAL(fetch_one(s, 40, 32, &rc), KMS_FOUND);
	CU_ASSERT(rig_is_key(place, keys));
	CU_ASSERT_EQUAL(rc, RIG_WAITS);
	/* Two slaves race: one wins, at once. */
	CU_ASSERT_EQUAL(fetch_one(s, 40, 32, &second), KMS_SPENT);
	CU_ASSERT_EQUAL(fetch_one(s, 43, 8, &second), KMS_SPENT);
	kms_store_stats_read(s, &st);
	CU_ASSERT_EQUAL(st.from_b.pending, 32);
	rig_check_sums(s);
	CU_ASSERT_TRUE(kms_store_work(s, &rig_err));
	CU_ASSERT_EQUAL(rc, 0);
	CU_ASSERT_EQUAL(second, RIG_WAITS);
	CU_ASSERT_FALSE(kms_store_work(s, &rig_err));
	kms_store_stats_read(s, &st);
	CU_ASSERT_EQUAL(st.from_b.delivered, 32);
	CU_ASSERT_EQUAL(st.from_b.delivered_both, 32);
	CU_ASSERT_EQUAL(st.from_b.pending, 0);
	CU_ASSERT_EQUAL(fetch_one(s, 40, 32, &rc), KMS_SPENT);
	CU_ASSERT_EQUAL(fetch_one(s, 44, 32, &rc), KMS_FOUND);
	rig_work(s);
	kms_store_close(s);
	/* A replay is told from what never was, also after a restart. */
	s = rig_open();
	CU_ASSERT_EQUAL(fetch_one(s, 40, 32, &rc), KMS_SPENT);
	CU_ASSERT_EQUAL(fetch_one(s, 47, 8, &rc), KMS_SPENT);
	CU_ASSERT_EQUAL(fetch_one(s, 5000, 32, &rc), KMS_NOT_YET);
	CU_ASSERT_EQUAL(fetch_one(s, 48, 250, &rc), KMS_FOUND);
	CU_ASSERT(rig_is_key(place, keys));
	rig_work(s);
	rig_check_sums(s);
	kms_store_close(s);
	rig_end();
}

static void test_all_or_none(void)
{
	struct kms_store *s = open_with_two();
	int rc;

	for (int i = 0; i < 8; i++)
		place[i] = rig_place(KEY_UUID_FROM_B, 4 * (uint64_t)i, 32);
	/* One of them is still to come: none is taken. */
	place[5] = rig_place(KEY_UUID_FROM_B, 6000, 32);
	CU_ASSERT_EQUAL(fetch(s, 8, &rc), KMS_NOT_YET);
	/* The same key twice. */
	place[5] = rig_place(KEY_UUID_FROM_B, 8, 32);
	CU_ASSERT_EQUAL(fetch(s, 8, &rc), KMS_SPENT);
	/* What no waiting changes goes first. */
	place[3] = rig_place(KEY_UUID_FROM_B, 6000, 32);
	CU_ASSERT_EQUAL(fetch(s, 8, &rc), KMS_SPENT);
	place[3] = rig_place(KEY_UUID_FROM_B, 12, 32);
	place[5] = rig_place(KEY_UUID_FROM_B, 8192, 32);
	CU_ASSERT_EQUAL(fetch(s, 8, &rc), KMS_FOUND);
	for (int i = 0; i < 8; i++)
		CU_ASSERT(rig_is_key(&place[i], keys + 32 * i));
	rig_work(s);
	CU_ASSERT_EQUAL(rc, 0);
	/* Not over the end of a segment, not of the own stream, another link or route. */
	CU_ASSERT_EQUAL(fetch_one(s, 4095, 9, &rc), KMS_NOT_YET);
	CU_ASSERT_EQUAL(fetch_one(s, 4095, 8, &rc), KMS_FOUND);
	CU_ASSERT_EQUAL(fetch_one(s, 0, 0, &rc), KMS_NOT_YET);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 0, 64), 0);
	place[0] = rig_place(KEY_UUID_FROM_A, 0, 32);
	CU_ASSERT_EQUAL(fetch(s, 1, &rc), KMS_NOT_YET);
	place[0] = rig_place(KEY_UUID_FROM_B, 100, 32);
	place[0].link = 2;
	CU_ASSERT_EQUAL(fetch(s, 1, &rc), KMS_NOT_YET);
	place[0].link = 1;
	place[0].route = 1;
	CU_ASSERT_EQUAL(fetch(s, 1, &rc), KMS_NOT_YET);
	CU_ASSERT_EQUAL(fetch(s, 0, &rc), KMS_BUSY);
	CU_ASSERT_EQUAL(fetch(s, KMS_STORE_BATCH + 1, &rc), KMS_BUSY);
	rig_work(s);
	rig_check_sums(s);
	kms_store_close(s);
	rig_end();
}

static void test_peek_takes_nothing(void)
{
	struct kms_store *s = open_with_two();
	int rc;

	place[0] = rig_place(KEY_UUID_FROM_B, 8200, 16);
	for (int i = 0; i < 2; i++) {
		memset(keys, 0, 16);
		CU_ASSERT_EQUAL(kms_store_peek(s, place, 1, keys), KMS_FOUND);
		CU_ASSERT(rig_is_key(place, keys));
	}
	CU_ASSERT_FALSE(kms_store_work(s, &rig_err));
	CU_ASSERT_EQUAL(fetch(s, 1, &rc), KMS_FOUND);
	CU_ASSERT_EQUAL(kms_store_peek(s, place, 1, keys), KMS_SPENT);
	place[1] = place[0];
	place[0].position = 6000;
	CU_ASSERT_EQUAL(kms_store_peek(s, place, 1, keys), KMS_NOT_YET);
	CU_ASSERT_EQUAL(kms_store_peek(s, place, 2, keys), KMS_SPENT);
	rig_work(s);
	kms_store_close(s);
	rig_end();
}

/* Many requests, one commit. */
static void test_group_commit(void)
{
	struct kms_store_stats before, after;
	struct kms_store *s = open_with_two();
	int rc[32];

	kms_store_stats_read(s, &before);
	for (int i = 0; i < 32; i++)
		CU_ASSERT_EQUAL(fetch_one(s, 128 * (uint64_t)i, 256, &rc[i]), KMS_FOUND);
	CU_ASSERT_TRUE(kms_store_work(s, &rig_err));
	for (int i = 0; i < 32; i++)
		CU_ASSERT_EQUAL(rc[i], 0);
	kms_store_stats_read(s, &after);
	CU_ASSERT_EQUAL(after.commits, before.commits + 1);
	CU_ASSERT_EQUAL(after.fetches, 32);
	kms_store_close(s);
	rig_end();
}

/* The disk refuses: whatever the cause, the keys stay for their owner. */
static void test_undone_when_not_durable(void)
{
	static const struct {
		int code, rc;
	} faults[] = {
	        {SQLITE_FULL, -ENOSPC}, {SQLITE_IOERR_WRITE, -EIO}, {SQLITE_READONLY, -EROFS}};
	struct kms_store_stats st;
	struct kms_store *s;
	int rc;

	s = open_with_two();
	for (unsigned int i = 0; i < 3; i++) {
		disk.code = faults[i].code;
		disk.fail_at = disk.changes + 1;
		CU_ASSERT_EQUAL(fetch_one(s, 40, 32, &rc), KMS_FOUND);
		CU_ASSERT_TRUE(kms_store_work(s, &rig_err));
		CU_ASSERT_EQUAL(rc, faults[i].rc);
		CU_ASSERT_EQUAL(rig_err.code, -faults[i].rc);
		kms_store_stats_read(s, &st);
		CU_ASSERT_EQUAL(st.last_failure.code, -faults[i].rc);
		CU_ASSERT_EQUAL(st.undone, i + 1);
		CU_ASSERT_EQUAL(st.from_b.pending, 0);
		CU_ASSERT_EQUAL(st.from_b.available, 4196 * 8);
		disk.fail_at = 0;
	}
	/* Still there when a neighbour has gone, and after a restart. */
	CU_ASSERT_EQUAL(fetch_one(s, 44, 32, &rc), KMS_FOUND);
	rig_work(s);
	CU_ASSERT_EQUAL(rc, 0);
	kms_store_stats_read(s, &st);
	CU_ASSERT_EQUAL(st.last_failure.code, 0);
	kms_store_close(s);
	s = rig_open();
	CU_ASSERT_EQUAL(fetch_one(s, 40, 32, &rc), KMS_FOUND);
	CU_ASSERT(rig_is_key(place, keys));
	rig_work(s);
	CU_ASSERT_EQUAL(rc, 0);
	CU_ASSERT_EQUAL(fetch_one(s, 40, 32, &rc), KMS_SPENT);
	rig_check_sums(s);
	kms_store_close(s);
	rig_end();
}

/* A key that nobody fetches holds its 512 bytes, not its segment. */
static void test_holds_by_chunks(void)
{
	struct kms_store_stats st;
	struct kms_store *s;
	size_t secret;
	int rc;

	rig_begin();
	s = rig_open();
	secret = secret_used();
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 0, 4090), 0);
	CU_ASSERT(secret_used() - secret >= 4090 * 8);
	for (uint64_t u = 0; u + 16 <= 4090; u += 16)
		if (u != 1024) {
			CU_ASSERT_EQUAL(fetch_one(s, u, 128, &rc), KMS_FOUND);
			rig_work(s);
		}
	kms_store_stats_read(s, &st);
	CU_ASSERT_EQUAL(st.from_b.held, 512 + 58 * 8); /* and the last ten units */
	CU_ASSERT(secret_used() - secret <= 2 * 512);
	CU_ASSERT_EQUAL(st.from_b.available, 128 + 80);
	kms_store_close(s);
	s = rig_open();
	kms_store_stats_read(s, &st);
	CU_ASSERT_EQUAL(st.from_b.held, 512 + 58 * 8);
	CU_ASSERT_EQUAL(fetch_one(s, 1024, 128, &rc), KMS_FOUND);
	CU_ASSERT(rig_is_key(place, keys));
	rig_work(s);
	kms_store_close(s);
	rig_end();
}

/* Another's change of a segment while keys of it are under way. */
static int void_beside(void *ctx, struct kms_store *s, struct err *err)
{
	CU_ASSERT_EQUAL(fetch_one(s, 40, 32, ctx), KMS_FOUND);
	return kms_store_void(s, 1, KEY_UUID_FROM_B, 44, 4, NULL, err);
}

static void test_pending_is_not_gone(void)
{
	struct kms_store *s = open_with_two();
	int rc = RIG_WAITS;
	struct kms_store_job job = {void_beside, NULL, &rc, NULL};

	kms_store_post(s, &job);
	CU_ASSERT_TRUE(kms_store_work(s, &rig_err));
	CU_ASSERT_EQUAL(rc, RIG_WAITS);
	disk.code = SQLITE_FULL;
	disk.fail_at = disk.changes + 1;
	kms_store_work(s, &rig_err);
	disk.fail_at = 0;
	CU_ASSERT_EQUAL(rc, -ENOSPC);
	kms_store_close(s);
	s = rig_open();
	CU_ASSERT_EQUAL(fetch_one(s, 44, 32, &rc), KMS_VOIDED);
	CU_ASSERT_EQUAL(fetch_one(s, 40, 32, &rc), KMS_FOUND);
	CU_ASSERT(rig_is_key(place, keys));
	rig_work(s);
	CU_ASSERT_EQUAL(rc, 0);
	kms_store_close(s);
	rig_end();
}

/* Bytes that SQLite, its log or the segment's memory still have, in any form that a seal has. */
static int file_has(const char *suffix, const uint8_t *needle, size_t n)
{
	static uint8_t buf[1 << 20];
	char path[128];
	FILE *f;
	size_t len;

	snprintf(path, sizeof(path), "%s%s", rig_path, suffix);
	f = fopen(path, "r");
	if (f == NULL)
		return 0;
	len = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	return memmem(buf, len, needle, n) != NULL;
}

/* What is sealed of a chunk, by its row's id. */
static int sealed_of(sqlite3 *db, int id, uint8_t *out)
{
	sqlite3_stmt *q;
	int n = 0;

	CU_ASSERT_EQUAL(
	        sqlite3_prepare_v2(db, "SELECT sealed FROM chunk WHERE id = ?", -1, &q, NULL),
	        SQLITE_OK);
	sqlite3_bind_int(q, 1, id);
	if (sqlite3_step(q) == SQLITE_ROW) {
		n = sqlite3_column_bytes(q, 0);
		memcpy(out, sqlite3_column_blob(q, 0), (size_t)n);
	}
	sqlite3_finalize(q);
	return n;
}

/* What was delivered is in neither file any more, sealed or not; what was not is as it was. */
static void test_destroyed_on_disk(void)
{
	uint8_t whole[1024], part[1024], other[1024], now[1024];
	struct kms_store *s = open_with_two();
	sqlite3 *db;
	int rc;

	kms_store_close(s);
	db = rig_sqlite();
	/* Row 1: chunks 64 and on, of 64 units. */
	CU_ASSERT_EQUAL(sealed_of(db, 65, whole), 12 + 512 + 16);
	CU_ASSERT_EQUAL(sealed_of(db, 66, part), 12 + 512 + 16);
	CU_ASSERT_EQUAL(sealed_of(db, 67, other), 12 + 512 + 16);
	sqlite3_close(db);
	CU_ASSERT_TRUE(file_has("", whole + 12, 32));
	s = rig_open();
	CU_ASSERT_EQUAL(fetch_one(s, 64, 256, &rc), KMS_FOUND);
	CU_ASSERT_EQUAL(fetch_one(s, 96, 256, &rc), KMS_FOUND);
	CU_ASSERT_EQUAL(fetch_one(s, 128, 8, &rc), KMS_FOUND);
	rig_work(s);
	CU_ASSERT_EQUAL(rc, 0);
	rig_tick(s, 1);
	CU_ASSERT_FALSE(file_has("", whole + 12, 16));
	CU_ASSERT_FALSE(file_has("-wal", whole + 12, 16));
	CU_ASSERT_FALSE(file_has("", part + 12, 16));
	CU_ASSERT_FALSE(file_has("-wal", part + 12, 16));
	CU_ASSERT_TRUE(file_has("", other + 12, 512));
	kms_store_close(s);
	db = rig_sqlite();
	CU_ASSERT_EQUAL(sealed_of(db, 65, now), 0);
	/* Sealed anew, with another nonce. */
	CU_ASSERT_EQUAL(sealed_of(db, 66, now), 12 + 512 + 16);
	CU_ASSERT_NOT_EQUAL(memcmp(now, part, 12), 0);
	CU_ASSERT_EQUAL(sealed_of(db, 67, now), 12 + 512 + 16);
	CU_ASSERT_EQUAL(memcmp(now, other, 12 + 512 + 16), 0);
	sqlite3_close(db);
	s = rig_open();
	CU_ASSERT_EQUAL(fetch_one(s, 129, 256, &rc), KMS_FOUND);
	CU_ASSERT(rig_is_key(place, keys));
	rig_work(s);
	kms_store_close(s);
	rig_end();
}

/* Keys of all sizes in random order, from both segments, with restarts, until nothing is left. */
static void test_in_random_order(void)
{
	static uint8_t taken[4096];
	struct kms_store_stats st;
	struct kms_store *s;
	int rc[16], fetched = 0;

	rig_begin();
	s = rig_open();
	memset(taken, 0, sizeof(taken));
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 7, 4096), 0);
	for (int turn = 0; fetched < 4096; turn++) {
		uint32_t n = dice(16) + 1, units[16], from[16];

		for (uint32_t i = 0; i < n; i++) {
			uint32_t free = 1;

			from[i] = dice(4096);
			units[i] = turn < 600 ? dice(32) + 1 : 1;
			if (turn >= 1200)
				for (from[i] = 0; from[i] < 4095 && taken[from[i]]; from[i]++)
					;
			if (from[i] + units[i] > 4096)
				units[i] = 4096 - from[i];
			for (uint32_t u = from[i]; u < from[i] + units[i]; u++)
				free &= !taken[u];
			CU_ASSERT_EQUAL(fetch_one(s, 7 + from[i], (uint16_t)(8 * units[i]), &rc[i]),
			                free ? KMS_FOUND : KMS_SPENT);
			if (free) {
				CU_ASSERT(rig_is_key(place, keys));
				memset(taken + from[i], 1, units[i]);
				fetched += (int)units[i];
			} else {
				rc[i] = 0;
			}
		}
		rig_work(s);
		for (uint32_t i = 0; i < n; i++)
			CU_ASSERT_EQUAL(rc[i], 0);
		if (turn % 128 == 0) {
			kms_store_close(s);
			s = rig_open();
			rig_check_sums(s);
		}
	}
	kms_store_stats_read(s, &st);
	CU_ASSERT_EQUAL(st.from_b.delivered, SEGMENT_BYTES);
	CU_ASSERT_EQUAL(st.from_b.segments, 0);
	CU_ASSERT_EQUAL(fetch_one(s, 2000, 8, &rc[0]), KMS_SPENT);
	kms_store_close(s);
	rig_end();
}

UNIT_MAIN(UNIT(test_once_and_durable_before_done), UNIT(test_all_or_none),
          UNIT(test_peek_takes_nothing), UNIT(test_group_commit), UNIT(test_destroyed_on_disk),
          UNIT(test_undone_when_not_durable), UNIT(test_holds_by_chunks),
          UNIT(test_pending_is_not_gone), UNIT(test_in_random_order))
