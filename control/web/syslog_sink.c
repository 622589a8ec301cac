/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/syslog_sink.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "control/web/syslog_message.h"

#define PATIENCE_NS (5 * NS_PER_S) /* to connect, and for a message to be taken */
#define LOOK_MS     100

struct syslog {
	enum config_web_transport transport;
	char address[256], port[8], path[108], hostname[256];
	struct syslog_origin origin;
	int fd; /* of the thread; -1: not connected */
};

static size_t format(void *ctx, const struct web_alarm *a, char *out)
{
	struct syslog *s = ctx;

	_Static_assert(SYSLOG_MESSAGE_MAX <= SINK_MESSAGE_MAX, "");
	return syslog_message(a, &s->origin, out);
}

static void hang_up(struct syslog *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* Until the socket is ready for EVENTS; -errno when it is not in time. */
static int await(int fd, short events, const struct outbox *o)
{
	uint64_t until = clock_mono_ns() + PATIENCE_NS;
	struct pollfd p = {.fd = fd, .events = events};

	while (clock_mono_ns() < until && !outbox_stopping(o)) {
		int n = poll(&p, 1, LOOK_MS);

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
	return -ETIMEDOUT;
}

static int connect_one(struct syslog *s, const struct sockaddr *addr, socklen_t len, int type,
                       const struct outbox *o)
{
	int rc = 0, error = 0;
	socklen_t size = sizeof(error);

	s->fd = socket(addr->sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return -errno;
	if (connect(s->fd, addr, len) != 0)
		rc = -errno;
	if (rc == -EINPROGRESS) {
		rc = await(s->fd, POLLOUT, o);
		if (rc == 0 && getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0)
			rc = -error;
	}
	if (rc != 0)
		hang_up(s);
	return rc;
}

static int dial_unix(struct syslog *s, const struct outbox *o)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	memcpy(addr.sun_path, s->path, sizeof(s->path));
	return connect_one(s, (const struct sockaddr *)&addr, sizeof(addr), SOCK_DGRAM, o);
}

static int dial(struct syslog *s, const struct outbox *o, struct err *err)
{
	const struct addrinfo hints = {
	        .ai_socktype = s->transport == CONFIG_WEB_TCP ? SOCK_STREAM : SOCK_DGRAM,
	        .ai_flags = AI_NUMERICSERV,
	};
	struct addrinfo *list = NULL;
	int rc;

	if (s->transport == CONFIG_WEB_UNIX) {
		rc = dial_unix(s, o);
		return rc == 0 ? 0 : err_set(err, EAGAIN, "%s: %s", s->path, strerror(-rc));
	}
	rc = getaddrinfo(s->address, s->port, &hints, &list);
	if (rc != 0)
		return err_set(err, EAGAIN, "%s: %s", s->address, gai_strerror(rc));
	rc = -EHOSTUNREACH;
	for (const struct addrinfo *a = list; a != NULL && rc != 0; a = a->ai_next)
		rc = connect_one(s, a->ai_addr, a->ai_addrlen, a->ai_socktype, o);
	freeaddrinfo(list);
	return rc == 0 ? 0
	               : err_set(err, EAGAIN, "%s port %s: %s", s->address, s->port, strerror(-rc));
}

/*
 * A receiver that went away takes what is sent to it until its reset is back; but its end of the
 * stream is here already, where it said one.
 */
static bool gone(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);

	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

/* All of it, or -errno. */
static int put(struct syslog *s, const char *text, size_t len, const struct outbox *o)
{
	while (len > 0) {
		ssize_t n = send(s->fd, text, len, MSG_NOSIGNAL);

		if (n >= 0) {
			text += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			int rc = await(s->fd, POLLOUT, o);

			if (rc != 0)
				return rc;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

static int deliver(void *ctx, struct outbox *o, const char *message, size_t len, struct err *err)
{
	struct syslog *s = ctx;
	char head[16];
	int rc = 0;

	if (s->fd >= 0 && s->transport == CONFIG_WEB_TCP && gone(s->fd))
		hang_up(s);
	if (s->fd < 0)
		rc = dial(s, o, err);
	if (rc != 0)
		return rc;
	if (s->transport == CONFIG_WEB_TCP) {
		snprintf(head, sizeof(head), "%zu ", len);
		rc = put(s, head, strlen(head), o);
	}
	if (rc == 0)
		rc = put(s, message, len, o);
	if (rc == 0)
		return 0;
	/* Of a stream: what came of half a message is the receiver's to throw away. */
	hang_up(s);
	if (rc == -EMSGSIZE)
		return err_set(err, EMSGSIZE, "a message of %zu bytes is too long for it", len);
	return err_set(err, EAGAIN, "%s: %s",
	               s->transport == CONFIG_WEB_UNIX ? s->path : s->address, strerror(-rc));
}

static void release(void *ctx)
{
	struct syslog *s = ctx;

	hang_up(s);
	free(s);
}

struct sink *syslog_sink_new(const struct config_web_syslog *c, struct err *err)
{
	static const struct sink_type type = {"syslog", format, deliver, release};
	static const char *const schemes[] = {
	        [CONFIG_WEB_UDP] = "udp", [CONFIG_WEB_TCP] = "tcp", [CONFIG_WEB_UNIX] = "unix"};
	struct syslog *s = calloc(1, sizeof(*s));
	char target[300];

	if (s == NULL) {
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	s->fd = -1;
	s->transport = c->transport;
	snprintf(s->address, sizeof(s->address), "%s", c->address);
	snprintf(s->port, sizeof(s->port), "%u", c->port);
	snprintf(s->path, sizeof(s->path), "%s", c->path);
	if (gethostname(s->hostname, sizeof(s->hostname) - 1) != 0)
		s->hostname[0] = '\0';
	s->origin = (struct syslog_origin){.facility = (unsigned int)syslog_facility(c->facility),
	                                   .enterprise = c->enterprise,
	                                   .hostname = s->hostname,
	                                   .pid = (int)getpid()};
	if (c->transport == CONFIG_WEB_UNIX)
		snprintf(target, sizeof(target), "unix:%s", s->path);
	else
		snprintf(target, sizeof(target), "%s:%s:%s", schemes[c->transport], s->address,
		         s->port);
	return sink_new(&(struct sink_config){.type = &type,
	                                      .name = c->name,
	                                      .target = target,
	                                      .severity = c->severity,
	                                      .outbox = {.messages = c->messages},
	                                      .ctx = s},
	                err);
}
