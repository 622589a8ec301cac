/* SPDX-License-Identifier: BSD-3-Clause */

/* Bad days of the disk: damaged pages, another process, a file system that is full or read-only. */

#include "control/kms/store.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "control/kms/store_audit.h"
#include "tests/unit/control/kms/store_rig.h"
#include "tests/unit/dice.h"

#define PAGE 4096

static struct key_uuid_place place[KMS_STORE_BATCH];
static uint8_t keys[KMS_STORE_BATCH * KEY_UUID_LENGTH];

static uint8_t *read_file(size_t *n)
{
	FILE *f = fopen(rig_path, "r");
	uint8_t *p = malloc(8 << 20);

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	*n = fread(p, 1, 8 << 20, f);
	fclose(f);
	return p;
}

static void write_file(const uint8_t *p, size_t n)
{
	FILE *f = fopen(rig_path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fwrite(p, 1, n, f), n);
	fclose(f);
}

static enum kms_found fetch(struct kms_store *s, uint64_t position, uint16_t length, int *rc)
{
	enum kms_found found;

	*rc = RIG_WAITS;
	place[0] = rig_place(KEY_UUID_FROM_B, position, length);
	found = kms_store_fetch(s, place, 1, keys, rig_done, rc);
	rig_work(s);
	return found;
}

/* Where the sealed chunk ID is in the file. */
static size_t blob_at(const uint8_t *file, size_t n, const char *query, int id)
{
	const uint8_t *at = NULL;
	sqlite3_stmt *q;
	sqlite3 *db;

	db = rig_sqlite();
	sqlite3_prepare_v2(db, query, -1, &q, NULL);
	sqlite3_bind_int(q, 1, id);
	if (sqlite3_step(q) == SQLITE_ROW)
		at = memmem(file, n, sqlite3_column_blob(q, 0), (size_t)sqlite3_column_bytes(q, 0));
	sqlite3_finalize(q);
	sqlite3_close(db);
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	return (size_t)(at - file);
}

static size_t chunk_at(const uint8_t *file, size_t n, int id)
{
	return blob_at(file, n, "SELECT sealed FROM chunk WHERE id = ?", id);
}

/* One bit of a chunk: its segment is voided and counted, and told to the audit; others go on. */
static void test_damaged_chunk(void)
{
	struct kms_audit_segment list[2];
	struct kms_audit_store audit;
	struct kms_store_stats st;
	struct kms_store *s;
	size_t n, at;
	uint8_t *file;
	int rc;

	rig_begin();
	s = rig_open();
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 0, 256), 0);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 1000, 256), 0);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 0, 256), 0);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 1000, 256), 0);
	CU_ASSERT_EQUAL(fetch(s, 0, 32, &rc), KMS_FOUND);
	kms_store_close(s);
	file = read_file(&n);
	at = chunk_at(file, n, 1 * 64 + 2); /* rows 1 and 3 are the first of each stream */
	file[at + 20] ^= 4;
	at = chunk_at(file, n, 3 * 64 + 3);
	file[at + 530] ^= 1;
	write_file(file, n);
	free(file);
	s = rig_open();
	kms_store_stats_read(s, &st);
	CU_ASSERT_EQUAL(st.damaged_segments, 2);
	CU_ASSERT_EQUAL(st.from_b.voided, 256 * 8 - 32);
	CU_ASSERT_EQUAL(st.from_b.damaged, 256 * 8 - 32);
	CU_ASSERT_EQUAL(st.from_a.damaged, 256 * 8);
	CU_ASSERT_EQUAL(fetch(s, 100, 32, &rc), KMS_VOIDED);
	CU_ASSERT_EQUAL(fetch(s, 1000, 32, &rc), KMS_FOUND);
	CU_ASSERT(rig_is_key(place, keys));
	rig_work(s);
	CU_ASSERT_EQUAL(rig_give(s, 1, 32, place, keys), 0);
	CU_ASSERT_EQUAL(place[0].position, 1000);
	CU_ASSERT(rig_is_key(place, keys));
	kms_store_audit(s, &audit);
	CU_ASSERT_EQUAL(audit.list(audit.ctx, 1, KEY_UUID_FROM_B, 0, list, 2), 2);
	CU_ASSERT_TRUE(list[0].voided);
	CU_ASSERT_FALSE(list[1].voided);
	rig_check_sums(s);
	kms_store_close(s);
	s = rig_open();
	kms_store_stats_read(s, &st);
	CU_ASSERT_EQUAL(st.damaged_segments, 0);
	CU_ASSERT_EQUAL(st.from_b.damaged, 256 * 8 - 32);
	kms_store_close(s);
	rig_end();
}

