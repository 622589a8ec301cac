/* SPDX-License-Identifier: BSD-3-Clause */

/* The history of alarms over restarts. */

#include "control/alarm_log.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

static char dir[64], path[96], older[100];
static uint64_t now;
static struct err err;

static uint64_t fake_clock(void)
{
	return now;
}

static int reopen(void)
{
	int rc;

	alarm_log_close();
	alarm_reset(fake_clock);
	rc = alarm_log_open(path, alarm_restore, &err);
	alarm_restored();
	return rc;
}

static void start(void)
{
	log_level_set("*", LOG_LEVEL_ERR - 1);
	strcpy(dir, "/tmp/lumengate-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/history", dir);
	snprintf(older, sizeof(older), "%s.1", path);
	now = 1000;
	CU_ASSERT_EQUAL_FATAL(reopen(), 0);
}

static void stop(void)
{
	alarm_log_close();
	alarm_reset(NULL);
	unlink(path);
	unlink(older);
	rmdir(dir);
}

static size_t size_of(const char *name)
{
	struct stat st;

	return stat(name, &st) == 0 ? (size_t)st.st_size : 0;
}

static void test_it_comes_back(void)
{
	const struct alarm_change *c;
	struct stat st;

	start();
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	alarm_raise("no-key", "tunnel/dc", ALARM_CRITICAL, "caf\xc3\xa9\n");
	now = 2000;
	CU_ASSERT_EQUAL(alarm_acknowledge("no-key", "tunnel/dc", "I", 1000, &err), 0);
	alarm_raise("link-down", "port/wan", ALARM_MAJOR, "dark");
	now = 3000;
	alarm_clear("link-down", "port/wan", "light");
	now = 9000;
	CU_ASSERT_EQUAL(reopen(), 0);
	/* What was active has ended, at this start; nothing else has been added. */
	c = alarm_history_at(0);
	CU_ASSERT_STRING_EQUAL(c->kind, "no-key");
	CU_ASSERT_STRING_EQUAL(c->text, "the program ended");
	CU_ASSERT_EQUAL(c->what, ALARM_ENDED);
	CU_ASSERT_EQUAL(c->severity, ALARM_CLEARED);
	CU_ASSERT_EQUAL(c->time_ns, 9000);
	CU_ASSERT_EQUAL(c->number, 5);
	CU_ASSERT_STRING_EQUAL(alarm_history_at(1)->text, "light");
	c = alarm_history_at(3);
	CU_ASSERT_EQUAL(c->what, ALARM_ACKNOWLEDGED);
	CU_ASSERT_EQUAL(c->uid, 1000);
	CU_ASSERT_TRUE(c->operated);
	CU_ASSERT_EQUAL(c->time_ns, 2000);
	c = alarm_history_at(4);
	CU_ASSERT_STRING_EQUAL(c->text, "caf\xc3\xa9\n");
	CU_ASSERT_EQUAL(c->severity, ALARM_CRITICAL);
	CU_ASSERT_FALSE(c->operated);
	CU_ASSERT_PTR_NULL(alarm_history_at(5));
	/* No alarm is there before it is raised; numbers go on. */
	CU_ASSERT_PTR_NULL(alarm_at(0));
	alarm_raise("no-key", "tunnel/dc", ALARM_CRITICAL, "none");
	CU_ASSERT_EQUAL(alarm_history_at(0)->number, 6);
	alarm_clear("no-key", "tunnel/dc", "there");
	CU_ASSERT_EQUAL(reopen(), 0);
	CU_ASSERT_EQUAL(alarm_history_at(0)->number, 7);
	stop();
}

/* Two files, of which the last of the history can be read at any time. */
static void test_it_stays_small(void)
{
	start();
	for (uint64_t i = 0; i < 20000; i++) {
		now++;
		alarm_raise("capture-active", "port/wan", ALARM_WARNING,
		            "somebody captures what goes by here, into a file of that name");
		alarm_clear("capture-active", "port/wan", "over");
		if (i % 3000 == 0) {
			CU_ASSERT_EQUAL(reopen(), 0);
			CU_ASSERT_EQUAL(alarm_history_at(0)->number, 2 * i + 2);
			for (size_t k = 0; alarm_history_at(k + 1) != NULL; k++)
				CU_ASSERT_EQUAL_FATAL(alarm_history_at(k)->number,
				                      alarm_history_at(k + 1)->number + 1);
			if (i > ALARM_HISTORY_MAX)
				CU_ASSERT_PTR_NOT_NULL(alarm_history_at(ALARM_HISTORY_MAX - 1));
		}
	}
	CU_ASSERT(size_of(path) > 0 && size_of(path) <= ALARM_LOG_BYTES);
	CU_ASSERT(size_of(older) > ALARM_LOG_BYTES / 2 && size_of(older) <= ALARM_LOG_BYTES);
	stop();
}

static void append(const char *text)
{
	FILE *f = fopen(path, "a");

	fputs(text, f);
	fclose(f);
}

static void test_damage(void)
{
	start();
	alarm_raise("a", "r", ALARM_MINOR, "1");
	alarm_clear("a", "r", "2");
	append("{\"number\": 3, \"time_ns\": 1, \"wh\n");
	append("\n[]\n7\nnothing\n");
	append("{\"number\":4,\"time_ns\":1,\"what\":99,\"severity\":1,\"kind\":\"a\","
	       "\"resource\":\"r\",\"text\":\"\",\"shelved\":false}\n");
	append("{\"number\":4,\"time_ns\":1,\"what\":0,\"severity\":9,\"kind\":\"a\","
	       "\"resource\":\"r\",\"text\":\"\",\"shelved\":false}\n");
	append("{\"number\":-4,\"time_ns\":1,\"what\":0,\"severity\":1,\"kind\":\"a\","
	       "\"resource\":\"r\",\"text\":\"\",\"shelved\":false}\n");
	append("{\"number\":8,\"time_ns\":1,\"what\":2,\"severity\":0,\"kind\":\"a\","
	       "\"resource\":\"r\",\"text\":\"8\",\"shelved\":false}\n");
	append("half a line");
	CU_ASSERT_EQUAL(reopen(), 0);
	CU_ASSERT_STRING_EQUAL(alarm_history_at(0)->text, "8");
	CU_ASSERT_STRING_EQUAL(alarm_history_at(1)->text, "2");
	CU_ASSERT_PTR_NULL(alarm_history_at(3));
	alarm_raise("b", "r", ALARM_MINOR, "9");
	CU_ASSERT_EQUAL(reopen(), 0);
	CU_ASSERT_STRING_EQUAL(alarm_history_at(1)->text, "9");
	CU_ASSERT_EQUAL(alarm_history_at(1)->number, 9);
	/* Others might have written it. */
	chmod(path, 0620);
	CU_ASSERT_EQUAL(reopen(), -EACCES);
	CU_ASSERT_PTR_NULL(alarm_history_at(0));
	/* It is kept in memory all the same. */
	alarm_raise("a", "r", ALARM_MINOR, "1");
	CU_ASSERT_STRING_EQUAL(alarm_history_at(0)->text, "1");
	stop();
}

UNIT_MAIN(UNIT(test_it_comes_back), UNIT(test_it_stays_small), UNIT(test_damage))
