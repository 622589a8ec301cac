/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/server.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "control/jsonrpc.h"

static char dir[64], path[96], lock[112];
static struct event_base *base;
static struct server *server;
static size_t answer_bytes; /* of the big answer */
static bool last_may_write, last_may_capture;

static json_t *call(void *ctx, const char *method, const json_t *params,
                    struct jsonrpc_error *error)
{
	if (strcmp(method, "big") == 0) {
		char *text = malloc(answer_bytes + 1);
		json_t *s;

		memset(text, 'x', answer_bytes);
		text[answer_bytes] = '\0';
		s = json_string(text);
		free(text);
		return s;
	}
	return json_string(method);
}

static char *handle(void *ctx, const struct server_peer *peer, const char *text, size_t len)
{
	last_may_write = peer->may_write;
	last_may_capture = peer->may_capture;
	return jsonrpc_handle(text, len, call, NULL);
}

static int open_server(const struct server_config *config, struct err *err)
{
	return server_create(base, config, handle, NULL, &server, err);
}

static void start(struct server_config config)
{
	struct err err = {0};

	log_level_set("control", LOG_LEVEL_ERR - 1);
	strcpy(dir, "/tmp/lumengate-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/control.sock", dir);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	base = event_base_new();
	config.path = path;
	CU_ASSERT_EQUAL_FATAL(open_server(&config, &err), 0);
}

