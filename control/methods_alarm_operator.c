/* SPDX-License-Identifier: BSD-3-Clause */

/* What operators do to alarms: acknowledge and shelve them. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "control/alarm.h"
#include "control/alarm_shelf.h"
#include "control/method.h"

#define YEAR_S (365u * 86400u)

struct ack_params {
	const char *kind, *resource, *text;
};

#define TEXT_HELP "why, for those who read it later"

static const struct method_param ack_params[] = {
        METHOD_PARAM(struct ack_params, kind, PARAM_STRING, .max = 31, .help = "of the alarm"),
        METHOD_PARAM(struct ack_params, resource, PARAM_STRING, .max = 63, .help = "of the alarm"),
        METHOD_PARAM(struct ack_params, text, PARAM_STRING, .optional = true,
                     .max = ALARM_WORDS_MAX - 1, .help = TEXT_HELP),
};

static int alarm_ack(const void *params, json_t **result, struct err *err)
{
	const struct ack_params *p = params;

	return alarm_acknowledge(p->kind, p->resource, p->text, method_caller()->uid, err);
}

static int alarm_unack(const void *params, json_t **result, struct err *err)
{
	const struct ack_params *p = params;

	return alarm_unacknowledge(p->kind, p->resource, p->text, method_caller()->uid, err);
}

struct shelve_params {
	const char *kind, *resource, *text;
	uint64_t duration_s;
};

#define KIND_HELP "alarms of this kind"
#define RESOURCE_HELP                                                                              \
	"alarms at this resource, or with * at its end at those that begin so; with a kind, only " \
	"what both hold for"

static const struct method_param shelve_params[] = {
        METHOD_PARAM(struct shelve_params, kind, PARAM_STRING, .optional = true, .max = 31,
                     .help = KIND_HELP),
        METHOD_PARAM(struct shelve_params, resource, PARAM_STRING, .optional = true, .max = 63,
                     .help = RESOURCE_HELP),
        METHOD_PARAM(struct shelve_params, duration_s, PARAM_UINT, .optional = true, .min = 1,
                     .max = YEAR_S, .help = "seconds; none: until alarm_unshelve"),
        METHOD_PARAM(struct shelve_params, text, PARAM_STRING, .optional = true,
                     .max = ALARM_WORDS_MAX - 1, .help = TEXT_HELP),
};

static const struct method_param unshelve_params[] = {
        METHOD_PARAM(struct shelve_params, kind, PARAM_STRING, .optional = true, .max = 31,
                     .help = "as it was shelved"),
        METHOD_PARAM(struct shelve_params, resource, PARAM_STRING, .optional = true, .max = 63,
                     .help = "as it was shelved"),
        METHOD_PARAM(struct shelve_params, text, PARAM_STRING, .optional = true,
                     .max = ALARM_WORDS_MAX - 1, .help = TEXT_HELP),
};

/* Neither kind nor resource would be all alarms of the gateway. */
static int take_shelf(const struct shelve_params *p, struct alarm_shelf *out, struct err *err)
{
	const char *kind = p->kind != NULL ? p->kind : "";
	const char *resource = p->resource != NULL ? p->resource : "";

	if (kind[0] == '\0' && (resource[0] == '\0' || strcmp(resource, "*") == 0))
		return err_set(err, EINVAL, "/params: a kind, a resource or both say what");
	if (kind[0] != '\0' && alarm_kind_find(kind) == NULL)
		return err_set(err, EINVAL, "/params/kind: there is no kind %s", kind);
	*out = (struct alarm_shelf){.uid = method_caller()->uid, .since_ns = clock_wall_ns()};
	snprintf(out->kind, sizeof(out->kind), "%s", kind);
	snprintf(out->resource, sizeof(out->resource), "%s", resource);
	snprintf(out->text, sizeof(out->text), "%s", p->text != NULL ? p->text : "");
	if (p->duration_s != 0)
		out->until_ns = out->since_ns + p->duration_s * NS_PER_S;
	return 0;
}

static json_t *counts_json(void)
{
	struct alarm_counts counts;

	alarm_counts_read(&counts);
	return json_pack("{s:I}", "shelved", (json_int_t)counts.shelved);
}

static int alarm_shelve(const void *params, json_t **result, struct err *err)
{
	struct alarm_shelf shelf;
	int rc = take_shelf(params, &shelf, err);

	if (rc == 0)
		rc = alarm_shelf_add(&shelf, err);
	if (rc != 0)
		return rc;
	alarm_shelves_changed(true, shelf.uid, shelf.text);
	*result = counts_json();
	return 0;
}

static int alarm_unshelve(const void *params, json_t **result, struct err *err)
{
	struct alarm_shelf shelf;
	int rc = take_shelf(params, &shelf, err);

	if (rc == 0)
		rc = alarm_shelf_remove(shelf.kind, shelf.resource, err);
	if (rc != 0)
		return rc;
	alarm_shelves_changed(true, shelf.uid, shelf.text);
	*result = counts_json();
	return 0;
}

static int alarm_shelf_list(const void *params, json_t **result, struct err *err)
{
	json_t *list = json_array();
	const struct alarm_shelf *s;
	char since[32], until[32];

	for (size_t i = 0; (s = alarm_shelf_at(i)) != NULL; i++)
		json_array_append_new(
		        list, json_pack("{s:s*, s:s*, s:s, s:s*, s:I, s:s}", "kind",
		                        s->kind[0] != '\0' ? s->kind : NULL, "resource",
		                        s->resource[0] != '\0' ? s->resource : NULL, "since",
		                        clock_format(s->since_ns, since), "until",
		                        s->until_ns != 0 ? clock_format(s->until_ns, until) : NULL,
		                        "uid", (json_int_t)s->uid, "text", s->text));
	*result = json_pack("{s:o}", "shelves", list);
	return *result != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}

#define COUNT(params) (sizeof(params) / sizeof((params)[0]))

METHOD_DEFINE(alarm_ack, .summary = "Say that somebody takes care of an alarm that is active",
              .fn = alarm_ack, .params = ack_params, .param_count = COUNT(ack_params),
              .right = METHOD_WRITE)
METHOD_DEFINE(alarm_unack, .summary = "Say that nobody takes care of it any more",
              .fn = alarm_unack, .params = ack_params, .param_count = COUNT(ack_params),
              .right = METHOD_WRITE)
METHOD_DEFINE(alarm_shelve,
              .summary = "Tell nobody of alarms of a kind, at a resource, for a time or for good",
              .fn = alarm_shelve, .params = shelve_params, .param_count = COUNT(shelve_params),
              .right = METHOD_WRITE)
METHOD_DEFINE(alarm_unshelve, .summary = "Take that back: what is active is told at once",
              .fn = alarm_unshelve, .params = unshelve_params,
              .param_count = COUNT(unshelve_params), .right = METHOD_WRITE)
METHOD_DEFINE(alarm_shelf_list, .summary = "What is shelved, by whom and until when",
              .fn = alarm_shelf_list, .states = METHOD_STARTUP | METHOD_RUNTIME)
