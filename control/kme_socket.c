/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kme_socket.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"

LOG_COMPONENT_DEFINE(kme_socket)

struct kme_socket {
	int listener, client; /* -1: none */
	char path[108];
};

static int prepare(int fd, const struct sockaddr_un *at, const char *group, struct err *err)
{
	const struct group *g = group[0] != '\0' ? getgrnam(group) : NULL;
	struct stat st;

	if (group[0] != '\0' && g == NULL)
		return err_set(err, ENOENT, "%s: there is no group %s", at->sun_path, group);
	if (lstat(at->sun_path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(at->sun_path);
	if (bind(fd, (const struct sockaddr *)at, sizeof(*at)) < 0)
		return err_set(err, errno, "%s: %s", at->sun_path, strerror(errno));
	if (chmod(at->sun_path, 0660) < 0 ||
	    (g != NULL && chown(at->sun_path, (uid_t)-1, g->gr_gid) < 0) || listen(fd, 2) < 0) {
		int rc = err_set(err, errno, "%s: %s", at->sun_path, strerror(errno));

		unlink(at->sun_path);
		return rc;
	}
	return 0;
}

int kme_socket_open(const char *path, const char *group, struct kme_socket **out, struct err *err)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct kme_socket *s;
	mode_t mask;
	int fd, rc;

	if (strlen(path) >= sizeof(at.sun_path))
		return err_set(err, EINVAL, "%s: too long for a socket", path);
	strcpy(at.sun_path, path);
	s = calloc(1, sizeof(*s));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s == NULL || fd < 0) {
		if (fd >= 0)
			close(fd);
		free(s);
		return err_set(err, ENOMEM, "%s: no socket to be had", path);
	}
	/* Nobody connects before the mode is right. */
	mask = umask(0177);
	rc = prepare(fd, &at, group, err);
	umask(mask);
	if (rc < 0) {
		close(fd);
		free(s);
		return rc;
	}
	s->listener = fd;
	s->client = -1;
	strcpy(s->path, path);
	*out = s;
	return 0;
}

void kme_socket_drop(struct kme_socket *s)
{
	if (s->client >= 0)
		close(s->client);
	s->client = -1;
}

void kme_socket_close(struct kme_socket *s)
{
	if (s == NULL)
		return;
	kme_socket_drop(s);
	close(s->listener);
	unlink(s->path);
	free(s);
}

bool kme_socket_has_client(const struct kme_socket *s)
{
	return s->client >= 0;
}

bool kme_socket_accept(struct kme_socket *s)
{
	int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (fd < 0)
		return false;
	if (s->client >= 0) {
		close(fd);
		return false;
	}
	s->client = fd;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
		log_info("client of the KME: process %d, user %u", (int)peer.pid, peer.uid);
	return true;
}

ssize_t kme_socket_receive(struct kme_socket *s, void *packet, size_t cap)
{
	ssize_t n;

	if (s->client < 0)
		return 0;
	n = recv(s->client, packet, cap, 0);
	if (n > 0)
		return n;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return -ECONNRESET;
}

int kme_socket_send(struct kme_socket *s, const void *packet, size_t len)
{
	if (s->client < 0)
		return -ENOTCONN;
	return send(s->client, packet, len, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -ECONNRESET;
}
