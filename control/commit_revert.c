/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/commit_revert.h"

#include <stdbool.h>
#include <unistd.h>

#include "control/audit.h"

struct revert_params {
	uint64_t commit;
};

static const struct method_param revert_params[] = {
        METHOD_PARAM(struct revert_params, commit, PARAM_UINT),
};

/* Nobody can call it: it is the name under which the gateway does so. */
static const struct method revert = {.name = "config_commit_timeout",
                                     .params = revert_params,
                                     .param_count = 1,
                                     .right = METHOD_WRITE};

void commit_reverted(uint64_t commit, int rc, const struct err *err)
{
	const struct method_caller caller = *method_caller();
	const struct method_caller ours = {.uid = geteuid(), .pid = getpid()};
	struct jsonrpc_error error = {0};
	json_t *params = json_pack("{s:I}", "commit", (json_int_t)commit);

	if (rc != 0)
		jsonrpc_fail(&error, JSONRPC_FAILED, "%s", err->text);
	method_caller_set(&ours);
	audit_record(&revert, params, &error);
	method_caller_set(&caller);
	json_decref(params);
}
