/* SPDX-License-Identifier: BSD-3-Clause */

/* What lgctl top shows, and its screen in a pseudo-terminal against a server of two answers. */

#include "control/lgctl_top.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/lgctl.h"
#include "control/method.h"
#include "control/server.h"
#include "tests/unit/unit.h"

static char printed[65536];

/* A gateway SECONDS after the first, with so many cores and tunnels. */
static json_t *status(int seconds, int cores, int tunnels)
{
	json_t *o = json_pack(
	        "{s:{s:s, s:s, s:s, s:s, s:s, s:s, s:i}, s:{s:{s:i}, s:f, s:f, s:i, s:n}, "
	        "s:{s:i, s:i, s:i}, s:{s:{s:b, s:I, s:i, s:i, s:i, s:i}}, "
	        "s:{s:b, s:b, s:{s:s, s:i}, s:{s:b, s:f, s:f, s:i, s:i, s:s}}, "
	        "s:{s:b, s:b}, s:[], s:[]}",
	        "gateway", "name", "gw-a", "site", "a", "link", "demo", "state", "running",
	        "version", "1.2", "gcm", "vaes", "uptime_s", 93784 + seconds, "keystore",
	        "available", "rekey", 7700, "used_per_s", 2.0, "net_per_s", 1.5, "lasts_s", 3850,
	        "empty_in_s", "drops", "drop.no_key", 100 * seconds, "drop.arp", 2 * seconds,
	        "drop.ttl", 0, "ports", "wan", "link_up", 1, "rx_bytes",
	        (json_int_t)125000000 * seconds, "rx_packets", 80000 * seconds, "tx_bytes", 0,
	        "rx_missed", 7, "rx_errors", 0, "link", "enabled", 1, "simulated", 1, "channel",
	        "state", "up", "rtt_ns", 2900000, "engine", "aligned", 1, "qber_z", 0.0168,
	        "qber_x", 0.0158, "blocks_ok", 12, "blocks_aborted", 1, "last_abort", "qber_abort",
	        "optics", "present", 1, "stores_agree", 1, "lcores", "tunnels");
	char name[32];

	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	for (int i = 0; i < cores; i++)
		json_array_append_new(json_object_get(o, "lcores"),
		                      json_pack("{s:s, s:i, s:f, s:i, s:i, s:i, s:i}", "name",
		                                "forward", "lcore", i + 1, "busy_share", 0.5,
		                                "busy_cycles", 900 * seconds, "idle_cycles", 0,
		                                "sleep_cycles", 100 * seconds, "work",
		                                5000 * seconds));
	for (int i = 0; i < tunnels; i++) {
		snprintf(name, sizeof(name), "site-%d", i);
		json_array_append_new(json_object_get(o, "tunnels"),
		                      json_pack("{s:s, s:s, s:s, s:b, s:i, s:i, s:I, s:i}", "name",
		                                name, "state", i == 3 ? "unanswered" : "up",
		                                "keyed_by", "qkd", "stopped", i == 4, "key_age_ms",
		                                400, "next_rekey_ms", 65000, "bytes_sealed",
		                                (json_int_t)1250 * seconds, "bytes_opened", 0));
	}
	return o;
}

static void show(const struct lgctl_top *t)
{
	FILE *f = fmemopen(printed, sizeof(printed), "w");

	lgctl_top_print(f, t);
	fputc('\0', f);
	fclose(f);
}

static void has(const char *text)
{
	CU_ASSERT_PTR_NOT_NULL(strstr(printed, text));
	if (strstr(printed, text) == NULL)
		printf("\n  wanted %s\n  in\n%s\n", text, printed);
}

static void has_not(const char *text)
{
	CU_ASSERT_PTR_NULL(strstr(printed, text));
}

static json_t *alarms(int n)
{
	json_t *list = json_array();

	for (int i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s}", "severity",
		                                      i == n - 1 ? "critical" : "warning", "kind",
		                                      i == n - 1 ? "no-key" : "capture-active",
		                                      "resource", "tunnel/dc", "raised",
		                                      "2026-01-01T00:00:00.000Z", "text",
		                                      i == n - 1 ? "no\033[2Jkey\xc2\x9b"
		                                                   "1m"
		                                                 : "by uid 0"));
	return list;
}

