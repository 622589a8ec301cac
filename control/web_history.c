/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The history of the figures that are worth it, as a module: fed by each poll, asked by
 * /api/v1/history and the methods history_list and history_show.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "control/alarm.h"
#include "control/method.h"
#include "control/module.h"
#include "control/web/feed.h"
#include "control/web/figure.h"
#include "control/web/history.h"
#include "control/web/route.h"
#include "control/web_history.h"

LOG_COMPONENT_DEFINE(web_history)

#define ALARM          "web-history"
#define DEFAULT_SPAN_S 3600
#define DEFAULT_POINTS 300

static struct history *history;

static void keep(void *ctx, const struct figure_value *v)
{
	const struct metric_family *f = &v->figure->family;
	char name[HISTORY_NAME_MAX];

	if (v->figure->kept && exposition_series(f, v->label, v->labels, name, sizeof(name)))
		history_add(history, name, f->type == METRIC_COUNTER, v->real);
}

static void tell(int rc, const struct err *err)
{
	if (rc == 0)
		alarm_clear(ALARM, "web", "it is written");
	else
		alarm_raise(ALARM, "web", ALARM_MINOR, err->text);
}

static void on_polled(enum web_program program)
{
	struct source_state state;
	struct err err = {0};

	if (history == NULL)
		return;
	source_state_read(web_source(program), &state);
	if (!state.up)
		return;
	history_begin(history, (int64_t)(clock_wall_ns() / NS_PER_S));
	figures_walk(program == WEB_GATEWAY ? &figures_gateway : &figures_kms, web_source(program),
	             keep, NULL);
	tell(history_end(history, &err), &err);
}

bool web_history_stats(struct history_stats *out)
{
	if (history != NULL)
		history_stats_read(history, out);
	return history != NULL;
}

static int not_kept(struct err *err)
{
	return err_set(err, ENOTSUP, "no history is kept: history/enabled, or the alarm " ALARM);
}

static int history_list_method(const void *params, json_t **result, struct err *err)
{
	if (history == NULL)
		return not_kept(err);
	*result = history_list(history);
	return *result != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}

struct show_params {
	const char *series;
	uint64_t from, to, points;
};

static const struct method_param show_params[] = {
        METHOD_PARAM(struct show_params, series, PARAM_STRING, .max = HISTORY_NAME_MAX - 1,
                     .help = "a series of history_list, or its name without labels: all of that "
                             "name"),
        METHOD_PARAM(struct show_params, from, PARAM_UINT, .optional = true, .max = UINT32_MAX,
                     .help = "seconds since 1970; without it, an hour before to"),
        METHOD_PARAM(struct show_params, to, PARAM_UINT, .optional = true, .max = UINT32_MAX,
                     .help = "seconds since 1970; without it, now"),
        METHOD_PARAM(struct show_params, points, PARAM_UINT, .optional = true, .min = 1,
                     .max = HISTORY_POINTS_MAX, .preset = DEFAULT_POINTS,
                     .help = "of each series at most, which decides on the step"),
};

/* FROM and TO as they are meant when they are not given. */
static int query_of(const struct show_params *p, struct history_query *out, struct err *err)
{
	uint64_t to = p->to != 0 ? p->to : clock_wall_ns() / NS_PER_S;
	uint64_t from = p->from != 0 ? p->from : to > DEFAULT_SPAN_S ? to - DEFAULT_SPAN_S : 0;

	if (from > to)
		return err_set(err, EINVAL, "/params/from: is after to");
	*out = (struct history_query){p->series, (int64_t)from, (int64_t)to,
	                              (unsigned int)p->points};
	return 0;
}

static int history_show(const void *params, json_t **result, struct err *err)
{
	struct history_query query;
	int rc;

	if (history == NULL)
		return not_kept(err);
	rc = query_of(params, &query, err);
	if (rc != 0)
		return rc;
	*result = history_read(history, &query, err);
	return *result != NULL ? 0 : -err->code;
}

/* NAME of the query as a number up to MOST; *VALUE stays when it is not there. */
static bool number(const char *query, const char *name, uint64_t most, uint64_t *value)
{
	char text[24], *end;

	if (!web_query_get(query, name, text, sizeof(text)))
		return !web_query_has(query, name);
	if (text[strspn(text, "0123456789")] != '\0')
		return false;
	errno = 0;
	*value = strtoull(text, &end, 10);
	return errno == 0 && end != text && *value <= most;
}

static void serve_query(const struct web_request *r, struct web_reply *out, const char *series)
{
	struct show_params p = {.series = series, .points = DEFAULT_POINTS};
	struct history_query query;
	struct err err = {0};
	json_t *answer = NULL;

	if (!number(r->query, "from", UINT32_MAX, &p.from) ||
	    !number(r->query, "to", UINT32_MAX, &p.to) ||
	    !number(r->query, "points", HISTORY_POINTS_MAX, &p.points) || p.points == 0) {
		web_reply_error(out, 400, "from, to: seconds since 1970; points: 1 to %d",
		                HISTORY_POINTS_MAX);
		return;
	}
	if (query_of(&p, &query, &err) == 0)
		answer = history_read(history, &query, &err);
	if (answer != NULL)
		web_reply_json(out, 200, answer);
	else
		web_reply_error(out,
		                err.code == ENOENT   ? 404
		                : err.code == EINVAL ? 400
		                                     : 500,
		                "%s", err.text);
}

/* ?series=NAME&from=S&to=S&points=N, or without series: which there are. */
static void serve(const struct web_request *r, struct web_reply *out)
{
	char series[HISTORY_NAME_MAX];
	struct err err = {0};

	if (history == NULL) {
		not_kept(&err);
		web_reply_error(out, 503, "%s", err.text);
	} else if (web_query_get(r->query, "series", series, sizeof(series))) {
		serve_query(r, out, series);
	} else if (r->query[0] != '\0') {
		web_reply_error(out, 400, "series: missing, or no name");
	} else {
		web_reply_json(out, 200, history_list(history));
	}
}

static int init(struct app *app, struct err *err)
{
	static const struct web_listener listener = {.polled = on_polled};
	const struct history_config config = {
	        .path = app->web->history.path,
	        .keep_days = app->web->history.keep_days,
	        .interval_s = app->web->poll_s,
	};
	struct err why = {0};

	if (!app->web->history.enabled)
		return 0;
	/* Figures are served all the same. */
	if (history_open(&config, &history, &why) != 0) {
		log_err("%s", why.text);
		alarm_raise(ALARM, "web", ALARM_MINOR, why.text);
		return 0;
	}
	web_listen(&listener);
	return 0;
}

static void fini(struct app *app)
{
	history_close(history);
	history = NULL;
}

WEB_ROUTE_DEFINE(history, .path = "/api/v1/history", .get = serve)

METHOD_DEFINE(history_list, .summary = "Series whose past is kept, and since when",
              .fn = history_list_method)
METHOD_DEFINE(history_show,
              .summary = "Figures of the past: [time, value, least, largest] by step, of counters "
                         "per second",
              .fn = history_show, .params = show_params, .param_count = 4)

MODULE_DEFINE(web_history, .depends_on = {"alarms"}, .init = init, .fini = fini)
