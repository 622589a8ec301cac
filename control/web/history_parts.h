/* SPDX-License-Identifier: BSD-3-Clause */

/* What the files of the history share: history*.c and their test alone include this. */

#ifndef CONTROL_WEB_HISTORY_PARTS_H
#define CONTROL_WEB_HISTORY_PARTS_H

#include <sqlite3.h>

#include "control/web/history.h"

#define HISTORY_TIERS 4
#define DAY_S         86400

struct history_tier {
	int64_t step_s;
	int64_t keep_s; /* 0: keep_days */
};

extern const struct history_tier history_tiers[HISTORY_TIERS];

struct history_series {
	int64_t id;
	char name[HISTORY_NAME_MAX];
	bool counter;
	/* of a counter, what it was last; last_s 0: not known */
	double last;
	int64_t last_s;
};

struct history_sample {
	int64_t series, time, seconds; /* that it stands for */
	double value;
};

/* History in memory waits so for its way to the file: HISTORY_FLUSH_S of all series. */
#define HISTORY_PENDING_MAX (HISTORY_SERIES_MAX * (HISTORY_FLUSH_S + 1))

struct history {
	sqlite3 *db;
	unsigned int keep_days, interval_s;
	struct history_series series[HISTORY_SERIES_MAX];
	unsigned int series_count;
	struct history_sample pending[HISTORY_PENDING_MAX];
	unsigned int pending_count;
	int64_t now_s; /* of what is being added */
	int64_t flushed_s;
	int64_t thinned[HISTORY_TIERS]; /* what is before this is in the tier */
	uint64_t samples, refused_series, failures;
	struct err failed; /* the last time that it was written; code 0: it was */
	sqlite3_stmt *insert;
};

/* history_thin.c: from tier to tier, and away. Within a transaction. */
int history_thin(struct history *h, struct err *err);
/* Nothing is later than NOW_S: the clock was set back. */
int history_forget_after(struct history *h, int64_t now_s, struct err *err);
int history_thin_load(struct history *h, struct err *err);

/* Of SERIES in no tier anything is left. */
bool history_is_empty(struct history *h, int64_t series);

/* Prepare, bind N integers, run to the end. */
int history_run(struct history *h, const char *sql, const int64_t *values, int n, struct err *err);

#endif
