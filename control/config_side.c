/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/config_side.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "control/candidate.h"
#include "control/commit.h"

static int copy(const struct config_doc *doc, struct config_doc **out, struct err *err)
{
	if (doc == NULL)
		return err_set(err, ENOTCONN, "no configuration is loaded");
	*out = config_doc_dup(doc);
	return *out != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}

static int startup(struct config_doc **out, struct err *err)
{
	char *text = NULL;
	int rc;

	if (commit_file() == NULL)
		return err_set(err, ENOTCONN, "no configuration is loaded");
	rc = config_file_text(commit_file(), &text, err);
	if (rc != 0)
		return rc;
	rc = config_doc_parse(text, out, err);
	free(text);
	return rc == 0 ? 0 : err_prefix(err, "%s", commit_file());
}

static int candidate(struct config_doc **out, struct err *err)
{
	struct candidate_state c;

	candidate_read(&c);
	if (!c.held)
		return err_set(err, ENOENT, "nobody edits: there is no candidate");
	return copy(c.doc, out, err);
}

static int committed(size_t number, struct config_doc **out, struct err *err)
{
	char *text;
	int rc = commit_history_text(number, &text, err);

	if (rc != 0)
		return rc;
	rc = config_doc_parse(text, out, err);
	free(text);
	return rc;
}

int config_side(const char *param, const json_t *name, const char *fallback,
                struct config_doc **out, struct err *err)
{
	const char *text = name == NULL ? fallback : json_string_value(name);
	char *end;

	if (json_is_integer(name) && json_integer_value(name) >= 0)
		return committed((size_t)json_integer_value(name), out, err);
	if (text == NULL)
		return err_set(err, EINVAL, "/params/%s: must be a name or a number", param);
	if (strcmp(text, "running") == 0)
		return copy(commit_running(), out, err);
	if (strcmp(text, "startup") == 0)
		return startup(out, err);
	if (strcmp(text, "candidate") == 0)
		return candidate(out, err);
	if (text[0] >= '0' && text[0] <= '9') {
		unsigned long number = strtoul(text, &end, 10);

		if (*end == '\0')
			return committed(number, out, err);
	}
	return err_set(err, EINVAL,
	               "/params/%s: %.32s is not running, startup, candidate, or a number", param,
	               text);
}
