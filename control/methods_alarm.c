/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>

#include "common/clock.h"
#include "control/alarm.h"
#include "control/method.h"
#include "control/page.h"

struct list_params {
	struct page_params page;
	uint64_t history;
};

static const struct method_param list_params[] = {
        PAGE_PARAMS(struct list_params, PAGE_LIMIT_MAX),
        METHOD_PARAM(struct list_params, history, PARAM_UINT, .optional = true,
                     .max = ALARM_HISTORY_MAX, .help = "changes to show, newest first"),
};

static json_t *when(uint64_t wall_ns)
{
	char text[32];

	return wall_ns == 0 ? json_null() : json_string(clock_format(wall_ns, text));
}

static int alarm_list(const void *params, json_t **result, struct err *err)
{
	const struct list_params *p = params;
	struct page page = page_begin(&p->page);
	json_t *history = json_array();
	const struct alarm_change *h;
	const struct alarm *a;

	for (size_t i = 0; (a = alarm_at(i)) != NULL; i++)
		if (page_next(&page))
			json_array_append_new(
			        page.list,
			        json_pack("{s:s, s:s, s:s, s:b, s:s, s:o, s:o, s:o, s:I}", "kind",
			                  a->kind, "resource", a->resource, "severity",
			                  alarm_severity_name(a->severity), "active", a->active,
			                  "text", a->text, "raised", when(a->raised_ns), "changed",
			                  when(a->changed_ns), "cleared",
			                  a->active ? json_null() : when(a->cleared_ns),
			                  "raised_count", (json_int_t)a->raised_count));
	for (size_t i = 0; i < p->history && (h = alarm_history_at(i)) != NULL; i++)
		json_array_append_new(
		        history, json_pack("{s:o, s:s, s:s, s:s, s:s}", "time", when(h->time_ns),
		                           "kind", h->kind, "resource", h->resource, "severity",
		                           alarm_severity_name(h->severity), "text", h->text));
	*result = page_end(&page, "alarms");
	if (*result == NULL || json_object_set_new(*result, "history", history) != 0)
		return err_set(err, ENOMEM, "out of memory");
	return 0;
}

METHOD_DEFINE(alarm_list, .summary = "Alarms, active and cleared, and the newest changes",
              .fn = alarm_list, .params = list_params, .param_count = PAGE_PARAM_COUNT + 1,
              .states = METHOD_STARTUP | METHOD_RUNTIME)
