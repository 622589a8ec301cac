/* SPDX-License-Identifier: BSD-3-Clause */

/* The watch on the fibre: what its monitors have learnt and found. */

#include <errno.h>

#include "common/log.h"
#include "control/fibre_watch.h"
#include "control/method.h"

LOG_COMPONENT_DEFINE(watch_methods)

static int watch_show(const void *params, json_t **result, struct err *err)
{
	(void)params;
	*result = fibre_watch_json();
	return *result != NULL ? 0 : err_set(err, ENODEV, "watch: the gateway has no quantum link");
}

static int watch_relearn(const void *params, json_t **result, struct err *err)
{
	const struct method_caller *who = method_caller();
	int rc = watch_show(params, result, err);

	if (rc < 0)
		return rc;
	fibre_watch_relearn();
	log_info("baselines of the watch on the fibre dropped by uid %u pid %d",
	         (unsigned int)who->uid, (int)who->pid);
	json_decref(*result);
	return watch_show(params, result, err);
}

METHOD_DEFINE(watch_show, .summary = "Monitors of the fibre: baselines, thresholds, alarms",
              .fn = watch_show)
METHOD_DEFINE(watch_relearn, .summary = "Learn all baselines of the fibre's monitors anew",
              .fn = watch_relearn, .right = METHOD_WRITE)
