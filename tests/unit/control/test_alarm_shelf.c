/* SPDX-License-Identifier: BSD-3-Clause */

/* Shelves, and their file. */

#include "control/alarm_shelf.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

static char dir[64], path[96];
static struct err err;

static void start(void)
{
	log_level_set("*", LOG_LEVEL_ERR - 1);
	strcpy(dir, "/tmp/lumengate-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/alarm-shelves.json", dir);
	alarm_shelf_reset();
	CU_ASSERT_EQUAL(alarm_shelf_open(path, 1, &err), -ENOENT);
}

static void stop(void)
{
	alarm_shelf_reset();
	unlink(path);
	rmdir(dir);
}

static int add(const char *kind, const char *resource, uint64_t until_ns)
{
	struct alarm_shelf s = {.since_ns = 5, .until_ns = until_ns, .uid = 1000};

	snprintf(s.kind, sizeof(s.kind), "%s", kind);
	snprintf(s.resource, sizeof(s.resource), "%s", resource);
	snprintf(s.text, sizeof(s.text), "caf\xc3\xa9");
	return alarm_shelf_add(&s, &err);
}

static unsigned int count(void)
{
	unsigned int n = 0;

	while (alarm_shelf_at(n) != NULL)
		n++;
	return n;
}

static void test_what_is_held(void)
{
	start();
	CU_ASSERT_FALSE(alarm_shelf_holds("no-key", "tunnel/dc"));
	CU_ASSERT_EQUAL(add("no-key", "", 0), 0);
	CU_ASSERT_EQUAL(add("", "port/wan", 0), 0);
	CU_ASSERT_EQUAL(add("tunnel-down", "tunnel/lab*", 0), 0);
	CU_ASSERT_TRUE(alarm_shelf_holds("no-key", "tunnel/dc"));
	CU_ASSERT_TRUE(alarm_shelf_holds("link-down", "port/wan"));
	CU_ASSERT_FALSE(alarm_shelf_holds("link-down", "port/wan2"));
	CU_ASSERT_FALSE(alarm_shelf_holds("link-down", "port/lan"));
	CU_ASSERT_TRUE(alarm_shelf_holds("tunnel-down", "tunnel/lab"));
	CU_ASSERT_TRUE(alarm_shelf_holds("tunnel-down", "tunnel/lab7"));
	CU_ASSERT_FALSE(alarm_shelf_holds("tunnel-down", "tunnel/dc"));
	CU_ASSERT_FALSE(alarm_shelf_holds("wan-backup", "tunnel/lab7"));
	/* The same again replaces it. */
	CU_ASSERT_EQUAL(add("no-key", "", 77), 0);
	CU_ASSERT_EQUAL(count(), 3);
	CU_ASSERT_EQUAL(alarm_shelf_at(0)->until_ns, 77);
	stop();
}

static void test_it_outlives_the_process(void)
{
	struct stat st;

	start();
	CU_ASSERT_EQUAL(add("no-key", "", 0), 0);
	CU_ASSERT_EQUAL(add("", "port/*", 100), 0);
	CU_ASSERT_EQUAL(add("link-down", "port/lan", 50), 0);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	alarm_shelf_reset();
	CU_ASSERT_EQUAL(count(), 0);
	/* What was over meanwhile is gone, from the file, too. */
	CU_ASSERT_EQUAL(alarm_shelf_open(path, 50, &err), 0);
	CU_ASSERT_EQUAL_FATAL(count(), 2);
	CU_ASSERT_STRING_EQUAL(alarm_shelf_at(0)->kind, "no-key");
	CU_ASSERT_STRING_EQUAL(alarm_shelf_at(0)->text, "caf\xc3\xa9");
	CU_ASSERT_EQUAL(alarm_shelf_at(0)->uid, 1000);
	CU_ASSERT_EQUAL(alarm_shelf_at(0)->since_ns, 5);
	CU_ASSERT_STRING_EQUAL(alarm_shelf_at(1)->resource, "port/*");
	CU_ASSERT_EQUAL(alarm_shelf_at(1)->until_ns, 100);
	alarm_shelf_reset();
	CU_ASSERT_EQUAL(alarm_shelf_open(path, 1, &err), 0);
	CU_ASSERT_EQUAL(count(), 2);
	CU_ASSERT_EQUAL(alarm_shelf_remove("no-key", "", &err), 0);
	CU_ASSERT_EQUAL(alarm_shelf_remove("", "port/*", &err), 0);
	alarm_shelf_reset();
	CU_ASSERT_EQUAL(alarm_shelf_open(path, 1, &err), 0);
	CU_ASSERT_EQUAL(count(), 0);
	stop();
}

