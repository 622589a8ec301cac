/* SPDX-License-Identifier: BSD-3-Clause */

/* The watch on the fibre: what its monitors have learnt and found. */

#include <errno.h>

#include "common/log.h"
#include "control/fibre_watch.h"
#include "control/method.h"
#include "control/watch_baseline.h"

LOG_COMPONENT_DEFINE(watch_methods)

static int watch_show(const void *params, json_t **result, struct err *err)
{
	(void)params;
	*result = fibre_watch_json();
	return *result != NULL ? 0 : err_set(err, ENODEV, "watch: the gateway has no quantum link");
}

static int watch_clear(const void *params, json_t **result, struct err *err)
{
	const struct method_caller *who = method_caller();
	int rc = watch_show(params, result, err);

	if (rc < 0)
		return rc;
	json_decref(*result);
	fibre_watch_clear();
	log_info("alarms of the watch on the fibre cleared by uid %u pid %d",
	         (unsigned int)who->uid, (int)who->pid);
	return watch_show(params, result, err);
}

static int watch_baseline_show(const void *params, json_t **result, struct err *err)
{
	int rc = watch_show(params, result, err);

	if (rc < 0)
		return rc;
	json_decref(*result);
	*result = watch_baseline_json();
	return 0;
}

static int change(const char *what, int (*fn)(struct err *err), json_t **result, struct err *err)
{
	const struct method_caller *who = method_caller();
	int rc = watch_baseline_show(NULL, result, err);

	if (rc < 0)
		return rc;
	json_decref(*result);
	*result = NULL;
	rc = fn(err);
	log_info("baselines of the watch on the fibre %s by uid %u pid %d", what,
	         (unsigned int)who->uid, (int)who->pid);
	return rc < 0 ? rc : watch_baseline_show(NULL, result, err);
}

static int baseline_relearn(const void *params, json_t **result, struct err *err)
{
	(void)params;
	return change("dropped", watch_baseline_relearn, result, err);
}

static int baseline_approve(const void *params, json_t **result, struct err *err)
{
	(void)params;
	return change("approved as they are now", watch_baseline_approve, result, err);
}

METHOD_DEFINE(watch_show, .summary = "Monitors of the fibre: baselines, thresholds, alarms",
              .fn = watch_show)
METHOD_DEFINE(watch_clear,
              .summary = "Alarms of the fibre's monitors end; what is still true comes again",
              .fn = watch_clear, .right = METHOD_WRITE)
METHOD_DEFINE(watch_baseline_show,
              .summary = "Baselines of the fibre's monitors, and the file that keeps them",
              .fn = watch_baseline_show)
METHOD_DEFINE(watch_baseline_relearn, .summary = "Learn all baselines of the fibre's monitors anew",
              .fn = baseline_relearn, .right = METHOD_WRITE)
METHOD_DEFINE(watch_baseline_approve,
              .summary = "What the fibre's monitors saw in the last minute is normal",
              .fn = baseline_approve, .right = METHOD_WRITE)
