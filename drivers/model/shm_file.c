/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/shm_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/card_regs.h"

#define FILE_BYTES (CARD_BAR0_BYTES + CARD_SHM_DMA_BYTES)

static void temporary_name(const struct shm_file *f, char *buf, size_t n)
{
	snprintf(buf, n, "%s.%ld", f->path, (long)getpid());
}

int shm_file_create(struct shm_file *f, const char *path, const struct shm_file_owner *owner,
                    struct err *err)
{
	char name[300];
	struct stat st;
	int fd, rc;

	memset(f, 0, sizeof(*f));
	if (strlen(path) >= sizeof(f->path))
		return err_set(err, ENAMETOOLONG, "card file %.64s...: the name is too long", path);
	strcpy(f->path, path);
	temporary_name(f, name, sizeof(name));
	fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, errno, "card file %s: cannot create: %s", name,
		               strerror(errno));
	/* Memory is taken now: later a full file system would end us with SIGBUS. */
	rc = posix_fallocate(fd, 0, FILE_BYTES);
	if (rc == 0 && fchown(fd, owner->uid, owner->gid) < 0)
		rc = errno;
	if (rc == 0 && (fchmod(fd, owner->mode) < 0 || fstat(fd, &st) < 0))
		rc = errno;
	if (rc == 0) {
		f->inode = st.st_ino;
		f->map = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (f->map == MAP_FAILED) {
			f->map = NULL;
			rc = errno;
		}
	}
	close(fd);
	if (rc == 0)
		return 0;
	unlink(name);
	return err_set(err, rc, "card file %s: cannot set up: %s", name, strerror(rc));
}

int shm_file_publish(struct shm_file *f, struct err *err)
{
	char name[300];

	temporary_name(f, name, sizeof(name));
	if (rename(name, f->path) == 0)
		return 0;
	return err_set(err, errno, "card file %s: cannot rename into place: %s", f->path,
	               strerror(errno));
}

void shm_file_remove(struct shm_file *f)
{
	char name[300];
	struct stat st;

	if (f->map == NULL)
		return;
	memset(f->map, 0xff, CARD_BAR0_BYTES);
	munmap(f->map, FILE_BYTES);
	f->map = NULL;
	temporary_name(f, name, sizeof(name));
	if (stat(name, &st) == 0 && st.st_ino == f->inode)
		unlink(name);
	if (stat(f->path, &st) == 0 && st.st_ino == f->inode)
		unlink(f->path);
}
