/* SPDX-License-Identifier: BSD-3-Clause */

#include "common/log.h"
#include "tests/unit/unit.h"

#include <string.h>
#include <unistd.h>

LOG_COMPONENT_DEFINE(sample)

/* What log_write() puts on stderr while RUN runs. */
static size_t captured(void (*run)(void), char *buf, size_t size)
{
	int fds[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	CU_ASSERT_EQUAL_FATAL(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	run();
	dup2(saved, STDERR_FILENO);
	close(fds[1]);
	close(saved);
	n = read(fds[0], buf, size - 1);
	close(fds[0]);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static void say(void)
{
	log_info("port %d up", 3);
	log_debug("not shown");
}

static void say_long(void)
{
	char text[1000];

	memset(text, 'y', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_err("%s", text);
}

static void test_line_has_priority_and_component(void)
{
	char buf[256];

	captured(say, buf, sizeof(buf));
	CU_ASSERT_STRING_EQUAL(buf, "<6>sample: port 3 up\n");
}

static void test_long_line_is_cut_and_ended(void)
{
	char buf[2000];
	size_t n = captured(say_long, buf, sizeof(buf));

	CU_ASSERT(n <= 512);
	CU_ASSERT_EQUAL(buf[n - 1], '\n');
}

static void test_levels(void)
{
	char buf[256];

	CU_ASSERT_EQUAL(log_level_parse("debug"), LOG_LEVEL_DEBUG);
	CU_ASSERT_EQUAL(log_level_parse("loud"), -1);
	CU_ASSERT_STRING_EQUAL(log_level_name(LOG_LEVEL_WARN), "warning");
	CU_ASSERT_FALSE(log_level_set("nobody", LOG_LEVEL_ERR));
	CU_ASSERT_TRUE(log_level_set("sample", LOG_LEVEL_ERR));
	CU_ASSERT_EQUAL(captured(say, buf, sizeof(buf)), 0);
	CU_ASSERT_TRUE(log_level_set("*", LOG_LEVEL_INFO));
	CU_ASSERT(captured(say, buf, sizeof(buf)) > 0);
}

UNIT_MAIN(UNIT(test_line_has_priority_and_component), UNIT(test_long_line_is_cut_and_ended),
          UNIT(test_levels))
