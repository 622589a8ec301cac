/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/sqlite_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/remove_tree.h"
#include "tests/unit/unit.h"

static char directory[] = "/tmp/sqlite_file.XXXXXX";

static char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
}

static void test_mode_and_links(void)
{
	char target[256];
	struct stat st;
	struct err err;
	sqlite3 *db;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
	umask(0);
	CU_ASSERT_EQUAL_FATAL(sqlite_file_open(path_of("db"), "keys", &db, &err), 0);
	CU_ASSERT_EQUAL(
	        sqlite_file_run(db, SQLITE_FILE_SETUP "CREATE TABLE t(x)", "keys", "set up", &err),
	        0);
	CU_ASSERT_EQUAL(stat(path_of("db"), &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	/* The index of the WAL stays in our memory. */
	CU_ASSERT_EQUAL(stat(path_of("db-shm"), &st), -1);
	CU_ASSERT_EQUAL(stat(path_of("db-wal"), &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	sqlite3_close(db);
	strcpy(target, path_of("db"));
	CU_ASSERT_EQUAL(symlink(target, path_of("link")), 0);
	CU_ASSERT_EQUAL(sqlite_file_open(path_of("link"), "keys", &db, &err), -ELOOP);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "keys "));
	CU_ASSERT_EQUAL(sqlite_file_open(path_of("no/db"), "keys", &db, &err), -ENOENT);
}

/* Its exit status is what another process gets. */
static int of_another_process(const char *path)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		struct err err;
		sqlite3 *db;
		int rc = sqlite_file_open(path, "keys", &db, &err);

		if (rc == 0)
			rc = sqlite_file_run(db, SQLITE_FILE_SETUP "CREATE TABLE u(x)", "keys",
			                     "set up", &err);
		_exit(-rc);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -1;
}

static void test_names_of_errors(void)
{
	struct err err;
	sqlite3 *db;

	CU_ASSERT_EQUAL_FATAL(sqlite_file_open(path_of("db2"), "keys", &db, &err), 0);
	CU_ASSERT_EQUAL(
	        sqlite_file_run(db, SQLITE_FILE_SETUP "CREATE TABLE t(x)", "keys", "set up", &err),
	        0);
	CU_ASSERT_EQUAL(of_another_process(path_of("db2")), -EBUSY);
	CU_ASSERT_EQUAL(sqlite_file_run(db, "PRAGMA max_page_count = 4", "keys", "", &err), 0);
	CU_ASSERT_EQUAL(sqlite_file_run(db, "INSERT INTO t VALUES(zeroblob(100000))", "keys",
	                                "add a row", &err),
	                -ENOSPC);
	CU_ASSERT_STRING_EQUAL(err.text, "keys: add a row: database or disk is full");
	CU_ASSERT_EQUAL(sqlite_file_run(db, "PRAGMA query_only = 1", "keys", "", &err), 0);
	CU_ASSERT_EQUAL(sqlite_file_run(db, "INSERT INTO t VALUES(1)", "keys", "add", &err),
	                -EROFS);
	CU_ASSERT_EQUAL(sqlite_file_run(db, "no SQL", "keys", "add", &err), -EIO);
	sqlite3_close(db);
	CU_ASSERT_EQUAL(of_another_process(path_of("db2")), 0);

	write_file(path_of("text"), "This is no database, and long enough to be none of SQLite's.");
	CU_ASSERT_EQUAL_FATAL(sqlite_file_open(path_of("text"), "keys", &db, &err), 0);
	CU_ASSERT_EQUAL(sqlite_file_run(db, SQLITE_FILE_SETUP, "keys", "set up", &err), -EUCLEAN);
	sqlite3_close(db);
}

static void test_clean_up(void)
{
	remove_tree(directory);
	CU_ASSERT_EQUAL(access(directory, F_OK), -1);
}

UNIT_MAIN(UNIT(test_mode_and_links), UNIT(test_names_of_errors), UNIT(test_clean_up))
