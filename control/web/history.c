/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/history.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/sqlite_file.h"
#include "control/web/history_parts.h"

#define WHAT "history"
/* After so many intervals without it a counter's increase is of no known time. */
#define GAP_INTERVALS 10

/*
 * One writer, no other reader. Lost power may cost the last seconds, not the file: what the WAL
 * has not been synchronised is only not there.
 */
static const char setup[] =
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
        "PRAGMA journal_size_limit = 1048576;"
        "CREATE TABLE IF NOT EXISTS series("
        " id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, counter INTEGER NOT NULL);"
        /*
         * By series: what is asked for is one range. SECONDS is how long it stands for; LOW and
         * HIGH are NULL in tier 0, where they are VALUE, or its rate.
         */
        "CREATE TABLE IF NOT EXISTS sample("
        " tier INTEGER NOT NULL, series INTEGER NOT NULL, time INTEGER NOT NULL,"
        " seconds INTEGER NOT NULL,"
        " value REAL NOT NULL, low REAL, high REAL, PRIMARY KEY(tier, series, time)) WITHOUT ROWID;"
        "CREATE TABLE IF NOT EXISTS thinned(tier INTEGER PRIMARY KEY, time INTEGER NOT NULL);";

int history_run(struct history *h, const char *sql, const int64_t *values, int n, struct err *err)
{
	sqlite3_stmt *s = NULL;
	int rc;

	if (sqlite3_prepare_v2(h->db, sql, -1, &s, NULL) != SQLITE_OK)
		return sqlite_file_fail(h->db, WHAT, "a statement", err);
	for (int i = 0; i < n; i++)
		sqlite3_bind_int64(s, i + 1, values[i]);
	do {
		rc = sqlite3_step(s);
	} while (rc == SQLITE_ROW);
	sqlite3_finalize(s);
	return rc == SQLITE_DONE ? 0 : sqlite_file_fail(h->db, WHAT, "writing", err);
}

static int load_series(struct history *h, struct err *err)
{
	sqlite3_stmt *s = NULL;
	int rc;

	if (sqlite3_prepare_v2(h->db, "SELECT id, name, counter FROM series ORDER BY id", -1, &s,
	                       NULL) != SQLITE_OK)
		return sqlite_file_fail(h->db, WHAT, "its series", err);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW && h->series_count < HISTORY_SERIES_MAX) {
		struct history_series *o = &h->series[h->series_count++];

		o->id = sqlite3_column_int64(s, 0);
		snprintf(o->name, sizeof(o->name), "%s", (const char *)sqlite3_column_text(s, 1));
		o->counter = sqlite3_column_int(s, 2) != 0;
	}
	sqlite3_finalize(s);
	return rc == SQLITE_DONE || rc == SQLITE_ROW
	               ? 0
	               : sqlite_file_fail(h->db, WHAT, "its series", err);
}

static int open_file(struct history *h, const char *path, struct err *err)
{
	int rc = sqlite_file_open(path, WHAT, &h->db, err);

	if (rc == 0)
		rc = sqlite_file_run(h->db, setup, WHAT, "opening", err);
	if (rc == 0)
		rc = load_series(h, err);
	if (rc == 0)
		rc = history_thin_load(h, err);
	if (rc == 0 && sqlite3_prepare_v2(h->db,
	                                  "INSERT OR REPLACE INTO sample VALUES(0, ?, ?, ?, ?, "
	                                  "NULL, NULL)",
	                                  -1, &h->insert, NULL) != SQLITE_OK)
		rc = sqlite_file_fail(h->db, WHAT, "opening", err);
	return rc;
}

int history_open(const struct history_config *config, struct history **out, struct err *err)
{
	struct history *h = calloc(1, sizeof(*h));
	int rc;

	if (h == NULL)
		return err_set(err, ENOMEM, WHAT ": out of memory");
	h->keep_days = config->keep_days;
	h->interval_s = config->interval_s;
	rc = open_file(h, config->path, err);
	if (rc != 0) {
		sqlite3_finalize(h->insert);
		sqlite3_close(h->db);
		free(h);
		return rc;
	}
	*out = h;
	return 0;
}

static struct history_series *find(struct history *h, const char *name)
{
	for (unsigned int i = 0; i < h->series_count; i++)
		if (strcmp(h->series[i].name, name) == 0)
			return &h->series[i];
	return NULL;
}

/* NULL: there are too many, or the file cannot be written. */
static struct history_series *make(struct history *h, const char *name, bool counter)
{
	struct history_series *o;
	sqlite3_stmt *s = NULL;
	int rc = SQLITE_ERROR;

