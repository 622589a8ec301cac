/* SPDX-License-Identifier: BSD-3-Clause */

#include "qkd-engine/storage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/sqlite_file.h"
#include "qkd-engine/storage_schema.h"

/* The statements that run over and over, prepared once. */
enum { ADD, ADD_EPS, READ_EPS, READ_COUNT, ADD_COUNT, CLEAR_BIT, RETIRE, READ_BITMAP, STATEMENTS };

static const char *const sql[STATEMENTS] = {
        [ADD] = ("INSERT INTO block(id, hash, salt, keys, auth_keys, source, simulated, time,"
                 " bitmap, sealed, sealed_key_bytes, record, pad_base)"
                 " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)"),
        [ADD_EPS] = "UPDATE epsilon SET total = total + ?",
        [READ_EPS] = "SELECT total FROM epsilon",
        [READ_COUNT] = "SELECT value FROM counter WHERE name = ?",
        [ADD_COUNT] = "UPDATE counter SET value = value + ? WHERE name = ?",
        [CLEAR_BIT] = "UPDATE block SET bitmap = ? WHERE row = ?",
        [RETIRE] = "UPDATE block SET bitmap = NULL, sealed = NULL WHERE row = ?",
        [READ_BITMAP] = "SELECT bitmap, keys, sealed_key_bytes FROM block WHERE row = ?",
};

struct sqlite {
	struct storage ops;
	sqlite3 *db;
	sqlite3_stmt *statement[STATEMENTS];
};

static int fail(struct sqlite *s, struct err *err, const char *what)
{
	return sqlite_file_fail(s->db, "key store", what, err);
}

static int run(struct sqlite *s, const char *text, struct err *err, const char *what)
{
	return sqlite_file_run(s->db, text, "key store", what, err);
}

static int begin(struct storage *st, struct err *err)
{
	return run((struct sqlite *)st, "BEGIN IMMEDIATE", err, "begin");
}

static int commit(struct storage *st, struct err *err)
{
	return run((struct sqlite *)st, "COMMIT", err, "commit");
}

static void rollback(struct storage *st)
{
	sqlite3_exec(((struct sqlite *)st)->db, "ROLLBACK", NULL, NULL, NULL);
}

static int add_row(struct sqlite *s, struct storage_block *b, struct err *err)
{
	sqlite3_stmt *q = s->statement[ADD];
	int rc;

	sqlite3_bind_blob(q, 1, b->id, sizeof(b->id), SQLITE_STATIC);
	sqlite3_bind_blob(q, 2, b->hash, sizeof(b->hash), SQLITE_STATIC);
	sqlite3_bind_blob(q, 3, b->salt, sizeof(b->salt), SQLITE_STATIC);
	sqlite3_bind_int64(q, 4, b->keys);
	sqlite3_bind_int64(q, 5, b->auth_keys);
	sqlite3_bind_int(q, 6, (int)b->source);
	sqlite3_bind_int(q, 7, b->simulated);
	sqlite3_bind_int64(q, 8, (sqlite3_int64)b->time_wall_ns);
	sqlite3_bind_blob64(q, 9, b->bitmap, (b->keys + 7) / 8, SQLITE_STATIC);
	sqlite3_bind_blob64(q, 10, b->sealed, (sqlite3_uint64)b->keys * b->sealed_key_bytes,
	                    SQLITE_STATIC);
	sqlite3_bind_int64(q, 11, b->sealed_key_bytes);
	sqlite3_bind_text(q, 12, b->record, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 13, (sqlite3_int64)b->pad_base);
	rc = sqlite3_step(q);
	sqlite3_reset(q);
	sqlite3_clear_bindings(q);
	if (rc == SQLITE_CONSTRAINT)
		return err_set(err, EEXIST, "key store: this block was stored before");
	if (rc != SQLITE_DONE)
		return fail(s, err, "add a block");
	b->row = sqlite3_last_insert_rowid(s->db);
	return 0;
}

static int add_eps(struct sqlite *s, double eps, struct err *err)
{
	sqlite3_stmt *q = s->statement[ADD_EPS];
	int rc;

	sqlite3_bind_double(q, 1, eps);
	rc = sqlite3_step(q);
	sqlite3_reset(q);
	return rc == SQLITE_DONE ? 0 : fail(s, err, "add a block's epsilons");
}

