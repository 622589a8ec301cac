/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/history_parts.h"

#include "common/sqlite_file.h"

#define WHAT "history"

const struct history_tier history_tiers[HISTORY_TIERS] = {
        {1, 3600},
        {60, 2 * DAY_S},
        {900, 14 * DAY_S},
        {3600, 0},
};

/*
 * A step of TIER (?1) out of those of the tier before: the increase of a counter is the sum, and
 * its least and largest are rates; a gauge's value is the mean, weighted by what it stands for.
 */
static const char thin[] =
        "INSERT OR REPLACE INTO sample"
        " SELECT ?1, s.series, s.time / ?2 * ?2, sum(s.seconds),"
        "  CASE WHEN r.counter THEN sum(s.value)"
        "   ELSE sum(s.value * s.seconds) / sum(s.seconds) END,"
        "  min(coalesce(s.low, CASE WHEN r.counter THEN s.value / s.seconds ELSE s.value END)),"
        "  max(coalesce(s.high, CASE WHEN r.counter THEN s.value / s.seconds ELSE s.value END))"
        " FROM series r JOIN sample s ON s.tier = ?1 - 1 AND s.series = r.id"
        "  AND s.time >= ?3 AND s.time < ?4"
        " GROUP BY s.series, s.time / ?2";
static const char drop[] = "DELETE FROM sample WHERE tier = ?1 AND series = ?2 AND time < ?3";
static const char mark[] = "INSERT OR REPLACE INTO thinned VALUES(?1, ?2)";

int history_thin_load(struct history *h, struct err *err)
{
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v2(h->db, "SELECT tier, time FROM thinned", -1, &s, NULL) != SQLITE_OK)
		return sqlite_file_fail(h->db, WHAT, "opening", err);
	while (sqlite3_step(s) == SQLITE_ROW) {
		int tier = sqlite3_column_int(s, 0);

		if (tier > 0 && tier < HISTORY_TIERS)
			h->thinned[tier] = sqlite3_column_int64(s, 1);
	}
	sqlite3_finalize(s);
	return 0;
}

static int drop_old(struct history *h, int tier, struct err *err)
{
	int64_t keep = history_tiers[tier].keep_s, all = (int64_t)h->keep_days * DAY_S;
	int rc = 0;

	if (keep == 0 || keep > all)
		keep = all;
	for (unsigned int i = 0; rc == 0 && i < h->series_count; i++)
		rc = history_run(h, drop, (const int64_t[]){tier, h->series[i].id, h->now_s - keep},
		                 3, err);
	return rc;
}

bool history_is_empty(struct history *h, int64_t series)
{
	sqlite3_stmt *s = NULL;
	bool empty = false;

	if (sqlite3_prepare_v2(h->db,
	                       "SELECT 1 FROM sample WHERE tier IN (0, 1, 2, 3) AND series = ?1 "
	                       "LIMIT 1",
	                       -1, &s, NULL) == SQLITE_OK) {
		sqlite3_bind_int64(s, 1, series);
		empty = sqlite3_step(s) == SQLITE_DONE;
	}
	sqlite3_finalize(s);
	return empty;
}

/* Those of which nothing is left, or a tunnel that was renamed would have its place for ever. */
static int drop_series(struct history *h, struct err *err)
{
	int rc = 0;

	for (unsigned int i = h->series_count; rc == 0 && i-- > 0;) {
		if (h->now_s - h->series[i].last_s < 3600 || !history_is_empty(h, h->series[i].id))
			continue;
		rc = history_run(h, "DELETE FROM series WHERE id = ?1", &h->series[i].id, 1, err);
		if (rc == 0)
			h->series[i] = h->series[--h->series_count];
	}
	return rc;
}

/* Whole steps of TIER that have passed. */
static int thin_into(struct history *h, int tier, struct err *err)
{
	int64_t step = history_tiers[tier].step_s, end = h->now_s / step * step;
	int rc;

	if (end <= h->thinned[tier])
		return 0;
	rc = history_run(h, thin, (const int64_t[]){tier, step, h->thinned[tier], end}, 4, err);
	if (rc == 0)
		rc = history_run(h, mark, (const int64_t[]){tier, end}, 2, err);
	if (rc == 0)
		rc = drop_old(h, tier - 1, err);
	if (rc == 0 && tier == HISTORY_TIERS - 1)
		rc = drop_old(h, tier, err);
	if (rc == 0 && tier == HISTORY_TIERS - 1)
		rc = drop_series(h, err);
	if (rc == 0)
		h->thinned[tier] = end;
	return rc;
}

int history_thin(struct history *h, struct err *err)
{
	int rc = 0;

	for (int tier = 1; rc == 0 && tier < HISTORY_TIERS; tier++)
		rc = thin_into(h, tier, err);
	return rc;
}

int history_forget_after(struct history *h, int64_t now_s, struct err *err)
{
	int rc = history_run(h, "DELETE FROM sample WHERE time >= ?1", &now_s, 1, err);

	for (int tier = 1; rc == 0 && tier < HISTORY_TIERS; tier++) {
		int64_t step = history_tiers[tier].step_s, begin = now_s / step * step;

		if (h->thinned[tier] <= begin)
			continue;
		rc = history_run(h, mark, (const int64_t[]){tier, begin}, 2, err);
		h->thinned[tier] = begin;
	}
	return rc;
}
