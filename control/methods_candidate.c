/* SPDX-License-Identifier: BSD-3-Clause */

/* Editing the configuration: the candidate, and what differs. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "control/candidate.h"
#include "control/commit.h"
#include "control/commit_check.h"
#include "control/config_side.h"
#include "control/method.h"
#include "control/page.h"

struct edit_params {
	const char *operation, *path, *text, *insert, *point;
	const json_t *value;
};

static const struct method_param edit_params[] = {
        METHOD_PARAM(struct edit_params, operation, PARAM_STRING, .choices = "merge|replace|remove",
                     .help = "merge: what is in the value, nothing else changes; replace: what was "
                             "at the path is gone"),
        METHOD_PARAM(struct edit_params, path, PARAM_STRING, .max = CONFIG_PATH_MAX - 1,
                     .help = "as in tunnel[name='dc']/rekey/period-ms, from /lumengate:gateway on, "
                             "which may be left out; / is all"),
        METHOD_PARAM(struct edit_params, value, PARAM_ANY, .optional = true,
                     .help = "of merge and replace: RFC 7951 JSON of what is at the path"),
        METHOD_PARAM(struct edit_params, text, PARAM_STRING, .optional = true, .max = 4096,
                     .help = "instead of value: that of a leaf, without JSON's quotes"),
        METHOD_PARAM(struct edit_params, insert, PARAM_STRING, .optional = true,
                     .choices = "first|last|before|after",
                     .help = "where an entry goes in a list whose order counts (RFC 8040)"),
        METHOD_PARAM(struct edit_params, point, PARAM_STRING, .optional = true,
                     .max = CONFIG_PATH_MAX - 1,
                     .help = "path of the entry that it goes before or after"),
};

/* Those of OUT are in the order of NAMES, from AT on; TEXT is one of them, or NULL for the first.
 */
static unsigned int index_of(const char *const *names, const char *text)
{
	unsigned int i = 0;

	while (text != NULL && names[i] != NULL && strcmp(names[i], text) != 0)
		i++;
	return i;
}

static int config_edit(const void *params, json_t **result, struct err *err)
{
	static const char *const operations[] = {"merge", "replace", "remove", NULL};
	static const char *const places[] = {"", "first", "last", "before", "after", NULL};
	const struct edit_params *p = params;
	struct config_edit edit = {.op = (enum config_edit_op)index_of(operations, p->operation),
	                           .path = p->path,
	                           .value = p->value,
	                           .text = p->text,
	                           .insert = (enum config_insert)index_of(places, p->insert),
	                           .point = p->point};
	struct candidate_state c;
	int rc;

	if (commit_newest() == NULL)
		return err_set(err, ENOTCONN, "no configuration is loaded");
	if (p->value != NULL && p->text != NULL)
		return err_set(err, EINVAL, "/params/text: there is a value, too");
	rc = candidate_edit(method_caller()->uid, commit_newest(), &edit, clock_wall_ns(), err);
	if (rc != 0)
		return rc;
	candidate_read(&c);
	*result = json_pack("{s:I}", "edits", (json_int_t)c.edits);
	return 0;
}

static json_t *doc_json(const struct config_doc *doc)
{
	char *text = config_doc_text(doc);
	json_t *o = text != NULL ? json_loads(text, 0, NULL) : NULL;

	free(text);
	return o;
}

static int config_candidate(const void *params, json_t **result, struct err *err)
{
	struct candidate_state c;
	struct commit_state s;
	char when[32];

	candidate_read(&c);
	commit_state_read(clock_mono_ns(), &s);
	*result = json_pack(
	        "{s:b, s:o, s:o, s:I, s:o, s:I, s:b, s:b, s:o}", "held", c.held, "uid",
	        c.held ? json_integer((json_int_t)c.uid) : json_null(), "since",
	        c.held ? json_string(clock_format(c.since_ns, when)) : json_null(), "edits",
	        (json_int_t)c.edits, "unconfirmed",
	        s.unconfirmed != 0 ? json_integer((json_int_t)s.unconfirmed) : json_null(),
	        "confirm_left_s", (json_int_t)s.confirm_left_s, "restart_waits", s.restart, "saved",
	        s.saved, "config", c.held ? doc_json(c.doc) : json_null());
	return *result != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}

struct discard_params {
	bool force;
};

static const struct method_param discard_params[] = {
        METHOD_PARAM(struct discard_params, force, PARAM_BOOL, .optional = true,
                     .help = "also what another user edits"),
};

