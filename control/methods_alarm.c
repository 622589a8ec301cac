/* SPDX-License-Identifier: BSD-3-Clause */

/* Alarms, their history and what the kinds mean, for clients. */

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "control/alarm.h"
#include "control/alarm_json.h"
#include "control/method.h"
#include "control/page.h"

#define LIMIT_DEFAULT 100

static json_t *when(uint64_t wall_ns)
{
	char text[32];

	return wall_ns == 0 ? json_null() : json_string(clock_format(wall_ns, text));
}

static json_t *ack_json(const struct alarm *a)
{
	if (!a->acknowledged)
		return json_null();
	return json_pack("{s:I, s:o, s:s}", "uid", (json_int_t)a->ack_uid, "time", when(a->ack_ns),
	                 "text", a->ack_text);
}

static json_t *alarm_json(const struct alarm *a)
{
	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:o, s:o, s:o, s:I, s:b, s:b, s:o}", "kind",
	                 a->kind, "resource", a->resource, "severity",
	                 alarm_severity_name(a->severity), "active", a->active, "text", a->text,
	                 "raised", when(a->raised_ns), "changed", when(a->changed_ns), "cleared",
	                 a->active ? json_null() : when(a->cleared_ns), "raised_count",
	                 (json_int_t)a->raised_count, "held", a->over, "shelved", a->shelved,
	                 "acknowledged", ack_json(a));
}

json_t *alarm_change_json(const struct alarm_change *c)
{
	json_t *o = json_pack("{s:I, s:o, s:s, s:s, s:s, s:s, s:s, s:b}", "number",
	                      (json_int_t)c->number, "time", when(c->time_ns), "change",
	                      alarm_what_name(c->what), "kind", c->kind, "resource", c->resource,
	                      "severity", alarm_severity_name(c->severity), "text", c->text,
	                      "shelved", c->shelved);

	if (c->operated)
		json_object_set_new(o, "uid", json_integer((json_int_t)c->uid));
	return o;
}

struct list_params {
	struct page_params page;
	uint64_t history;
	bool active, shelved;
};

static const struct method_param list_params[] = {
        METHOD_PARAM(struct list_params, active, PARAM_BOOL, .optional = true,
                     .help = "those alone that are active"),
        METHOD_PARAM(struct list_params, shelved, PARAM_BOOL, .optional = true,
                     .help = "the shelved ones instead of the others"),
        PAGE_PARAMS(struct list_params, PAGE_LIMIT_MAX),
        METHOD_PARAM(struct list_params, history, PARAM_UINT, .optional = true,
                     .max = ALARM_HISTORY_MAX, .help = "changes to show, newest first"),
};

static int alarm_list(const void *params, json_t **result, struct err *err)
{
	const struct list_params *p = params;
	struct page page = page_begin(&p->page);
	json_t *history = json_array();
	const struct alarm_change *h;
	const struct alarm *a;

	for (size_t i = 0; (a = alarm_at(i)) != NULL; i++)
		if (a->shelved == p->shelved && (a->active || !p->active) && page_next(&page))
			json_array_append_new(page.list, alarm_json(a));
	for (size_t i = 0; i < p->history && (h = alarm_history_at(i)) != NULL; i++)
		json_array_append_new(history, alarm_change_json(h));
	*result = page_end(&page, "alarms");
	if (*result == NULL || json_object_set_new(*result, "history", history) != 0)
		return err_set(err, ENOMEM, "out of memory");
	return 0;
}

struct history_params {
	struct page_params page;
	const char *kind, *resource;
	uint64_t before;
};

static const struct method_param history_params[] = {
        METHOD_PARAM(struct history_params, kind, PARAM_STRING, .optional = true, .max = 31,
                     .help = "changes of this kind alone"),
        METHOD_PARAM(struct history_params, resource, PARAM_STRING, .optional = true, .max = 63,
                     .help = "of alarms at this resource alone"),
        METHOD_PARAM(struct history_params, before, PARAM_UINT, .optional = true, .min = 1,
                     .help = "changes with smaller numbers alone: pages stay as they are while "
                             "more is recorded"),
        PAGE_PARAMS(struct history_params, LIMIT_DEFAULT),
};

static bool asked_for(const struct history_params *p, const struct alarm_change *c)
{
	return (p->before == 0 || c->number < p->before) &&
	       (p->kind == NULL || strcmp(p->kind, c->kind) == 0) &&
	       (p->resource == NULL || strcmp(p->resource, c->resource) == 0);
}

static int alarm_history(const void *params, json_t **result, struct err *err)
{
	const struct history_params *p = params;
	struct page page = page_begin(&p->page);
	const struct alarm_change *c, *newest = alarm_history_at(0);

	for (size_t i = 0; (c = alarm_history_at(i)) != NULL; i++)
		if (asked_for(p, c) && page_next(&page))
			json_array_append_new(page.list, alarm_change_json(c));
	*result = page_end(&page, "changes");
	if (*result == NULL)
		return err_set(err, ENOMEM, "out of memory");
	json_object_set_new(*result, "recorded",
	                    json_integer((json_int_t)(newest != NULL ? newest->number : 0)));
	return 0;
}

struct catalogue_params {
	const char *kind;
};

static const struct method_param catalogue_params[] = {
        METHOD_PARAM(struct catalogue_params, kind, PARAM_STRING, .optional = true, .max = 31,
                     .help = "this one alone"),
};

static int alarm_catalogue(const void *params, json_t **result, struct err *err)
{
	const struct catalogue_params *p = params;
	const struct alarm_kind *k;
	json_t *list;

	if (p->kind != NULL && alarm_kind_find(p->kind) == NULL)
		return err_set(err, EINVAL, "/params/kind: there is no kind %s", p->kind);
	list = json_array();
	for (size_t i = 0; (k = alarm_kind_at(i)) != NULL; i++)
		if (p->kind == NULL || strcmp(p->kind, k->kind) == 0)
			json_array_append_new(list, alarm_kind_json(k));
	*result = json_pack("{s:o}", "kinds", list);
	return *result != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}

#define COUNT(params) (sizeof(params) / sizeof((params)[0]))

METHOD_DEFINE(alarm_list, .summary = "Alarms, active and cleared, and the newest changes",
              .fn = alarm_list, .params = list_params, .param_count = COUNT(list_params),
              .states = METHOD_STARTUP | METHOD_RUNTIME)
METHOD_DEFINE(
        alarm_history,
        .summary = "What became of alarms, newest first, over restarts: the last 1024 changes",
        .fn = alarm_history, .params = history_params, .param_count = COUNT(history_params),
        .states = METHOD_STARTUP | METHOD_RUNTIME)
METHOD_DEFINE(alarm_catalogue,
              .summary = "The kinds of alarms of all programs: severities, cause, what to do",
              .fn = alarm_catalogue, .params = catalogue_params,
              .param_count = COUNT(catalogue_params), .states = METHOD_STARTUP | METHOD_RUNTIME)
