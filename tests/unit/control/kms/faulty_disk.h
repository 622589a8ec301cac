/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A disk that fails, or on which the process dies, at the Nth change: a layer of SQLite's between
 * it and the system. One that dies leaves what was written, in order, as a SIGKILL does.
 */

#ifndef TESTS_UNIT_CONTROL_KMS_FAULTY_DISK_H
#define TESTS_UNIT_CONTROL_KMS_FAULTY_DISK_H

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

static struct {
	long changes; /* writes, truncations and syncs so far */
	long fail_at; /* from this change on; 0: never */
	long fail_to; /* up to this one; 0: for ever */
	int code;     /* as SQLite has it */
	long die_at;
	int sync; /* really */
} disk;

struct faulty_file {
	sqlite3_file base;
	sqlite3_file *real;
};

static sqlite3_vfs *faulty_below;

static inline int faulty_change(void)
{
	disk.changes++;
	if (disk.changes == disk.die_at)
		kill(getpid(), SIGKILL);
	if (disk.fail_at > 0 && disk.changes >= disk.fail_at &&
	    (disk.fail_to == 0 || disk.changes <= disk.fail_to))
		return disk.code;
	return SQLITE_OK;
}

static inline sqlite3_file *faulty_real(sqlite3_file *f)
{
	return ((struct faulty_file *)f)->real;
}

static inline int faulty_close(sqlite3_file *f)
{
	return faulty_real(f)->pMethods->xClose(faulty_real(f));
}

static inline int faulty_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	return faulty_real(f)->pMethods->xRead(faulty_real(f), p, n, at);
}

static inline int faulty_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	int rc = faulty_change();

	return rc != SQLITE_OK ? rc : faulty_real(f)->pMethods->xWrite(faulty_real(f), p, n, at);
}

static inline int faulty_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	int rc = faulty_change();

	return rc != SQLITE_OK ? rc : faulty_real(f)->pMethods->xTruncate(faulty_real(f), size);
}

/* What a SIGKILL leaves does not depend on it: tests are faster without, unless they want it. */
static inline int faulty_sync(sqlite3_file *f, int flags)
{
	int rc = faulty_change();

	return rc != SQLITE_OK || !disk.sync
	               ? rc
	               : faulty_real(f)->pMethods->xSync(faulty_real(f), flags);
}

static inline int faulty_size(sqlite3_file *f, sqlite3_int64 *size)
{
	return faulty_real(f)->pMethods->xFileSize(faulty_real(f), size);
}

static inline int faulty_lock(sqlite3_file *f, int level)
{
	return faulty_real(f)->pMethods->xLock(faulty_real(f), level);
}

static inline int faulty_unlock(sqlite3_file *f, int level)
{
	return faulty_real(f)->pMethods->xUnlock(faulty_real(f), level);
}

static inline int faulty_reserved(sqlite3_file *f, int *out)
{
	return faulty_real(f)->pMethods->xCheckReservedLock(faulty_real(f), out);
}

static inline int faulty_control(sqlite3_file *f, int op, void *arg)
{
	return faulty_real(f)->pMethods->xFileControl(faulty_real(f), op, arg);
}

static inline int faulty_sector(sqlite3_file *f)
{
	return faulty_real(f)->pMethods->xSectorSize(faulty_real(f));
}

static inline int faulty_device(sqlite3_file *f)
{
	return faulty_real(f)->pMethods->xDeviceCharacteristics(faulty_real(f));
}

/* Version 1 has no shared memory: the WAL is used in exclusive mode alone, as it is here. */
static const sqlite3_io_methods faulty_methods = {
        .iVersion = 1,
        .xClose = faulty_close,
        .xRead = faulty_read,
        .xWrite = faulty_write,
        .xTruncate = faulty_truncate,
        .xSync = faulty_sync,
        .xFileSize = faulty_size,
        .xLock = faulty_lock,
        .xUnlock = faulty_unlock,
        .xCheckReservedLock = faulty_reserved,
        .xFileControl = faulty_control,
        .xSectorSize = faulty_sector,
        .xDeviceCharacteristics = faulty_device,
};

static inline int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
                              int *out)
{
	struct faulty_file *file = (struct faulty_file *)f;
	int rc;

	file->real = (sqlite3_file *)(file + 1);
	rc = faulty_below->xOpen(faulty_below, name, file->real, flags, out);
	f->pMethods = rc == SQLITE_OK ? &faulty_methods : NULL;
	return rc;
}

/* Under every database that is opened from now on. */
static inline void faulty_disk_begin(void)
{
	static sqlite3_vfs vfs;

	memset(&disk, 0, sizeof(disk));
	if (faulty_below != NULL)
		return;
	faulty_below = sqlite3_vfs_find(NULL);
	vfs = *faulty_below;
	vfs.zName = "faulty";
	vfs.szOsFile = (int)sizeof(struct faulty_file) + faulty_below->szOsFile;
	vfs.xOpen = faulty_open;
	vfs.pNext = NULL;
	sqlite3_vfs_register(&vfs, 1);
}

#endif
