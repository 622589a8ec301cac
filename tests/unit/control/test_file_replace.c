/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/file_replace.h"
#include "tests/unit/remove_tree.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], path[96], next[112];

static void begin(void)
{
	strcpy(folder, "/tmp/lumengate-replace-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/file", folder);
	snprintf(next, sizeof(next), "%s.new", path);
}

static const char *text(const char *name)
{
	static char out[64];
	FILE *f = fopen(name, "r");

	out[f != NULL ? fread(out, 1, sizeof(out) - 1, f) : 0] = '\0';
	if (f != NULL)
		fclose(f);
	return out;
}

static mode_t mode(const char *name)
{
	struct stat st;

	return stat(name, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void test_new_and_old(void)
{
	struct err err = {0};
	struct stat a, b;

	begin();
	CU_ASSERT_EQUAL(file_replace(path, "one\n", 0600, &err), 0);
	CU_ASSERT_STRING_EQUAL(text(path), "one\n");
	CU_ASSERT_EQUAL(mode(path), 0600);
	CU_ASSERT_EQUAL(chmod(path, 0644), 0);
	CU_ASSERT_EQUAL(stat(path, &a), 0);
	CU_ASSERT_EQUAL(file_replace(path, "two\n", 0600, &err), 0);
	CU_ASSERT_STRING_EQUAL(text(path), "two\n");
	CU_ASSERT_EQUAL(mode(path), 0644);
	/* Another file: who reads the old one reads all of it. */
	CU_ASSERT_EQUAL(stat(path, &b), 0);
	CU_ASSERT_NOT_EQUAL(a.st_ino, b.st_ino);
	CU_ASSERT_NOT_EQUAL(access(next, F_OK), 0);
	remove_tree(folder);
}

static void test_link_stays(void)
{
	struct err err = {0};
	char target[96];
	struct stat st;

	begin();
	snprintf(target, sizeof(target), "%s/target", folder);
	CU_ASSERT_EQUAL(file_replace(target, "one\n", 0600, &err), 0);
	CU_ASSERT_EQUAL(symlink("target", path), 0);
	CU_ASSERT_EQUAL(file_replace(path, "two\n", 0600, &err), 0);
	CU_ASSERT_EQUAL(lstat(path, &st), 0);
	CU_ASSERT_TRUE(S_ISLNK(st.st_mode));
	CU_ASSERT_STRING_EQUAL(text(target), "two\n");
	remove_tree(folder);
}

static void test_fails_whole(void)
{
	struct err err = {0};
	char away[96];

	begin();
	CU_ASSERT_EQUAL(file_replace(path, "one\n", 0600, &err), 0);
	CU_ASSERT_EQUAL(mkdir(next, 0700), 0);
	CU_ASSERT(file_replace(path, "two\n", 0600, &err) < 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, path));
	CU_ASSERT_STRING_EQUAL(text(path), "one\n");
	CU_ASSERT_EQUAL(file_replace(folder, "x", 0600, &err), -EINVAL);
	snprintf(away, sizeof(away), "%s/away/file", folder);
	CU_ASSERT_EQUAL(file_replace(away, "x", 0600, &err), -ENOENT);
	/* What an interrupted one left is no obstacle. */
	CU_ASSERT_EQUAL(rmdir(next), 0);
	CU_ASSERT_EQUAL(file_replace(next, "half", 0600, &err), 0);
	CU_ASSERT_EQUAL(file_replace(path, "two\n", 0600, &err), 0);
	CU_ASSERT_STRING_EQUAL(text(path), "two\n");
	remove_tree(folder);
}

UNIT_MAIN(UNIT(test_new_and_old), UNIT(test_link_stays), UNIT(test_fails_whole))
