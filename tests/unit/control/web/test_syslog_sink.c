/* SPDX-License-Identifier: BSD-3-Clause */

/* To receivers on real sockets, which come and go. */

#include "control/web/syslog_sink.h"
#include "tests/unit/control/web/alarm_sample.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static struct config_web_syslog config(enum config_web_transport transport, uint16_t port)
{
	return (struct config_web_syslog){.name = "noc",
	                                  .transport = transport,
	                                  .address = "127.0.0.1",
	                                  .port = port,
	                                  .facility = "local3",
	                                  .severity = "warning",
	                                  .enterprise = 32473};
}

/* A socket of TYPE on the loopback, at *PORT or at one of its own. */
static int open_port(int type, uint16_t *port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
	                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	                           .sin_port = htons(*port)};
	const struct timeval patience = {5, 0};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, type, 0), yes = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	getsockname(fd, (struct sockaddr *)&addr, &len);
	*port = ntohs(addr.sin_port);
	if (type == SOCK_STREAM)
		CU_ASSERT_EQUAL_FATAL(listen(fd, 4), 0);
	return fd;
}

static void tell(struct sink *s, const char *text)
{
	struct web_alarm a = alarm_sample("critical", "{\"change\": \"raised\"}");

	a.text = text;
	sink_tell(s, &a);
	alarm_release(&a);
}

static const char *hear(int fd)
{
	static char text[4096];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* One message of a stream, by its length. */
static const char *hear_framed(int fd)
{
	static char text[4096];
	size_t n = 0, len = 0;
	char c;

	while (recv(fd, &c, 1, 0) == 1 && c >= '0' && c <= '9')
		len = 10 * len + (size_t)(c - '0');
	CU_ASSERT(c == ' ' && len < sizeof(text));
	while (n < len && recv(fd, text + n, 1, 0) == 1)
		n++;
	text[n] = '\0';
	return text;
}

static bool is(const char *message, const char *text)
{
	bool good = strncmp(message, "<153>1 2026-01-31T08:00:00.000Z gw-a lumengate ", 47) == 0 &&
	            strstr(message, text) != NULL;

	if (!good)
		printf("%s instead of %s\n", message, text);
	return good;
}

static void test_udp(void)
{
	uint16_t port = 0;
	int fd = open_port(SOCK_DGRAM, &port);
	struct config_web_syslog c = config(CONFIG_WEB_UDP, port);
	struct err err = {0};
	struct sink *s = syslog_sink_new(&c, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	tell(s, "one");
	tell(s, "two");
	CU_ASSERT_TRUE(is(hear(fd), "one"));
	CU_ASSERT_TRUE(is(hear(fd), "two"));
	sink_free(s);
	close(fd);
}

/* What a receiver misses while it is away comes when it is back, in order. */
static void test_tcp(void)
{
	uint16_t port = 0;
	int fd = open_port(SOCK_STREAM, &port), peer;
	struct config_web_syslog c = config(CONFIG_WEB_TCP, port);
	struct sink_state state;
	struct err err = {0};
	struct sink *s = syslog_sink_new(&c, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	tell(s, "one");
	tell(s, "two\nlines");
	peer = accept(fd, NULL, NULL);
	CU_ASSERT_TRUE(is(hear_framed(peer), "one"));
	CU_ASSERT_TRUE(is(hear_framed(peer), "two\nlines"));
	close(peer);
	close(fd);
	tell(s, "three");
	do {
		usleep(10000);
		sink_state_read(s, &state);
	} while (!state.outbox.failing);
	CU_ASSERT_PTR_NOT_NULL(strstr(state.outbox.last_error, "refused"));
	tell(s, "four");
	fd = open_port(SOCK_STREAM, &port);
	peer = accept(fd, NULL, NULL);
	CU_ASSERT_TRUE(is(hear_framed(peer), "three"));
	CU_ASSERT_TRUE(is(hear_framed(peer), "four"));
	sink_state_read(s, &state);
	CU_ASSERT_EQUAL(state.outbox.lost + state.outbox.refused, 0);
	sink_free(s);
	close(peer);
	close(fd);
}

static void test_unix(void)
{
	struct config_web_syslog c = config(CONFIG_WEB_UNIX, 0);
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char folder[] = "/tmp/lumengate-test-XXXXXX";
	const struct timeval patience = {5, 0};
	struct err err = {0};
	struct sink *s;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(c.path, sizeof(c.path), "%s/log", folder);
	strcpy(addr.sun_path, c.path);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	s = syslog_sink_new(&c, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	tell(s, "here");
	CU_ASSERT_TRUE(is(hear(fd), "here"));
	sink_free(s);
	close(fd);
	unlink(c.path);
	rmdir(folder);
}

UNIT_MAIN(UNIT(test_udp), UNIT(test_tcp), UNIT(test_unix))
