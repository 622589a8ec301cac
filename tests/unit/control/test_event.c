/* SPDX-License-Identifier: BSD-3-Clause */

/* Events to clients of a real socket. */

#include "control/event.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "control/alarm.h"
#include "control/audit.h"
#include "control/jsonrpc.h"
#include "control/method.h"

static char dir[64], path[96];
static struct event_base *base;
static struct server *server;

/* A change that ends in as many events as it is told. */
struct storm_params {
	uint64_t events;
};

static const struct method_param storm_params[] = {
        METHOD_PARAM(struct storm_params, events, PARAM_UINT),
};

static int storm(const void *params, json_t **result, struct err *err)
{
	for (uint64_t i = 0; i < ((const struct storm_params *)params)->events; i++)
		event_publish(EVENT_BLOCK, json_pack("{s:I}", "number", (json_int_t)i));
	return 0;
}

METHOD_DEFINE(demo_storm, .summary = "Events", .fn = storm, .params = storm_params,
              .param_count = 1, .right = METHOD_WRITE)

static char *handle(void *ctx, const struct server_peer *peer, const char *text, size_t len)
{
	enum method_right right = METHOD_WRITE;

	method_caller_set(&(struct method_caller){peer->uid, peer->pid, peer->client});
	return jsonrpc_handle(text, len, method_call, &right);
}

static void start(size_t max_events)
{
	struct server_config config = {.path = path, .max_events = max_events};
	struct err err = {0};

	log_level_set("*", LOG_LEVEL_ERR - 1);
	freopen("/dev/null", "w", stderr);
	strcpy(dir, "/tmp/lumengate-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/control.sock", dir);
	base = event_base_new();
	CU_ASSERT_EQUAL_FATAL(server_create(base, &config, handle, NULL, &server, &err), 0);
	alarm_reset(NULL);
	audit_reset(NULL);
	method_state_set(METHOD_RUNTIME);
	event_server_set(server);
}

