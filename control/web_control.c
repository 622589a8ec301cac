/* SPDX-License-Identifier: BSD-3-Clause */

/* The control socket of lumengate-web as a module. */

#include "control/control_socket.h"

static int init(struct app *app, struct err *err)
{
	const struct server_config config = {
	        .path = app->web->control.socket,
	        .group = app->web->control.group,
	        .read_only_group = app->web->control.read_only_group,
	};

	return control_socket_open(app, &config, err);
}

MODULE_DEFINE(web_control, .init = init, .fini = control_socket_close)
