/* SPDX-License-Identifier: BSD-3-Clause */

/* The store's file: its tables, and the statements on them. */

#include "control/kms/store_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/bytes.h"
#include "common/random.h"
#include "common/sqlite_file.h"

#define APPLICATION_ID 1279741779 /* "LGKS" */

/*
 * segment: a row as long as its record is kept; state 0 while it has key. given and reserved are
 * cursors of the own stream, kept and had bitmaps of the other's: what is there, what was fetched.
 * both is what the other end delivered, told what of spent it was told; shunned, voided by the
 * audit or by damage.
 * chunk: row * 64 + its number. gone: what is left of older records, and tombstones.
 */
static const char setup[] = SQLITE_FILE_SETUP
        "PRAGMA wal_autocheckpoint = 0; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;";

static const char tables[] =
        "CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE segment(row INTEGER PRIMARY KEY AUTOINCREMENT, link INTEGER NOT NULL,"
        " class INTEGER NOT NULL, position INTEGER NOT NULL, units INTEGER NOT NULL,"
        " route INTEGER NOT NULL, simulated INTEGER NOT NULL, block BLOB NOT NULL,"
        " name BLOB NOT NULL UNIQUE, hash BLOB NOT NULL, salt BLOB NOT NULL,"
        " made INTEGER NOT NULL, born INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0,"
        " given INTEGER NOT NULL DEFAULT 0, reserved INTEGER NOT NULL DEFAULT 0,"
        " spent INTEGER NOT NULL DEFAULT 0, expired INTEGER NOT NULL DEFAULT 0,"
        " voided INTEGER NOT NULL DEFAULT 0, lost INTEGER NOT NULL DEFAULT 0,"
        " both INTEGER NOT NULL DEFAULT 0, told INTEGER NOT NULL, shunned INTEGER NOT NULL DEFAULT "
        "0,"
        " kept BLOB, had BLOB);"
        "CREATE UNIQUE INDEX place ON segment(link, class, position);"
        "CREATE INDEX live ON segment(row) WHERE state = 0;"
        "CREATE INDEX closed ON segment(link, class, row) WHERE state > 0;"
        "CREATE INDEX untold ON segment(link, class, row) WHERE spent > told;"
        "CREATE TABLE chunk(id INTEGER PRIMARY KEY, sealed BLOB NOT NULL);"
        "CREATE TABLE gone(link INTEGER NOT NULL, class INTEGER NOT NULL,"
        " position INTEGER NOT NULL, units INTEGER NOT NULL, state INTEGER NOT NULL,"
        " PRIMARY KEY(link, class, position)) WITHOUT ROWID;"
        "CREATE TABLE counts(link INTEGER NOT NULL, class INTEGER NOT NULL, came INTEGER NOT NULL,"
        " delivered INTEGER NOT NULL, both INTEGER NOT NULL, expired INTEGER NOT NULL,"
        " voided INTEGER NOT NULL, lost INTEGER NOT NULL, damaged INTEGER NOT NULL,"
        " next INTEGER NOT NULL, PRIMARY KEY(link, class)) WITHOUT ROWID;"
        "CREATE TABLE withdrawn(id INTEGER PRIMARY KEY AUTOINCREMENT, link INTEGER NOT NULL,"
        " position INTEGER NOT NULL, units INTEGER NOT NULL, born INTEGER NOT NULL,"
        " sure INTEGER NOT NULL);"
        "CREATE TABLE record(kind TEXT NOT NULL, name TEXT NOT NULL, data BLOB NOT NULL,"
        " PRIMARY KEY(kind, name)) WITHOUT ROWID;";

