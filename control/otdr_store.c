/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/otdr_store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 1
#define BUSY_MS 1000

struct otdr_store {
	sqlite3 *db;
};

/* Samples as 32-bit floats: far below the noise of any trace. */
static const char schema[] =
        "PRAGMA journal_mode = WAL;"
        "PRAGMA synchronous = NORMAL;"
        "CREATE TABLE IF NOT EXISTS trace (id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " time INTEGER NOT NULL, wavelength REAL, group_index REAL, backscatter REAL,"
        " spacing REAL, pulse REAL, response REAL, averages INTEGER, seconds REAL,"
        " simulated INTEGER, report TEXT, watts BLOB NOT NULL);"
        "CREATE TABLE IF NOT EXISTS baseline (trace INTEGER PRIMARY KEY REFERENCES trace(id));";

static int failed(struct otdr_store *s, struct err *err)
{
	return err_set(err, EIO, "OTDR history: %s", sqlite3_errmsg(s->db));
}

static int version_of(struct otdr_store *s)
{
	sqlite3_stmt *q;
	int version = -1;

	if (sqlite3_prepare_v2(s->db, "PRAGMA user_version", -1, &q, NULL) == SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW)
		version = sqlite3_column_int(q, 0);
	sqlite3_finalize(q);
	return version;
}

