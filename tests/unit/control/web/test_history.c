/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/history_parts.h"
#include "tests/unit/remove_tree.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define T0  (1769846400 - 1769846400 % 3600) /* an hour's begin */
#define DAY 86400

static char dir[64], path[96];
static struct history *h;

static void reopen(unsigned int days, unsigned int interval)
{
	const struct history_config config = {path, days, interval};
	struct err err = {0};

	history_close(h);
	h = NULL;
	CU_ASSERT_EQUAL_FATAL(history_open(&config, &h, &err), 0);
}

static void begin(unsigned int days, unsigned int interval)
{
	strcpy(dir, "/tmp/lumengate-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/history.db", dir);
	reopen(days, interval);
}

static void end(void)
{
	history_close(h);
	h = NULL;
	remove_tree(dir);
}

static void add(int64_t t, const char *name, bool counter, double value)
{
	struct err err = {0};

	history_begin(h, t);
	history_add(h, name, counter, value);
	CU_ASSERT_EQUAL(history_end(h, &err), 0);
}

static json_t *read_all(const char *name, int64_t from, int64_t to, unsigned int points)
{
	struct err err = {0};
	json_t *o = history_read(h, &(struct history_query){name, from, to, points}, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	return o;
}

static json_t *points_of(const json_t *o, size_t series)
{
	return json_object_get(json_array_get(json_object_get(o, "series"), series), "points");
}

static double at(const json_t *points, size_t i, size_t column)
{
	return json_number_value(json_array_get(json_array_get(points, i), column));
}

static json_int_t step_of(const json_t *o)
{
	return json_integer_value(json_object_get(o, "step_s"));
}

/* Seconds are there at once, also those that are not in the file yet. */
static void test_gauge_by_the_second(void)
{
	json_t *o;

	begin(90, 1);
	for (int i = 0; i < 25; i++)
		add(T0 + i, "g", false, i);
	o = read_all("g", T0, T0 + 100, 1000);
	CU_ASSERT_EQUAL(step_of(o), 1);
	CU_ASSERT_EQUAL(json_array_size(points_of(o, 0)), 25);
	CU_ASSERT_EQUAL(at(points_of(o, 0), 24, 0), T0 + 24);
	CU_ASSERT_EQUAL(at(points_of(o, 0), 24, 1), 24);
	CU_ASSERT_EQUAL(at(points_of(o, 0), 7, 3), 7);
	json_decref(o);
	end();
}

/* A counter is kept by its rate, whatever was missed, and through its program's restart. */
static void test_counter(void)
{
	static const struct {
		int t;
		double value;
	} seen[] = {{0, 1000}, {1, 1010}, {2, 1030},   {4, 1050},
	            {4, 1055}, {5, 20},   {100, 5000}, {101, 5007}};
	static const double rates[][2] = {{1, 10}, {2, 20}, {4, 10}, {5, 20}, {101, 7}};
	json_t *o;

	begin(90, 1);
	for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
		add(T0 + seen[i].t, "c{x=\"1\"}", true, seen[i].value);
	o = read_all("c", T0, T0 + 200, 1000);
	CU_ASSERT_EQUAL_FATAL(json_array_size(points_of(o, 0)), 5);
	for (size_t i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(at(points_of(o, 0), i, 0), T0 + rates[i][0]);
		CU_ASSERT_EQUAL(at(points_of(o, 0), i, 1), rates[i][1]);
	}
	json_decref(o);
	end();
}

/* Three days of a gauge that is the minute of the hour, and of a counter of 3 a second. */
static void fill(int64_t from, int64_t to, int64_t step)
{
	struct err err = {0};

	for (int64_t t = from; t < to; t += step) {
		history_begin(h, t);
		history_add(h, "g", false, (double)(t % 3600 / 60));
		history_add(h, "c", true, (double)(3 * (t - T0)));
		CU_ASSERT_EQUAL(history_end(h, &err), 0);
	}
}

static void test_thinned_by_age(void)
{
	int64_t now = T0 + 3 * DAY;
	json_t *o;

	begin(90, 30);
	fill(T0, now + 30, 30);
	/* The last hour as it came. */
	o = read_all("g", now - 3000, now, 5000);
	CU_ASSERT_EQUAL(step_of(o), 30);
	CU_ASSERT_EQUAL(json_array_size(points_of(o, 0)), 101);
	json_decref(o);
	/* Two days by the minute: each is one value of the gauge. */
	o = read_all("g", now - 2 * DAY + 60, now, 5000);
	CU_ASSERT_EQUAL(step_of(o), 60);
	CU_ASSERT_EQUAL(json_array_size(points_of(o, 0)), 2 * DAY / 60 - 1);
	CU_ASSERT_EQUAL(at(points_of(o, 0), 59, 1), 0);
	CU_ASSERT_EQUAL(at(points_of(o, 0), 58, 1), 59);
	json_decref(o);
	/* All of it by the quarter of an hour: mean, least, largest. */
	o = read_all("g", T0, now, 5000);
	CU_ASSERT_EQUAL(step_of(o), 900);
	CU_ASSERT_EQUAL(json_array_size(points_of(o, 0)), 3 * DAY / 900);
	CU_ASSERT_DOUBLE_EQUAL(at(points_of(o, 0), 1, 1), 22, 1e-9);
	CU_ASSERT_EQUAL(at(points_of(o, 0), 1, 2), 15);
	CU_ASSERT_EQUAL(at(points_of(o, 0), 1, 3), 29);
	json_decref(o);
	/* Fewer points: by the hour. */
	o = read_all("g", T0, now, 100);
	CU_ASSERT_EQUAL(step_of(o), 3600);
	CU_ASSERT_EQUAL(json_array_size(points_of(o, 0)), 72);
	CU_ASSERT_DOUBLE_EQUAL(at(points_of(o, 0), 5, 1), 29.5, 1e-9);
	json_decref(o);
	o = read_all("c", T0 + 3600, now, 100);
	CU_ASSERT_EQUAL(step_of(o), 3600);
	for (size_t i = 0; i < json_array_size(points_of(o, 0)); i++)
		for (size_t column = 1; column < 4; column++)
			CU_ASSERT_DOUBLE_EQUAL(at(points_of(o, 0), i, column), 3, 1e-9);
	json_decref(o);
	end();
}

static uint64_t file_bytes(void)
{
	struct history_stats s;

	history_stats_read(h, &s);
	return s.file_bytes;
}

/* Days beyond those that are kept go, and the file grows no more. */
static void test_old_days_go(void)
{
	uint64_t full;
	json_t *o;

	begin(4, 300);
	fill(T0, T0 + 6 * DAY, 300);
	full = file_bytes();
	fill(T0 + 6 * DAY, T0 + 12 * DAY, 300);
	CU_ASSERT_TRUE(file_bytes() <= full + full / 10);
	o = read_all("g", T0, T0 + 12 * DAY, 5000);
	CU_ASSERT_TRUE(at(points_of(o, 0), 0, 0) >= T0 + 8 * DAY - 7200);
	CU_ASSERT_TRUE(json_array_size(points_of(o, 0)) >= 4 * 24);
	json_decref(o);
	end();
}

/* A series that came no more goes with its last day. */
static void test_series_that_end(void)
{
	struct history_stats s;

	begin(1, 300);
	for (int i = 0; i < 10; i++)
		add(T0 + 60 * i, "gone", false, 1);
	fill(T0 + 600, T0 + DAY / 2, 300);
	history_stats_read(h, &s);
	CU_ASSERT_EQUAL(s.series, 3);
	fill(T0 + DAY / 2, T0 + 2 * DAY, 300);
	history_stats_read(h, &s);
	CU_ASSERT_EQUAL(s.series, 2);
	reopen(1, 300);
	history_stats_read(h, &s);
	CU_ASSERT_EQUAL(s.series, 2);
	end();
}

static void test_restart_goes_on(void)
{
	json_t *o, *list;

	begin(90, 1);
	fill(T0, T0 + 90, 1);
	reopen(90, 1);
	fill(T0 + 100, T0 + 190, 1);
	o = read_all("g", T0, T0 + 200, 1000);
	CU_ASSERT_EQUAL(json_array_size(points_of(o, 0)), 180);
	json_decref(o);
	o = read_all("c", T0, T0 + 200, 1000);
	/* The first of each run is of no known time. */
	CU_ASSERT_EQUAL(json_array_size(points_of(o, 0)), 178);
	json_decref(o);
	list = history_list(h);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(list, "series")), 2);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(
	                        json_array_get(json_object_get(list, "series"), 0), "first")),
	                T0);
	json_decref(list);
	end();
}

