/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/model/shm_file.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/card_regs.h"
#include "tests/unit/unit.h"

static const struct shm_file_owner mine = {0640, (uid_t)-1, (gid_t)-1};

static void test_new_file_in_place_of_old(void)
{
	char dir[] = "/tmp/lumengate-XXXXXX", path[64];
	struct shm_file first, second;
	struct stat st;
	struct err err;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/card", dir);
	CU_ASSERT_EQUAL_FATAL(shm_file_create(&first, path, &mine, &err), 0);
	CU_ASSERT(stat(path, &st) < 0); /* not before it is published */
	CU_ASSERT_EQUAL(shm_file_create(&second, path, &mine, &err), -EEXIST);
	CU_ASSERT_EQUAL(shm_file_publish(&first, &err), 0);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0640);
	CU_ASSERT_EQUAL(st.st_size, CARD_BAR0_BYTES + CARD_SHM_DMA_BYTES);
	CU_ASSERT_EQUAL(st.st_ino, first.inode);

	CU_ASSERT_EQUAL_FATAL(shm_file_create(&second, path, &mine, &err), 0);
	first.map[0] = 1;
	CU_ASSERT_EQUAL(shm_file_publish(&second, &err), 0);
	CU_ASSERT_EQUAL(second.map[0], 0);
	/* The first one's end leaves the file of the second. */
	shm_file_remove(&first);
	CU_ASSERT(stat(path, &st) == 0 && st.st_ino == second.inode);
	shm_file_remove(&second);
	CU_ASSERT(stat(path, &st) < 0);
	CU_ASSERT_EQUAL(rmdir(dir), 0); /* and nothing else is left */
}

static void test_bad_places(void)
{
	struct shm_file f;
	struct err err;

	CU_ASSERT_EQUAL(shm_file_create(&f, "/nowhere/at/all", &mine, &err), -ENOENT);
	CU_ASSERT_PTR_NULL(f.map);
	shm_file_remove(&f);
}

UNIT_MAIN(UNIT(test_new_file_in_place_of_old), UNIT(test_bad_places))
