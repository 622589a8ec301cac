/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/store.h"

#include <sys/stat.h>

#include "tests/unit/control/kms/store_rig.h"

#define HOUR 3600

static struct key_uuid_place place[KMS_STORE_BATCH];
static uint8_t keys[KMS_STORE_BATCH * KEY_UUID_LENGTH];

static enum kms_found fetch(struct kms_store *s, uint64_t position)
{
	int rc;
	enum kms_found found;

	place[0] = rig_place(KEY_UUID_FROM_B, position, 32);
	found = kms_store_fetch(s, place, 1, keys, rig_done, &rc);
	rig_work(s);
	return found;
}

static struct kms_store *open_with_both(void)
{
	struct kms_store *s;

	rig_begin();
	rig_config.ttl_s = HOUR;
	s = rig_open();
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 0, 256), 0);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 0, 256), 0);
	rig_work(s);
	return s;
}

static uint64_t expired(struct kms_store *s)
{
	struct kms_store_stats st;

	kms_store_stats_read(s, &st);
	return st.from_a.expired + st.from_b.expired;
}

/* Given until the time to live, fetched twice as long. */
static void test_expires(void)
{
	struct kms_store_stats st;
	struct kms_store *s = open_with_both();

	rig_tick(s, HOUR - 1);
	CU_ASSERT_EQUAL(rig_give(s, 1, 32, place, keys), 0);
	CU_ASSERT_EQUAL(fetch(s, 0), KMS_FOUND);
	rig_tick(s, 1);
	CU_ASSERT_EQUAL(rig_give(s, 1, 32, place, keys), -EAGAIN);
	CU_ASSERT_EQUAL(fetch(s, 4), KMS_FOUND);
	kms_store_stats_read(s, &st);
	CU_ASSERT_EQUAL(st.from_a.expired, 256 * 8 - 32);
	CU_ASSERT_EQUAL(st.from_a.held, 0);
	CU_ASSERT_EQUAL(st.from_b.expired, 0);
	rig_tick(s, HOUR - 1);
	CU_ASSERT_EQUAL(fetch(s, 8), KMS_FOUND);
	rig_tick(s, 1);
	kms_store_stats_read(s, &st);
	CU_ASSERT_EQUAL(st.from_b.expired, 256 * 8 - 3 * 32);
	rig_check_sums(s);
	/* Told from what never was. */
	CU_ASSERT_EQUAL(fetch(s, 100), KMS_EXPIRED);
	CU_ASSERT_EQUAL(fetch(s, 4), KMS_SPENT);
	CU_ASSERT_EQUAL(fetch(s, 256), KMS_NOT_YET);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 0, 256), -EEXIST);
	kms_store_close(s);
	s = rig_open();
	CU_ASSERT_EQUAL(fetch(s, 100), KMS_EXPIRED);
	CU_ASSERT_EQUAL(fetch(s, 256), KMS_NOT_YET);
	rig_check_sums(s);
	kms_store_close(s);
	rig_end();
}

/* What the gateway held back for long is as old here as at the other end. */
static void test_comes_late(void)
{
	struct kms_store *s = open_with_both();
	struct kms_segment a = rig_segment(KEY_UUID_FROM_A, 1000, 256), b;

	a.time_wall_ns -= (HOUR - 10) * NS_PER_S;
	CU_ASSERT_EQUAL(kms_store_add(s, &a, &rig_err), 0);
	b = rig_segment(KEY_UUID_FROM_B, 1000, 256);
	b.time_wall_ns -= HOUR * NS_PER_S;
	CU_ASSERT_EQUAL(kms_store_add(s, &b, &rig_err), 0);
	a = rig_segment(KEY_UUID_FROM_A, 2000, 256);
	a.time_wall_ns -= HOUR * NS_PER_S;
	CU_ASSERT_EQUAL(kms_store_add(s, &a, &rig_err), -ESTALE);
	CU_ASSERT_PTR_NOT_NULL(strstr(rig_err.text, "older than the time to live"));
	/* Of the future: new. */
	a.time_wall_ns = UINT64_MAX;
	CU_ASSERT_EQUAL(kms_store_add(s, &a, &rig_err), 0);
	rig_tick(s, 9);
	CU_ASSERT_EQUAL(expired(s), 0);
	rig_tick(s, 1);
	CU_ASSERT_EQUAL(expired(s), 256 * 8);
	rig_tick(s, HOUR - 10);
	CU_ASSERT_EQUAL(expired(s), 4 * 256 * 8);
	CU_ASSERT_EQUAL(fetch(s, 1000), KMS_EXPIRED);
	CU_ASSERT_EQUAL(fetch(s, 0), KMS_FOUND);
	kms_store_close(s);
	rig_end();
}