static void test_durations(void)
{
	char text[32];

	CU_ASSERT_STRING_EQUAL(lgctl_top_duration(0.4, text), "0 s");
	CU_ASSERT_STRING_EQUAL(lgctl_top_duration(-3, text), "0 s");
	CU_ASSERT_STRING_EQUAL(lgctl_top_duration(59, text), "59 s");
	CU_ASSERT_STRING_EQUAL(lgctl_top_duration(60, text), "1 min 0 s");
	CU_ASSERT_STRING_EQUAL(lgctl_top_duration(17220, text), "4 h 47 min");
	CU_ASSERT_STRING_EQUAL(lgctl_top_duration(93784, text), "1 d 2 h");
}

static void test_the_first_screen_has_no_rates(void)
{
	json_t *now = status(0, 2, 2), *list = alarms(0);

	show(&(struct lgctl_top){.now = now, .alarms = list});
	has("gw-a  site a of link demo  running, up 1 d 2 h  lumengate 1.2  vaes\n");
	has("LINK     channel up, round trip 2.9 ms, stores agree\n");
	has("card present (simulated), aligned  QBER Z 1.68 %  X 1.58 %  blocks 12, lost 1, last: "
	    "qber_abort\n");
	has("KEYS     7700 for rekeying; 2 used and 3.5 made a second; they last 1 h 4 min\n");
	has("DROPS    none\n");
	has("wan      up            -         -         -         -         7         0\n");
	has("forward        50 %    0 %         -\n");
	has("site-0           up       qkd               0 s   1 min 5 s         -         -\n");
	has("ALARMS   none\n");
	json_decref(now);
	json_decref(list);
}

static void test_rates(void)
{
	json_t *before = status(0, 1, 5), *now = status(2, 1, 5), *list = alarms(2);
	struct lgctl_top t = {.now = now, .before = before, .seconds = 2, .alarms = list};
	const char *first, *second;

	show(&t);
	has("wan      up       1.00 G    80.0 k         0         0         7");
	has("forward        90 %   10 %    5.00 k\n");
	has("DROPS    no_key 100/s, arp 2/s\n");
	has("site-0           up       qkd               0 s   1 min 5 s    10.0 k         0\n");
	/* The worst alarm, and tunnels that are not well, come first. */
	first = strstr(printed, "critical no-key tunnel/dc");
	second = strstr(printed, "warning  capture-active");
	CU_ASSERT(first != NULL && second != NULL && first < second);
	first = strstr(printed, "site-3           unanswered");
	second = strstr(printed, "site-4           STOPPED");
	CU_ASSERT(first != NULL && second != NULL && first < second);
	CU_ASSERT(second < strstr(printed, "site-0 "));
	/* No text moves the cursor. */
	has_not("\033");
	has("no?[2Jkey?1m");
	json_object_set_new(json_object_get(now, "keystore"), "empty_in_s", json_integer(90));
	t.trouble = "/run/x: Connection refused";
	show(&t);
	has("; EMPTY IN 1 min 30 s\n");
	has("NO ANSWER, this is old: /run/x: Connection refused\n");
	/* It was started again: its figures begin anew. */
	t.now = before;
	t.before = now;
	show(&t);
	has("wan      up            -         -         0         0         7         0\n");
	json_decref(before);
	json_decref(now);
	json_decref(list);
}

/* Whatever the gateway lacks at its start. */
static void test_little_to_show(void)
{
	json_t *now = json_object(), *list = json_array();

	show(&(struct lgctl_top){.now = now, .alarms = list});
	has("-  site - of link -");
	has_not("LINK");
	has_not("TUNNEL");
	json_decref(now);
	now = status(0, 0, 0);
	json_object_set_new(json_object_get(now, "link"), "enabled", json_false());
	show(&(struct lgctl_top){.now = now, .alarms = list});
	has("no quantum link is configured\n");
	json_decref(now);
	json_decref(list);
}

/* Lines, and the longest of them in bytes without what is for the terminal. */
static unsigned int lines(unsigned int *longest)
{
	unsigned int n = 0, length = 0;

	*longest = 0;
	for (const char *c = printed; *c != '\0'; c++) {
		if (*c == '\033') {
			while (*c != 'm' && *c != 'K')
				c++;
		} else if (*c == '\n') {
			n++;
			length = 0;
		} else if (*c != '\r') {
			length++;
			*longest = length > *longest ? length : *longest;
		}
	}
	return n;
}

