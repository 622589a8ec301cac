/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/commit_history.h"
#include "tests/unit/remove_tree.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], inside[96];

static void begin(void)
{
	strcpy(folder, "/tmp/lumengate-history-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(inside, sizeof(inside), "%s/history", folder);
}

static void end(void)
{
	commit_history_close();
	CU_ASSERT_EQUAL(remove_tree(folder), 0);
}

static uint64_t add(const char *text, const char *comment)
{
	struct commit_entry e = {.time_ns = 1700000000000000000, .uid = 7, .restart = true};
	struct err err = {0};

	strcpy(e.user, "eve");
	snprintf(e.comment, sizeof(e.comment), "%s", comment);
	CU_ASSERT_EQUAL(commit_history_add(&e, text, &err), 0);
	return e.commit;
}

static void same_text(size_t n, const char *want)
{
	struct err err = {0};
	char *text = NULL;

	CU_ASSERT_EQUAL_FATAL(commit_history_text(n, &text, &err), 0);
	CU_ASSERT_STRING_EQUAL(text, want);
	free(text);
}

static void test_survives(void)
{
	struct err err = {0};
	const struct commit_entry *e;
	struct stat st;
	char path[128];

	begin();
	CU_ASSERT_EQUAL(commit_history_open(inside, &err), 0);
	CU_ASSERT_PTR_NULL(commit_history_at(0));
	CU_ASSERT_EQUAL(add("{\n  \"a\": 1\n}\n", "first \"one\"\n"), 1);
	CU_ASSERT_EQUAL(add("{}\n", ""), 2);
	snprintf(path, sizeof(path), "%s/commit-000000000001.json", inside);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	CU_ASSERT_EQUAL(commit_history_open(inside, &err), 0);
	e = commit_history_at(1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->commit, 1);
	CU_ASSERT_EQUAL(e->time_ns, 1700000000000000000);
	CU_ASSERT_EQUAL(e->uid, 7);
	CU_ASSERT_TRUE(e->restart);
	CU_ASSERT_STRING_EQUAL(e->user, "eve");
	CU_ASSERT_STRING_EQUAL(e->comment, "first \"one\"\n");
	same_text(0, "{}\n");
	same_text(1, "{\n  \"a\": 1\n}\n");
	CU_ASSERT_PTR_NULL(commit_history_at(2));
	CU_ASSERT_EQUAL(commit_history_text(2, NULL, &err), -ENOENT);
	end();
}

static void test_oldest_goes(void)
{
	struct err err = {0};
	char path[128];

	begin();
	CU_ASSERT_EQUAL(commit_history_open(inside, &err), 0);
	for (unsigned int i = 1; i <= COMMITS_MAX + 5; i++)
		CU_ASSERT_EQUAL(add("{}\n", ""), i);
	CU_ASSERT_EQUAL(commit_history_at(COMMITS_MAX - 1)->commit, 6);
	CU_ASSERT_PTR_NULL(commit_history_at(COMMITS_MAX));
	snprintf(path, sizeof(path), "%s/commit-000000000005.json", inside);
	CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/commit-000000000006.json", inside);
	CU_ASSERT_EQUAL(access(path, F_OK), 0);
	end();
}

static void put(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", inside, name);
	f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
}

/* What cannot be read is left out, and its number is not given again. */
static void test_garbage(void)
{
	struct err err = {0};
	char pipe_path[128];

	begin();
	CU_ASSERT_EQUAL(commit_history_open(inside, &err), 0);
	add("{}\n", "good");
	put("commit-000000000002.json", "");
	put("commit-000000000003.json", "{\"commit\":9,\"time_ns\":1}\n{}\n");
	put("commit-000000000004.json", "{\"commit\":4,\"time_ns\":1}\n");
	put("commit-000000000009.json", "\xff\xfe{[\n");
	put("notes.txt", "of somebody\n");
	CU_ASSERT_EQUAL(commit_history_open(inside, &err), 0);
	CU_ASSERT_EQUAL(commit_history_at(0)->commit, 4);
	CU_ASSERT_EQUAL(commit_history_text(0, NULL, &err), -EIO);
	/* Nobody writes into it: whoever opened it would wait for ever. */
	snprintf(pipe_path, sizeof(pipe_path), "%s/commit-000000000008.json", inside);
	CU_ASSERT_EQUAL(mkfifo(pipe_path, 0600), 0);
	CU_ASSERT_EQUAL(commit_history_open(inside, &err), 0);
	CU_ASSERT_EQUAL(commit_history_at(0)->commit, 4);
	unlink(pipe_path);
	CU_ASSERT_EQUAL(commit_history_at(1)->commit, 1);
	CU_ASSERT_PTR_NULL(commit_history_at(2));
	CU_ASSERT_EQUAL(add("{}\n", ""), 10);
	end();
}

/* Without the folder commits are kept as long as the gateway runs. */
static void test_no_folder(void)
{
	struct commit_entry e = {.time_ns = 1};
	struct err err = {0};

	begin();
	snprintf(inside, sizeof(inside), "%s/no/history", folder);
	CU_ASSERT_EQUAL(commit_history_open(inside, &err), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, inside));
	for (unsigned int i = 1; i <= COMMITS_MAX + 1; i++) {
		CU_ASSERT(commit_history_add(&e, "{}\n", &err) < 0);
		CU_ASSERT_EQUAL(e.commit, i);
	}
	same_text(COMMITS_MAX - 1, "{}\n");
	CU_ASSERT_EQUAL(commit_history_at(COMMITS_MAX - 1)->commit, 2);
	end();
}

UNIT_MAIN(UNIT(test_survives), UNIT(test_oldest_goes), UNIT(test_garbage), UNIT(test_no_folder))