/*
 * A page that is damaged while the process runs: keys come from memory; what cannot be deleted is
 * spent by its record, and keeps nobody from his keys.
 */
static void test_damaged_while_running(void)
{
	struct kms_store_stats st;
	struct kms_store *s;
	size_t n, at;
	uint8_t *file;
	int fd, rc;

	rig_begin();
	rig_config.max_bytes = 100 * SEGMENT_BYTES;
	s = rig_open();
	/* More than the pages that SQLite keeps in memory. */
	for (uint64_t i = 0; i < 100; i++)
		CU_ASSERT_EQUAL_FATAL(rig_add(s, KEY_UUID_FROM_B, 4096 * i, 4096), 0);
	kms_store_close(s);
	file = read_file(&n);
	at = chunk_at(file, n, 64);
	free(file);
	s = rig_open();
	fd = open(rig_path, O_WRONLY);
	CU_ASSERT_EQUAL(pwrite(fd, "damage", 6, (off_t)(at / PAGE * PAGE)), 6);
	for (uint64_t u = 0; u < 64; u += 32) {
		CU_ASSERT_EQUAL(fetch(s, u, 256, &rc), KMS_FOUND);
		CU_ASSERT(rig_is_key(place, keys));
		CU_ASSERT_EQUAL(rc, 0);
	}
	CU_ASSERT_EQUAL(fetch(s, 80, 32, &rc), KMS_FOUND);
	CU_ASSERT_EQUAL(rc, 0);
	rig_tick(s, 1);
	CU_ASSERT_EQUAL(rig_err.code, 0);
	kms_store_close(s);
	close(fd);
	s = rig_open();
	kms_store_stats_read(s, &st);
	CU_ASSERT_EQUAL(st.damaged_segments, 1);
	CU_ASSERT_EQUAL(fetch(s, 0, 256, &rc), KMS_SPENT);
	CU_ASSERT_EQUAL(fetch(s, 80, 32, &rc), KMS_SPENT);
	CU_ASSERT_EQUAL(fetch(s, 100, 32, &rc), KMS_VOIDED);
	CU_ASSERT_EQUAL(fetch(s, 4096, 256, &rc), KMS_FOUND);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 4096 * 100, 4096), 0);
	rig_check_sums(s);
	kms_store_close(s);
	rig_end();
}

/*
 * The record of a segment on a damaged page: its keys cannot be marked spent and are given to
 * nobody; those who asked at the same moment for others get them.
 */
