/* SPDX-License-Identifier: BSD-3-Clause */

/* SQLite files of key: how they are opened, and what their errors are called. */

#ifndef COMMON_SQLITE_FILE_H
#define COMMON_SQLITE_FILE_H

#include <sqlite3.h>

#include "common/err.h"

/*
 * Open PATH, or make it with mode 0600; a symbolic link is refused. -errno with ERR set, whose
 * sentence begins with WHAT ("key store") and the path.
 */
int sqlite_file_open(const char *path, const char *what, sqlite3 **db, struct err *err);

/*
 * To be run first. The exclusive lock keeps a second process out (-EBUSY) and the WAL index out of
 * shared memory; a commit that returned survives a power cut; what is freed is overwritten with
 * zeros.
 */
#define SQLITE_FILE_SETUP                                                                          \
	"PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"                              \
	"PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA journal_size_limit = 0;"

/* Run TEXT, which gives no rows. */
int sqlite_file_run(sqlite3 *db, const char *text, const char *what, const char *doing,
                    struct err *err);

/*
 * The last failure of DB as "WHAT: DOING: words of SQLite": -EBUSY; -ENOSPC; -EROFS; -EUCLEAN: the
 * file is damaged, or none of SQLite's; -ENOMEM; else -EIO.
 */
int sqlite_file_fail(sqlite3 *db, const char *what, const char *doing, struct err *err);

#endif
