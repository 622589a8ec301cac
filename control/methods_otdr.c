/* SPDX-License-Identifier: BSD-3-Clause */

/* The card's OTDR: traces, events, changes, baseline. */

#include <errno.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/base64.h"
#include "control/method.h"
#include "control/otdr.h"
#include "control/site.h"
#include "control/status.h"

LOG_COMPONENT_DEFINE(otdr_methods)

#define HISTORY_MAX     1000
#define BASELINE_TRACES 16

static struct otdr *get(struct err *err)
{
	struct otdr *o = site_otdr();

	if (o == NULL)
		err_set(err, ENODEV, "otdr: the gateway has no quantum link");
	return o;
}

static int otdr_run_now(const void *params, json_t **result, struct err *err)
{
	struct otdr *o = get(err);

	return o != NULL ? otdr_run(o, err) : -ENODEV;
}

static int otdr_give_up(const void *params, json_t **result, struct err *err)
{
	struct otdr *o = get(err);

	return o != NULL ? otdr_abort(o, err) : -ENODEV;
}

struct show_params {
	uint64_t trace, history;
};

static const struct method_param show_params[] = {
        METHOD_PARAM(struct show_params, trace, PARAM_UINT, .optional = true, .max = INT64_MAX,
                     .help = "number of a trace; default: the newest"),
        METHOD_PARAM(struct show_params, history, PARAM_UINT, .optional = true, .max = HISTORY_MAX,
                     .help = "traces to list, newest first"),
};

static int otdr_show(const void *params, json_t **result, struct err *err)
{
	const struct show_params *p = params;
	struct otdr *o = get(err);
	json_t *report = NULL;
	int rc;

	if (o == NULL)
		return -ENODEV;
	rc = otdr_report(o, (int64_t)p->trace, &report, err);
	if (rc < 0 && (rc != -ENOENT || p->trace != 0))
		return rc;
	*result = json_pack("{s:o, s:o, s:o}", "state", otdr_state(o), "report",
	                    report != NULL ? report : json_null(), "history",
	                    otdr_history(o, (unsigned int)p->history));
	return 0;
}

struct export_params {
	uint64_t trace;
};

static const struct method_param export_params[] = {
        METHOD_PARAM(struct export_params, trace, PARAM_UINT, .optional = true, .max = INT64_MAX,
                     .help = "number of a trace; default: the newest"),
};

static int otdr_export_sor(const void *params, json_t **result, struct err *err)
{
	const struct export_params *p = params;
	struct otdr *o = get(err);
	uint8_t *file;
	char *text;
	size_t n;
	int rc;

	if (o == NULL)
		return -ENODEV;
	rc = otdr_export(o, (int64_t)p->trace, &file, &n, err);
	if (rc < 0)
		return rc;
	text = malloc((n + 2) / 3 * 4 + 1);
	if (text == NULL) {
		free(file);
		return err_set(err, ENOMEM, "otdr: out of memory");
	}
	base64_encode(file, n, text);
	*result = json_pack("{s:s, s:s}", "format", "sor", "data", text);
	free(text);
	free(file);
	return 0;
}

struct baseline_params {
	uint64_t traces;
	bool clear;
};

static const struct method_param baseline_params[] = {
        METHOD_PARAM(struct baseline_params, traces, PARAM_UINT, .optional = true, .min = 4,
                     .max = 64, .preset = BASELINE_TRACES, .help = "so many of the newest"),
        METHOD_PARAM(struct baseline_params, clear, PARAM_BOOL, .optional = true,
                     .help = "no baseline any more"),
};

static int otdr_baseline(const void *params, json_t **result, struct err *err)
{
	const struct baseline_params *p = params;
	const struct method_caller *who = method_caller();
	struct otdr *o = get(err);
	unsigned int traces = (unsigned int)p->traces;
	int rc;

	if (o == NULL)
		return -ENODEV;
	rc = otdr_approve(o, p->clear ? 0 : traces, err);
	if (rc < 0)
		return rc;
	log_info("OTDR baseline %s by uid %u pid %d", p->clear ? "cleared" : "approved",
	         (unsigned int)who->uid, (int)who->pid);
	*result = json_pack("{s:o}", "state", otdr_state(o));
	return 0;
}

static json_t *read_otdr(void)
{
	return site_otdr() != NULL ? otdr_summary(site_otdr()) : NULL;
}

STATUS_SECTION_DEFINE(otdr, read_otdr)
METHOD_DEFINE(otdr_run, .summary = "Take an OTDR trace now", .fn = otdr_run_now,
              .right = METHOD_WRITE)
METHOD_DEFINE(otdr_abort, .summary = "Give up the OTDR trace under way", .fn = otdr_give_up,
              .right = METHOD_WRITE)
METHOD_DEFINE(otdr_show,
              .summary = "OTDR: what runs, baseline, dead zones, a trace's events and changes",
              .fn = otdr_show, .params = show_params, .param_count = 2)
METHOD_DEFINE(otdr_export, .summary = "A trace as .sor file, in base64", .fn = otdr_export_sor,
              .params = export_params, .param_count = 1)
METHOD_DEFINE(otdr_baseline, .summary = "Approve the newest traces as the OTDR baseline",
              .fn = otdr_baseline, .params = baseline_params, .param_count = 2,
              .right = METHOD_WRITE)
