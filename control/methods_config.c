/* SPDX-License-Identifier: BSD-3-Clause */

/* Whole configurations: look at one, check one, apply one. */

#include <errno.h>
#include <stdlib.h>

#include "common/clock.h"
#include "control/candidate.h"
#include "control/commit.h"
#include "control/commit_check.h"
#include "control/config_side.h"
#include "control/gateway.h"
#include "control/method.h"

struct get_params {
	const json_t *source;
};

static const struct method_param get_params[] = {
        METHOD_PARAM(struct get_params, source, PARAM_ANY, .optional = true,
                     .help = "without it: what runs, with all defaults. Else as it was "
                             "written: " CONFIG_SIDES),
};

static int config_get(const void *params, json_t **result, struct err *err)
{
	const struct get_params *p = params;
	struct config_doc *doc;
	char *text;
	int rc;

	if (gateway_config_text() == NULL)
		return err_set(err, ENOTCONN, "no configuration is loaded");
	if (p->source == NULL) {
		*result = json_loads(gateway_config_text(), 0, NULL);
	} else {
		rc = config_side("source", p->source, NULL, &doc, err);
		if (rc != 0)
			return rc;
		text = config_doc_text(doc);
		config_doc_free(doc);
		*result = text != NULL ? json_loads(text, 0, NULL) : NULL;
		free(text);
	}
	return *result != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}

struct config_params {
	const json_t *config;
};

static const struct method_param validate_params[] = {
        METHOD_PARAM(struct config_params, config, PARAM_OBJECT, .optional = true,
                     .help = "RFC 7951 JSON of module lumengate; none: the candidate"),
};

static const struct method_param set_params[] = {
        METHOD_PARAM(struct config_params, config, PARAM_OBJECT,
                     .help = "RFC 7951 JSON of module lumengate"),
};

static int validate_text(const struct config_params *p, char **text, struct err *err)
{
	struct candidate_state c;

	candidate_read(&c);
	if (p->config == NULL && !c.held)
		return err_set(err, ENOENT, "nobody edits: there is no candidate");
	*text = p->config != NULL ? json_dumps(p->config, JSON_COMPACT) : config_doc_text(c.doc);
	return *text != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}

/* Valid is one thing, applicable without a restart another: both are told. */
static int config_validate(const void *params, json_t **result, struct err *err)
{
	struct commit_check check;
	char *text, sentence[512];
	int rc = validate_text(params, &text, err);

	if (rc != 0)
		return rc;
	rc = commit_check(text, &check, err);
	free(text);
	if (rc != 0)
		return rc;
	commit_check_sentence(&check, sentence, sizeof(sentence));
	*result = json_pack("{s:b, s:b, s:s, s:O}", "valid", 1, "live",
	                    json_array_size(check.restart) == 0, "reason",
	                    json_array_size(check.restart) > 0 ? sentence : "", "restart",
	                    check.restart);
	commit_check_free(&check);
	return *result != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}

static int config_set(const void *params, json_t **result, struct err *err)
{
	const struct config_params *p = params;
	const struct commit_request request = {.uid = method_caller()->uid,
	                                       .comment = "config_set"};
	struct config_doc *doc = NULL;
	struct commit_result done;
	struct candidate_state c;
	char *text;
	int rc;

	candidate_read(&c);
	if (c.held)
		return err_set(err, EBUSY,
		               "a candidate is edited: config_commit or config_discard before");
	text = json_dumps(p->config, JSON_COMPACT);
	if (text == NULL)
		return err_set(err, ENOMEM, "out of memory");
	rc = config_doc_parse(text, &doc, err);
	free(text);
	if (rc == 0)
		rc = commit_document(doc, &request, clock_mono_ns(), clock_wall_ns(), &done, err);
	config_doc_free(doc);
	return rc;
}

METHOD_DEFINE(config_get, .summary = "The running configuration with all defaults, or another",
              .fn = config_get, .params = get_params, .param_count = 1,
              .states = METHOD_STARTUP | METHOD_RUNTIME)
METHOD_DEFINE(config_validate, .summary = "Check a configuration, change nothing",
              .fn = config_validate, .params = validate_params, .param_count = 1,
              .states = METHOD_STARTUP | METHOD_RUNTIME)
METHOD_DEFINE(config_set, .summary = "Commit a whole configuration that may change live",
              .fn = config_set, .params = set_params, .param_count = 1, .right = METHOD_WRITE)