static void stop(void)
{
	event_server_set(NULL);
	server_destroy(server);
	event_base_free(base);
	rmdir(dir);
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

static void say(int fd, const char *text)
{
	CU_ASSERT_EQUAL(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	pump();
}

/* What there is to read, and whether the server hung up after it. */
static const char *hear(int fd, bool *closed)
{
	static char buf[1 << 20];
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0) {
		pump();
		n = recv(fd, buf + len, sizeof(buf) - 1 - len, 0);
		len += n > 0 ? (size_t)n : 0;
	}
	*closed = n == 0 || errno == ECONNRESET;
	buf[len] = '\0';
	return buf;
}

#define CALL(method, params)                                                                       \
	"{\"jsonrpc\":\"2.0\",\"method\":\"" method "\",\"params\":" params ",\"id\":1}"

/* The event in the one line that FD hears; NULL: another line, or more, or none. */
static json_t *event(int fd)
{
	bool closed;
	const char *line = hear(fd, &closed), *end = strchr(line, '\n');
	json_t *o, *params;

	if (end == NULL || end[1] != '\0')
		return NULL;
	o = json_loads(line, 0, NULL);
	params = json_incref(json_object_get(o, "params"));
	if (json_object_get(o, "id") != NULL ||
	    strcmp(json_string_value(json_object_get(o, "method")), "event") != 0)
		params = NULL;
	json_decref(o);
	return params;
}

static bool is(const json_t *o, const char *member, const char *text)
{
	const char *there = json_string_value(json_object_get(o, member));

	return there != NULL && strcmp(there, text) == 0;
}

static void test_alarms_and_changes_come_to_who_asked(void)
{
	int all, audit, none;
	json_t *e, *data;
	bool closed;

	start(0);
	all = dial();
	audit = dial();
	none = dial();
	CU_ASSERT_FALSE(event_wanted(EVENT_ALARM));
	say(all, CALL("subscribe", "{}"));
	CU_ASSERT_PTR_NOT_NULL(strstr(hear(all, &closed),
	                              "{\"topics\":[\"alarm\",\"audit\",\"link\","
	                              "\"rekey\",\"block\",\"job\"]}"));
	say(audit, CALL("subscribe", "{\"topics\":[\"audit\"]}"));
	CU_ASSERT_PTR_NOT_NULL(strstr(hear(audit, &closed), "{\"topics\":[\"audit\"]}"));
	CU_ASSERT_TRUE(event_wanted(EVENT_ALARM));

	alarm_raise("no-key", "tunnel/dc", ALARM_MAJOR, "none is left");
	e = event(all);
	CU_ASSERT_TRUE(is(e, "topic", "alarm"));
	data = json_object_get(e, "data");
	CU_ASSERT_TRUE(is(data, "kind", "no-key") && is(data, "resource", "tunnel/dc"));
	CU_ASSERT_TRUE(is(data, "severity", "major") && is(data, "text", "none is left"));
	json_decref(e);
	/* The same again is no news. */
	alarm_raise("no-key", "tunnel/dc", ALARM_MAJOR, "none is left");
	CU_ASSERT_STRING_EQUAL(hear(all, &closed), "");
	alarm_clear("no-key", "tunnel/dc", "there is key");
	e = event(all);
	CU_ASSERT_TRUE(is(json_object_get(e, "data"), "severity", "cleared"));
	json_decref(e);
	CU_ASSERT_STRING_EQUAL(hear(audit, &closed), "");

	say(none, CALL("demo_storm", "{\"events\":0}"));
	e = event(audit);
	CU_ASSERT_TRUE(is(e, "topic", "audit"));
	CU_ASSERT_TRUE(is(json_object_get(e, "data"), "method", "demo_storm"));
	json_decref(e);
	CU_ASSERT_STRING_EQUAL(hear(none, &closed),
	                       "{\"jsonrpc\":\"2.0\",\"result\":{},\"id\":1}\n");
	close(all);
	close(audit);
	close(none);
	stop();
}

static void test_topics_are_replaced_and_given_up(void)
{
	json_t *e;
	bool closed;
	int fd;

	start(0);
	fd = dial();
	say(fd, CALL("subscribe", "{\"topics\":[\"block\"]}"));
	say(fd, CALL("subscribe", "{\"topics\":[\"alarm\"]}"));
	hear(fd, &closed);
	event_publish(EVENT_BLOCK, json_object());
	CU_ASSERT_STRING_EQUAL(hear(fd, &closed), "");
	event_publish(EVENT_ALARM, json_object());
	e = event(fd);
	CU_ASSERT_TRUE(is(e, "topic", "alarm"));
	json_decref(e);
	say(fd, CALL("unsubscribe", "{}"));
	hear(fd, &closed);
	CU_ASSERT_FALSE(event_wanted(EVENT_ALARM));
	event_publish(EVENT_ALARM, json_object());
	CU_ASSERT_STRING_EQUAL(hear(fd, &closed), "");

	/* Bad topics change nothing. */
	say(fd, CALL("subscribe", "{\"topics\":[\"block\"]}"));
	hear(fd, &closed);
	say(fd, CALL("subscribe", "{\"topics\":[\"alarm\",\"weather\"]}"));
	CU_ASSERT_PTR_NOT_NULL(strstr(hear(fd, &closed),
	                              "/params/topics/1: weather is not one of alarm, "
	                              "audit, link, rekey, block, job"));
	say(fd, CALL("subscribe", "{\"topics\":[]}"));
	CU_ASSERT_PTR_NOT_NULL(strstr(hear(fd, &closed), "/params/topics: names none"));
	say(fd, CALL("subscribe", "{\"topics\":[1]}"));
	CU_ASSERT_PTR_NOT_NULL(
	        strstr(hear(fd, &closed), "/params/topics: must be of type array of strings"));
	CU_ASSERT_TRUE(event_wanted(EVENT_BLOCK) && !event_wanted(EVENT_ALARM));
	close(fd);
	pump();
	event_publish(EVENT_BLOCK, json_object());
	CU_ASSERT_FALSE(event_wanted(EVENT_BLOCK));
	stop();
}

/* Dead weight goes: the others miss nothing. */
static void test_who_does_not_read_is_dropped(void)
{
	struct server_stats stats;
	unsigned int heard = 0;
	int slow, good;
	bool closed;

	start(4096);
	slow = dial();
	good = dial();
	say(slow, CALL("subscribe", "{\"topics\":[\"block\"]}"));
	say(good, CALL("subscribe", "{\"topics\":[\"block\"]}"));
	hear(good, &closed);
	for (int i = 0; i < 10000; i++) {
		event_publish(EVENT_BLOCK, json_pack("{s:i}", "number", i));
		if (i % 8 != 0)
			continue;
		for (const char *p = hear(good, &closed); (p = strchr(p, '\n')) != NULL; p++)
			heard++;
	}
	for (const char *p = hear(good, &closed); (p = strchr(p, '\n')) != NULL; p++)
		heard++;
	CU_ASSERT_EQUAL(heard, 10000);
	CU_ASSERT_FALSE(closed);
	server_stats_read(server, &stats);
	CU_ASSERT_EQUAL(stats.slow, 1);
	CU_ASSERT_EQUAL(stats.clients, 1);
	hear(slow, &closed);
	CU_ASSERT_TRUE(closed);
	close(slow);
	close(good);
	stop();
}

/* Dropped by events of its own request, in the midst of others. */
static void test_who_drowns_itself_is_dropped(void)
{
	struct server_stats stats;
	bool closed;
	int fd;

	start(4096);
	fd = dial();
	say(fd, CALL("subscribe", "{\"topics\":[\"block\"]}"));
	hear(fd, &closed);
	say(fd, CALL("demo_storm", "{\"events\":1000}") CALL("demo_storm", "{\"events\":1000}"));
	hear(fd, &closed);
	CU_ASSERT_TRUE(closed);
	server_stats_read(server, &stats);
	CU_ASSERT_EQUAL(stats.clients, 0);
	CU_ASSERT_EQUAL(stats.slow, 1);
	CU_ASSERT_FALSE(event_wanted(EVENT_BLOCK));
	close(fd);
	stop();
}

static void test_a_hundred_hear_it_while_one_sends_garbage(void)
{
	char noise[4096];
	bool closed;
	int fd[100], garbage;

	start(0);
	memset(noise, '}', sizeof(noise));
	for (int i = 0; i < 100; i++) {
		fd[i] = dial();
		say(fd[i], CALL("subscribe", "{\"topics\":[\"alarm\"]}"));
		hear(fd[i], &closed);
	}
	garbage = dial();
	for (int i = 0; i < 20; i++) {
		send(garbage, noise, sizeof(noise), MSG_NOSIGNAL);
		event_publish(EVENT_ALARM, json_pack("{s:i}", "number", i));
		pump();
	}
	for (int i = 0; i < 100; i++) {
		unsigned int heard = 0;

		for (const char *p = hear(fd[i], &closed); (p = strchr(p, '\n')) != NULL; p++)
			heard++;
		CU_ASSERT(heard == 20 && !closed);
		close(fd[i]);
	}
	close(garbage);
	stop();
}

static bool running, looked, was_running;

static void look(void)
{
	if (event_wanted(EVENT_JOB) && looked && running != was_running)
		event_publish(EVENT_JOB,
		              json_pack("{s:s, s:b}", "job", "demo", "running", running));
	looked = event_wanted(EVENT_JOB);
	was_running = running;
}

/* What begins between the answer and the next look is told: the state was looked at before. */
static void test_what_changes_right_after_the_answer_is_told(void)
{
	json_t *e;
	bool closed;
	int fd;

	start(0);
	event_look_set(look);
	fd = dial();
	say(fd, CALL("subscribe", "{\"topics\":[\"job\"]}"));
	CU_ASSERT_PTR_NOT_NULL(strstr(hear(fd, &closed), "result"));
	running = true;
	look();
	e = event(fd);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT(is(json_object_get(e, "data"), "job", "demo"));
	json_decref(e);
	event_look_set(NULL);
	close(fd);
	stop();
}

UNIT_MAIN(UNIT(test_what_changes_right_after_the_answer_is_told),
          UNIT(test_alarms_and_changes_come_to_who_asked),
          UNIT(test_topics_are_replaced_and_given_up), UNIT(test_who_does_not_read_is_dropped),
          UNIT(test_who_drowns_itself_is_dropped),
          UNIT(test_a_hundred_hear_it_while_one_sends_garbage))