static void test_damaged_record_while_running(void)
{
	struct key_uuid_place good = rig_place(KEY_UUID_FROM_B, 4096 * 90, 32);
	struct kms_store_stats st;
	uint8_t key[32];
	struct kms_store *s;
	size_t n, at;
	uint8_t *file;
	int fd, rc, other = RIG_WAITS, third = RIG_WAITS;

	rig_begin();
	rig_config.max_bytes = 100 * SEGMENT_BYTES;
	s = rig_open();
	for (uint64_t i = 0; i < 100; i++)
		CU_ASSERT_EQUAL_FATAL(rig_add(s, KEY_UUID_FROM_B, 4096 * i, 4096), 0);
	kms_store_close(s);
	file = read_file(&n);
	at = blob_at(file, n, "SELECT salt FROM segment WHERE row = ?", 1);
	free(file);
	s = rig_open();
	fd = open(rig_path, O_WRONLY);
	CU_ASSERT_EQUAL(pwrite(fd, "damage", 6, (off_t)(at / PAGE * PAGE)), 6);
	CU_ASSERT_EQUAL(kms_store_fetch(s, &good, 1, key, rig_done, &other), KMS_FOUND);
	place[0] = rig_place(KEY_UUID_FROM_B, 0, 32);
	CU_ASSERT_EQUAL(kms_store_fetch(s, place, 1, keys, rig_done, &rc), KMS_FOUND);
	good.position += 4;
	CU_ASSERT_EQUAL(kms_store_fetch(s, &good, 1, key, rig_done, &third), KMS_FOUND);
	kms_store_work(s, &rig_err);
	CU_ASSERT_EQUAL(rc, -EUCLEAN);
	CU_ASSERT_EQUAL(other, 0);
	CU_ASSERT_EQUAL(third, 0);
	CU_ASSERT(rig_is_key(&good, key));
	/* Nor does it keep the others from their end. */
	rig_tick(s, 2 * 3600);
	CU_ASSERT_EQUAL(rig_err.code, EUCLEAN);
	kms_store_stats_read(s, &st);
	CU_ASSERT(st.from_b.segments > 0 && st.from_b.segments < 10);
	CU_ASSERT_EQUAL(st.last_failure.code, EUCLEAN);
	rig_check_sums(s);
	kms_store_close(s);
	close(fd);
	CU_ASSERT_EQUAL(kms_store_open(&rig_config, &s, &rig_err), -EUCLEAN);
	rig_end();
}

/* A bitmap or a cursor that says of delivered units that they are there opens nothing. */
static void test_damaged_bitmap(void)
{
	static const char *const harm[] = {
	        "UPDATE segment SET kept = x'ffffffffffffffff' WHERE class = 3",
	        "UPDATE segment SET reserved = 0, given = 0 WHERE class = 2",
	        "UPDATE segment SET position = position + 1",
	        "UPDATE segment SET salt = zeroblob(16)",
	        "UPDATE chunk SET sealed = zeroblob(length(sealed))",
	        "DELETE FROM chunk"};

	for (unsigned int i = 0; i < sizeof(harm) / sizeof(harm[0]); i++) {
		struct kms_store_stats st;
		struct kms_store *s;
		sqlite3 *db;
		int rc;

		rig_begin();
		s = rig_open();
		CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 0, 64), 0);
		CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 0, 64), 0);
		rig_work(s);
		CU_ASSERT_EQUAL(rig_give(s, 1, 32, place, keys), 0);
		CU_ASSERT_EQUAL(fetch(s, 0, 32, &rc), KMS_FOUND);
		kms_store_close(s);
		db = rig_sqlite();
		CU_ASSERT_EQUAL(sqlite3_exec(db, harm[i], NULL, NULL, NULL), SQLITE_OK);
		sqlite3_close(db);
		s = rig_open();
		kms_store_stats_read(s, &st);
		CU_ASSERT_EQUAL(st.damaged_segments, i < 2 ? 1 : 2);
		rig_work(s);
		CU_ASSERT_EQUAL(rig_give(s, 1, 32, place, keys), i == 0 ? 0 : -EAGAIN);
		CU_ASSERT_NOT_EQUAL(fetch(s, 0, 32, &rc), KMS_FOUND);
		kms_store_close(s);
		rig_end();
	}
}

/* After damage: whatever it gives is key that came, and was not given before. */
static void check_what_is_left(struct kms_store *s, uint64_t given)
{
	int rc;

	for (;;) {
		rig_work(s);
		if (rig_give(s, 1, 8, place, keys) < 0)
			break;
		CU_ASSERT(rig_is_key(place, keys));
		CU_ASSERT(place[0].position >= given);
	}
	for (uint64_t u = 0; u < 2048; u += 16)
		if (fetch(s, u, 8, &rc) == KMS_FOUND && rc == 0) {
			CU_ASSERT(rig_is_key(place, keys));
			CU_ASSERT(u >= 64);
		}
}