static int config_discard(const void *params, json_t **result, struct err *err)
{
	const struct discard_params *p = params;
	struct candidate_state c;
	int rc = p->force ? 0 : candidate_check(method_caller()->uid, err);

	if (rc != 0)
		return rc;
	candidate_read(&c);
	*result = json_pack("{s:I}", "edits", (json_int_t)c.edits);
	candidate_discard();
	return 0;
}

struct rollback_params {
	uint64_t number;
};

static const struct method_param rollback_params[] = {
        METHOD_PARAM(struct rollback_params, number, PARAM_UINT, .optional = true, .preset = 1,
                     .max = COMMITS_MAX - 1, .help = "as of config_history: 1 the last but one"),
};

static int config_rollback(const void *params, json_t **result, struct err *err)
{
	const struct rollback_params *p = params;
	json_t *number = json_integer((json_int_t)p->number);
	struct config_doc *doc;
	int rc = config_side("number", number, NULL, &doc, err);

	json_decref(number);
	if (rc != 0)
		return rc;
	rc = candidate_load(method_caller()->uid, doc, clock_wall_ns(), err);
	if (rc != 0)
		config_doc_free(doc);
	else
		*result = json_pack("{s:I}", "commit",
		                    (json_int_t)commit_history_at(p->number)->commit);
	return rc;
}

struct diff_params {
	struct page_params page;
	const json_t *from, *to;
};

static const struct method_param diff_params[] = {
        METHOD_PARAM(struct diff_params, from, PARAM_ANY, .optional = true,
                     .help = CONFIG_SIDES "; none: running"),
        METHOD_PARAM(struct diff_params, to, PARAM_ANY, .optional = true,
                     .help = "likewise; none: candidate, or running without one"),
        PAGE_PARAMS(struct diff_params, PAGE_LIMIT_MAX),
};

static json_t *diff_page(const struct config_doc *from, const struct config_doc *to,
                         const struct page_params *params)
{
	char *text = config_doc_text(to);
	json_t *list = config_doc_diff(from, to), *entry, *o;
	struct page page = page_begin(params);
	struct commit_check check;
	struct err why = {0};
	bool valid;
	size_t i;

	if (text == NULL || list == NULL) {
		free(text);
		json_decref(list);
		json_decref(page.list);
		return NULL;
	}
	valid = commit_check(text, &check, &why) == 0;
	free(text);
	json_array_foreach (list, i, entry) {
		const char *path = json_string_value(json_object_get(entry, "path"));

		if (!page_next(&page))
			continue;
		json_object_set_new(entry, "restart",
		                    valid ? json_boolean(commit_check_restarts(&check, path))
		                          : json_null());
		json_array_append(page.list, entry);
	}
	json_decref(list);
	o = page_end(&page, "differences");
	json_object_set_new(o, "valid", json_boolean(valid));
	json_object_set_new(o, "reason", json_string(why.text));
	if (valid)
		commit_check_free(&check);
	return o;
}

static int config_diff(const void *params, json_t **result, struct err *err)
{
	const struct diff_params *p = params;
	struct config_doc *from, *to;
	struct candidate_state c;
	int rc = config_side("from", p->from, "running", &from, err);

	if (rc != 0)
		return rc;
	candidate_read(&c);
	rc = config_side("to", p->to, c.held ? "candidate" : "running", &to, err);
	if (rc == 0) {
		*result = diff_page(from, to, &p->page);
		if (*result == NULL)
			rc = err_set(err, ENOMEM, "out of memory");
		config_doc_free(to);
	}
	config_doc_free(from);
	return rc;
}

METHOD_DEFINE(config_edit, .summary = "Change the candidate, which begins as what was committed",
              .fn = config_edit, .params = edit_params,
              .param_count = sizeof(edit_params) / sizeof(edit_params[0]), .right = METHOD_WRITE)
METHOD_DEFINE(config_candidate, .summary = "The candidate, who edits it, and what commits wait for",
              .fn = config_candidate)
METHOD_DEFINE(config_discard, .summary = "End the candidate without a commit", .fn = config_discard,
              .params = discard_params, .param_count = 1, .right = METHOD_WRITE)
METHOD_DEFINE(config_rollback, .summary = "Make a configuration that was committed the candidate",
              .fn = config_rollback, .params = rollback_params, .param_count = 1,
              .right = METHOD_WRITE)
METHOD_DEFINE(config_diff,
              .summary = "What differs between two configurations, and what of it needs a restart",
              .fn = config_diff, .params = diff_params,
              .param_count = sizeof(diff_params) / sizeof(diff_params[0]))