static const char *const sql[STATEMENTS] = {
        [Q_ADD] = "INSERT INTO segment(link, class, position, units, route, simulated, block,"
                  " name, hash, salt, made, born, kept, told) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        [Q_CHUNK_PUT] = "INSERT OR REPLACE INTO chunk(id, sealed) VALUES(?,?)",
        [Q_CHUNK_GET] = "SELECT sealed FROM chunk WHERE id = ?",
        [Q_CHUNK_DROP] = "DELETE FROM chunk WHERE id >= ? AND id < ?",
        [Q_PROGRESS] = "UPDATE segment SET state = ?, given = ?, reserved = ?, spent = ?,"
                       " expired = ?, voided = ?, lost = ?, kept = ?, had = ? WHERE row = ?",
        [Q_BOTH_GET] = "SELECT both, units FROM segment WHERE link = ? AND class = ? AND"
                       " position = ?",
        [Q_BOTH_SET] = "UPDATE segment SET both = ? WHERE link = ? AND class = ? AND position = ?",
        [Q_COUNTS] = "INSERT OR REPLACE INTO counts VALUES(?,?,?,?,?,?,?,?,?,?)",
        [Q_COUNTS_ALL] = "SELECT link, class, came, delivered, both, expired, voided, lost,"
                         " damaged, next FROM counts",
        [Q_GONE_PUT] = "INSERT OR REPLACE INTO gone VALUES(?,?,?,?,?)",
        [Q_GONE_BEFORE] = "SELECT position, units, state FROM gone WHERE link = ? AND class = ?"
                          " AND position < ? ORDER BY position DESC LIMIT 1",
        [Q_GONE_AT] = "SELECT position, units, state FROM gone WHERE link = ? AND class = ?"
                      " AND position = ?",
        [Q_GONE_DROP] = "DELETE FROM gone WHERE link = ? AND class = ? AND position = ?",
        [Q_GONE_ALL] = "SELECT link, class, position, units, state FROM gone",
        [Q_OLD] = "SELECT row, position, units, state FROM segment WHERE link = ? AND class = ?"
                  " AND state > 0 ORDER BY row LIMIT ?",
        [Q_OLD_DROP] = "DELETE FROM segment WHERE row = ?",
        [Q_META_PUT] = "INSERT OR REPLACE INTO meta VALUES(?,?)",
        [Q_META_GET] = "SELECT value FROM meta WHERE name = ?",
        [Q_WITHDRAWN_ADD] = "INSERT INTO withdrawn(link, position, units, born, sure)"
                            " VALUES(?,?,?,?,?)",
        [Q_WITHDRAWN_LIST] = "SELECT id, link, position, units, born, sure FROM withdrawn"
                             " ORDER BY id",
        [Q_WITHDRAWN_DROP] = "DELETE FROM withdrawn WHERE id = ?",
        [Q_WITHDRAWN_OLD] = "DELETE FROM withdrawn WHERE born < ?1 OR"
                            " id <= (SELECT max(id) FROM withdrawn) - ?2",
        [Q_RECORD_PUT] = "INSERT OR REPLACE INTO record VALUES(?,?,?)",
        [Q_RECORD_DROP] = "DELETE FROM record WHERE kind = ? AND name = ?",
        [Q_RECORD_LIST] = "SELECT name, data FROM record WHERE kind = ? ORDER BY name",
        [Q_AUDIT] = "SELECT position, units, hash, salt, born, shunned FROM segment WHERE link = ?"
                    " AND class = ? AND position >= ? ORDER BY position LIMIT ?",
        [Q_SHUN] = "UPDATE segment SET shunned = 1 WHERE link = ? AND class = ? AND position >= ?"
                   " AND position < ? AND shunned = 0",
        [Q_UNTOLD] = "SELECT position, units, state, had FROM segment WHERE link = ? AND class = ?"
                     " AND spent > told ORDER BY row LIMIT ?",
        [Q_TOLD] = "UPDATE segment SET told = min(spent, max(told, ?)) WHERE link = ? AND"
                   " class = ? AND position = ?",
        [Q_PAGES] = "PRAGMA page_count",
        [Q_LIVE] = "SELECT row, link, class, position, units, route, simulated, name, salt, born,"
                   " given, reserved, spent, expired, voided, lost, kept, had FROM segment"
                   " WHERE state = 0 ORDER BY row",
        [Q_CLOSED] = "SELECT link, class, position, units, state, had FROM segment WHERE state > 0",
};

int db_fail(struct kms_store *s, const char *doing, struct err *err)
{
	return sqlite_file_fail(s->db, STORE_WHAT, doing, err);
}

