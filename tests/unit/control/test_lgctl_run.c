/* SPDX-License-Identifier: BSD-3-Clause */

/* The exit status of every command, by what the other end of the socket does. */

#include "control/lgctl.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static char folder[64], path[96], keys[96], config[96];

/* Arguments of those that need some. */
static const char *const samples[][4] = {
        {"history show", "lumengate_qber_ratio"},
        {"tunnel show", "dc"},
        {"tunnel rekey", "dc"},
        {"keystore import", keys},
        {"config validate", config},
        {"config set", config},
        {"config edit", "remove", "name"},
        {"config delete", "name"},
        {"alarm ack", "no-key", "tunnel/dc"},
        {"alarm unack", "no-key", "tunnel/dc"},
        {"alarm shelve", "--kind", "no-key"},
        {"alarm unshelve", "--kind", "no-key"},
        {"capture start", "--port", "lan"},
        {"otdr baseline", "show"},
        {"otdr export", "/nowhere/x.svg"},
        {"watch baseline", "show"},
        {"qrng record", "/dev/null"},
        {"qrng restart-test", "/dev/null"},
        {"kms sae", "list"},
        {"log set", "link", "info"},
        {"rpc", "status"},
};

/* No gateway is asked: what comes is their own. */
static bool is_alone(const struct lgctl_command *c)
{
	return strcmp(c->words[0], "plan") == 0 || strcmp(c->words[0], "doctor") == 0 ||
	       strcmp(c->words[0], "support-bundle") == 0 ||
	       (c->method != NULL &&
	        (strcmp(c->method, "otdr import") == 0 || strcmp(c->method, "alarm explain") == 0));
}

/* For more than an empty answer. */
static int waits(const struct lgctl_command *c)
{
	return strcmp(c->words[0], "otdr") == 0 || strcmp(c->words[0], "qrng") == 0;
}

static int write_file(char *out, const char *name, const char *text)
{
	FILE *f;

	snprintf(out, sizeof(keys), "%s/%s", folder, name);
	f = fopen(out, "w");
	return f == NULL || fputs(text, f) < 0 || fclose(f) != 0;
}

static void test_start(void)
{
	strcpy(folder, "/tmp/lgctl-run-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/s", folder);
	CU_ASSERT_EQUAL_FATAL(write_file(keys, "keys", "0123456789abcdef0123456789abcdef"), 0);
	CU_ASSERT_EQUAL_FATAL(write_file(config, "config", "{}"), 0);
	/* For what reads stdin. */
	CU_ASSERT_PTR_NOT_NULL_FATAL(freopen("/dev/null", "r", stdin));
}

/* Answers each connection with REPLY, or hangs up. */
static pid_t serve(const char *reply)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char request[65536];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), peer;
	pid_t pid;

	strcpy(addr.sun_path, path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 || listen(fd, 8) != 0)
		return -1;
	pid = fork();
	while (pid == 0) {
		peer = accept(fd, NULL, NULL);
		if (peer < 0 || recv(peer, request, sizeof(request), 0) <= 0)
			_exit(1);
		if (reply[0] != '\0')
			send(peer, reply, strlen(reply), MSG_NOSIGNAL);
		close(peer);
	}
	close(fd);
	return pid;
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink(path);
}

/* The exit status of C with EXTRA behind it; its output and complaints go to OUT and ERRORS. */
static int run_of(const struct lgctl_command *c, const char *extra, bool json, FILE *out,
                  FILE *errors)
{
	char *argv[16] = {"lgctl", "--socket", path};
	char name[64];
	int n = 3;

	if (json)
		argv[n++] = "--json";
	argv[n++] = (char *)c->words[0];

	snprintf(name, sizeof(name), "%s%s%s", c->words[0], c->words[1] != NULL ? " " : "",
	         c->words[1] != NULL ? c->words[1] : "");
	if (c->words[1] != NULL)
		argv[n++] = (char *)c->words[1];
	for (size_t i = 0; c->min_args > 0 && i < sizeof(samples) / sizeof(samples[0]); i++)
		for (int k = 1; strcmp(samples[i][0], name) == 0 && k < 4; k++)
			if (samples[i][k] != NULL)
				argv[n++] = (char *)samples[i][k];
	if (extra != NULL)
		argv[n++] = (char *)extra;
	return lgctl_run(n, argv, out, errors);
}

