/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/rpc_client.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct call {
	uint64_t id; /* 0: free */
	const char *method;
	rpc_client_answer answer;
	void *ctx;
};

struct rpc_client {
	struct event_base *base;
	struct rpc_client_ops ops;
	void *ctx;
	char *path;
	struct bufferevent *wire; /* NULL: not connected */
	struct event *retry, *late;
	size_t seen; /* bytes of the input that have no line feed */
	uint64_t last_id;
	struct call call[RPC_CLIENT_CALLS];
};

static void watch_answers(struct rpc_client *c)
{
	const struct timeval wait = {RPC_CLIENT_ANSWER_S, 0};
	bool any = false;

	for (unsigned int i = 0; i < RPC_CLIENT_CALLS; i++)
		any |= c->call[i].id != 0;
	if (!any)
		evtimer_del(c->late);
	else if (!evtimer_pending(c->late, NULL))
		evtimer_add(c->late, &wait);
}

static void lose(struct rpc_client *c, const char *why)
{
	const struct timeval wait = {RPC_CLIENT_RETRY_MS / 1000, RPC_CLIENT_RETRY_MS % 1000 * 1000};

	if (c->wire != NULL)
		bufferevent_free(c->wire);
	c->wire = NULL;
	c->seen = 0;
	evtimer_del(c->late);
	for (unsigned int i = 0; i < RPC_CLIENT_CALLS; i++) {
		struct call call = c->call[i];

		c->call[i] = (struct call){0};
		if (call.id != 0)
			call.answer(call.ctx, NULL, why);
	}
	evtimer_add(c->retry, &wait);
	c->ops.lost(c->ctx, why);
}

static void take_answer(struct rpc_client *c, const json_t *message)
{
	uint64_t id = (uint64_t)json_integer_value(json_object_get(message, "id"));
	const json_t *error = json_object_get(message, "error");
	const char *why = json_string_value(json_object_get(error, "message"));

	for (unsigned int i = 0; id != 0 && i < RPC_CLIENT_CALLS; i++) {
		struct call call = c->call[i];

		if (call.id != id)
			continue;
		c->call[i] = (struct call){0};
		evtimer_del(c->late);
		watch_answers(c);
		if (error != NULL)
			call.answer(call.ctx, NULL, why != NULL ? why : "refused");
		else
			call.answer(call.ctx, json_object_get(message, "result"), "no result");
		return;
	}
}

/* False: what came is no JSON-RPC. */
static bool take_line(struct rpc_client *c, const char *line, size_t n)
{
	json_t *message = json_loadb(line, n, 0, NULL);
	const char *method = json_string_value(json_object_get(message, "method"));
	bool good = json_is_object(message);

	if (method != NULL && strcmp(method, "event") == 0)
		c->ops.event(c->ctx, json_object_get(message, "params"));
	else if (good)
		take_answer(c, message);
	json_decref(message);
	return good;
}

static void on_readable(struct bufferevent *wire, void *client)
{
	struct rpc_client *c = client;
	struct evbuffer *in = bufferevent_get_input(wire);

	/* A callback may have given the connection up. */
	while (c->wire == wire) {
		struct evbuffer_ptr from, end;
		size_t len, eol;
		char *line;
		bool good;

		evbuffer_ptr_set(in, &from, c->seen, EVBUFFER_PTR_SET);
		end = evbuffer_search_eol(in, &from, &eol, EVBUFFER_EOL_LF);
		if (end.pos < 0) {
			c->seen = evbuffer_get_length(in);
			if (c->seen > RPC_CLIENT_LINE_MOST)
				lose(c, "an answer without end");
			return;
		}
		c->seen = 0;
		line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF);
		good = line != NULL && take_line(c, line, len);
		free(line);
		if (!good && c->wire == wire)
			lose(c, "what it says is no JSON-RPC");
	}
}

static void on_event(struct bufferevent *wire, short what, void *client)
{
	if ((what & BEV_EVENT_EOF) != 0)
		lose(client, "it closed the connection");
	else if ((what & BEV_EVENT_ERROR) != 0)
		lose(client, strerror(errno));
}

static void on_late(evutil_socket_t fd, short what, void *client)
{
	struct rpc_client *c = client;
	const struct call *first = NULL;
	char why[96];

	for (unsigned int i = 0; i < RPC_CLIENT_CALLS; i++)
		if (c->call[i].id != 0 && (first == NULL || c->call[i].id < first->id))
			first = &c->call[i];
	snprintf(why, sizeof(why), "no answer to %s within %d s",
	         first != NULL ? first->method : "a call", RPC_CLIENT_ANSWER_S);
	lose(c, why);
}

/* A connected descriptor, or negative errno. */
static int dial(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd, rc;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* Of a UNIX socket this is over at once; EAGAIN: many wait to be accepted. */
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

static void on_retry(evutil_socket_t fd_, short what, void *client)
{
	struct rpc_client *c = client;
	int fd = dial(c->path);
	char why[256];

	if (fd < 0) {
		snprintf(why, sizeof(why), "%s: %s", c->path, strerror(-fd));
		lose(c, why);
		return;
	}
	c->wire = bufferevent_socket_new(c->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (c->wire == NULL) {
		close(fd);
		lose(c, "out of memory");
		return;
	}
	bufferevent_setcb(c->wire, on_readable, NULL, on_event, c);
	bufferevent_enable(c->wire, EV_READ | EV_WRITE);
	c->ops.connected(c->ctx);
}

struct rpc_client *rpc_client_new(struct event_base *base, const char *path,
                                  const struct rpc_client_ops *ops, void *ctx)
{
	const struct timeval now = {0, 0};
	struct rpc_client *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->base = base;
	c->ops = *ops;
	c->ctx = ctx;
	c->path = strdup(path);
	c->retry = evtimer_new(base, on_retry, c);
	c->late = evtimer_new(base, on_late, c);
	if (c->path == NULL || c->retry == NULL || c->late == NULL) {
		rpc_client_free(c);
		return NULL;
	}
	evtimer_add(c->retry, &now);
	return c;
}

void rpc_client_free(struct rpc_client *c)
{
	if (c == NULL)
		return;
	if (c->wire != NULL)
		bufferevent_free(c->wire);
	if (c->retry != NULL)
		event_free(c->retry);
	if (c->late != NULL)
		event_free(c->late);
	free(c->path);
	free(c);
}

static struct call *free_call(struct rpc_client *c)
{
	for (unsigned int i = 0; i < RPC_CLIENT_CALLS; i++)
		if (c->call[i].id == 0)
			return &c->call[i];
	return NULL;
}

int rpc_client_call(struct rpc_client *c, const char *method, json_t *params,
                    rpc_client_answer answer, void *ctx)
{
	struct call *call = free_call(c);
	char *text = NULL;
	json_t *o;

	if (c->wire == NULL || call == NULL) {
		json_decref(params);
		return c->wire == NULL ? -ENOTCONN : -EBUSY;
	}
	o = json_pack("{s:s, s:I, s:s, s:o*}", "jsonrpc", "2.0", "id", (json_int_t)(c->last_id + 1),
	              "method", method, "params", params);
	if (o != NULL)
		text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (text == NULL || bufferevent_write(c->wire, text, strlen(text)) != 0 ||
	    bufferevent_write(c->wire, "\n", 1) != 0) {
		free(text);
		return -ENOMEM;
	}
	free(text);
	*call = (struct call){++c->last_id, method, answer, ctx};
	watch_answers(c);
	return 0;
}
