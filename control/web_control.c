/* SPDX-License-Identifier: BSD-3-Clause */

/* The control socket of lumengate-web as a module. */

#include "control/event.h"
#include "control/method.h"
#include "control/module.h"
#include "control/server.h"

static struct server *server;

static char *handle(void *ctx, const struct server_peer *peer, const char *text, size_t len)
{
	enum method_right right = peer->may_write ? METHOD_WRITE : METHOD_READ;

	method_caller_set(&(struct method_caller){peer->uid, peer->pid, peer->client});
	return jsonrpc_handle(text, len, method_call, &right);
}

static int init(struct app *app, struct err *err)
{
	const struct server_config config = {
	        .path = app->web->control.socket,
	        .group = app->web->control.group,
	        .read_only_group = app->web->control.read_only_group,
	};
	int rc;

	rc = server_create(app->base, &config, handle, NULL, &server, err);
	if (rc == 0)
		event_server_set(server);
	return rc;
}

static void fini(struct app *app)
{
	event_server_set(NULL);
	server_destroy(server);
	server = NULL;
}

MODULE_DEFINE(web_control, .init = init, .fini = fini)