static void test_every_size_of_a_terminal(void)
{
	json_t *before = status(0, 40, 64), *now = status(1, 40, 64), *list = alarms(30);
	struct lgctl_top t = {.now = now,
	                      .before = before,
	                      .seconds = 1,
	                      .alarms = list,
	                      .terminal = true,
	                      .trouble = "late"};
	unsigned int longest;

	for (t.height = 1; t.height < 160; t.height++)
		for (t.width = 1; t.width < 140; t.width += 23) {
			show(&t);
			CU_ASSERT(lines(&longest) <= t.height);
			CU_ASSERT(longest <= t.width);
		}
	t.height = 40;
	t.width = 100;
	show(&t);
	CU_ASSERT_EQUAL(lines(&longest), 40);
	has("and 17 more");
	has("critical");
	has("TUNNEL");
	json_decref(before);
	json_decref(now);
	json_decref(list);
}

static char path[96];
static pid_t server_pid;

static json_t *all_tunnels(void)
{
	json_t *o = status(0, 0, 70), *list = json_incref(json_object_get(o, "tunnels"));

	json_decref(o);
	return json_pack("{s:o, s:i}", "tunnels", list, "total", 70);
}

/* The methods of the gateway are not in this program: these stand for them. */
static json_t *call(void *ctx, const char *name, const json_t *params, struct jsonrpc_error *error)
{
	static int seconds;

	if (strcmp(name, "status") == 0)
		return status(seconds++, 2, 64);
	if (strcmp(name, "tunnel_list") == 0)
		return all_tunnels();
	if (strcmp(name, "alarm_list") == 0 && json_is_true(json_object_get(params, "active")))
		return json_pack("{s:o, s:i}", "alarms", alarms(1), "total", 1);
	jsonrpc_fail(error, JSONRPC_FAILED, "not this one");
	return NULL;
}

static char *handle(void *ctx, const struct server_peer *peer, const char *text, size_t len)
{
	return jsonrpc_handle(text, len, call, NULL);
}

static void serve(void)
{
	const struct server_config config = {.path = path};
	struct event_base *base = event_base_new();
	struct server *server;

	if (server_create(base, &config, handle, NULL, &server, NULL) != 0)
		_exit(1);
	event_base_dispatch(base);
	_exit(0);
}

static void test_start(void)
{
	snprintf(path, sizeof(path), "/tmp/lumengate-top-%d.sock", (int)getpid());
	server_pid = fork();
	if (server_pid == 0)
		serve();
	for (int i = 0; i < 500 && access(path, F_OK) != 0; i++)
		usleep(10000);
	usleep(50000);
}

/* lgctl's exit status without a terminal; what it printed is in PRINTED. */
static int run(int argc, char **argv)
{
	FILE *f = fmemopen(printed, sizeof(printed), "w");
	int status_ = lgctl_run(argc, argv, f, f);

	fputc('\0', f);
	fclose(f);
	return status_;
}

static void test_without_a_terminal(void)
{
	char *once[] = {"lgctl", "--socket", path, "top"};
	char *twice[] = {"lgctl", "--socket", path, "top", "--frames", "2", "--interval", "0.1"};
	char *json[] = {"lgctl", "--socket", path, "--json", "top"};
	char *wrong[] = {"lgctl", "--socket", path, "top", "--interval", "never"};
	json_t *o;

	CU_ASSERT_EQUAL(run(4, once), LGCTL_OK);
	has("gw-a");
	has_not("\033");
	CU_ASSERT_EQUAL(run(8, twice), LGCTL_OK);
	has("\n\ngw-a");
	has("forward        50 %    0 %         -\n");
	has("forward        90 %   10 %");
	CU_ASSERT_EQUAL(run(5, json), LGCTL_OK);
	o = json_loads(printed, 0, NULL);
	CU_ASSERT_PTR_NOT_NULL(json_object_get(json_object_get(o, "status"), "gateway"));
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "alarms")), 1);
	/* All of them, where `status` has the first. */
	CU_ASSERT_EQUAL(json_array_size(json_object_get(json_object_get(o, "status"), "tunnels")),
	                70);
	json_decref(o);
	CU_ASSERT_EQUAL(run(6, wrong), LGCTL_USAGE);
	has("top: --interval: never is not from 0.1 to 3600 s");
}

/* What comes within a second, added to PRINTED. */
static size_t hear(int fd, size_t n, const char *until)
{
	for (int i = 0; i < 300 && (until == NULL || strstr(printed, until) == NULL); i++) {
		ssize_t got = read(fd, printed + n, sizeof(printed) - 1 - n);

		n += got > 0 ? (size_t)got : 0;
		printed[n] = '\0';
		/* EIO: nobody has the other end any more. */
		if (got < 0 && errno == EIO)
			break;
		if (got <= 0)
			usleep(10000);
	}
	return n;
}