int db_run(struct kms_store *s, const char *text, const char *doing, struct err *err)
{
	return sqlite_file_run(s->db, text, STORE_WHAT, doing, err);
}

void db_reset(struct kms_store *s, enum statement q)
{
	sqlite3_reset(s->statement[q]);
	sqlite3_clear_bindings(s->statement[q]);
}

int db_done(struct kms_store *s, enum statement q, const char *doing, struct err *err)
{
	int rc = sqlite3_step(s->statement[q]) == SQLITE_DONE ? 0 : db_fail(s, doing, err);

	db_reset(s, q);
	return rc;
}

int db_meta_put(struct kms_store *s, const char *name, const void *data, size_t n, struct err *err)
{
	sqlite3_bind_text(s->statement[Q_META_PUT], 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_blob64(s->statement[Q_META_PUT], 2, data, n, SQLITE_STATIC);
	return db_done(s, Q_META_PUT, "write", err);
}

int db_meta_get(struct kms_store *s, const char *name, void *data, size_t n, struct err *err)
{
	sqlite3_stmt *q = s->statement[Q_META_GET];
	int rc;

	sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
	rc = sqlite3_step(q);
	if (rc != SQLITE_ROW)
		rc = rc == SQLITE_DONE ? -ENOENT : db_fail(s, "read", err);
	else if ((size_t)sqlite3_column_bytes(q, 0) != n)
		rc = err_set(err, EUCLEAN, STORE_WHAT ": '%s' has another length", name);
	else
		memcpy(data, sqlite3_column_blob(q, 0), n), rc = 0;
	db_reset(s, Q_META_GET);
	return rc;
}

int db_meta_put_u64(struct kms_store *s, const char *name, uint64_t v, struct err *err)
{
	uint8_t b[8];

	put_be64(b, v);
	return db_meta_put(s, name, b, sizeof(b), err);
}

int db_meta_get_u64(struct kms_store *s, const char *name, uint64_t *v, struct err *err)
{
	uint8_t b[8];
	int rc = db_meta_get(s, name, b, sizeof(b), err);

	if (rc == 0)
		*v = get_be64(b);
	return rc;
}

static int number(struct kms_store *s, const char *text, int64_t *out, struct err *err)
{
	sqlite3_stmt *q = NULL;
	int rc = -1;

	if (sqlite3_prepare_v2(s->db, text, -1, &q, NULL) == SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW) {
		*out = sqlite3_column_int64(q, 0);
		rc = 0;
	}
	if (rc < 0)
		rc = db_fail(s, "read", err);
	sqlite3_finalize(q);
	return rc;
}

static int wal_written(void *ctx, sqlite3 *db, const char *name, int pages)
{
	struct kms_store *s = ctx;

	s->wal_pages = pages;
	s->wal_dirty = true;
	return SQLITE_OK;
}

/* Ours, new, or somebody else's? */
static int make_tables(struct kms_store *s, struct err *err)
{
	int64_t id = 0, version = 0, objects = 0;
	char text[96];
	int rc;

	rc = number(s, "PRAGMA application_id", &id, err);
	if (rc == 0)
		rc = number(s, "PRAGMA user_version", &version, err);
	if (rc == 0)
		rc = number(s, "SELECT count(*) FROM sqlite_schema", &objects, err);
	if (rc < 0)
		return rc;
	if (id == 0 && version == 0 && objects == 0) {
		snprintf(text, sizeof(text), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		         APPLICATION_ID, KMS_STORE_VERSION);
		rc = db_run(s, tables, "set up", err);
		return rc < 0 ? rc : db_run(s, text, "set up", err);
	}
	if (id != APPLICATION_ID)
		return err_set(err, EUCLEAN, STORE_WHAT " %s: another program's database",
		               s->config.path);
	if (version != KMS_STORE_VERSION)
		return err_set(err, EUCLEAN, STORE_WHAT " %s: version %lld, not %d", s->config.path,
		               (long long)version, KMS_STORE_VERSION);
	return 0;
}

static int prepare(struct kms_store *s, struct err *err)
{
	for (int i = 0; i < STATEMENTS; i++)
		if (sqlite3_prepare_v3(s->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
		                       &s->statement[i], NULL) != SQLITE_OK)
			return db_fail(s, "prepare", err);
	return 0;
}

/* A constant sealed under the storage key tells whether that is the file's. */
static int check_key(struct kms_store *s, bool fresh, struct err *err)
{
	uint8_t row[SALT_BYTES + GCM_IV_BYTES + 16 + GCM_TAG_BYTES], out[16], zero[16] = {0};
	struct seal *seal;
	int rc = 0;

	if (fresh)
		random_bytes(row, SALT_BYTES + GCM_IV_BYTES);
	else
		rc = db_meta_get(s, "key", row, sizeof(row), err);
	if (rc == -ENOENT)
		return err_set(err, EUCLEAN, STORE_WHAT " %s: the check of the storage key is gone",
		               s->config.path);
	if (rc < 0)
		return rc;
	seal = seal_new(s->keys, row, SALT_BYTES, "lumengate delivery store key");
	if (seal == NULL)
		return err_set(err, ENOMEM, STORE_WHAT ": no secret memory left");
	if (fresh) {
		seal_close(seal, row + SALT_BYTES, "key", 3, zero, 16,
		           row + SALT_BYTES + GCM_IV_BYTES);
		rc = db_meta_put(s, "key", row, sizeof(row), err);
	} else if (seal_open(seal, row + SALT_BYTES, "key", 3, row + SALT_BYTES + GCM_IV_BYTES, 16,
	                     out) < 0) {
		rc = err_set(err, EKEYREJECTED, STORE_WHAT " %s: sealed under another storage key",
		             s->config.path);
	}
	seal_free(seal);
	return rc;
}

static int check_own(struct kms_store *s, bool fresh, struct err *err)
{
	uint64_t own;
	int rc;

	if (fresh && s->config.own == 0)
		return err_set(err, ENODATA,
		               STORE_WHAT " %s: new, and which stream to give from "
		                          "is not said",
		               s->config.path);
	if (fresh)
		return db_meta_put_u64(s, "own", s->config.own, err);
	rc = db_meta_get_u64(s, "own", &own, err);
	if (rc < 0)
		return rc == -ENOENT ? err_set(err, EUCLEAN, STORE_WHAT " %s: whose it is is gone",
		                               s->config.path)
		                     : rc;
	if (s->config.own == 0)
		s->config.own = (enum key_uuid_class)own;
	if (own != s->config.own)
		return err_set(err, EINVAL, STORE_WHAT " %s: gives what %s delivers, not %s",
		               s->config.path, own == KEY_UUID_FROM_A ? "A" : "B",
		               s->config.own == KEY_UUID_FROM_A ? "A" : "B");
	return 0;
}

int db_open(struct kms_store *s, struct err *err)
{
	int64_t before = 0;
	int rc;

	rc = sqlite_file_open(s->config.path, STORE_WHAT, &s->db, err);
	if (rc < 0)
		return rc;
	sqlite3_extended_result_codes(s->db, 0);
	rc = db_run(s, setup, "set up", err);
	if (rc < 0)
		return rc;
	sqlite3_wal_hook(s->db, wal_written, s);
	rc = db_run(s, "BEGIN IMMEDIATE", "set up", err);
	if (rc == 0)
		rc = number(s, "PRAGMA application_id", &before, err);
	if (rc == 0)
		rc = make_tables(s, err);
	if (rc == 0)
		rc = prepare(s, err);
	if (rc == 0)
		rc = check_key(s, before == 0, err);
	if (rc == 0)
		rc = check_own(s, before == 0, err);
	if (rc == 0)
		rc = db_run(s, "COMMIT", "set up", err);
	return rc;
}

void db_close(struct kms_store *s)
{
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(s->statement[i]);
	sqlite3_close(s->db);
	s->db = NULL;
}

int db_checkpoint(struct kms_store *s, struct err *err)
{
	if (sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) !=
	    SQLITE_OK)
		return db_fail(s, "empty the log", err);
	s->wal_dirty = false;
	s->wal_pages = 0;
	return 0;
}