/* Any page, any bytes: it opens and is right, or is refused in words. */
static void test_damage_anywhere(void)
{
	int opened = 0, refused = 0;
	struct kms_store *s;
	uint8_t *file, *bad;
	size_t n;
	int rc;

	rig_begin();
	s = rig_open();
	for (uint64_t i = 0; i < 8; i++) {
		CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 256 * i, 256), 0);
		CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 256 * i, 256), 0);
	}
	rig_work(s);
	CU_ASSERT_EQUAL(rig_give(s, 16, 32, place, keys), 0);
	CU_ASSERT_EQUAL(fetch(s, 0, 256, &rc), KMS_FOUND);
	CU_ASSERT_EQUAL(fetch(s, 32, 256, &rc), KMS_FOUND);
	kms_store_close(s);
	file = read_file(&n);
	bad = malloc(n);
	for (size_t page = 0; page < n / PAGE; page++)
		for (int turn = 0; turn < 3; turn++) {
			uint8_t *at = bad + page * PAGE;

			memcpy(bad, file, n);
			if (turn == 0)
				memset(at, 0, PAGE);
			else if (turn == 1)
				memset(at, 0xa5, 12); /* the page's header */
			else
				for (int i = 0; i < 24; i++)
					at[dice(PAGE)] ^= (uint8_t)(1 + dice(255));
			write_file(bad, n);
			rig_err.text[0] = '\0';
			rig_config.wall_ns = rig_wall;
			rig_config.mono_ns = rig_mono;
			rc = kms_store_open(&rig_config, &s, &rig_err);
			if (rc == 0) {
				opened++;
				check_what_is_left(s, 64);
				kms_store_close(s);
			} else {
				refused++;
				CU_ASSERT(rc == -EUCLEAN || rc == -EKEYREJECTED || rc == -EINVAL ||
				          rc == -EIO);
				CU_ASSERT_PTR_NOT_NULL(strstr(rig_err.text, "delivery store"));
			}
			CU_ASSERT(secret_used() == 0);
		}
	CU_ASSERT(opened > 10);
	CU_ASSERT(refused > 3);
	/* No header, or none of ours. */
	memcpy(bad, file, n);
	memset(bad, 0, 100);
	write_file(bad, n);
	CU_ASSERT_EQUAL(kms_store_open(&rig_config, &s, &rig_err), -EUCLEAN);
	CU_ASSERT_PTR_NOT_NULL(strstr(rig_err.text, "file is not a database"));
	memcpy(bad, file, n);
	memset(bad + 68, 0, 4); /* the application's number */
	write_file(bad, n);
	CU_ASSERT_EQUAL(kms_store_open(&rig_config, &s, &rig_err), -EUCLEAN);
	CU_ASSERT_PTR_NOT_NULL(strstr(rig_err.text, "another program's database"));
	/* Cut off. */
	write_file(file, n / 2 / PAGE * PAGE);
	rc = kms_store_open(&rig_config, &s, &rig_err);
	CU_ASSERT_EQUAL(rc, -EUCLEAN);
	free(file);
	free(bad);
	rig_end();
}

/* Begins a child without secret memory; its exit status is the test's. */
static int in_child(void (*body)(void))
{
	int status;
	pid_t child;

	secret_fini();
	fflush(stdout);
	child = fork();
	if (child == 0) {
		if (secret_init(2 << 20, NULL) < 0)
			_exit(2);
		body();
		_exit(CU_get_number_of_failures() > 0);
	}
	CU_ASSERT_EQUAL_FATAL(secret_init(7 << 20, NULL), 0);
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int locked, unlock;

static void hold(void)
{
	struct kms_store *s = rig_open();
	char c = 1;

	if (write(locked, &c, 1) != 1 || read(unlock, &c, 1) != 0)
		_exit(3);
	kms_store_close(s);
}

static void test_second_process(void)
{
	int to_child[2], from_child[2], status;
	struct kms_store *s;
	pid_t child;
	char c;

	rig_begin();
	CU_ASSERT_EQUAL_FATAL(pipe2(to_child, O_CLOEXEC) | pipe2(from_child, O_CLOEXEC), 0);
	locked = from_child[1];
	unlock = to_child[0];
	secret_fini();
	child = fork();
	if (child == 0) {
		close(to_child[1]);
		secret_init(2 << 20, NULL);
		hold();
		_exit(0);
	}
	CU_ASSERT_EQUAL_FATAL(secret_init(7 << 20, NULL), 0);
	CU_ASSERT_EQUAL(read(from_child[0], &c, 1), 1);
	CU_ASSERT_EQUAL(kms_store_open(&rig_config, &s, &rig_err), -EBUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(rig_err.text, "locked"));
	close(to_child[1]);
	waitpid(child, &status, 0);
	CU_ASSERT_EQUAL(status, 0);
	s = rig_open();
	kms_store_close(s);
	close(to_child[0]);
	close(from_child[0]);
	close(from_child[1]);
	rig_end();
}

/* A file system of 512 KiB over the directory; false where that is not allowed. */
static int mount_small(void)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", rig_directory, "tmpfs", 0, "size=512k") == 0;
}

