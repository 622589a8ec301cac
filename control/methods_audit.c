/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>

#include "control/audit.h"
#include "control/page.h"

#define LIMIT_DEFAULT 100

struct list_params {
	struct page_params page;
	uint64_t before;
};

static const struct method_param list_params[] = {
        METHOD_PARAM(struct list_params, before, PARAM_UINT, .optional = true, .min = 1,
                     .help = "entries with smaller numbers alone: pages stay as they are while "
                             "more is recorded"),
        PAGE_PARAMS(struct list_params, LIMIT_DEFAULT),
};

static int audit_list(const void *params, json_t **result, struct err *err)
{
	const struct list_params *p = params;
	struct page page = page_begin(&p->page);
	const struct audit_entry *e;
	struct audit_counts counts;

	for (size_t i = 0; (e = audit_at(i)) != NULL; i++) {
		if (p->before != 0 && e->number >= p->before)
			continue;
		if (page_next(&page))
			json_array_append_new(page.list, audit_entry_json(e));
	}
	audit_counts_read(&counts);
	*result = page_end(&page, "entries");
	if (*result == NULL)
		return err_set(err, ENOMEM, "out of memory");
	json_object_set_new(*result, "recorded", json_integer((json_int_t)counts.recorded));
	json_object_set_new(*result, "suppressed", json_integer((json_int_t)counts.suppressed));
	return 0;
}

METHOD_DEFINE(audit_list,
              .summary = "Who changed or captured what since start, newest first, at most 1024",
              .fn = audit_list, .params = list_params,
              .param_count = sizeof(list_params) / sizeof(list_params[0]),
              .states = METHOD_STARTUP | METHOD_RUNTIME)
