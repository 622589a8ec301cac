/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/history_parts.h"

#include <errno.h>
#include <string.h>

#include "common/sqlite_file.h"

#define WHAT "history"

static const char *kind_name(const struct history_series *o)
{
	return o->counter ? "counter" : "gauge";
}

/* The first and last time of a series in any tier: each a step into the index. */
static json_t *edges(struct history *h, sqlite3_stmt *s, const struct history_series *o)
{
	int64_t first = INT64_MAX, last = INT64_MIN;

	for (int tier = 0; tier < HISTORY_TIERS; tier++) {
		sqlite3_bind_int64(s, 1, tier);
		sqlite3_bind_int64(s, 2, o->id);
		if (sqlite3_step(s) == SQLITE_ROW && sqlite3_column_type(s, 0) != SQLITE_NULL) {
			int64_t from = sqlite3_column_int64(s, 0), to = sqlite3_column_int64(s, 1);

			first = from < first ? from : first;
			last = to > last ? to : last;
		}
		sqlite3_reset(s);
	}
	return json_pack("{s:s, s:s, s:o, s:o}", "name", o->name, "kind", kind_name(o), "first",
	                 first <= last ? json_integer(first) : json_null(), "last",
	                 first <= last ? json_integer(last) : json_null());
}

json_t *history_list(struct history *h)
{
	static const char sql[] =
	        "SELECT (SELECT min(time) FROM sample WHERE tier = ?1 AND series = ?2),"
	        " (SELECT max(time) FROM sample WHERE tier = ?1 AND series = ?2)";
	json_t *list = json_array();
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v2(h->db, sql, -1, &s, NULL) == SQLITE_OK)
		for (unsigned int i = 0; i < h->series_count; i++)
			json_array_append_new(list, edges(h, s, &h->series[i]));
	sqlite3_finalize(s);
	return json_pack("{s:o}", "series", list);
}

/* The finest that reaches back so far with no more points; the coarsest, if none does. */
static int choose_tier(const struct history *h, const struct history_query *q)
{
	int tier = 0;

	while (tier < HISTORY_TIERS - 1) {
		const struct history_tier *t = &history_tiers[tier];
		int64_t step = tier == 0 ? h->interval_s : t->step_s;

		if (q->from_s >= h->now_s - t->keep_s &&
		    (q->to_s - q->from_s) / step < (int64_t)q->points)
			break;
		tier++;
	}
	return tier;
}

static json_t *point(bool counter, int64_t time, int64_t seconds, double value, double low,
                     double high)
{
	return json_pack("[I, f, f, f]", (json_int_t)time,
	                 counter ? value / (double)(seconds > 0 ? seconds : 1) : value, low, high);
}

/* What is not in the file yet. */
static void add_pending(struct history *h, const struct history_series *o,
                        const struct history_query *q, json_t *points)
{
	for (unsigned int i = 0; i < h->pending_count; i++) {
		const struct history_sample *s = &h->pending[i];
		double value = o->counter ? s->value / (double)s->seconds : s->value;

		if (s->series == o->id && s->time >= q->from_s && s->time <= q->to_s &&
		    json_array_size(points) < q->points)
			json_array_append_new(
			        points, point(false, s->time, s->seconds, value, value, value));
	}
}

static int add_points(struct history *h, const struct history_series *o, int tier,
                      const struct history_query *q, json_t *points, struct err *err)
{
	static const char sql[] = "SELECT time, seconds, value, low, high FROM sample"
	                          " WHERE tier = ?1 AND series = ?2 AND time >= ?3 AND time <= ?4"
	                          " ORDER BY time LIMIT ?5";
	const int64_t values[] = {tier, o->id, q->from_s, q->to_s, q->points};
	sqlite3_stmt *s = NULL;
	int rc;

	if (sqlite3_prepare_v2(h->db, sql, -1, &s, NULL) != SQLITE_OK)
		return sqlite_file_fail(h->db, WHAT, "reading", err);
	for (int i = 0; i < 5; i++)
		sqlite3_bind_int64(s, i + 1, values[i]);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		int64_t seconds = sqlite3_column_int64(s, 1);
		double value = sqlite3_column_double(s, 2);
		double alone = o->counter ? value / (double)(seconds > 0 ? seconds : 1) : value;
		bool one = sqlite3_column_type(s, 3) == SQLITE_NULL;

		json_array_append_new(points,
		                      point(o->counter, sqlite3_column_int64(s, 0), seconds, value,
		                            one ? alone : sqlite3_column_double(s, 3),
		                            one ? alone : sqlite3_column_double(s, 4)));
	}
	sqlite3_finalize(s);
	return rc == SQLITE_DONE ? 0 : sqlite_file_fail(h->db, WHAT, "reading", err);
}

/* NAME is that of the series, with its labels or without. */
static bool is_meant(const char *series, const char *name)
{
	size_t n = strlen(name);

	return strncmp(series, name, n) == 0 && (series[n] == '\0' || series[n] == '{');
}

json_t *history_read(struct history *h, const struct history_query *q, struct err *err)
{
	int tier = choose_tier(h, q), rc = 0;
	int64_t step = tier == 0 ? h->interval_s : history_tiers[tier].step_s;
	json_t *list = json_array();

	for (unsigned int i = 0; rc == 0 && i < h->series_count; i++) {
		const struct history_series *o = &h->series[i];
		json_t *points;

		if (!is_meant(o->name, q->series))
			continue;
		points = json_array();
		rc = add_points(h, o, tier, q, points, err);
		if (tier == 0)
			add_pending(h, o, q, points);
		json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name", o->name, "kind",
		                                      kind_name(o), "points", points));
	}
	if (rc == 0 && json_array_size(list) == 0)
		rc = err_set(err, ENOENT, "there is no history of %.128s", q->series);
	if (rc != 0) {
		json_decref(list);
		return NULL;
	}
	return json_pack("{s:I, s:I, s:I, s:o}", "step_s", (json_int_t)step, "from",
	                 (json_int_t)q->from_s, "to", (json_int_t)q->to_s, "series", list);
}
