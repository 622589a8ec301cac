/* SPDX-License-Identifier: BSD-3-Clause */

/* Files of SQLite that hold keys: are they whole, and of a version that is known? */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "common/clock.h"
#include "control/doctor.h"

#define LOOK_NS (5 * NS_PER_S) /* a large file is looked at for so long */

static int too_long(void *until)
{
	return clock_mono_ns() >= *(const uint64_t *)until;
}

/* The text, or the number, that QUERY gives; false: it does not. */
static bool ask(sqlite3 *db, const char *query, char *out, size_t n)
{
	sqlite3_stmt *s = NULL;
	bool got = sqlite3_prepare_v2(db, query, -1, &s, NULL) == SQLITE_OK &&
	           sqlite3_step(s) == SQLITE_ROW;

	snprintf(out, n, "%s", got ? (const char *)sqlite3_column_text(s, 0) : sqlite3_errmsg(db));
	sqlite3_finalize(s);
	return got;
}

static void look(struct doctor *d, const char *check, const char *path, sqlite3 *db, int version,
                 const struct stat *st)
{
	uint64_t until = clock_mono_ns() + LOOK_NS;
	char text[128], number[32];
	struct doctor_check *c;

	sqlite3_progress_handler(db, 10000, too_long, &until);
	if (!ask(db, "PRAGMA user_version", number, sizeof(number))) {
		c = doctor_add(d, check, DOCTOR_FAIL, "%s: %s", path, number);
		doctor_advise(c, "what it held is lost: move it away, and start with a new one");
	} else if (atoi(number) > version) {
		c = doctor_add(d, check, DOCTOR_FAIL, "%s: version %s, and %d is known here", path,
		               number, version);
		doctor_advise(c, "a newer lumengate made it: install that one again");
	} else if (!ask(db, "PRAGMA quick_check(1)", text, sizeof(text)) &&
	           clock_mono_ns() >= until) {
		doctor_add(d, check, DOCTOR_OK, "%s: %lld bytes, not looked through", path,
		           (long long)st->st_size);
	} else if (strcmp(text, "ok") != 0) {
		c = doctor_add(d, check, DOCTOR_FAIL, "%s: damaged: %.100s", path, text);
		doctor_advise(c, "stop what runs on it, move it away, look at the disk; both ends "
		                 "void what one lost");
	} else {
		doctor_add(d, check, DOCTOR_OK, "%s: whole, mode %03o, %lld bytes", path,
		           st->st_mode & 0777, (long long)st->st_size);
	}
}

/* Of a file that is written right now nothing can be said from outside. */
static bool is_in_use(const char *full)
{
	char wal[DOCTOR_PATH + 8];
	struct stat st;

	snprintf(wal, sizeof(wal), "%s-wal", full);
	return stat(wal, &st) == 0 && st.st_size > 0;
}

void doctor_database(struct doctor *d, const char *check, const char *path, int version)
{
	char full[DOCTOR_PATH], uri[DOCTOR_PATH + 32];
	struct doctor_check *c;
	sqlite3 *db = NULL;
	struct stat st;

	if (stat(doctor_path(d, path, full), &st) < 0) {
		if (errno == ENOENT)
			doctor_add(d, check, DOCTOR_OK, "%s: will be made", path);
		else
			doctor_unseen(d, check, path);
		return;
	}
	if ((st.st_mode & 077) != 0) {
		c = doctor_add(d, check, DOCTOR_WARN, "%s: mode %03o lets others at it", path,
		               st.st_mode & 0777);
		doctor_advise(c, "chmod 600 %.200s (keys in it are sealed)", path);
		return;
	}
	if (access(full, R_OK) != 0) {
		doctor_unseen(d, check, path);
		return;
	}
	if (is_in_use(full)) {
		doctor_add(d, check, DOCTOR_OK, "%s: mode %03o, in use", path, st.st_mode & 0777);
		return;
	}
	/* No lock is taken and nothing written, not even beside it (sqlite.org/c3ref/open.html). */
	snprintf(uri, sizeof(uri), "file:%s?mode=ro&immutable=1", full);
	if (st.st_size == 0)
		doctor_add(d, check, DOCTOR_OK, "%s: empty, will be filled", path);
	else if (strpbrk(full, "?#%") != NULL ||
	         sqlite3_open_v2(uri, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) !=
	                 SQLITE_OK)
		doctor_add(d, check, DOCTOR_WARN, "%s: cannot be looked at", path);
	else
		look(d, check, path, db, version, &st);
	sqlite3_close(db);
}
