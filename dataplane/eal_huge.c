/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/eal_huge.h"

#include <dirent.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

bool eal_huge_dir(const char *mounts, char *out, size_t size)
{
	FILE *f = setmntent(mounts, "re");
	struct mntent *m;
	bool found = false;

	if (f == NULL)
		return false;
	while (!found && (m = getmntent(f)) != NULL)
		if (strcmp(m->mnt_type, "hugetlbfs") == 0)
			found = snprintf(out, size, "%s", m->mnt_dir) < (int)size;
	endmntent(f);
	return found;
}

/* DPDK names them PREFIXmap_NUMBER and holds a shared lock on each (eal_memalloc.c). */
static bool is_ours(const char *name, const char *file_prefix)
{
	size_t n = strlen(file_prefix);

	return strncmp(name, file_prefix, n) == 0 && strncmp(name + n, "map_", 4) == 0 &&
	       name[n + 4] != '\0' && name[n + 4 + strspn(name + n + 4, "0123456789")] == '\0';
}

void eal_huge_clean(const char *path, const char *file_prefix)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		int fd;

		if (!is_ours(entry->d_name, file_prefix))
			continue;
		fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			unlinkat(dirfd(dir), entry->d_name, 0);
		close(fd);
	}
	closedir(dir);
}