static void stop(void)
{
	server_destroy(server);
	server = NULL;
	event_base_free(base);
	CU_ASSERT_EQUAL(access(path, F_OK), -1);
	CU_ASSERT_EQUAL(access(lock, F_OK), -1);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static int dial(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, path);
	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void pump(void)
{
	for (int i = 0; i < 8; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static void send_all(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t k = send(fd, data, n, MSG_NOSIGNAL);

		if (k < 0 && errno != EAGAIN)
			return;
		if (k > 0) {
			data += k;
			n -= (size_t)k;
		}
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
}

static void send_text(int fd, const char *text)
{
	send_all(fd, text, strlen(text));
}

/* What the server answers within a moment; *CLOSED: it hung up after that. */
static const char *answer(int fd, bool *closed)
{
	static char buf[1 << 16];
	size_t len = 0;
	ssize_t n;

	*closed = false;
	for (int idle = 0; idle < 3;) {
		pump();
		n = recv(fd, buf + len, sizeof(buf) - 1 - len, 0);
		if (n > 0)
			len += (size_t)n;
		else if (n == 0 || errno == ECONNRESET)
			*closed = true;
		if (*closed)
			break;
		idle = n > 0 ? 0 : idle + 1;
	}
	buf[len] = '\0';
	return buf;
}

#define REQUEST(method, id) "{\"jsonrpc\":\"2.0\",\"method\":\"" method "\",\"id\":" id "}"
#define RESULT(method, id)  "{\"jsonrpc\":\"2.0\",\"result\":\"" method "\",\"id\":" id "}\n"

static void test_requests_and_batches(void)
{
	struct server_stats stats;
	bool closed;
	int fd;

	start((struct server_config){0});
	fd = dial();
	send_text(fd, REQUEST("one", "1") REQUEST("two", "2") "\n\n" REQUEST("three", "3"));
	CU_ASSERT_STRING_EQUAL(answer(fd, &closed),
	                       RESULT("one", "1") RESULT("two", "2") RESULT("three", "3"));
	CU_ASSERT_FALSE(closed);
	CU_ASSERT_TRUE(last_may_write);
	for (const char *p = REQUEST("slowly", "4"); *p != '\0'; p++)
		send_all(fd, p, 1);
	CU_ASSERT_STRING_EQUAL(answer(fd, &closed), RESULT("slowly", "4"));
	send_text(fd, "[" REQUEST("a", "5") "," REQUEST("b", "6") "]");
	CU_ASSERT_STRING_EQUAL(answer(fd, &closed),
	                       "[{\"jsonrpc\":\"2.0\",\"result\":\"a\",\"id\":5},"
	                       "{\"jsonrpc\":\"2.0\",\"result\":\"b\",\"id\":6}]\n");
	server_stats_read(server, &stats);
	CU_ASSERT_EQUAL(stats.requests, 5);
	CU_ASSERT_EQUAL(stats.clients, 1);
	close(fd);
	pump();
	server_stats_read(server, &stats);
	CU_ASSERT_EQUAL(stats.clients, 0);
	stop();
}

static void test_half_closed_client_gets_its_answer(void)
{
	bool closed;
	int fd;

	start((struct server_config){0});
	fd = dial();
	send_text(fd, REQUEST("last", "1"));
	shutdown(fd, SHUT_WR);
	CU_ASSERT_STRING_EQUAL(answer(fd, &closed), RESULT("last", "1"));
	CU_ASSERT_TRUE(closed);
	close(fd);
	stop();
}

static void test_garbage_is_answered_and_survived(void)
{
	char noise[5000];
	bool closed;
	int fd, other;

	start((struct server_config){0});
	fd = dial();
	send_text(fd, "GET / HTTP/1.1\r\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(answer(fd, &closed), "-32700"));
	CU_ASSERT_FALSE(closed);
	send_text(fd, "{{{]]]");
	CU_ASSERT_PTR_NOT_NULL(strstr(answer(fd, &closed), "-32700"));
	send_text(fd, REQUEST("still", "1"));
	CU_ASSERT_STRING_EQUAL(answer(fd, &closed), RESULT("still", "1"));
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)(i * 2654435761u >> 24);
	send_all(fd, noise, sizeof(noise));
	answer(fd, &closed);
	other = dial();
	send_text(other, REQUEST("other", "2"));
	CU_ASSERT_STRING_EQUAL(answer(other, &closed), RESULT("other", "2"));
	close(other);
	close(fd);
	stop();
}

static void test_oversize_request_is_refused(void)
{
	struct server_stats stats;
	char text[600];
	bool closed;
	int fd;

	start((struct server_config){.max_request = 512});
	fd = dial();
	memset(text, 'y', sizeof(text) - 1);
	text[0] = '{';
	text[1] = '"';
	text[sizeof(text) - 1] = '\0';
	send_text(fd, text);
	CU_ASSERT_STRING_EQUAL(
	        answer(fd, &closed),
	        "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"/: a "
	        "request larger than 512 bytes\",\"data\":{\"path\":\"/\",\"reason\":"
	        "\"a request larger than 512 bytes\"}},\"id\":null}\n");
	CU_ASSERT_TRUE(closed);
	server_stats_read(server, &stats);
	CU_ASSERT_EQUAL(stats.oversize, 1);
	close(fd);
	/* The limit is one request's: many small ones may be longer together. */
	fd = dial();
	for (int i = 0; i < 40; i++)
		send_text(fd, REQUEST("small", "1"));
	answer(fd, &closed);
	CU_ASSERT_FALSE(closed);
	close(fd);
	stop();
}

static void test_slow_reader_is_dropped(void)
{
	struct server_stats stats;
	int fd;

	answer_bytes = 100000;
	start((struct server_config){.max_pending = 1 << 20});
	fd = dial();
	for (int i = 0; i < 40; i++) {
		send_text(fd, REQUEST("big", "1"));
		server_stats_read(server, &stats);
		if (stats.clients == 0)
			break;
	}
	pump();
	server_stats_read(server, &stats);
	CU_ASSERT_EQUAL(stats.slow, 1);
	CU_ASSERT_EQUAL(stats.clients, 0);
	close(fd);
	stop();
}

static void test_reader_that_stops_is_dropped_in_time(void)
{
	struct server_stats stats;
	uint64_t start_ns;
	int fd;

	answer_bytes = 2000000;
	start((struct server_config){.timeout_ms = 50});
	fd = dial();
	send_text(fd, REQUEST("big", "1"));
	start_ns = clock_mono_ns();
	do {
		event_base_loop(base, EVLOOP_NONBLOCK);
		usleep(1000);
		server_stats_read(server, &stats);
	} while (stats.slow == 0 && clock_mono_ns() - start_ns < 2 * NS_PER_S);
	CU_ASSERT_EQUAL(stats.slow, 1);
	CU_ASSERT_EQUAL(stats.clients, 0);
	close(fd);
	stop();
}

static void test_too_many_clients(void)
{
	bool closed;
	int a, b, c;

	start((struct server_config){.max_clients = 2});
	a = dial();
	b = dial();
	c = dial();
	CU_ASSERT_PTR_NOT_NULL(strstr(answer(c, &closed), "too many clients"));
	CU_ASSERT_TRUE(closed);
	close(a);
	pump();
	close(c);
	c = dial();
	send_text(c, REQUEST("now", "1"));
	CU_ASSERT_STRING_EQUAL(answer(c, &closed), RESULT("now", "1"));
	close(b);
	close(c);
	stop();
}

/* Who comes while the control thread is busy waits, and is not turned away. */
static void test_many_at_once(void)
{
	bool closed;
	int fd[100];

	start((struct server_config){0});
	for (size_t i = 0; i < 100; i++)
		fd[i] = dial();
	send_text(fd[99], REQUEST("now", "1"));
	CU_ASSERT_STRING_EQUAL(answer(fd[99], &closed), RESULT("now", "1"));
	for (size_t i = 0; i < 100; i++)
		close(fd[i]);
	stop();
}

static void test_socket_mode_and_group(void)
{
	struct group *group = getgrnam("daemon");
	struct stat st;

	start((struct server_config){.group = geteuid() == 0 ? "daemon" : NULL});
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0660);
	if (geteuid() == 0)
		CU_ASSERT_EQUAL(st.st_gid, group->gr_gid);
	CU_ASSERT_EQUAL(stat(lock, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
	stop();
}

static void test_stale_socket_is_replaced_and_live_one_is_not(void)
{
	struct server_config config = {0};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct server *first;
	struct err err = {0};
	bool closed;
	int fd;

	start(config);
	first = server;
	config.path = path;
	CU_ASSERT_EQUAL(open_server(&config, &err), -EADDRINUSE);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "another gateway uses this socket"));
	CU_ASSERT_PTR_EQUAL(server, first);
	server_destroy(first);

	/* A process that died leaves its socket and an unlocked lock file. */
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	close(open(lock, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	CU_ASSERT_EQUAL_FATAL(open_server(&config, &err), 0);
	fd = dial();
	send_text(fd, REQUEST("fresh", "1"));
	CU_ASSERT_STRING_EQUAL(answer(fd, &closed), RESULT("fresh", "1"));
	close(fd);
	stop();
}

static void test_other_file_in_the_way_is_kept(void)
{
	struct server_config config = {0};
	struct err err = {0};

	start(config);
	config.path = path;
	server_destroy(server);
	close(open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	CU_ASSERT_EQUAL(open_server(&config, &err), -EEXIST);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "is there and is not a socket"));
	CU_ASSERT_EQUAL(access(path, F_OK), 0);
	unlink(path);
	CU_ASSERT_EQUAL_FATAL(open_server(&config, &err), 0);
	stop();
}

static void test_missing_group(void)
{
	struct server_config config = {.group = "no-such-group"};
	struct server *kept;
	struct err err = {0};

	start((struct server_config){0});
	kept = server;
	config.path = path;
	CU_ASSERT_EQUAL(open_server(&config, &err), -ENOENT);
	CU_ASSERT_STRING_EQUAL(err.text, "there is no group no-such-group");
	server = kept;
	stop();
}

/* As user UID with groups GID and ALSO: the server's answer and whether it may write. */
static void as_member(uid_t uid, gid_t gid, gid_t also, bool *answered, bool *may_write)
{
	gid_t groups[] = {gid, also};
	pid_t pid = fork();
	bool closed;
	int status, fd;

	if (pid == 0) {
		struct pollfd p = {.events = POLLIN};
		char buf[256];
		ssize_t n;

		if (setgroups(2, groups) != 0 || setgid(65534) != 0 || setuid(uid) != 0)
			_exit(3);
		fd = dial();
		(void)!write(fd, REQUEST("who", "1"), strlen(REQUEST("who", "1")));
		p.fd = fd;
		if (poll(&p, 1, 2000) != 1)
			_exit(4);
		n = recv(fd, buf, sizeof(buf), 0);
		_exit(n > 0 && memmem(buf, (size_t)n, "\"who\"", 5) != NULL ? 0 : 1);
	}
	closed = false;
	last_may_write = last_may_capture = false;
	while (waitpid(pid, &status, WNOHANG) == 0 && !closed) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		usleep(1000);
	}
	CU_ASSERT_TRUE(WIFEXITED(status));
	CU_ASSERT(WEXITSTATUS(status) <= 1);
	*answered = WEXITSTATUS(status) == 0;
	*may_write = last_may_write;
}

static void as_user(uid_t uid, gid_t gid, bool *answered, bool *may_write)
{
	as_member(uid, gid, gid, answered, may_write);
}

/* Whoever captures must be an operator besides. */
static void test_capture_takes_both_groups(void)
{
	struct group *operators = getgrnam("daemon"), *watchers;
	gid_t operators_gid, watchers_gid;
	bool answered, may_write;

	if (geteuid() != 0)
		return;
	CU_ASSERT_PTR_NOT_NULL_FATAL(operators);
	operators_gid = getgrnam("daemon")->gr_gid;
	watchers = getgrnam("games");
	CU_ASSERT_PTR_NOT_NULL_FATAL(watchers);
	watchers_gid = watchers->gr_gid;
	start((struct server_config){.group = "daemon", .capture_group = "games"});
	chmod(dir, 0755);
	chmod(path, 0666);
	as_user(12345, operators_gid, &answered, &may_write);
	CU_ASSERT_TRUE(answered && may_write);
	CU_ASSERT_FALSE(last_may_capture);
	as_user(12345, watchers_gid, &answered, &may_write);
	CU_ASSERT_FALSE(answered);
	as_member(12345, operators_gid, watchers_gid, &answered, &may_write);
	CU_ASSERT_TRUE(answered && may_write);
	CU_ASSERT_TRUE(last_may_capture);
	as_user(0, 54321, &answered, &may_write);
	CU_ASSERT_TRUE(answered && last_may_capture);
	stop();

	/* Without such a group nobody but root and the gateway's user. */
	start((struct server_config){.group = "daemon"});
	chmod(dir, 0755);
	chmod(path, 0666);
	as_user(12345, operators_gid, &answered, &may_write);
	CU_ASSERT_TRUE(answered && may_write);
	CU_ASSERT_FALSE(last_may_capture);
	stop();
}

static void test_peers_by_group(void)
{
	struct group *operators, *readers;
	bool answered, may_write;

	if (geteuid() != 0)
		return;
	operators = getgrnam("daemon");
	CU_ASSERT_PTR_NOT_NULL_FATAL(operators);
	gid_t operators_gid = operators->gr_gid;
	readers = getgrnam("games");
	CU_ASSERT_PTR_NOT_NULL_FATAL(readers);
	gid_t readers_gid = readers->gr_gid;

	start((struct server_config){.group = "daemon", .read_only_group = "games"});
	/* Let everybody connect, so that it is the server that decides. */
	chmod(dir, 0755);
	chmod(path, 0666);
	as_user(12345, operators_gid, &answered, &may_write);
	CU_ASSERT_TRUE(answered);
	CU_ASSERT_TRUE(may_write);
	as_user(12345, readers_gid, &answered, &may_write);
	CU_ASSERT_TRUE(answered);
	CU_ASSERT_FALSE(may_write);
	as_user(12345, 54321, &answered, &may_write);
	CU_ASSERT_FALSE(answered);
	stop();
}

/* Who may only look finds the last places taken, who may write does not. */
static void test_places_for_those_who_may_write(void)
{
	struct group *readers = getgrnam("games");
	bool answered, may_write;
	int fd[7];

	if (geteuid() != 0)
		return;
	CU_ASSERT_PTR_NOT_NULL_FATAL(readers);
	gid_t readers_gid = readers->gr_gid;

	start((struct server_config){.read_only_group = "games", .max_clients = 8});
	chmod(dir, 0755);
	chmod(path, 0666);
	for (size_t i = 0; i < 6; i++)
		fd[i] = dial();
	pump();
	as_user(12345, readers_gid, &answered, &may_write);
	CU_ASSERT_TRUE(answered);
	fd[6] = dial();
	pump();
	as_user(12345, readers_gid, &answered, &may_write);
	CU_ASSERT_FALSE(answered);
	as_user(0, 54321, &answered, &may_write);
	CU_ASSERT_TRUE(answered && may_write);
	for (size_t i = 0; i < 7; i++)
		close(fd[i]);
	stop();
}

UNIT_MAIN(UNIT(test_requests_and_batches), UNIT(test_half_closed_client_gets_its_answer),
          UNIT(test_garbage_is_answered_and_survived), UNIT(test_oversize_request_is_refused),
          UNIT(test_slow_reader_is_dropped), UNIT(test_reader_that_stops_is_dropped_in_time),
          UNIT(test_too_many_clients), UNIT(test_many_at_once), UNIT(test_socket_mode_and_group),
          UNIT(test_stale_socket_is_replaced_and_live_one_is_not),
          UNIT(test_other_file_in_the_way_is_kept), UNIT(test_missing_group),
          UNIT(test_peers_by_group), UNIT(test_capture_takes_both_groups),
          UNIT(test_places_for_those_who_may_write))