int otdr_store_open(const char *path, struct otdr_store **out, struct err *err)
{
	struct otdr_store *s = calloc(1, sizeof(*s));
	int rc = 0, version;

	if (s == NULL)
		return err_set(err, ENOMEM, "OTDR history: out of memory");
	if (sqlite3_open(path, &s->db) != SQLITE_OK) {
		rc = err_set(err, EIO, "OTDR history %s: %s", path, sqlite3_errmsg(s->db));
	} else {
		sqlite3_busy_timeout(s->db, BUSY_MS);
		version = version_of(s);
		if (version < 0)
			rc = failed(s, err);
		else if (version > VERSION)
			rc = err_set(err, EPROTO, "OTDR history %s: of a later version, %d", path,
			             version);
		else if (sqlite3_exec(s->db, schema, NULL, NULL, NULL) != SQLITE_OK ||
		         sqlite3_exec(s->db, "PRAGMA user_version = 1", NULL, NULL, NULL) !=
		                 SQLITE_OK)
			rc = failed(s, err);
	}
	if (rc < 0) {
		otdr_store_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void otdr_store_close(struct otdr_store *s)
{
	if (s == NULL)
		return;
	sqlite3_close(s->db);
	free(s);
}

static sqlite3_stmt *prepare(struct otdr_store *s, const char *sql)
{
	sqlite3_stmt *q = NULL;

	if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK)
		return NULL;
	return q;
}

static int forget_old(struct otdr_store *s, uint32_t keep)
{
	sqlite3_stmt *q = prepare(s, "DELETE FROM trace WHERE id <= (SELECT id FROM trace ORDER BY "
	                             "id DESC LIMIT 1 OFFSET ?) AND id NOT IN (SELECT trace FROM "
	                             "baseline)");
	int rc;

	if (q == NULL)
		return -1;
	sqlite3_bind_int64(q, 1, keep);
	rc = sqlite3_step(q);
	sqlite3_finalize(q);
	return rc == SQLITE_DONE ? 0 : -1;
}

int otdr_store_add(struct otdr_store *s, const struct trace *t, const json_t *report, uint32_t keep,
                   int64_t *id, struct err *err)
{
	sqlite3_stmt *q =
	        prepare(s, "INSERT INTO trace (time, wavelength, group_index, backscatter, "
	                   "spacing, pulse, response, averages, seconds, simulated, "
	                   "report, watts) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)");
	float *watts = malloc(t->points * sizeof(*watts));
	char *text = json_dumps(report, JSON_COMPACT);
	int rc = -1;

	if (q != NULL && watts != NULL && text != NULL) {
		for (uint32_t i = 0; i < t->points; i++)
			watts[i] = (float)t->watts[i];
		sqlite3_bind_int64(q, 1, (sqlite3_int64)t->time_ns);
		sqlite3_bind_double(q, 2, t->wavelength_nm);
		sqlite3_bind_double(q, 3, t->group_index);
		sqlite3_bind_double(q, 4, t->backscatter_db);
		sqlite3_bind_double(q, 5, t->spacing_ns);
		sqlite3_bind_double(q, 6, t->pulse_ns);
		sqlite3_bind_double(q, 7, t->response_ns);
		sqlite3_bind_int64(q, 8, t->averages);
		sqlite3_bind_double(q, 9, t->seconds);
		sqlite3_bind_int(q, 10, t->simulated);
		sqlite3_bind_text(q, 11, text, -1, SQLITE_TRANSIENT);
		sqlite3_bind_blob64(q, 12, watts, t->points * sizeof(*watts), SQLITE_TRANSIENT);
		rc = sqlite3_step(q) == SQLITE_DONE ? 0 : -1;
		*id = sqlite3_last_insert_rowid(s->db);
	}
	sqlite3_finalize(q);
	free(watts);
	free(text);
	if (rc == 0)
		rc = forget_old(s, keep);
	return rc == 0 ? 0 : failed(s, err);
}

/* A row, believed no more than any file: sizes are checked. */
static int read_row(sqlite3_stmt *q, struct trace *t, json_t **report, struct err *err)
{
	struct trace like = {
	        .time_ns = (uint64_t)sqlite3_column_int64(q, 0),
	        .wavelength_nm = sqlite3_column_double(q, 1),
	        .group_index = sqlite3_column_double(q, 2),
	        .backscatter_db = sqlite3_column_double(q, 3),
	        .spacing_ns = sqlite3_column_double(q, 4),
	        .pulse_ns = sqlite3_column_double(q, 5),
	        .response_ns = sqlite3_column_double(q, 6),
	        .averages = (uint32_t)sqlite3_column_int64(q, 7),
	        .seconds = sqlite3_column_double(q, 8),
	        .simulated = sqlite3_column_int(q, 9) != 0,
	};
	const void *blob = sqlite3_column_blob(q, 11);
	size_t n = (size_t)sqlite3_column_bytes(q, 11) / sizeof(float);

	if (report != NULL) {
		*report = json_loads((const char *)sqlite3_column_text(q, 10), 0, NULL);
		if (*report == NULL)
			return err_set(err, EPROTO, "OTDR history: a report is no JSON");
	}
	if (t == NULL)
		return 0;
	if (n < TRACE_POINTS_MIN || n > TRACE_POINTS_MAX || !(like.spacing_ns > 0) ||
	    !(like.pulse_ns > 0) || !(like.response_ns > 0) || !(like.group_index >= 1))
		return err_set(err, EPROTO, "OTDR history: a trace is damaged");
	if (trace_alloc(t, &like, (uint32_t)n) < 0)
		return err_set(err, ENOMEM, "OTDR history: out of memory");
	for (size_t i = 0; i < n; i++) {
		float w;

		memcpy(&w, (const char *)blob + i * sizeof(w), sizeof(w));
		t->watts[i] = (double)w;
	}
	return 0;
}

int otdr_store_read(struct otdr_store *s, int64_t id, struct trace *t, json_t **report,
                    struct err *err)
{
	sqlite3_stmt *q = prepare(s, "SELECT time, wavelength, group_index, backscatter, spacing, "
	                             "pulse, response, averages, seconds, simulated, report, watts "
	                             "FROM trace WHERE ?1 = 0 OR id = ?1 ORDER BY id DESC LIMIT 1");
	int rc;

	if (report != NULL)
		*report = NULL;
	if (q == NULL)
		return failed(s, err);
	sqlite3_bind_int64(q, 1, id);
	rc = sqlite3_step(q);
	if (rc == SQLITE_ROW)
		rc = read_row(q, t, report, err);
	else if (rc == SQLITE_DONE)
		rc = id == 0 ? err_set(err, ENOENT, "trace: there is none yet")
		             : err_set(err, ENOENT, "trace: there is none of number %lld",
		                       (long long)id);
	else
		rc = failed(s, err);
	sqlite3_finalize(q);
	if (rc < 0 && report != NULL) {
		json_decref(*report);
		*report = NULL;
	}
	return rc;
}

static unsigned int ids_of(struct otdr_store *s, const char *sql, int64_t *ids, unsigned int max)
{
	sqlite3_stmt *q = prepare(s, sql);
	unsigned int n = 0;

	while (q != NULL && n < max && sqlite3_step(q) == SQLITE_ROW)
		ids[n++] = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return n;
}

unsigned int otdr_store_ids(struct otdr_store *s, int64_t *ids, unsigned int max)
{
	return ids_of(s, "SELECT id FROM trace ORDER BY id DESC", ids, max);
}

unsigned int otdr_store_baseline(struct otdr_store *s, int64_t *ids, unsigned int max)
{
	return ids_of(s, "SELECT trace FROM baseline ORDER BY trace", ids, max);
}

int otdr_store_baseline_set(struct otdr_store *s, const int64_t *ids, unsigned int n,
                            struct err *err)
{
	sqlite3_stmt *q = NULL;
	bool ok =
	        sqlite3_exec(s->db, "BEGIN; DELETE FROM baseline;", NULL, NULL, NULL) == SQLITE_OK;

	q = ok ? prepare(s, "INSERT INTO baseline VALUES (?)") : NULL;
	for (unsigned int i = 0; ok && i < n; i++) {
		sqlite3_bind_int64(q, 1, ids[i]);
		ok = sqlite3_step(q) == SQLITE_DONE && sqlite3_reset(q) == SQLITE_OK;
	}
	sqlite3_finalize(q);
	if (ok && sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	failed(s, err);
	sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return -EIO;
}