/* The clock is set back: what it had not reached is forgotten, and it goes on from there. */
static void test_clock_set_back(void)
{
	json_t *o;

	begin(90, 1);
	fill(T0, T0 + 600, 1);
	fill(T0 + 300, T0 + 400, 1);
	o = read_all("g", T0, T0 + 1000, 5000);
	CU_ASSERT_EQUAL(json_array_size(points_of(o, 0)), 400);
	json_decref(o);
	/* Also by the minute, when they are over anew. */
	fill(T0 + 400, T0 + 4000, 1);
	o = read_all("g", T0, T0 + 599, 100);
	CU_ASSERT_EQUAL(step_of(o), 60);
	CU_ASSERT_EQUAL(json_array_size(points_of(o, 0)), 10);
	CU_ASSERT_EQUAL(at(points_of(o, 0), 9, 1), 9);
	json_decref(o);
	end();
}

static void test_bounds(void)
{
	struct history_stats s;
	struct err err = {0};
	char name[HISTORY_NAME_MAX + 8];

	begin(90, 1);
	history_begin(h, T0);
	for (int i = 0; i < HISTORY_SERIES_MAX + 10; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		history_add(h, name, false, i);
	}
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	history_add(h, name, false, 1);
	CU_ASSERT_EQUAL(history_end(h, &err), 0);
	history_stats_read(h, &s);
	CU_ASSERT_EQUAL(s.series, HISTORY_SERIES_MAX);
	CU_ASSERT_EQUAL(s.refused_series, 11);
	CU_ASSERT_PTR_NULL(history_read(h, &(struct history_query){"none", 0, T0, 10}, &err));
	CU_ASSERT_EQUAL(err.code, ENOENT);
	/* s1 is not s10. */
	CU_ASSERT_PTR_NULL(history_read(h, &(struct history_query){"s", 0, T0, 10}, &err));
	end();
}

