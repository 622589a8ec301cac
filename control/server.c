/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/secret.h"
#include "control/jsonrpc.h"
#include "control/server_peer.h"

LOG_COMPONENT_DEFINE(control)

#define CLIENTS_DEFAULT    128u
#define REQUEST_DEFAULT    ((size_t)4 << 20)
#define PENDING_DEFAULT    ((size_t)8 << 20)
#define EVENTS_DEFAULT     ((size_t)1 << 20)
#define TIMEOUT_DEFAULT_MS 10000u
#define BUFFER_INITIAL     4096u

struct client {
	TAILQ_ENTRY(client) link;
	struct server *server;
	struct server_peer peer;
	int fd;
	struct event *read_event, *write_event;
	/* The request so far: our own memory, so that it can be wiped. */
	char *request;
	size_t len, capacity;
	struct jsonrpc_scanner scanner;
	struct evbuffer *answers;
	size_t events; /* bytes pushed since all was last written */
	bool closing;  /* once the answers are written */
	bool dropped;  /* as soon as nobody works on it */
};

struct server {
	struct event_base *base;
	struct event *accept_event;
	server_request_fn handler;
	void *ctx;
	char path[108];
	int fd, lock_fd;
	gid_t group, read_only_group, capture_group;
	unsigned int max_clients;
	size_t max_request, max_pending, max_events;
	uint64_t last_client;
	struct timeval timeout;
	TAILQ_HEAD(, client) clients;
	struct server_stats stats;
};

static void client_free(struct client *c)
{
	struct server *s = c->server;

	TAILQ_REMOVE(&s->clients, c, link);
	s->stats.clients--;
	if (c->read_event != NULL)
		event_free(c->read_event);
	if (c->write_event != NULL)
		event_free(c->write_event);
	if (c->answers != NULL)
		evbuffer_free(c->answers);
	if (c->request != NULL) {
		secret_wipe(c->request, c->capacity);
		free(c->request);
	}
	close(c->fd);
	free(c);
}

/* Write what the socket takes; false when the client is gone. */
static bool client_flush(struct client *c)
{
	size_t pending = evbuffer_get_length(c->answers);

	if (c->dropped) {
		client_free(c);
		return false;
	}
	if (pending > 0 && evbuffer_write(c->answers, c->fd) < 0 && errno != EAGAIN &&
	    errno != EINTR) {
		client_free(c);
		return false;
	}
	pending = evbuffer_get_length(c->answers);
	if (pending > c->server->max_pending) {
		c->server->stats.slow++;
		log_warn("client pid %d dropped: it leaves %zu bytes unread", (int)c->peer.pid,
		         pending);
		client_free(c);
		return false;
	}
	if (pending > 0) {
		event_add(c->write_event, &c->server->timeout);
		return true;
	}
	c->events = 0;
	event_del(c->write_event);
	if (c->closing) {
		client_free(c);
		return false;
	}
	return true;
}

static void on_write(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;

	if ((what & EV_TIMEOUT) != 0 && !c->dropped) {
		c->server->stats.slow++;
		log_warn("client pid %d dropped: it reads nothing", (int)c->peer.pid);
		client_free(c);
		return;
	}
	client_flush(c);
}

static void answer(struct client *c, char *text)
{
	if (text == NULL)
		return;
	evbuffer_add(c->answers, text, strlen(text));
	evbuffer_add(c->answers, "\n", 1);
	free(text);
}

/* Answer, then close: nothing more is read. */
static void refuse(struct client *c, int code, const char *text)
{
	c->closing = true;
	event_del(c->read_event);
	answer(c, jsonrpc_error_text(code, text));
}

/* Room for N more bytes; the old memory is wiped. */
static bool client_grow(struct client *c, size_t n)
{
	size_t capacity = c->capacity == 0 ? BUFFER_INITIAL : c->capacity;
	char *p;

	while (capacity < c->len + n)
		capacity *= 2;
	if (capacity == c->capacity)
		return true;
	p = malloc(capacity);
	if (p == NULL)
		return false;
	if (c->request != NULL) {
		memcpy(p, c->request, c->len);
		secret_wipe(c->request, c->capacity);
		free(c->request);
	}
	c->request = p;
	c->capacity = capacity;
	return true;
}

static void client_input(struct client *c, const char *data, size_t n)
{
	struct server *s = c->server;
	size_t used;
	bool end;

	while (n > 0 && !c->closing && !c->dropped) {
		used = jsonrpc_scan(&c->scanner, data, n, &end);
		if (c->len + used > s->max_request) {
			char text[64];

			s->stats.oversize++;
			snprintf(text, sizeof(text), "/: a request larger than %zu bytes",
			         s->max_request);
			refuse(c, JSONRPC_INVALID_REQUEST, text);
			return;
		}
		/* White space between requests is not kept. */
		if (end || c->scanner.inside) {
			if (!client_grow(c, used)) {
				refuse(c, JSONRPC_INTERNAL_ERROR, "/: out of memory");
				return;
			}
			memcpy(c->request + c->len, data, used);
			c->len += used;
		}
		data += used;
		n -= used;
		if (!end)
			continue;
		s->stats.requests++;
		answer(c, s->handler(s->ctx, &c->peer, c->request, c->len));
		secret_wipe(c->request, c->len);
		c->len = 0;
		/* A client that sends without reading is stopped inside its batch, too. */
		if (evbuffer_get_length(c->answers) > s->max_pending)
			return;
	}
}

