/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/bundle_tar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define BLOCK 512

/* POSIX.1-2017, pax, table "ustar Header Block". Numbers in octal. */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type;
	char linkname[100], magic[6], version[2], uname[32], gname[32], devmajor[8], devminor[8];
	char prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is a block");

struct bundle_tar {
	gzFile gz;
	int fd; /* of its own, to wait for the disk */
	char *path;
	const char *folder;
	uint64_t time_s, bytes;
	unsigned int files;
	struct err failed;
};

int bundle_tar_create(const char *path, const char *folder, uint64_t time_s,
                      struct bundle_tar **out, struct err *err)
{
	struct bundle_tar *t = calloc(1, sizeof(*t));
	int fd = -1, rc;

	if (t == NULL)
		return err_set(err, ENOMEM, "out of memory");
	t->folder = folder;
	t->time_s = time_s;
	t->path = strdup(path);
	t->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (t->fd >= 0)
		fd = fcntl(t->fd, F_DUPFD_CLOEXEC, 0);
	t->gz = fd >= 0 ? gzdopen(fd, "wb6") : NULL;
	if (t->path != NULL && t->gz != NULL) {
		*out = t;
		return 0;
	}
	rc = err_set(err, t->fd < 0 ? errno : ENOMEM, "%s: %s", path,
	             t->fd < 0 ? strerror(errno) : "out of memory");
	if (fd >= 0)
		close(fd);
	if (t->fd >= 0) {
		close(t->fd);
		unlink(path);
	}
	free(t->path);
	free(t);
	return rc;
}

static void put(struct bundle_tar *t, const void *data, size_t len)
{
	if (t->failed.code != 0 || len == 0)
		return;
	/* Its counts are of int. */
	for (size_t at = 0; at < len;) {
		unsigned int n = len - at < (1u << 20) ? (unsigned int)(len - at) : 1u << 20;

		if (gzwrite(t->gz, (const char *)data + at, n) != (int)n) {
			err_set(&t->failed, EIO, "%s: %s", t->path,
			        errno != 0 ? strerror(errno) : "cannot be written");
			return;
		}
		at += n;
	}
}

static void checksum(struct header *h)
{
	unsigned int sum = 0;

	memset(h->checksum, ' ', sizeof(h->checksum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += ((const unsigned char *)h)[i];
	snprintf(h->checksum, sizeof(h->checksum), "%06o", sum);
}

void bundle_tar_add(struct bundle_tar *t, const char *name, const void *data, size_t len)
{
	static const char zeros[BLOCK];
	struct header h = {.type = '0', .magic = "ustar", .version = {'0', '0'}};
	int n = snprintf(h.name, sizeof(h.name), "%s/%s", t->folder, name);

	if (n >= (int)sizeof(h.name)) {
		if (t->failed.code == 0)
			err_set(&t->failed, ENAMETOOLONG, "%s: %s", t->path, name);
		return;
	}
	snprintf(h.mode, sizeof(h.mode), "%07o", 0600u);
	snprintf(h.uid, sizeof(h.uid), "%07o", 0u);
	snprintf(h.gid, sizeof(h.gid), "%07o", 0u);
	snprintf(h.size, sizeof(h.size), "%011llo", (unsigned long long)len);
	snprintf(h.mtime, sizeof(h.mtime), "%011llo", (unsigned long long)t->time_s);
	checksum(&h);
	errno = 0;
	put(t, &h, sizeof(h));
	put(t, data, len);
	put(t, zeros, (BLOCK - len % BLOCK) % BLOCK);
	t->bytes += len;
	t->files++;
}

uint64_t bundle_tar_bytes(const struct bundle_tar *t)
{
	return t->bytes;
}

unsigned int bundle_tar_files(const struct bundle_tar *t)
{
	return t->files;
}

int bundle_tar_close(struct bundle_tar *t, struct err *err)
{
	static const char end[2 * BLOCK];
	int rc = 0;

	put(t, end, sizeof(end));
	errno = 0;
	if ((gzclose(t->gz) != Z_OK || fsync(t->fd) != 0) && t->failed.code == 0)
		err_set(&t->failed, errno != 0 ? errno : EIO, "%s: %s", t->path,
		        errno != 0 ? strerror(errno) : "cannot be written");
	close(t->fd);
	if (t->failed.code != 0) {
		rc = err_set(err, t->failed.code, "%s", t->failed.text);
		unlink(t->path);
	}
	free(t->path);
	free(t);
	return rc;
}