static int count(struct storage *st, enum storage_counter counter, uint64_t add, uint64_t *out,
                 struct err *err)
{
	struct sqlite *s = (struct sqlite *)st;
	sqlite3_stmt *q = s->statement[READ_COUNT];
	int rc;

	sqlite3_bind_int(q, 1, (int)counter);
	rc = sqlite3_step(q);
	if (rc == SQLITE_ROW)
		*out = (uint64_t)sqlite3_column_int64(q, 0);
	sqlite3_reset(q);
	if (rc != SQLITE_ROW)
		return fail(s, err, "read a counter");
	if (add == 0)
		return 0;
	q = s->statement[ADD_COUNT];
	sqlite3_bind_int64(q, 1, (sqlite3_int64)add);
	sqlite3_bind_int(q, 2, (int)counter);
	rc = sqlite3_step(q);
	sqlite3_reset(q);
	return rc == SQLITE_DONE ? 0 : fail(s, err, "count");
}

/* The block and its epsilons, together or not at all, also outside a transaction. */
static int add(struct storage *st, struct storage_block *b, struct err *err)
{
	struct sqlite *s = (struct sqlite *)st;
	uint64_t before;
	int rc;

	if (b->eps == 0)
		return add_row(s, b, err);
	rc = run(s, "SAVEPOINT block", err, "begin");
	if (rc < 0)
		return rc;
	rc = add_row(s, b, err);
	if (rc == 0)
		rc = add_eps(s, b->eps, err);
	if (rc == 0)
		rc = count(st, STORAGE_PRESHARED_HASHES, b->preshared_hashes, &before, err);
	if (rc == 0)
		rc = run(s, "RELEASE block", err, "commit");
	if (rc < 0)
		sqlite3_exec(s->db, "ROLLBACK TO block; RELEASE block", NULL, NULL, NULL);
	return rc;
}

static int eps_total(struct storage *st, double *out, struct err *err)
{
	struct sqlite *s = (struct sqlite *)st;
	sqlite3_stmt *q = s->statement[READ_EPS];
	int rc = sqlite3_step(q);

	if (rc == SQLITE_ROW)
		*out = sqlite3_column_double(q, 0);
	sqlite3_reset(q);
	return rc == SQLITE_ROW ? 0 : fail(s, err, "read the sum of epsilons");
}

/* Zeros over one sealed key, in place. */
static int wipe_sealed(struct sqlite *s, int64_t row, uint32_t index, int size, struct err *err)
{
	static const uint8_t zeros[256];
	sqlite3_blob *blob;
	int rc;

	if (sqlite3_blob_open(s->db, "main", "block", "sealed", row, 1, &blob) != SQLITE_OK)
		return fail(s, err, "open a block");
	rc = sqlite3_blob_write(blob, zeros, size, (int)index * size);
	sqlite3_blob_close(blob);
	return rc == SQLITE_OK ? 0 : fail(s, err, "wipe a key");
}

static int spend(struct storage *st, int64_t row, uint32_t index, struct err *err)
{
	struct sqlite *s = (struct sqlite *)st;
	sqlite3_stmt *q = s->statement[READ_BITMAP];
	uint8_t *bitmap;
	int bytes, size, rc;

	sqlite3_bind_int64(q, 1, row);
	if (sqlite3_step(q) != SQLITE_ROW || sqlite3_column_type(q, 0) != SQLITE_BLOB ||
	    index >= (uint32_t)sqlite3_column_int64(q, 1)) {
		sqlite3_reset(q);
		return err_set(err, ENOENT, "key store: no such key");
	}
	bytes = sqlite3_column_bytes(q, 0);
	size = sqlite3_column_int(q, 2);
	bitmap = malloc((size_t)bytes);
	if (bitmap == NULL) {
		sqlite3_reset(q);
		return err_set(err, ENOMEM, "key store: out of memory");
	}
	memcpy(bitmap, sqlite3_column_blob(q, 0), (size_t)bytes);
	sqlite3_reset(q);

	bitmap[index / 8] &= (uint8_t) ~(1u << (index % 8));
	q = s->statement[CLEAR_BIT];
	sqlite3_bind_blob(q, 1, bitmap, bytes, SQLITE_STATIC);
	sqlite3_bind_int64(q, 2, row);
	rc = sqlite3_step(q);
	sqlite3_reset(q);
	free(bitmap);
	if (rc != SQLITE_DONE)
		return fail(s, err, "mark a key used");
	return wipe_sealed(s, row, index, size, err);
}