static void fill(const char *path)
{
	static const uint8_t zeros[PAGE];
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
	close(fd);
}

static void full_disk(void)
{
	struct kms_store_stats st;
	struct kms_store *s;
	char other[128];
	int rc, given = 0;

	if (!mount_small())
		_exit(77);
	snprintf(other, sizeof(other), "%s/other", rig_directory);
	rig_config.ahead_bytes = 1024;
	s = rig_open();
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_A, 0, 2048), 0);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 0, 2048), 0);
	rig_work(s);
	rig_tick(s, 1);
	fill(other);
	/* Nothing comes, nothing is fetched, and what was reserved is given still. */
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 5000, 2048), -ENOSPC);
	CU_ASSERT_EQUAL(fetch(s, 0, 32, &rc), KMS_FOUND);
	CU_ASSERT_EQUAL(rc, -ENOSPC);
	while (rig_give(s, 1, 32, place, keys) == 0) {
		CU_ASSERT(rig_is_key(place, keys));
		rig_work(s);
		given++;
	}
	CU_ASSERT(given >= 16 && given < 64);
	rig_tick(s, 1);
	CU_ASSERT_EQUAL(rig_err.code, ENOSPC);
	kms_store_stats_read(s, &st);
	CU_ASSERT_EQUAL(st.last_failure.code, ENOSPC);
	/* Room again: it goes on by itself, with the same keys. */
	unlink(other);
	rig_tick(s, 1);
	CU_ASSERT_EQUAL(rig_err.code, 0);
	rig_work(s);
	CU_ASSERT_EQUAL(rig_give(s, 1, 32, place, keys), 0);
	CU_ASSERT_EQUAL(place[0].position, 4 * given);
	CU_ASSERT_EQUAL(fetch(s, 0, 32, &rc), KMS_FOUND);
	CU_ASSERT_EQUAL(rc, 0);
	CU_ASSERT_EQUAL(rig_add(s, KEY_UUID_FROM_B, 5000, 2048), 0);
	rig_check_sums(s);
	kms_store_close(s);
	CU_ASSERT_EQUAL(secret_used(), 0);
}

static void read_only_disk(void)
{
	struct kms_store *s;

	if (!mount_small())
		_exit(77);
	s = rig_open();
	kms_store_close(s);
	CU_ASSERT_EQUAL(mount(NULL, rig_directory, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	CU_ASSERT_EQUAL(kms_store_open(&rig_config, &s, &rig_err), -EROFS);
	CU_ASSERT_PTR_NOT_NULL(strstr(rig_err.text, "Read-only file system"));
}

/* Where mounting is not allowed test_store_work and test_store_fetch have the same by a fake. */
static void test_full_and_read_only(void)
{
	static void (*const body[])(void) = {full_disk, read_only_disk};

	for (int i = 0; i < 2; i++) {
		int rc;

		rig_begin();
		rc = in_child(body[i]);
		if (rc == 77)
			printf(" (may not mount) ");
		CU_ASSERT(rc == 0 || rc == 77);
		rig_end();
	}
}

UNIT_MAIN(UNIT(test_damaged_chunk), UNIT(test_damaged_while_running),
          UNIT(test_damaged_record_while_running), UNIT(test_damaged_bitmap),
          UNIT(test_damage_anywhere), UNIT(test_second_process), UNIT(test_full_and_read_only))