	if (h->series_count == HISTORY_SERIES_MAX || strlen(name) >= HISTORY_NAME_MAX) {
		h->refused_series++;
		return NULL;
	}
	if (sqlite3_prepare_v2(h->db, "INSERT INTO series(name, counter) VALUES(?, ?)", -1, &s,
	                       NULL) == SQLITE_OK) {
		sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
		sqlite3_bind_int(s, 2, counter);
		rc = sqlite3_step(s);
	}
	sqlite3_finalize(s);
	if (rc != SQLITE_DONE) {
		h->failures++;
		return NULL;
	}
	o = &h->series[h->series_count++];
	*o = (struct history_series){.id = sqlite3_last_insert_rowid(h->db), .counter = counter};
	snprintf(o->name, sizeof(o->name), "%s", name);
	return o;
}

static void set_back(struct history *h, int64_t now_s)
{
	struct err err = {0};

	h->pending_count = 0;
	if (history_forget_after(h, now_s, &err) != 0)
		h->failures++;
	h->flushed_s = now_s;
	for (unsigned int i = 0; i < h->series_count; i++)
		h->series[i].last_s = 0;
}

void history_begin(struct history *h, int64_t now_s)
{
	if (now_s < h->now_s || now_s < h->thinned[1])
		set_back(h, now_s);
	h->now_s = now_s;
}

/*
 * Of a counter that is VALUE now, what it grew by since it was seen last, and in how many seconds.
 * False: that is not known, or too soon to say.
 */
static bool grown(struct history *h, struct history_series *o, double *value, int64_t *seconds)
{
	double before = o->last, now = *value;
	bool known = o->last_s != 0;

	*seconds = h->now_s - o->last_s;
	if (known && *seconds == 0)
		return false;
	o->last = now;
	o->last_s = h->now_s;
	*value = now >= before ? now - before : now;
	return known && *seconds <= (int64_t)h->interval_s * GAP_INTERVALS;
}

void history_add(struct history *h, const char *name, bool counter, double value)
{
	struct history_series *o = find(h, name);
	int64_t seconds = h->interval_s;

	if (o == NULL)
		o = make(h, name, counter);
	if (o == NULL || (o->counter && !grown(h, o, &value, &seconds)))
		return;
	if (h->pending_count < HISTORY_PENDING_MAX)
		h->pending[h->pending_count++] =
		        (struct history_sample){o->id, h->now_s, seconds, value};
}

static int write_pending(struct history *h, struct err *err)
{
	for (unsigned int i = 0; i < h->pending_count; i++) {
		const struct history_sample *s = &h->pending[i];

		sqlite3_bind_int64(h->insert, 1, s->series);
		sqlite3_bind_int64(h->insert, 2, s->time);
		sqlite3_bind_int64(h->insert, 3, s->seconds);
		sqlite3_bind_double(h->insert, 4, s->value);
		if (sqlite3_step(h->insert) != SQLITE_DONE) {
			sqlite3_reset(h->insert);
			return sqlite_file_fail(h->db, WHAT, "writing", err);
		}
		sqlite3_reset(h->insert);
	}
	return 0;
}

static int flush(struct history *h, struct err *err)
{
	int rc = sqlite_file_run(h->db, "BEGIN IMMEDIATE", WHAT, "writing", err);

	if (rc != 0)
		return rc;
	rc = write_pending(h, err);
	if (rc == 0)
		rc = history_thin(h, err);
	if (rc == 0)
		rc = sqlite_file_run(h->db, "COMMIT", WHAT, "writing", err);
	if (rc != 0)
		sqlite3_exec(h->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

static int flush_counted(struct history *h, struct err *err)
{
	int rc = flush(h, err);

	h->failed = rc == 0 ? (struct err){0} : *err;
	if (rc == 0)
		h->samples += h->pending_count;
	else
		h->failures++;
	h->pending_count = 0;
	h->flushed_s = h->now_s;
	return rc;
}

int history_end(struct history *h, struct err *err)
{
	if (h->now_s - h->flushed_s < HISTORY_FLUSH_S &&
	    h->pending_count + HISTORY_SERIES_MAX <= HISTORY_PENDING_MAX) {
		/* Until the next try it is as it was. */
		*err = h->failed;
		return -h->failed.code;
	}
	return flush_counted(h, err);
}

void history_close(struct history *h)
{
	struct err err = {0};

	if (h == NULL)
		return;
	flush_counted(h, &err);
	sqlite3_finalize(h->insert);
	sqlite3_close(h->db);
	free(h);
}

void history_stats_read(struct history *h, struct history_stats *out)
{
	sqlite3_stmt *s = NULL;

	*out = (struct history_stats){.series = h->series_count,
	                              .samples = h->samples,
	                              .refused_series = h->refused_series,
	                              .failures = h->failures};
	if (sqlite3_prepare_v2(h->db,
	                       "SELECT page_count * page_size FROM pragma_page_count(), "
	                       "pragma_page_size()",
	                       -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		out->file_bytes = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
}
