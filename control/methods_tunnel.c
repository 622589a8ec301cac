/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "control/gateway.h"
#include "control/method.h"
#include "control/page.h"
#include "control/snapshot.h"

struct tunnel_params {
	const char *tunnel;
};

static const struct method_param tunnel_params[] = {
        METHOD_PARAM(struct tunnel_params, tunnel, PARAM_STRING, .max = 31,
                     .help = "name of the tunnel"),
};

struct list_params {
	const char *tunnel;
	struct page_params page;
};

static const struct method_param tunnel_list_params[] = {
        PAGE_PARAMS(struct list_params, PAGE_LIMIT_MAX)};
static const struct method_param sa_list_params[] = {
        METHOD_PARAM(struct list_params, tunnel, PARAM_STRING, .max = 31, .optional = true,
                     .help = "of this tunnel alone"),
        PAGE_PARAMS(struct list_params, PAGE_LIMIT_MAX),
};

static int not_running(struct err *err)
{
	return err_set(err, ENOTCONN, "the data plane is not running");
}

static int no_tunnel(const char *name, struct err *err)
{
	return err_set(err, ENOENT, "tunnel: there is no tunnel %s", name);
}

/* One without keys has no SAs. */
static bool tunnel_exists(const char *name)
{
	unsigned int total = 0;
	json_t *list = snapshot_tunnels(0, UINT_MAX, &total), *t;
	bool found = false;
	size_t i;

	json_array_foreach (list, i, t)
		if (strcmp(json_string_value(json_object_get(t, "name")), name) == 0)
			found = true;
	json_decref(list);
	return found;
}

static int tunnel_list(const void *params, json_t **result, struct err *err)
{
	const struct list_params *p = params;
	unsigned int total = 0;
	json_t *list =
	        snapshot_tunnels((unsigned int)p->page.offset, (unsigned int)p->page.limit, &total);

	if (list == NULL)
		return not_running(err);
	*result = json_pack("{s:o, s:I, s:I}", "tunnels", list, "offset",
	                    (json_int_t)p->page.offset, "total", (json_int_t)total);
	return 0;
}

static int tunnel_show(const void *params, json_t **result, struct err *err)
{
	const struct tunnel_params *p = params;
	unsigned int total = 0;
	json_t *list = snapshot_tunnels(0, UINT_MAX, &total), *t;
	size_t i;

	if (list == NULL)
		return not_running(err);
	json_array_foreach (list, i, t)
		if (strcmp(json_string_value(json_object_get(t, "name")), p->tunnel) == 0)
			*result = json_incref(t);
	json_decref(list);
	return *result != NULL ? 0 : no_tunnel(p->tunnel, err);
}

static int tunnel_rekey(const void *params, json_t **result, struct err *err)
{
	const struct tunnel_params *p = params;

	if (gateway_ops()->tunnel_rekey == NULL)
		return not_running(err);
	return gateway_ops()->tunnel_rekey(p->tunnel, err);
}

static int sa_list(const void *params, json_t **result, struct err *err)
{
	const struct list_params *p = params;
	unsigned int total = 0;
	json_t *list = snapshot_sas(p->tunnel, (unsigned int)p->page.offset,
	                            (unsigned int)p->page.limit, &total);

	if (list == NULL)
		return not_running(err);
	if (total == 0 && p->tunnel != NULL && !tunnel_exists(p->tunnel)) {
		json_decref(list);
		return no_tunnel(p->tunnel, err);
	}
	*result = json_pack("{s:o, s:I, s:I}", "sas", list, "offset", (json_int_t)p->page.offset,
	                    "total", (json_int_t)total);
	return 0;
}

METHOD_DEFINE(tunnel_list, .summary = "Tunnels with their key generations and traffic",
              .fn = tunnel_list, .params = tunnel_list_params, .param_count = 2)
METHOD_DEFINE(tunnel_show, .summary = "One tunnel: its keys, its rekeying, its traffic",
              .fn = tunnel_show, .params = tunnel_params, .param_count = 1)
METHOD_DEFINE(tunnel_rekey, .summary = "Rekey a tunnel now", .fn = tunnel_rekey,
              .params = tunnel_params, .param_count = 1, .right = METHOD_WRITE)
METHOD_DEFINE(sa_list, .summary = "Security associations of all tunnels, without keys",
              .fn = sa_list, .params = sa_list_params, .param_count = 3)