static void on_read(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;
	char data[16384];
	ssize_t n;

	n = recv(c->fd, data, sizeof(data), MSG_DONTWAIT);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			client_free(c);
		return;
	}
	if (n == 0) {
		/* Half-closed: what was asked is still answered. */
		c->closing = true;
		event_del(c->read_event);
	} else {
		client_input(c, data, (size_t)n);
		secret_wipe(data, (size_t)n);
	}
	client_flush(c);
}

static struct client *client_create(struct server *s, int fd)
{
	struct client *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		close(fd);
		return NULL;
	}
	c->server = s;
	c->fd = fd;
	TAILQ_INSERT_TAIL(&s->clients, c, link);
	s->stats.clients++;
	c->read_event = event_new(s->base, fd, EV_READ | EV_PERSIST, on_read, c);
	c->write_event = event_new(s->base, fd, EV_WRITE, on_write, c);
	c->answers = evbuffer_new();
	if (c->read_event == NULL || c->write_event == NULL || c->answers == NULL) {
		client_free(c);
		return NULL;
	}
	event_add(c->read_event, NULL);
	return c;
}

/* An eighth of the places is for those who may write, so that watchers never lock them out. */
static unsigned int places(const struct server *s, const struct server_peer *peer)
{
	return s->max_clients - (peer->may_write ? 0 : s->max_clients / 8);
}

static void on_accept(evutil_socket_t listen_fd, short what, void *arg)
{
	struct server *s = arg;
	struct client *c;
	bool permitted;
	int fd;

	fd = accept4((int)listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	c = client_create(s, fd);
	if (c == NULL)
		return;
	permitted =
	        server_peer_permitted(fd, s->group, s->read_only_group, s->capture_group, &c->peer);
	c->peer.client = ++s->last_client;
	if (!permitted) {
		s->stats.refused++;
		log_warn("client pid %d of user %u refused", (int)c->peer.pid,
		         (unsigned int)c->peer.uid);
		refuse(c, JSONRPC_FORBIDDEN, "/: not permitted to use this socket");
	} else if (s->stats.clients > places(s, &c->peer)) {
		s->stats.refused++;
		refuse(c, JSONRPC_FAILED, "/: too many clients");
	} else {
		s->stats.accepted++;
		return;
	}
	client_flush(c);
}

int server_create(struct event_base *base, const struct server_config *config,
                  server_request_fn handler, void *ctx, struct server **out, struct err *err)
{
	struct server *s = calloc(1, sizeof(*s));
	unsigned int ms = config->timeout_ms != 0 ? config->timeout_ms : TIMEOUT_DEFAULT_MS;
	int rc;

	if (s == NULL)
		return err_set(err, ENOMEM, "%s: out of memory", config->path);
	TAILQ_INIT(&s->clients);
	s->base = base;
	s->handler = handler;
	s->ctx = ctx;
	s->max_clients = config->max_clients != 0 ? config->max_clients : CLIENTS_DEFAULT;
	s->max_request = config->max_request != 0 ? config->max_request : REQUEST_DEFAULT;
	s->max_pending = config->max_pending != 0 ? config->max_pending : PENDING_DEFAULT;
	s->max_events = config->max_events != 0 ? config->max_events : EVENTS_DEFAULT;
	s->timeout = (struct timeval){ms / 1000, (ms % 1000) * 1000};
	snprintf(s->path, sizeof(s->path), "%s", config->path);

	rc = server_group(config->group, &s->group, err);
	if (rc == 0)
		rc = server_group(config->read_only_group, &s->read_only_group, err);
	if (rc == 0)
		rc = server_group(config->capture_group, &s->capture_group, err);
	if (rc == 0)
		rc = server_bind(config->path, SOCK_STREAM, s->group, &s->fd, &s->lock_fd, err);
	if (rc != 0) {
		free(s);
		return rc;
	}
	s->accept_event = event_new(base, s->fd, EV_READ | EV_PERSIST, on_accept, s);
	if (s->accept_event == NULL || event_add(s->accept_event, NULL) != 0) {
		server_destroy(s);
		return err_set(err, ENOMEM, "%s: out of memory", config->path);
	}
	*out = s;
	return 0;
}

void server_destroy(struct server *s)
{
	if (s == NULL)
		return;
	while (!TAILQ_EMPTY(&s->clients))
		client_free(TAILQ_FIRST(&s->clients));
	if (s->accept_event != NULL)
		event_free(s->accept_event);
	server_unbind(s->path, s->fd, s->lock_fd);
	free(s);
}

static struct client *find(const struct server *s, uint64_t number)
{
	struct client *c;

	TAILQ_FOREACH (c, &s->clients, link)
		if (c->peer.client == number && !c->dropped)
			return c;
	return NULL;
}

bool server_client_connected(const struct server *s, uint64_t client)
{
	return s != NULL && find(s, client) != NULL;
}

bool server_push(struct server *s, uint64_t client, const char *line)
{
	struct client *c = s != NULL ? find(s, client) : NULL;
	size_t n = strlen(line);

	if (c == NULL || c->closing)
		return false;
	if (c->events + n + 1 > s->max_events) {
		s->stats.slow++;
		log_warn("client pid %d dropped: it leaves %zu bytes of events unread",
		         (int)c->peer.pid, c->events);
		c->dropped = true;
		event_active(c->write_event, EV_WRITE, 0);
		return false;
	}
	s->stats.events++;
	c->events += n + 1;
	evbuffer_add(c->answers, line, n);
	evbuffer_add(c->answers, "\n", 1);
	/* Time runs from when there was first something to read. */
	if (!event_pending(c->write_event, EV_WRITE, NULL))
		event_add(c->write_event, &s->timeout);
	return true;
}

void server_stats_read(const struct server *s, struct server_stats *out)
{
	*out = s->stats;
}
