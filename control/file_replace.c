/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/file_replace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(const char *path, int code, struct err *err)
{
	return err_set(err, code, "%s: %s", path, strerror(code));
}

static int write_all(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? -EIO : -errno;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd) == 0 ? 0 : -errno;
}

/* The new name is in the folder for good. */
static int sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	int fd, rc = 0;

	snprintf(folder, sizeof(folder), "%.*s", slash > path ? (int)(slash - path) : 1,
	         slash != NULL ? path : ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fsync(fd) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

/* OLD, of the file that there is, or NULL. */
static int write_next(const char *next, const char *text, mode_t mode, const struct stat *old)
{
	int fd, rc = 0;

	/* What an interrupted one left. */
	unlink(next);
	fd = open(next, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (old != NULL && (old->st_uid != geteuid() || old->st_gid != getegid()) &&
	    fchown(fd, old->st_uid, old->st_gid) < 0)
		rc = -errno;
	if (rc == 0 && fchmod(fd, old != NULL ? old->st_mode & 07777 : mode) < 0)
		rc = -errno;
	if (rc == 0)
		rc = write_all(fd, text);
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	return rc;
}

int file_replace(const char *path, const char *text, mode_t mode, struct err *err)
{
	char target[PATH_MAX], next[PATH_MAX + 8];
	struct stat old;
	bool there;
	int rc;

	there = realpath(path, target) != NULL && stat(target, &old) == 0;
	if (!there && errno != ENOENT)
		return failed(path, errno, err);
	if (!there && snprintf(target, sizeof(target), "%s", path) >= (int)sizeof(target))
		return failed(path, ENAMETOOLONG, err);
	if (there && !S_ISREG(old.st_mode))
		return err_set(err, EINVAL, "%s: is not a file", path);
	snprintf(next, sizeof(next), "%s.new", target);
	rc = write_next(next, text, mode, there ? &old : NULL);
	if (rc == 0 && rename(next, target) < 0)
		rc = -errno;
	if (rc == 0)
		rc = sync_folder(target);
	if (rc == 0)
		return 0;
	unlink(next);
	return failed(path, -rc, err);
}
