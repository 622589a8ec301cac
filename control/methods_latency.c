/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "control/gateway.h"
#include "control/method.h"
#include "dataplane/latency.h"
#include "dataplane/worker.h"

struct latency_params {
	const char *port;
};

static const struct method_param show_params[] = {
        METHOD_PARAM(struct latency_params, port, PARAM_STRING, .choices = "lan|wan",
                     .optional = true, .help = "by which packets leave; without it both"),
};

static json_t *direction_json(enum port_role out)
{
	struct latency_summary s;

	latency_read(out, &s);
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "from",
	                 port_role_name(out == PORT_LAN ? PORT_WAN : PORT_LAN), "to",
	                 port_role_name(out), "packets", (json_int_t)s.packets, "mean_ns",
	                 (json_int_t)s.mean_ns, "p50_ns", (json_int_t)s.p50_ns, "p90_ns",
	                 (json_int_t)s.p90_ns, "p99_ns", (json_int_t)s.p99_ns, "p999_ns",
	                 (json_int_t)s.p999_ns, "max_ns", (json_int_t)s.max_ns);
}

static int show(const void *params, json_t **result, struct err *err)
{
	const struct latency_params *p = params;
	json_t *list = json_array();
	struct latency_summary s;

	latency_read(PORT_LAN, &s);
	for (int role = 0; role < PORT_ROLES; role++)
		if (p == NULL || p->port == NULL ||
		    strcmp(p->port, port_role_name((enum port_role)role)) == 0)
			json_array_append_new(list, direction_json((enum port_role)role));
	*result = json_pack("{s:b, s:I, s:o}", "running", latency_running(), "duration_ms",
	                    (json_int_t)(s.duration_ns / NS_PER_MS), "latency", list);
	return 0;
}

static int start(const void *params, json_t **result, struct err *err)
{
	const struct port *port[PORT_ROLES];

	for (int role = 0; role < PORT_ROLES; role++) {
		port[role] = gateway_ops()->port != NULL ? gateway_ops()->port((enum port_role)role)
		                                         : NULL;
		if (port[role] == NULL)
			return err_set(err, ENOTCONN, "the data plane is not running");
	}
	return latency_start(port, worker_qsbr(), err);
}

static int stop(const void *params, json_t **result, struct err *err)
{
	int rc = latency_stop(err);

	return rc == 0 ? show(NULL, result, err) : rc;
}

METHOD_DEFINE(latency_start, .summary = "Begin to measure how long packets take", .fn = start,
              .right = METHOD_WRITE)
METHOD_DEFINE(latency_stop, .summary = "Measure no more; the figures stay", .fn = stop,
              .right = METHOD_WRITE)
METHOD_DEFINE(latency_show, .summary = "Percentiles of how long packets take, by direction",
              .fn = show, .params = show_params, .param_count = 1)
