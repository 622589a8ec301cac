/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/server_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PEER_GROUPS_MAX 256
#define BACKLOG         128 /* as many as may be connected: who comes meanwhile waits */

int server_group(const char *name, gid_t *gid, struct err *err)
{
	struct group *g;

	*gid = NO_GROUP;
	if (name == NULL || name[0] == '\0')
		return 0;
	g = getgrnam(name);
	if (g == NULL)
		return err_set(err, ENOENT, "there is no group %s", name);
	*gid = g->gr_gid;
	return 0;
}

static bool in_group(gid_t group, gid_t primary, const gid_t *groups, size_t n)
{
	if (group == NO_GROUP)
		return false;
	if (group == primary)
		return true;
	for (size_t i = 0; i < n; i++)
		if (groups[i] == group)
			return true;
	return false;
}

bool server_peer_permitted(int fd, gid_t group, gid_t read_only_group, gid_t capture_group,
                           struct server_peer *peer)
{
	gid_t groups[PEER_GROUPS_MAX];
	socklen_t len = sizeof(struct ucred), groups_len = sizeof(groups);
	struct ucred cred;
	size_t n;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return false;
	*peer = (struct server_peer){.uid = cred.uid, .gid = cred.gid, .pid = cred.pid};
	if (cred.uid == 0 || cred.uid == geteuid()) {
		peer->may_write = peer->may_capture = true;
		return true;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_len) != 0)
		groups_len = 0;
	n = groups_len / sizeof(groups[0]);
	/* The lesser right wins: a dashboard is in both groups, one to reach the socket. */
	if (in_group(read_only_group, cred.gid, groups, n))
		return true;
	peer->may_write = in_group(group, cred.gid, groups, n);
	peer->may_capture = peer->may_write && in_group(capture_group, cred.gid, groups, n);
	return peer->may_write;
}

/* Lock PATH.lock; another may remove the file between our open and our lock. */
static int take_lock(const char *path, int *lock_fd, struct err *err)
{
	char name[sizeof(((struct sockaddr_un *)0)->sun_path) + 8];
	struct stat held, there;
	int fd;

	snprintf(name, sizeof(name), "%s.lock", path);
	for (;;) {
		fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return err_set(err, errno, "%s: %s", name, strerror(errno));
		if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
			close(fd);
			return err_set(err, EADDRINUSE, "%s: another gateway uses this socket",
			               path);
		}
		if (fstat(fd, &held) == 0 && stat(name, &there) == 0 &&
		    held.st_ino == there.st_ino && held.st_dev == there.st_dev)
			break;
		close(fd);
	}
	*lock_fd = fd;
	return 0;
}

static void drop_lock(const char *path, int lock_fd)
{
	char name[sizeof(((struct sockaddr_un *)0)->sun_path) + 8];

	snprintf(name, sizeof(name), "%s.lock", path);
	unlink(name);
	close(lock_fd);
}

static int listen_at(const char *path, int type, gid_t group, int *out, struct err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct stat st;
	mode_t mask;
	int fd, rc;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (lstat(path, &st) == 0) {
		if (!S_ISSOCK(st.st_mode))
			return err_set(err, EEXIST, "%s: is there and is not a socket",
			               addr.sun_path);
		/* We hold the lock: whoever made it is gone. */
		if (unlink(path) != 0)
			return err_set(err, errno, "%s: %s", addr.sun_path, strerror(errno));
	}
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, errno, "%s: %s", addr.sun_path, strerror(errno));
	/* Nobody else can connect before group and mode are as they must be. */
	mask = umask(0177);
	rc = bind(fd, (struct sockaddr *)&addr, sizeof(addr));
	umask(mask);
	if (rc != 0) {
		rc = err_set(err, errno, "%s: %s", addr.sun_path, strerror(errno));
		close(fd);
		return rc;
	}
	if ((group != NO_GROUP && chown(path, (uid_t)-1, group) != 0) || chmod(path, 0660) != 0 ||
	    listen(fd, BACKLOG) != 0) {
		rc = err_set(err, errno, "%s: %s", addr.sun_path, strerror(errno));
		unlink(path);
		close(fd);
		return rc;
	}
	*out = fd;
	return 0;
}

int server_bind(const char *path, int type, gid_t group, int *fd, int *lock_fd, struct err *err)
{
	int rc;

	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return err_set(err, ENAMETOOLONG, "%s: longer than 107 bytes", path);
	rc = take_lock(path, lock_fd, err);
	if (rc != 0)
		return rc;
	rc = listen_at(path, type, group, fd, err);
	if (rc != 0)
		drop_lock(path, *lock_fd);
	return rc;
}

void server_unbind(const char *path, int fd, int lock_fd)
{
	close(fd);
	unlink(path);
	drop_lock(path, lock_fd);
}
