/* SPDX-License-Identifier: BSD-3-Clause */

/* The control socket of the key delivery as a module. */

#include "control/control_socket.h"

static int init(struct app *app, struct err *err)
{
	const struct server_config config = {
	        .path = app->kms->control.socket,
	        .group = app->kms->control.group,
	        .read_only_group = app->kms->control.read_only_group,
	};

	return control_socket_open(app, &config, err);
}

MODULE_DEFINE(kms_control, .init = init, .fini = control_socket_close)
