/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int sqlite_file_open(const char *path, const char *what, sqlite3 **db, struct err *err)
{
	int fd, rc;

	/* SQLite would create the file with the mode of the umask. */
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(err, errno, "%s %s: %s", what, path, strerror(errno));
	close(fd);
	if (sqlite3_open_v2(path, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK) {
		rc = err_set(err, EIO, "%s %s: %s", what, path, sqlite3_errmsg(*db));
		sqlite3_close(*db);
		*db = NULL;
		return rc;
	}
	return 0;
}

int sqlite_file_run(sqlite3 *db, const char *text, const char *what, const char *doing,
                    struct err *err)
{
	if (sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	return sqlite_file_fail(db, what, doing, err);
}

static int code_of(sqlite3 *db)
{
	int os = sqlite3_system_errno(db);

	switch (sqlite3_errcode(db) & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return EBUSY;
	case SQLITE_FULL:
		return ENOSPC;
	case SQLITE_READONLY:
		return EROFS;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return EUCLEAN;
	case SQLITE_NOMEM:
		return ENOMEM;
	}
	return os == ENOSPC || os == EDQUOT ? ENOSPC : os == EROFS ? EROFS : EIO;
}

int sqlite_file_fail(sqlite3 *db, const char *what, const char *doing, struct err *err)
{
	return err_set(err, code_of(db), "%s: %s: %s", what, doing, sqlite3_errmsg(db));
}
