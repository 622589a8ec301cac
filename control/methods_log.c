/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>

#include "common/log.h"
#include "control/method.h"

struct log_params {
	const char *component, *level;
};

static const struct method_param log_params[] = {
        METHOD_PARAM(struct log_params, component, PARAM_STRING, .max = 31,
                     .help = "name of the component, * for all"),
        METHOD_PARAM(struct log_params, level, PARAM_STRING, .choices = "err|warning|info|debug",
                     .help = "what is less urgent is not logged"),
};

static int log_set(const void *params, json_t **result, struct err *err)
{
	const struct log_params *p = params;

	if (!log_level_set(p->component, log_level_parse(p->level)))
		return err_set(err, EINVAL, "/params/component: there is no component %s",
		               p->component);
	return 0;
}

METHOD_DEFINE(log_set, .summary = "Set what a component logs", .fn = log_set, .params = log_params,
              .param_count = 2, .right = METHOD_WRITE, .states = METHOD_STARTUP | METHOD_RUNTIME)