static void test_no_room(void)
{
	char name[32];

	start();
	for (unsigned int i = 0; i < ALARM_SHELVES_MAX; i++) {
		snprintf(name, sizeof(name), "tunnel/t%u", i);
		CU_ASSERT_EQUAL(add("", name, 0), 0);
	}
	CU_ASSERT_EQUAL(add("", "one/more", 0), -ENOSPC);
	CU_ASSERT_STRING_EQUAL(err.text, "there are 64 shelves already");
	CU_ASSERT_EQUAL(add("", "tunnel/t9", 8), 0);
	CU_ASSERT_EQUAL(count(), ALARM_SHELVES_MAX);
	stop();
}

/* A shelf that a restart would forget is none. */
static void test_a_file_that_cannot_be_written(void)
{
	start();
	CU_ASSERT_EQUAL(add("no-key", "", 0), 0);
	unlink(path);
	rmdir(dir);
	CU_ASSERT_EQUAL(add("link-down", "", 0), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "No such file"));
	CU_ASSERT_EQUAL(count(), 1);
	CU_ASSERT_EQUAL(alarm_shelf_remove("no-key", "", &err), -ENOENT);
	CU_ASSERT_EQUAL(count(), 1);
	/* But time ends it all the same. */
	CU_ASSERT_EQUAL(mkdir(dir, 0700), 0);
	CU_ASSERT_EQUAL(add("no-key", "", 9), 0);
	unlink(path);
	rmdir(dir);
	CU_ASSERT_TRUE(alarm_shelf_expire(9));
	CU_ASSERT_EQUAL(count(), 0);
	stop();
}

static int open_file(const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
	chmod(path, mode);
	alarm_shelf_reset();
	return alarm_shelf_open(path, 1, &err);
}

#define HEAD "{\"format\": \"lumengate alarm shelves\", \"version\": 1, \"shelves\": "
#define SHELF(kind, resource, until)                                                               \
	"{\"kind\": " kind ", \"resource\": " resource                                             \
	", \"text\": \"\", \"since_ns\": 1, \"until_ns\": " until ", \"uid\": 0}"

static void test_bad_files(void)
{
	start();
	CU_ASSERT_EQUAL(open_file(HEAD "[" SHELF("\"no-key\"", "\"\"", "0") "]}", 0600), 0);
	CU_ASSERT_EQUAL(count(), 1);
	CU_ASSERT_EQUAL(open_file(HEAD "[]}", 0620), -EACCES);
	CU_ASSERT_EQUAL(open_file("", 0600), -EILSEQ);
	CU_ASSERT_EQUAL(open_file("{\"format\": \"x\", \"version\": 1, \"shelves\": []}", 0600),
	                -EPROTO);
	CU_ASSERT_EQUAL(open_file(HEAD "7}", 0600), -EILSEQ);
	/* All alarms at once. */
	CU_ASSERT_EQUAL(open_file(HEAD "[" SHELF("\"\"", "\"\"", "0") "]}", 0600), -EILSEQ);
	CU_ASSERT_EQUAL(open_file(HEAD "[" SHELF("7", "\"\"", "0") "]}", 0600), -EILSEQ);
	CU_ASSERT_EQUAL(open_file(HEAD "[" SHELF("\"no-key\"", "\"\"", "-1") "]}", 0600), -EILSEQ);
	CU_ASSERT_EQUAL(open_file(HEAD "[" SHELF("\"a-kind-that-is-longer-than-any-there-is\"",
	                                         "\"\"", "0") "]}",
	                          0600),
	                -EILSEQ);
	CU_ASSERT_EQUAL(count(), 0);
	/* The next change makes a good one of it. */
	CU_ASSERT_EQUAL(add("no-key", "", 0), 0);
	alarm_shelf_reset();
	CU_ASSERT_EQUAL(alarm_shelf_open(path, 1, &err), 0);
	CU_ASSERT_EQUAL(count(), 1);
	stop();
}

UNIT_MAIN(UNIT(test_what_is_held), UNIT(test_it_outlives_the_process), UNIT(test_no_room),
          UNIT(test_a_file_that_cannot_be_written), UNIT(test_bad_files))
