/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/secret.h"

static int read_all(int fd, uint8_t *buf, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = read(fd, buf + got, n - got);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r == 0 ? -EIO : -errno;
		got += (size_t)r;
	}
	return 0;
}

static int read_open(int fd, const char *path, const char *what, unsigned int forbidden,
                     size_t least, size_t most, uint8_t **out, size_t *len, struct err *err)
{
	struct stat st;
	uint8_t *buf;
	int rc;

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "%s %s: %s", what, path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, EINVAL, "%s %s: not a regular file", what, path);
	if ((st.st_mode & forbidden) != 0)
		return err_set(err, EACCES, "%s %s: mode %03o lets others at it, make it 600", what,
		               path, st.st_mode & 0777);
	if ((size_t)st.st_size < least || (size_t)st.st_size > most)
		return err_set(err, EINVAL, "%s %s: %lld bytes, %zu to %zu are expected", what,
		               path, (long long)st.st_size, least, most);
	buf = secret_alloc((size_t)st.st_size);
	if (buf == NULL)
		return err_set(err, ENOMEM, "%s %s: secret memory is full", what, path);
	rc = read_all(fd, buf, (size_t)st.st_size);
	if (rc < 0) {
		secret_free(buf);
		return err_set(err, -rc, "%s %s: %s", what, path, strerror(-rc));
	}
	*out = buf;
	*len = (size_t)st.st_size;
	return 0;
}

int secret_file_read_mode(const char *path, const char *what, unsigned int forbidden, size_t least,
                          size_t most, uint8_t **out, size_t *len, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), rc;

	if (fd < 0)
		return err_set(err, errno, "%s %s: %s", what, path, strerror(errno));
	rc = read_open(fd, path, what, forbidden, least, most, out, len, err);
	close(fd);
	return rc;
}

int secret_file_read(const char *path, const char *what, size_t least, size_t most, uint8_t **out,
                     size_t *len, struct err *err)
{
	return secret_file_read_mode(path, what, 077, least, most, out, len, err);
}