static void test_for_ever(void)
{
	struct kms_store *s;

	rig_begin();
	rig_config.ttl_s = 0;
	s = rig_open();
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 0, 256), 0);
	rig_tick(s, 100 * 365 * 86400ULL);
	CU_ASSERT_EQUAL(fetch(s, 0), KMS_FOUND);
	kms_store_close(s);
	rig_end();
}

/* While the process runs a wall clock that jumps, back or forth, changes nothing. */
static void test_wall_clock_jumps_while_running(void)
{
	struct kms_store *s = open_with_both();
	uint64_t wall = rig_wall;

	rig_wall = wall + 10ULL * 365 * 86400 * NS_PER_S;
	rig_tick(s, 1);
	CU_ASSERT_EQUAL(expired(s), 0);
	rig_wall = 0;
	rig_tick(s, HOUR - 2);
	CU_ASSERT_EQUAL(expired(s), 0);
	/* Nor does a monotonic clock that is not one. */
	rig_mono -= 1000 * NS_PER_S;
	rig_tick(s, 1);
	CU_ASSERT_EQUAL(expired(s), 0);
	rig_mono += 1000 * NS_PER_S;
	rig_tick(s, 0);
	CU_ASSERT_EQUAL(expired(s), 256 * 8);
	CU_ASSERT_EQUAL(rig_give(s, 1, 32, place, keys), -EAGAIN);
	rig_wall = wall;
	kms_store_close(s);
	rig_end();
}

/* For the time that it was down there is the wall clock: back is no time, forth is time. */
static void test_wall_clock_jumps_while_down(void)
{
	struct kms_store_stats st;
	struct kms_store *s = open_with_both();

	rig_tick(s, 120);
	kms_store_close(s);
	rig_wall -= 100 * NS_PER_S;
	rig_mono = 7; /* another boot */
	s = rig_open();
	kms_store_stats_read(s, &st);
	CU_ASSERT_EQUAL(st.clock_back, 1);
	rig_tick(s, HOUR - 120 - 1);
	CU_ASSERT_EQUAL(expired(s), 0);
	CU_ASSERT_EQUAL(rig_give(s, 1, 32, place, keys), -EAGAIN);
	rig_work(s);
	CU_ASSERT_EQUAL(rig_give(s, 1, 32, place, keys), 0);
	kms_store_close(s);
	/* An hour more, and it is too old to be given at the first tick, before anybody asks. */
	rig_wall += HOUR * NS_PER_S;
	rig_mono = 7;
	s = rig_open();
	kms_store_stats_read(s, &st);
	CU_ASSERT_EQUAL(st.clock_back, 0);
	CU_ASSERT_EQUAL(st.from_a.expired, 256 * 8 - 32);
	CU_ASSERT_EQUAL(rig_give(s, 1, 32, place, keys), -EAGAIN);
	CU_ASSERT_EQUAL(fetch(s, 0), KMS_FOUND);
	rig_check_sums(s);
	kms_store_close(s);
	rig_end();
}