static void writable(bool yes)
{
	CU_ASSERT_EQUAL(sqlite3_exec(h->db, yes ? "PRAGMA query_only = 0" : "PRAGMA query_only = 1",
	                             NULL, NULL, NULL),
	                SQLITE_OK);
}

/* What cannot be written cannot until something was, and not until the next second. */
static void test_writing_fails(void)
{
	struct err err = {0};

	begin(90, 1);
	add(T0, "g", false, 1);
	writable(false);
	for (int64_t t = T0 + 1; t < T0 + 5 * HISTORY_FLUSH_S; t++) {
		history_begin(h, t);
		history_add(h, "g", false, 1);
		err = (struct err){0};
		CU_ASSERT_EQUAL(history_end(h, &err) != 0, t >= T0 + HISTORY_FLUSH_S);
		CU_ASSERT_EQUAL(strstr(err.text, "history: writing") != NULL,
		                t >= T0 + HISTORY_FLUSH_S);
	}
	writable(true);
	add(T0 + 6 * HISTORY_FLUSH_S, "g", false, 1);
	add(T0 + 6 * HISTORY_FLUSH_S + 1, "g", false, 1);
	end();
}

static void test_files(void)
{
	const struct history_config config = {path, 90, 1};
	struct err err = {0};
	struct stat st;
	FILE *f;

	begin(90, 1);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	history_close(h);
	h = NULL;
	f = fopen(path, "w");
	for (int i = 0; i < 4096; i++)
		fputc('x', f);
	fclose(f);
	CU_ASSERT_EQUAL(history_open(&config, &h, &err), -EUCLEAN);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "history"));
	snprintf(path, sizeof(path), "%s/no/history.db", dir);
	CU_ASSERT_EQUAL(history_open(&config, &h, &err), -ENOENT);
	CU_ASSERT_PTR_NULL(h);
	remove_tree(dir);
}

UNIT_MAIN(UNIT(test_gauge_by_the_second), UNIT(test_counter), UNIT(test_thinned_by_age),
          UNIT(test_old_days_go), UNIT(test_series_that_end), UNIT(test_restart_goes_on),
          UNIT(test_clock_set_back), UNIT(test_bounds), UNIT(test_writing_fails), UNIT(test_files))
