/* SPDX-License-Identifier: BSD-3-Clause */

/* lgctl history: figures of the past, which lumengate-web keeps. */

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "control/lgctl_table.h"

#define LONGEST_HOURS (3650 * 24)

int lgctl_build_history_show(char **args, int n, struct lgctl_request *r, struct err *err)
{
	static const char *const options[] = {"=hours", "=points"};
	const json_t *hours;
	json_int_t span;
	int rc;

	r->socket = LGCTL_WEB_SOCKET_DEFAULT;
	rc = lgctl_options_build("history show", options, 2, args + 1, n - 1, &r->params, err);
	if (rc != 0)
		return rc;
	if (r->params == NULL)
		r->params = json_object();
	if (json_object_set_new(r->params, "series", json_string(args[0])) != 0)
		return err_set(err, EINVAL, "history show: the name is not UTF-8");
	hours = json_object_get(r->params, "hours");
	if (hours == NULL)
		return 0;
	span = json_integer_value(hours);
	if (span < 1 || span > LONGEST_HOURS)
		return err_set(err, EINVAL, "history show: --hours: 1 to %d", LONGEST_HOURS);
	json_object_set_new(r->params, "from",
	                    json_integer((json_int_t)(clock_wall_ns() / NS_PER_S) - span * 3600));
	json_object_del(r->params, "hours");
	return 0;
}

static void time_cell(const json_t *seconds, char out[32])
{
	if (json_is_integer(seconds))
		clock_format((uint64_t)json_integer_value(seconds) * NS_PER_S, out);
	else
		strcpy(out, "-");
}

void lgctl_print_history(FILE *out, const json_t *result)
{
	static const struct lgctl_column columns[] = {
	        {"SERIES", "name"}, {"KIND", "kind"}, {"SINCE", "since"}, {"UNTIL", "until"}};
	json_t *list = json_object_get(result, "series"), *o;
	size_t i;

	json_array_foreach (list, i, o) {
		char since[32], until[32];

		time_cell(json_object_get(o, "first"), since);
		time_cell(json_object_get(o, "last"), until);
		json_object_set_new(o, "since", json_string(since));
		json_object_set_new(o, "until", json_string(until));
	}
	LGCTL_TABLE(out, list, columns);
}

static json_t *point_row(const json_t *point)
{
	char when[32], cells[3][32];

	time_cell(json_array_get(point, 0), when);
	for (size_t i = 0; i < 3; i++)
		snprintf(cells[i], sizeof(cells[i]), "%.6g",
		         json_number_value(json_array_get(point, i + 1)));
	return json_pack("{s:s, s:s, s:s, s:s}", "time", when, "value", cells[0], "least", cells[1],
	                 "largest", cells[2]);
}

void lgctl_print_history_points(FILE *out, const json_t *result)
{
	static const struct lgctl_column columns[] = {
	        {"TIME", "time"}, {"VALUE", "value"}, {"LEAST", "least"}, {"LARGEST", "largest"}};
	json_t *o, *point;
	size_t i, k;

	json_array_foreach (json_object_get(result, "series"), i, o) {
		const char *name = json_string_value(json_object_get(o, "name"));
		const char *kind = json_string_value(json_object_get(o, "kind"));
		json_t *rows = json_array();

		fprintf(out, "%s%s, by %lld s%s\n", i > 0 ? "\n" : "", name != NULL ? name : "-",
		        (long long)json_integer_value(json_object_get(result, "step_s")),
		        kind != NULL && strcmp(kind, "counter") == 0 ? ", per second" : "");
		json_array_foreach (json_object_get(o, "points"), k, point)
			json_array_append_new(rows, point_row(point));
		LGCTL_TABLE(out, rows, columns);
		json_decref(rows);
	}
}