static void copy(const char *suffix)
{
	static uint8_t bytes[1 << 20];
	char from[128], to[128];
	FILE *f, *g;

	snprintf(from, sizeof(from), "%s%s", rig_path, suffix);
	snprintf(to, sizeof(to), "%s.copy%s", rig_path, suffix);
	f = fopen(from, "r");
	g = fopen(to, "w");
	CU_ASSERT_FATAL(f != NULL && g != NULL);
	CU_ASSERT(fwrite(bytes, 1, fread(bytes, 1, sizeof(bytes), f), g) > 0);
	fclose(f);
	fclose(g);
}

/* Killed before its age was written, and the clock set back: no key is older for it. */
static void test_killed_and_clock_back(void)
{
	struct kms_store *s, *killed;
	char path[128];

	rig_begin();
	s = rig_open();
	rig_tick(s, 50);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 0, 256), 0);
	copy("");
	copy("-wal");
	kms_store_close(s);
	snprintf(path, sizeof(path), "%s.copy", rig_path);
	rig_config.path = path;
	rig_wall -= 1000 * NS_PER_S;
	killed = rig_open();
	CU_ASSERT_EQUAL(expired(killed), 0);
	CU_ASSERT_EQUAL(fetch(killed, 0), KMS_FOUND);
	rig_tick(killed, 2 * HOUR - 1);
	CU_ASSERT_EQUAL(fetch(killed, 4), KMS_FOUND);
	rig_tick(killed, 1);
	CU_ASSERT_EQUAL(expired(killed), 256 * 8 - 64);
	kms_store_close(killed);
	rig_end();
}

/* Expiry while keys are under way: who has them gets them. */
static void test_expires_around_what_is_pending(void)
{
	struct kms_store_stats st;
	struct kms_store *s = open_with_both();
	int rc = RIG_WAITS;

	place[0] = rig_place(KEY_UUID_FROM_B, 40, 32);
	CU_ASSERT_EQUAL(kms_store_fetch(s, place, 1, keys, rig_done, &rc), KMS_FOUND);
	rig_tick(s, 2 * HOUR);
	kms_store_stats_read(s, &st);
	CU_ASSERT_EQUAL(st.from_b.expired, 256 * 8 - 32);
	CU_ASSERT_EQUAL(st.from_b.pending, 32);
	CU_ASSERT_EQUAL(st.from_b.segments, 1);
	CU_ASSERT_EQUAL(rc, RIG_WAITS);
	rig_work(s);
	CU_ASSERT_EQUAL(rc, 0);
	kms_store_stats_read(s, &st);
	CU_ASSERT_EQUAL(st.from_b.segments, 0);
	CU_ASSERT_EQUAL(st.from_b.delivered, 32);
	rig_check_sums(s);
	kms_store_close(s);
	rig_end();
}

/* The log is cut to nothing each second, and the file does not grow with what went through it. */
static void test_files_stay_small(void)
{
	char log[128];
	struct kms_store *s;
	uint64_t grown = 0;
	struct stat st;

	rig_begin();
	s = rig_open();
	snprintf(log, sizeof(log), "%s-wal", rig_path);
	for (uint64_t i = 0; i < 40; i++) {
		CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, i * 4096, 4096), 0);
		rig_work(s);
		while (rig_give(s, 64, 64, place, keys) == 0)
			rig_work(s);
		rig_tick(s, 1);
		CU_ASSERT_EQUAL(stat(log, &st), 0);
		CU_ASSERT_EQUAL(st.st_size, 0);
		CU_ASSERT_EQUAL(stat(rig_path, &st), 0);
		if (i == 9)
			grown = (uint64_t)st.st_size;
	}
	CU_ASSERT((uint64_t)st.st_size < grown + 40 * 1024);
	kms_store_close(s);
	rig_end();
}

static int64_t rows(const char *query)
{
	sqlite3_stmt *q;
	int64_t n = -1;
	sqlite3 *db;

	CU_ASSERT_EQUAL_FATAL(
	        sqlite3_open_v2(rig_path, &db, SQLITE_OPEN_READONLY, faulty_below->zName),
	        SQLITE_OK);
	if (sqlite3_prepare_v2(db, query, -1, &q, NULL) == SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW)
		n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return n;
}

