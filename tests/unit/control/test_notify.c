/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/notify.h"
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"

/* The manager's end, an address that leaves nothing behind. */
static int manager = -1;

static void listen_as_manager(const char *watchdog_usec, const char *watchdog_pid)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char name[64];
	int len = snprintf(name, sizeof(name), "@lumengate-notify-%d", (int)getpid());

	if (manager >= 0)
		close(manager);
	memcpy(at.sun_path, name, (size_t)len);
	at.sun_path[0] = '\0';
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(
	        bind(manager, (struct sockaddr *)&at,
	             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)),
	        0);
	setenv("NOTIFY_SOCKET", name, 1);
	if (watchdog_usec != NULL)
		setenv("WATCHDOG_USEC", watchdog_usec, 1);
	else
		unsetenv("WATCHDOG_USEC");
	if (watchdog_pid != NULL)
		setenv("WATCHDOG_PID", watchdog_pid, 1);
	else
		unsetenv("WATCHDOG_PID");
}

/* What came next; empty: nothing. */
static const char *heard(void)
{
	static char text[512];
	ssize_t n = recv(manager, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void test_no_manager(void)
{
	listen_as_manager(NULL, NULL);
	unsetenv("NOTIFY_SOCKET");
	notify_ready("serves");
	notify_alive();
	CU_ASSERT_STRING_EQUAL(heard(), "");
	CU_ASSERT_EQUAL(notify_sleep_ms(), -1);
	/* One that is gone. */
	setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
	notify_ready("serves");
	CU_ASSERT_STRING_EQUAL(heard(), "");
}

static void test_states(void)
{
	uint64_t before = clock_mono_ns() / 1000, at;

	listen_as_manager(NULL, NULL);
	notify_ready("serves with what was there");
	CU_ASSERT_STRING_EQUAL(heard(), "READY=1\nSTATUS=serves with what was there");
	notify_reloading();
	CU_ASSERT_EQUAL(sscanf(heard(), "RELOADING=1\nMONOTONIC_USEC=%lu", &at), 1);
	CU_ASSERT(at >= before && at <= clock_mono_ns() / 1000);
	notify_stopping();
	CU_ASSERT_STRING_EQUAL(heard(), "STOPPING=1\nSTATUS=stops");
	notify_alive();
	CU_ASSERT_STRING_EQUAL(heard(), "");
}

static void test_beats_are_rationed(void)
{
	listen_as_manager("400000", NULL);
	CU_ASSERT_EQUAL(notify_sleep_ms(), 100);
	usleep(100000);
	for (int i = 0; i < 1000; i++)
		notify_alive();
	CU_ASSERT_STRING_EQUAL(heard(), "WATCHDOG=1");
	CU_ASSERT_STRING_EQUAL(heard(), "");
	usleep(60000);
	notify_alive();
	CU_ASSERT_STRING_EQUAL(heard(), "WATCHDOG=1");
	/* The smallest and the longest sleep of a loop. */
	setenv("WATCHDOG_USEC", "100", 1);
	CU_ASSERT_EQUAL(notify_sleep_ms(), 1);
	setenv("WATCHDOG_USEC", "60000000", 1);
	CU_ASSERT_EQUAL(notify_sleep_ms(), 15000);
}

static void test_watchdog_of_another_process(void)
{
	listen_as_manager("400000", "1");
	CU_ASSERT_EQUAL(notify_sleep_ms(), -1);
	usleep(100000);
	notify_alive();
	CU_ASSERT_STRING_EQUAL(heard(), "");
}

static void on_end(evutil_socket_t fd, short what, void *base)
{
	event_base_loopbreak(base);
}

/* The first letters of all that came. */
static const char *letters(void)
{
	static char text[32];
	size_t n = 0;

	for (const char *m = heard(); m[0] != '\0' && n < sizeof(text) - 1; m = heard())
		text[n++] = m[0];
	text[n] = '\0';
	return text;
}

/* A step that hangs for as long as the manager waits. */
static void on_hang(evutil_socket_t fd, short what, void *ctx)
{
	const char *before = letters();

	/* READY, and then beats: of the four that are due, two on a machine that is busy. */
	CU_ASSERT_EQUAL(strncmp(before, "RWW", 3), 0);
	CU_ASSERT_EQUAL(strspn(before + 1, "W"), strlen(before) - 1);
	usleep(400000);
	CU_ASSERT_STRING_EQUAL(letters(), "");
	*(bool *)ctx = true;
}

static void test_dispatch(void)
{
	struct event_base *base = event_base_new();
	bool hung = false;
	struct event *end = event_new(base, -1, 0, on_end, base);
	struct event *hang = event_new(base, -1, 0, on_hang, &hung);
	const char *after;
	struct err err = {0};

	listen_as_manager("400000", NULL);
	usleep(60000);
	event_add(hang, &(struct timeval){0, 350000});
	event_add(end, &(struct timeval){1, 100000});
	CU_ASSERT_EQUAL(notify_dispatch(base, "serves", &err), 0);
	CU_ASSERT(hung);
	/* It beats again, and the last word is that it stops. */
	after = letters();
	CU_ASSERT_EQUAL(after[0], 'W');
	CU_ASSERT_EQUAL(after[strspn(after, "W")], 'S');
	event_free(hang);
	event_free(end);
	event_base_free(base);
}

UNIT_MAIN(UNIT(test_no_manager), UNIT(test_states), UNIT(test_beats_are_rationed),
          UNIT(test_watchdog_of_another_process), UNIT(test_dispatch))
