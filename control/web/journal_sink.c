/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/journal_sink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/web/journal_message.h"

struct journal {
	struct sockaddr_un addr;
	int fd;
};

static size_t format(void *ctx, const struct web_alarm *a, char *out)
{
	_Static_assert(JOURNAL_MESSAGE_MAX <= SINK_MESSAGE_MAX, "");
	return journal_message(a, out);
}

static int deliver(void *ctx, struct outbox *o, const char *message, size_t len, struct err *err)
{
	struct journal *j = ctx;

	/* Never connected: the journal may have started anew. */
	if (sendto(j->fd, message, len, MSG_NOSIGNAL, (const struct sockaddr *)&j->addr,
	           sizeof(j->addr)) >= 0)
		return 0;
	return err_set(err, errno == EMSGSIZE ? EMSGSIZE : EAGAIN, "%s: %s", j->addr.sun_path,
	               strerror(errno));
}

static void release(void *ctx)
{
	struct journal *j = ctx;

	if (j->fd >= 0)
		close(j->fd);
	free(j);
}

struct sink *journal_sink_new(const struct config_web_journal *c, struct err *err)
{
	static const struct sink_type type = {"journal", format, deliver, release};
	struct journal *j = calloc(1, sizeof(*j));

	if (j == NULL) {
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	j->addr.sun_family = AF_UNIX;
	memcpy(j->addr.sun_path, c->socket, sizeof(j->addr.sun_path));
	j->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (j->fd < 0) {
		err_set(err, errno, "no socket: %s", strerror(errno));
		release(j);
		return NULL;
	}
	return sink_new(&(struct sink_config){.type = &type,
	                                      .name = "journal",
	                                      .target = c->socket,
	                                      .severity = c->severity,
	                                      .ctx = j},
	                err);
}