static int status_of(const struct lgctl_command *c, const char *extra)
{
	FILE *out = fopen("/dev/null", "w");
	int status = run_of(c, extra, false, out, out);

	fclose(out);
	return status;
}

/* Of every command that asks. */
static void all_are(int wanted)
{
	const struct lgctl_command *c;
	int seen = 0;

	for (size_t i = 0; (c = lgctl_command_at(i)) != NULL; i++) {
		int status = is_alone(c) ? wanted : status_of(c, NULL);

		if (status != wanted)
			printf("%s %s: %d instead of %d\n", c->words[0],
			       c->words[1] != NULL ? c->words[1] : "", status, wanted);
		CU_ASSERT_EQUAL(status, wanted);
		seen += !is_alone(c);
	}
	CU_ASSERT(seen > 45);
}

static void test_nobody_there(void)
{
	all_are(LGCTL_UNREACHABLE);
}

static void test_hangs_up(void)
{
	pid_t pid = serve("");

	CU_ASSERT_FATAL(pid > 0);
	all_are(LGCTL_UNREACHABLE);
	stop(pid);
}

static void test_no_answer_at_all(void)
{
	pid_t pid = serve("HTTP/1.1 400 Bad Request\r\n\n");

	CU_ASSERT_FATAL(pid > 0);
	all_are(LGCTL_UNREACHABLE);
	stop(pid);
}

static void test_refused(void)
{
	pid_t pid = serve("{\"jsonrpc\": \"2.0\", \"id\": 1, \"error\": {\"code\": -32602, "
	                  "\"message\": \"no\"}}\n");

	CU_ASSERT_FATAL(pid > 0);
	all_are(LGCTL_REFUSED);
	stop(pid);
}

static void test_usage(void)
{
	const struct lgctl_command *c;
	char long_path[300], *argv[] = {"lgctl", "--socket", long_path, "status"};
	FILE *out = fopen("/dev/null", "w");

	for (size_t i = 0; (c = lgctl_command_at(i)) != NULL; i++) {
		/* An option that there is not, and one argument more than the command takes. */
		CU_ASSERT_EQUAL(status_of(c, "--nonsense"),
		                strcmp(c->words[0], "counter") == 0 ||
		                                strcmp(c->words[0], "sa") == 0
		                        ? LGCTL_UNREACHABLE
		                        : LGCTL_USAGE);
	}
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	CU_ASSERT_EQUAL(lgctl_run(4, argv, out, out), LGCTL_UNREACHABLE);
	CU_ASSERT_EQUAL(lgctl_run(1, argv, out, out), LGCTL_USAGE);
	CU_ASSERT_EQUAL(lgctl_run(2, argv, out, out), LGCTL_USAGE);
	fclose(out);
}

static void test_done(void)
{
	pid_t pid = serve("{\"jsonrpc\": \"2.0\", \"id\": 1, \"result\": {}}\n");
	char *argv[] = {"lgctl", "--socket", path, "status"}, *help[] = {"lgctl", "--help"},
	     *version[] = {"lgctl", "--version"};
	const struct lgctl_command *c;
	FILE *full = fopen("/dev/full", "w"), *out = fopen("/dev/null", "w");

	CU_ASSERT_FATAL(pid > 0 && full != NULL);
	for (size_t i = 0; (c = lgctl_command_at(i)) != NULL; i++)
		if (!is_alone(c) && !waits(c))
			CU_ASSERT_EQUAL(status_of(c, NULL), LGCTL_OK);
	CU_ASSERT_EQUAL(lgctl_run(4, argv, out, out), LGCTL_OK);
	CU_ASSERT_EQUAL(lgctl_run(2, help, out, out), LGCTL_OK);
	CU_ASSERT_EQUAL(lgctl_run(2, version, out, out), LGCTL_OK);
	/* A disk that is full is not success. */
	argv[3] = "methods";
	CU_ASSERT_EQUAL(lgctl_run(4, argv, full, out), LGCTL_REFUSED);
	CU_ASSERT_EQUAL(lgctl_run(2, help, full, out), LGCTL_REFUSED);
	CU_ASSERT_EQUAL(lgctl_run(2, version, full, out), LGCTL_REFUSED);
	fclose(full);
	fclose(out);
	stop(pid);
}

