/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/control_socket.h"

#include "control/event.h"
#include "control/method.h"

static struct server *server;

static char *handle(void *ctx, const struct server_peer *peer, const char *text, size_t len)
{
	enum method_right right = peer->may_capture ? METHOD_CAPTURE
	                          : peer->may_write ? METHOD_WRITE
	                                            : METHOD_READ;

	method_caller_set(&(struct method_caller){peer->uid, peer->pid, peer->client});
	return jsonrpc_handle(text, len, method_call, &right);
}

int control_socket_open(struct app *app, const struct server_config *config, struct err *err)
{
	int rc = server_create(app->base, config, handle, NULL, &server, err);

	if (rc == 0)
		event_server_set(server);
	return rc;
}

void control_socket_close(struct app *app)
{
	event_server_set(NULL);
	server_destroy(server);
	server = NULL;
}
