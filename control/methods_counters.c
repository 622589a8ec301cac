/* SPDX-License-Identifier: BSD-3-Clause */

/* Counters of ports, of cores and by name, apart from the rest of the status. */

#include <errno.h>
#include <string.h>

#include "common/counter.h"
#include "control/method.h"
#include "control/status.h"

struct counter_params {
	const char *prefix, *after;
	uint64_t limit;
};

static const struct method_param counter_params[] = {
        METHOD_PARAM(struct counter_params, prefix, PARAM_STRING, .max = 63, .optional = true,
                     .help = "of counters whose names begin so, such as drop."),
        METHOD_PARAM(struct counter_params, after, PARAM_STRING, .max = 63, .optional = true,
                     .help = "of names behind this one alone, which was the last of a page"),
        METHOD_PARAM(struct counter_params, limit, PARAM_UINT, .min = 1, .max = COUNTER_MAX,
                     .optional = true, .preset = COUNTER_MAX, .help = "counters in the answer"),
};

static int not_running(struct err *err)
{
	return err_set(err, ENOTCONN, "the data plane is not running");
}

static int port_list(const void *params, json_t **result, struct err *err)
{
	json_t *ports = status_section_read("ports"), *list = json_array(), *p;
	const char *name;

	if (ports == NULL) {
		json_decref(list);
		return not_running(err);
	}
	json_object_foreach (ports, name, p) {
		json_object_set_new(p, "name", json_string(name));
		json_array_append(list, p);
	}
	json_decref(ports);
	*result = json_pack("{s:o}", "ports", list);
	return 0;
}

static int core_list(const void *params, json_t **result, struct err *err)
{
	json_t *cores = status_section_read("lcores");

	if (cores == NULL)
		return not_running(err);
	*result = json_pack("{s:o}", "cores", cores);
	return 0;
}

static int counter_list(const void *params, json_t **result, struct err *err)
{
	const struct counter_params *p = params;
	const char *prefix = p->prefix != NULL ? p->prefix : "";
	const char *after = p->after != NULL ? p->after : "";

	*result = json_object();
	for (const struct counter *c = counter_first();
	     c != NULL && json_object_size(*result) < p->limit; c = c->next)
		if (strncmp(c->name, prefix, strlen(prefix)) == 0 && strcmp(c->name, after) > 0)
			json_object_set_new(*result, c->name,
			                    json_integer((json_int_t)counter_sum(c)));
	return 0;
}

METHOD_DEFINE(port_list, .summary = "Ports with their counters", .fn = port_list)
METHOD_DEFINE(core_list, .summary = "Polling cores: loops, work, busy, idle and sleep cycles",
              .fn = core_list)
METHOD_DEFINE(counter_list, .summary = "Counters in the order of their names, over all cores",
              .fn = counter_list, .params = counter_params, .param_count = 3,
              .states = METHOD_STARTUP | METHOD_RUNTIME)