/* What a script reads of every command: JSON and nothing else, or nothing and one line elsewhere.
 */
static void json_of_all(int wanted)
{
	const struct lgctl_command *c;

	for (size_t i = 0; (c = lgctl_command_at(i)) != NULL; i++) {
		char *text, *complaint;
		size_t n, m;
		FILE *out = open_memstream(&text, &n), *errors = open_memstream(&complaint, &m);
		int status = is_alone(c) || waits(c) ? -1 : run_of(c, NULL, true, out, errors);
		json_t *o;

		fclose(out);
		fclose(errors);
		o = json_loadb(text, n, JSON_DECODE_ANY, NULL);
		if (status == LGCTL_OK) {
			CU_ASSERT_TRUE(json_is_object(o));
			CU_ASSERT_EQUAL(m, 0);
		} else if (status >= 0) {
			CU_ASSERT_EQUAL(n, 0);
			CU_ASSERT_NSTRING_EQUAL(complaint, "lgctl: ", 7);
			CU_ASSERT_PTR_EQUAL(strchr(complaint, '\n'), complaint + m - 1);
		}
		CU_ASSERT(status == -1 || status == wanted);
		json_decref(o);
		free(text);
		free(complaint);
	}
}

static void test_json_of_every_command(void)
{
	pid_t pid;

	json_of_all(LGCTL_UNREACHABLE);
	pid = serve("{\"jsonrpc\": \"2.0\", \"id\": 1, \"error\": {\"code\": -32602, "
	            "\"message\": \"/params/x: is not\\nwanted\"}}\n");
	CU_ASSERT_FATAL(pid > 0);
	json_of_all(LGCTL_REFUSED);
	stop(pid);
	pid = serve(
	        "{\"jsonrpc\": \"2.0\", \"id\": 1, \"result\": {\"a\": [1, \"\\u001b[2J\"]}}\n");
	CU_ASSERT_FATAL(pid > 0);
	json_of_all(LGCTL_OK);
	stop(pid);
}

static void test_each_has_a_meaning(void)
{
	CU_ASSERT_PTR_NOT_NULL(lgctl_status_about(LGCTL_OK));
	CU_ASSERT_PTR_NOT_NULL(lgctl_status_about(LGCTL_UNREACHABLE));
	CU_ASSERT_PTR_NULL(lgctl_status_about(LGCTL_UNREACHABLE + 1));
	CU_ASSERT_PTR_NULL(lgctl_status_about(-1));
	/* Scripts rely on them. */
	CU_ASSERT_EQUAL(LGCTL_REFUSED, 1);
	CU_ASSERT_EQUAL(LGCTL_USAGE, 2);
	CU_ASSERT_EQUAL(LGCTL_UNREACHABLE, 3);
}

static void test_end(void)
{
	unlink(keys);
	unlink(config);
	CU_ASSERT_EQUAL(rmdir(folder), 0);
}

UNIT_MAIN(UNIT(test_start), UNIT(test_nobody_there), UNIT(test_hangs_up),
          UNIT(test_no_answer_at_all), UNIT(test_refused), UNIT(test_usage), UNIT(test_done),
          UNIT(test_json_of_every_command), UNIT(test_each_has_a_meaning), UNIT(test_end))