/* Each segment leaves three ranges, and none next to one of another: there is room for all. */
static void test_segments_in_pieces(void)
{
	struct kms_store *s;

	rig_begin();
	s = rig_open();
	for (uint64_t i = 0; i < 300; i++) {
		CU_ASSERT_EQUAL_FATAL(rig_add(s, KEY_UUID_FROM_B, 16 * i, 12), 0);
		CU_ASSERT_EQUAL(fetch(s, 16 * i + 4), KMS_FOUND);
	}
	for (int i = 0; i < 4; i++)
		rig_tick(s, 2 * HOUR);
	for (int turn = 0; turn < 2; turn++) {
		for (uint64_t i = 0; i < 300; i++) {
			CU_ASSERT_EQUAL(fetch(s, 16 * i), KMS_EXPIRED);
			CU_ASSERT_EQUAL(fetch(s, 16 * i + 4), KMS_SPENT);
			CU_ASSERT_EQUAL(fetch(s, 16 * i + 8), KMS_EXPIRED);
			CU_ASSERT_EQUAL(fetch(s, 16 * i + 12), KMS_NOT_YET);
		}
		kms_store_close(s);
		s = rig_open();
	}
	rig_check_sums(s);
	kms_store_close(s);
	rig_end();
}

/*
 * Old records become ranges, which go on telling a replay from what never was, though no longer
 * from what expired.
 */
static void test_forgets_old_records(void)
{
	struct kms_audit_store audit;
	static struct kms_audit_segment list[4000];
	const uint64_t old = 5 * 256; /* as many as leave more than 100 */
	struct kms_store *s;

	rig_begin();
	rig_config.records = 100;
	s = rig_open();
	kms_store_audit(s, &audit);
	/* Every third is fetched, the others expire; a gap after each 500. */
	for (uint64_t i = 0; i < 1500; i++) {
		uint64_t at = 4 * i + i / 500 * 64;

		CU_ASSERT_EQUAL_FATAL(rig_add(s, KEY_UUID_FROM_B, at, 4), 0);
		if (i % 3 == 0)
			CU_ASSERT_EQUAL(fetch(s, at), KMS_FOUND);
	}
	for (int i = 0; i < 12; i++)
		rig_tick(s, 2 * HOUR);
	CU_ASSERT_EQUAL(audit.list(audit.ctx, 1, KEY_UUID_FROM_B, 0, list, 4000), 1500 - old);
	for (int turn = 0; turn < 2; turn++) {
		for (uint64_t i = 0; i < 1500; i++) {
			uint64_t at = 4 * i + i / 500 * 64;

			CU_ASSERT_EQUAL(fetch(s, at),
			                i % 3 == 0 && i >= old ? KMS_SPENT : KMS_EXPIRED);
		}
		CU_ASSERT_EQUAL(fetch(s, 2000), KMS_NOT_YET);
		CU_ASSERT_EQUAL(fetch(s, 4000 + 127), KMS_NOT_YET);
		CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 400, 4), -EEXIST);
		kms_store_close(s);
		CU_ASSERT_EQUAL(rows("SELECT count(*) FROM segment"), 1500 - (int64_t)old);
		CU_ASSERT_EQUAL(rows("SELECT count(*) FROM chunk"), 0);
		CU_ASSERT_EQUAL(rows("SELECT sum(units) FROM gone"), 4 * (int64_t)old);
		/* A range from gap to gap. */
		CU_ASSERT_EQUAL(rows("SELECT count(*) FROM gone"), 3);
		s = rig_open();
	}
	rig_check_sums(s);
	kms_store_close(s);
	rig_end();
}

UNIT_MAIN(UNIT(test_expires), UNIT(test_comes_late), UNIT(test_for_ever),
          UNIT(test_wall_clock_jumps_while_running), UNIT(test_wall_clock_jumps_while_down),
          UNIT(test_killed_and_clock_back), UNIT(test_expires_around_what_is_pending),
          UNIT(test_files_stay_small), UNIT(test_segments_in_pieces),
          UNIT(test_forgets_old_records))
