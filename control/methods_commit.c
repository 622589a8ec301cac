/* SPDX-License-Identifier: BSD-3-Clause */

/* Commits: from the candidate to what runs, to the file, and back. */

#include <errno.h>

#include "common/clock.h"
#include "control/candidate.h"
#include "control/commit.h"
#include "control/method.h"
#include "control/page.h"

struct commit_params {
	uint64_t confirm_timeout;
	const char *comment;
	bool restart_accepted;
};

static const struct method_param commit_params[] = {
        METHOD_PARAM(struct commit_params, confirm_timeout, PARAM_UINT, .optional = true, .min = 1,
                     .max = COMMIT_CONFIRM_MAX_S,
                     .help = "seconds until it is taken back unless config_confirm comes"),
        METHOD_PARAM(struct commit_params, comment, PARAM_STRING, .optional = true,
                     .max = COMMIT_COMMENT_MAX, .help = "for config_history"),
        METHOD_PARAM(struct commit_params, restart_accepted, PARAM_BOOL, .optional = true,
                     .help = "where a part needs a restart: write all of it to the file, for the "
                             "next start, and apply nothing"),
};

static int config_commit(const void *params, json_t **result, struct err *err)
{
	const struct commit_params *p = params;
	struct commit_request request = {.uid = method_caller()->uid,
	                                 .comment = p->comment,
	                                 .confirm_s = p->confirm_timeout,
	                                 .restart_accepted = p->restart_accepted};
	struct commit_result done;
	struct candidate_state c;
	int rc = candidate_check(request.uid, err);

	if (rc != 0)
		return rc;
	candidate_read(&c);
	if (!c.held)
		return err_set(err, ENOENT, "nobody edits: there is nothing to commit");
	rc = commit_document(c.doc, &request, clock_mono_ns(), clock_wall_ns(), &done, err);
	if (rc != 0)
		return rc;
	candidate_discard();
	*result = json_pack("{s:o, s:b, s:s}", "commit",
	                    done.commit != 0 ? json_integer((json_int_t)done.commit) : json_null(),
	                    "restart_waits", done.restart, "warning", done.warning);
	return 0;
}

static int config_confirm(const void *params, json_t **result, struct err *err)
{
	return commit_confirm(err);
}

static int config_save(const void *params, json_t **result, struct err *err)
{
	int rc = commit_save(err);

	if (rc == 0)
		*result = json_pack("{s:s}", "file", commit_file());
	return rc;
}

struct history_params {
	struct page_params page;
};

static const struct method_param history_params[] = {PAGE_PARAMS(struct history_params, 100)};

static int config_history(const void *params, json_t **result, struct err *err)
{
	const struct history_params *p = params;
	struct page page = page_begin(&p->page);
	const struct commit_entry *e;
	struct commit_state s;
	char when[32];

	commit_state_read(clock_mono_ns(), &s);
	for (size_t i = 0; (e = commit_history_at(i)) != NULL; i++) {
		if (!page_next(&page))
			continue;
		json_array_append_new(
		        page.list,
		        json_pack("{s:I, s:I, s:s, s:I, s:s, s:s, s:b, s:b}", "number",
		                  (json_int_t)i, "commit", (json_int_t)e->commit, "time",
		                  clock_format(e->time_ns, when), "uid", (json_int_t)e->uid, "user",
		                  e->user, "comment", e->comment, "restart", e->restart,
		                  "unconfirmed", s.unconfirmed == e->commit));
	}
	*result = page_end(&page, "commits");
	return *result != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}

METHOD_DEFINE(config_commit, .summary = "Apply the candidate, all of it or nothing",
              .fn = config_commit, .params = commit_params,
              .param_count = sizeof(commit_params) / sizeof(commit_params[0]),
              .right = METHOD_WRITE)
METHOD_DEFINE(config_confirm, .summary = "Keep the commit that would be taken back",
              .fn = config_confirm, .right = METHOD_WRITE)
METHOD_DEFINE(config_save,
              .summary = "Write what was committed to the file that the gateway starts with",
              .fn = config_save, .right = METHOD_WRITE)
METHOD_DEFINE(config_history, .summary = "The last 100 commits, newest first: who, when, why",
              .fn = config_history, .params = history_params, .param_count = PAGE_PARAM_COUNT)