static pid_t start_in_terminal(int *fd, const char *term)
{
	char *argv[] = {"lgctl", "--socket", path, "top", "--interval", "0.2"};
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	pid_t pid = forkpty(fd, NULL, NULL, &size);

	if (pid == 0) {
		setenv("TERM", term, 1);
		_exit(lgctl_run(6, argv, stdout, stderr));
	}
	fcntl(*fd, F_SETFL, O_NONBLOCK);
	printed[0] = '\0';
	return pid;
}

static int end_of(pid_t pid)
{
	int status_ = 0;

	CU_ASSERT_EQUAL(waitpid(pid, &status_, 0), pid);
	return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1;
}

static void test_in_a_terminal(void)
{
	struct winsize small = {.ws_row = 8, .ws_col = 30};
	int fd;
	pid_t pid = start_in_terminal(&fd, "xterm");
	size_t n = hear(fd, 0, "\033[H\033[1mgw-a");

	CU_ASSERT_PTR_EQUAL(strstr(printed, "\033[?1049h\033[?25l\033[H"), printed);
	/* A smaller window: a screen at once, with lines that fit. */
	n = 0;
	printed[0] = '\0';
	ioctl(fd, TIOCSWINSZ, &small);
	n = hear(fd, n, "\033[1mgw-a  site a of link demo  run\033[m\033[K\r\n");
	has("gw-a  site a of link demo  run\033[m");
	/* Other keys do nothing. */
	CU_ASSERT_EQUAL(write(fd, "x", 1), 1);
	usleep(50000);
	CU_ASSERT_EQUAL(waitpid(pid, NULL, WNOHANG), 0);
	CU_ASSERT_EQUAL(write(fd, "q", 1), 1);
	n = hear(fd, n, "\033[?25h\033[?1049l");
	has("\033[?25h\033[?1049l");
	CU_ASSERT_EQUAL(end_of(pid), LGCTL_OK);
	close(fd);
}

/* Interrupted, it leaves the terminal as it was, too. */
static void test_interrupted_in_a_terminal(void)
{
	int fd;
	pid_t pid = start_in_terminal(&fd, "xterm");
	size_t n = hear(fd, 0, "gw-a");

	CU_ASSERT_EQUAL(write(fd, "\003", 1), 1);
	hear(fd, n, "\033[?25h\033[?1049l");
	has("\033[?25h\033[?1049l");
	CU_ASSERT_EQUAL(end_of(pid), LGCTL_OK);
	close(fd);
}

static void test_in_a_dumb_terminal(void)
{
	int fd;
	pid_t pid = start_in_terminal(&fd, "dumb");
	size_t n = hear(fd, 0, "\n\r\ngw-a");

	has("\n\r\ngw-a");
	has_not("\033");
	CU_ASSERT_EQUAL(write(fd, "q", 1), 1);
	CU_ASSERT_EQUAL(end_of(pid), LGCTL_OK);
	hear(fd, n, NULL);
	has_not("\033");
	close(fd);
}

/* The gateway goes while somebody looks: the screen says so, and what was seen stays. */
static void test_the_gateway_goes(void)
{
	char lock[112];
	int fd, code;
	pid_t pid = start_in_terminal(&fd, "xterm");
	size_t n = hear(fd, 0, "gw-a");

	kill(server_pid, SIGKILL);
	CU_ASSERT_EQUAL(waitpid(server_pid, &code, 0), server_pid);
	n = hear(fd, n, "NO ANSWER, this is old");
	has("NO ANSWER, this is old");
	CU_ASSERT_EQUAL(write(fd, "q", 1), 1);
	hear(fd, n, "\033[?1049l");
	CU_ASSERT_EQUAL(end_of(pid), LGCTL_OK);
	close(fd);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	unlink(lock);
	unlink(path);
}

UNIT_MAIN(UNIT(test_durations), UNIT(test_the_first_screen_has_no_rates), UNIT(test_rates),
          UNIT(test_little_to_show), UNIT(test_every_size_of_a_terminal), UNIT(test_start),
          UNIT(test_without_a_terminal), UNIT(test_in_a_terminal),
          UNIT(test_interrupted_in_a_terminal), UNIT(test_in_a_dumb_terminal),
          UNIT(test_the_gateway_goes))
