/* SPDX-License-Identifier: BSD-3-Clause */

/* The gateway's control socket as a module: first to come up, so that start-up can be watched. */

#include "control/control_socket.h"
#include "control/jsonrpc.h"

static int init(struct app *app, struct err *err)
{
	const struct server_config config = {
	        .path = app->config->control.socket,
	        .group = app->config->control.group,
	        .read_only_group = app->config->control.read_only_group,
	        .capture_group = app->config->control.capture_group,
	};

	/* Keys to import pass through jansson's memory. */
	jsonrpc_wipe_memory();
	return control_socket_open(app, &config, err);
}

MODULE_DEFINE(control_socket, .init = init, .fini = control_socket_close)
