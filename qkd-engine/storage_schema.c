/* SPDX-License-Identifier: BSD-3-Clause */

/* The tables of the key store's file: made, or taken over from an older version. */

#include "qkd-engine/storage_schema.h"

#include <errno.h>
#include <stddef.h>

#include "common/sqlite_file.h"

/*
 * 2: files are named by a keyed hash; the same key bytes are never stored twice.
 * 3: pads have numbers.
 */

static int run(sqlite3 *db, const char *text, struct err *err, const char *what)
{
	return sqlite_file_run(db, text, "key store", what, err);
}

static int number(sqlite3 *db, const char *text)
{
	sqlite3_stmt *q = NULL;
	int n = -1;

	if (sqlite3_prepare_v2(db, text, -1, &q, NULL) == SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW)
		n = sqlite3_column_int(q, 0);
	sqlite3_finalize(q);
	return n;
}

static int check_version(sqlite3 *db, struct err *err)
{
	int version = number(db, "PRAGMA user_version");

	if (version != STORAGE_SCHEMA_VERSION)
		return err_set(err, EPROTO, "key store: the file has version %d, not %d", version,
		               STORAGE_SCHEMA_VERSION);
	return 0;
}

int storage_schema(sqlite3 *db, struct err *err)
{
	static const char setup[] = SQLITE_FILE_SETUP
	        "PRAGMA wal_autocheckpoint = 64;"
	        "BEGIN IMMEDIATE;"
	        "CREATE TABLE IF NOT EXISTS block(row INTEGER PRIMARY KEY AUTOINCREMENT,"
	        " id BLOB NOT NULL UNIQUE, hash BLOB NOT NULL UNIQUE, salt BLOB NOT NULL,"
	        " keys INTEGER NOT NULL, auth_keys INTEGER NOT NULL, source INTEGER NOT NULL,"
	        " simulated INTEGER NOT NULL, time INTEGER NOT NULL, bitmap BLOB, sealed BLOB,"
	        " sealed_key_bytes INTEGER NOT NULL, record TEXT,"
	        " pad_base INTEGER NOT NULL DEFAULT 0);"
	        "CREATE INDEX IF NOT EXISTS live ON block(row) WHERE sealed IS NOT NULL;"
	        /* One row; in a file that is older than it, from the records that are there. */
	        "CREATE TABLE IF NOT EXISTS epsilon(total REAL NOT NULL);"
	        "INSERT INTO epsilon SELECT (SELECT total(json_extract(record, '$.eps_sec') +"
	        " json_extract(record, '$.eps_cor')) FROM block)"
	        " WHERE NOT EXISTS (SELECT * FROM epsilon);"
	        /* By enum storage_counter; STORAGE_PADS_FROM. */
	        "CREATE TABLE IF NOT EXISTS counter(name INTEGER PRIMARY KEY,"
	        " value INTEGER NOT NULL);"
	        "INSERT OR IGNORE INTO counter VALUES(0, 4294967296), (1, 0), (2, 0);";
	/* Pads of QKD key had names that the other end does not know any more. */
	static const char to_3[] =
	        "ALTER TABLE block ADD COLUMN pad_base INTEGER NOT NULL DEFAULT 0;"
	        "UPDATE block SET bitmap = NULL, sealed = NULL WHERE source = 0;"
	        "PRAGMA user_version = 3";
	int rc;

	rc = run(db, setup, err, "set up");
	if (rc < 0)
		return rc;
	switch (number(db, "PRAGMA user_version")) {
	case 0: /* a new file */
		rc = run(db, "PRAGMA user_version = 3", err, "set up");
		break;
	case 2:
		rc = run(db, to_3, err, "take over");
		break;
	}
	if (rc == 0)
		rc = run(db, "COMMIT", err, "set up");
	if (rc == 0)
		rc = check_version(db, err);
	return rc;
}