static int retire(struct storage *st, int64_t row, struct err *err)
{
	struct sqlite *s = (struct sqlite *)st;
	sqlite3_stmt *q = s->statement[RETIRE];
	int rc;

	sqlite3_bind_int64(q, 1, row);
	rc = sqlite3_step(q);
	sqlite3_reset(q);
	return rc == SQLITE_DONE ? 0 : fail(s, err, "retire a block");
}

static void copy_bytes(sqlite3_stmt *q, int column, uint8_t *out, size_t n)
{
	memset(out, 0, n);
	if ((size_t)sqlite3_column_bytes(q, column) == n)
		memcpy(out, sqlite3_column_blob(q, column), n);
}

static int load(struct storage *st, int (*each)(void *, const struct storage_block *), void *ctx,
                struct err *err)
{
	struct sqlite *s = (struct sqlite *)st;
	sqlite3_stmt *q;
	int rc, stop = 0;

	if (sqlite3_prepare_v2(
	            s->db,
	            "SELECT row, id, hash, salt, keys, auth_keys, source, simulated, time,"
	            " bitmap, sealed, sealed_key_bytes, pad_base FROM block"
	            " WHERE sealed IS NOT NULL ORDER BY row",
	            -1, &q, NULL) != SQLITE_OK)
		return fail(s, err, "read");
	while (stop == 0 && (rc = sqlite3_step(q)) == SQLITE_ROW) {
		struct storage_block b = {
		        .row = sqlite3_column_int64(q, 0),
		        .keys = (uint32_t)sqlite3_column_int64(q, 4),
		        .auth_keys = (uint32_t)sqlite3_column_int64(q, 5),
		        .source = (enum storage_source)sqlite3_column_int(q, 6),
		        .simulated = sqlite3_column_int(q, 7) != 0,
		        .time_wall_ns = (uint64_t)sqlite3_column_int64(q, 8),
		        .bitmap = sqlite3_column_blob(q, 9),
		        .sealed = sqlite3_column_blob(q, 10),
		        .sealed_key_bytes = (uint32_t)sqlite3_column_int64(q, 11),
		        .pad_base = (uint64_t)sqlite3_column_int64(q, 12),
		};

		copy_bytes(q, 1, b.id, sizeof(b.id));
		copy_bytes(q, 2, b.hash, sizeof(b.hash));
		copy_bytes(q, 3, b.salt, sizeof(b.salt));
		if ((uint64_t)sqlite3_column_bytes(q, 9) != (b.keys + 7) / 8 ||
		    (uint64_t)sqlite3_column_bytes(q, 10) !=
		            (uint64_t)b.keys * b.sealed_key_bytes) {
			sqlite3_finalize(q);
			return err_set(err, EIO, "key store: block %lld has wrong lengths",
			               (long long)b.row);
		}
		stop = each(ctx, &b);
	}
	sqlite3_finalize(q);
	if (stop != 0)
		return stop;
	return rc == SQLITE_DONE ? 0 : fail(s, err, "read");
}

static void close_db(struct storage *st)
{
	struct sqlite *s = (struct sqlite *)st;

	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(s->statement[i]);
	sqlite3_close(s->db);
	free(s);
}

static int prepare(struct sqlite *s, struct err *err)
{
	int rc = storage_schema(s->db, err);

	for (int i = 0; rc == 0 && i < STATEMENTS; i++)
		if (sqlite3_prepare_v3(s->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
		                       &s->statement[i], NULL) != SQLITE_OK)
			rc = fail(s, err, "prepare");
	return rc;
}

int storage_sqlite_open(const char *path, struct storage **out, struct err *err)
{
	struct sqlite *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return err_set(err, ENOMEM, "key store: out of memory");
	s->ops = (struct storage){.begin = begin,
	                          .commit = commit,
	                          .rollback = rollback,
	                          .add = add,
	                          .spend = spend,
	                          .retire = retire,
	                          .eps_total = eps_total,
	                          .count = count,
	                          .load = load,
	                          .close = close_db};
	rc = sqlite_file_open(path, "key store", &s->db, err);
	if (rc == 0) {
		sqlite3_extended_result_codes(s->db, 0);
		rc = prepare(s, err);
	}
	if (rc < 0) {
		close_db(&s->ops);
		return rc;
	}
	*out = &s->ops;
	return 0;
}
