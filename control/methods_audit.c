/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>

#include "control/audit.h"

#define LIMIT_MAX     1000
#define LIMIT_DEFAULT 100

struct list_params {
	uint64_t before, offset, limit;
};

static const struct method_param list_params[] = {
        METHOD_PARAM(struct list_params, before, PARAM_UINT, .optional = true, .min = 1,
                     .help = "entries with smaller numbers alone: pages stay as they are while "
                             "more is recorded"),
        METHOD_PARAM(struct list_params, offset, PARAM_UINT, .optional = true,
                     .max = AUDIT_ENTRIES_MAX, .help = "entries to pass over"),
        METHOD_PARAM(struct list_params, limit, PARAM_UINT, .optional = true, .max = LIMIT_MAX,
                     .help = "entries in the answer; 0 or none: 100"),
};

static int audit_list(const void *params, json_t **result, struct err *err)
{
	const struct list_params *p = params;
	uint64_t limit = p->limit != 0 ? p->limit : LIMIT_DEFAULT, at = 0;
	json_t *list = json_array();
	const struct audit_entry *e;
	struct audit_counts counts;

	for (size_t i = 0; (e = audit_at(i)) != NULL; i++) {
		if (p->before != 0 && e->number >= p->before)
			continue;
		if (at >= p->offset && at - p->offset < limit)
			json_array_append_new(list, audit_entry_json(e));
		at++;
	}
	audit_counts_read(&counts);
	*result =
	        json_pack("{s:o, s:I, s:I, s:I, s:I}", "entries", list, "offset",
	                  (json_int_t)p->offset, "total", (json_int_t)at, "recorded",
	                  (json_int_t)counts.recorded, "suppressed", (json_int_t)counts.suppressed);
	return *result != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}

METHOD_DEFINE(audit_list,
              .summary = "Who changed or captured what since start, newest first, at most 1024",
              .fn = audit_list, .params = list_params,
              .param_count = sizeof(list_params) / sizeof(list_params[0]),
              .states = METHOD_STARTUP | METHOD_RUNTIME)
