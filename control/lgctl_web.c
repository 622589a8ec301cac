/* SPDX-License-Identifier: BSD-3-Clause */

/* lgctl web: the service of figures, over its own control socket. */

#include "control/lgctl_table.h"

int lgctl_build_web(char **args, int n, struct lgctl_request *r, struct err *err)
{
	r->socket = LGCTL_WEB_SOCKET_DEFAULT;
	return 0;
}

void lgctl_print_web_sinks(FILE *out, const json_t *result)
{
	static const struct lgctl_column columns[] = {
	        {"TYPE", "type"},
	        {"NAME", "name"},
	        {"TO", "target"},
	        {"FAILING", "failing"},
	        {"SENT", "sent"},
	        {"WAITING", "waiting"},
	        {"RETRIES", "retries"},
	        {"REFUSED", "refused"},
	        {"LOST", "lost"},
	        {"LEFT OUT", "left_out"},
	        {"LAST ERROR", "last_error"},
	};

	LGCTL_TABLE(out, json_object_get(result, "sinks"), columns);
}
