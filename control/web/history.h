/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Figures of the past, in an SQLite file: every second of the last hour, every minute of two days,
 * every quarter of an hour of two weeks, every hour of the rest. Of each such step the mean, least
 * and largest value of a gauge, the increase of a counter and its least and largest rate. What is
 * kept is bounded by the number of series and days, whatever time it runs.
 *
 *     history_begin(h, now_s);
 *     history_add(h, "lumengate_qber_ratio{basis=\"z\"}", false, 0.015);
 *     history_end(h, &err);
 *
 * One thread's; times are seconds since 1970.
 */

#ifndef CONTROL_WEB_HISTORY_H
#define CONTROL_WEB_HISTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

#define HISTORY_SERIES_MAX 256
#define HISTORY_NAME_MAX   256 /* bytes of a series' name, with its labels */
#define HISTORY_POINTS_MAX 5000
#define HISTORY_FLUSH_S    10 /* a crash loses so much at most */

struct history;

struct history_config {
	const char *path; /* made with mode 0600 */
	unsigned int keep_days;
	unsigned int interval_s; /* between two values of a series */
};

struct history_stats {
	unsigned int series;
	uint64_t samples;        /* written */
	uint64_t refused_series; /* values of those beyond HISTORY_SERIES_MAX */
	uint64_t failures;       /* of writing */
	uint64_t file_bytes;
};

int history_open(const struct history_config *config, struct history **out, struct err *err);
/* Writes what is not written yet. */
void history_close(struct history *h);

/* What comes until history_end() is of NOW_S. A clock that was set back forgets what is to come. */
void history_begin(struct history *h, int64_t now_s);
/* SERIES is a name with its labels. A COUNTER that falls has begun anew. */
void history_add(struct history *h, const char *series, bool counter, double value);
/*
 * Writes now and then; -errno with ERR when it cannot: what was not written is lost. That it is
 * again until it can.
 */
int history_end(struct history *h, struct err *err);

/* {"series": [{"name", "kind", "first", "last"}]} */
json_t *history_list(struct history *h);

struct history_query {
	const char *series; /* one with its labels, or a name: all that have it */
	int64_t from_s, to_s;
	unsigned int points; /* at most so many of each, HISTORY_POINTS_MAX at most */
};

/*
 * {"step_s": N, "from": S, "to": S, "series": [{"name", "kind", "points": [[time, value, least,
 * largest], ...]}]} in the finest step that reaches back to FROM and has no more points; of
 * counters, values are per second. NULL: out of memory, or the file cannot be read: ERR. -ENOENT
 * in ERR: nobody has that name.
 */
json_t *history_read(struct history *h, const struct history_query *q, struct err *err);

void history_stats_read(struct history *h, struct history_stats *out);

#endif
