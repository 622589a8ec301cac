/* SPDX-License-Identifier: BSD-3-Clause */

#include "dataplane/eal_huge.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "tests/unit/remove_tree.h"
#include "tests/unit/unit.h"

static char directory[64];

static const char *in_directory(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static int make(const char *name, const char *text)
{
	int fd = open(in_directory(name), O_CREAT | O_RDWR, 0600);

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	return fd;
}

static bool there(const char *name)
{
	return access(in_directory(name), F_OK) == 0;
}

static void test_mount(void)
{
	char out[64];

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(strcpy(directory, "/tmp/lumengate-huge-XXXXXX")));
	close(make("mounts", "proc /proc proc rw 0 0\n"
	                     "hugetlbfs /dev/huge\\040pages hugetlbfs rw,pagesize=2M 0 0\n"
	                     "none /mnt/huge hugetlbfs rw 0 0\n"));
	CU_ASSERT_TRUE(eal_huge_dir(in_directory("mounts"), out, sizeof(out)));
	CU_ASSERT_STRING_EQUAL(out, "/dev/huge pages");
	CU_ASSERT_FALSE(eal_huge_dir(in_directory("mounts"), out, 5));
	close(make("none", "proc /proc proc rw 0 0\n"));
	CU_ASSERT_FALSE(eal_huge_dir(in_directory("none"), out, sizeof(out)));
	CU_ASSERT_FALSE(eal_huge_dir(in_directory("missing"), out, sizeof(out)));
}

static void test_only_files_of_the_dead_go(void)
{
	static const char *const kept[] = {"gw-amap_1", "gw-bmap_x", "gw-bmap_", "gw-bmap_7",
	                                   "notes"};
	int held = -1;

	close(make("gw-bmap_0", ""));
	close(make("gw-bmap_12", ""));
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		int fd = make(kept[i], "");

		if (strcmp(kept[i], "gw-bmap_7") == 0)
			held = fd;
		else
			close(fd);
	}
	CU_ASSERT_EQUAL(flock(held, LOCK_SH), 0);
	eal_huge_clean(directory, "gw-b");
	CU_ASSERT_FALSE(there("gw-bmap_0"));
	CU_ASSERT_FALSE(there("gw-bmap_12"));
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		CU_ASSERT_TRUE(there(kept[i]));
	close(held);
	eal_huge_clean(directory, "gw-b");
	CU_ASSERT_FALSE(there("gw-bmap_7"));
	CU_ASSERT_EQUAL(remove_tree(directory), 0);
}

UNIT_MAIN(UNIT(test_mount), UNIT(test_only_files_of_the_dead_go))
