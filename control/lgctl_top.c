/* SPDX-License-Identifier: BSD-3-Clause */

/* `lgctl top`: asks once an interval and shows it, until q. Nothing but ECMA-48 is needed. */

#include "control/lgctl_top.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "common/clock.h"
#include "control/lgctl.h"

#define STATUS_TUNNELS 64 /* at most in an answer of `status` */

static struct {
	double interval_s;
	unsigned long frames; /* 0: until the user has enough */
} want;

static volatile sig_atomic_t stopped;

struct screen {
	FILE *out;
	bool terminal; /* takes escape sequences */
	bool keys;     /* stdin gives keys one by one */
	struct termios before;
};

int lgctl_build_top(char **args, int n, struct lgctl_request *r, struct err *err)
{
	static const char *const options[] = {"interval", "=frames"};
	json_t *o, *v;
	char *end;

	want.interval_s = 1;
	want.frames = 0;
	if (lgctl_options_build("top", options, 2, args, n, &o, err) < 0) {
		json_decref(o);
		return -EINVAL;
	}
	v = json_object_get(o, "interval");
	if (v != NULL) {
		want.interval_s = strtod(json_string_value(v), &end);
		if (*end != '\0' || !(want.interval_s >= 0.1 && want.interval_s <= 3600)) {
			err_set(err, EINVAL, "top: --interval: %s is not from 0.1 to 3600 s",
			        json_string_value(v));
			json_decref(o);
			return -EINVAL;
		}
	}
	want.frames = (unsigned long)json_integer_value(json_object_get(o, "frames"));
	json_decref(o);
	r->follow = lgctl_top_follow;
	return 0;
}

static void on_signal(int number)
{
	stopped = 1;
}

/* A change of the size ends the wait: that is all that is wanted of it. */
static void on_size(int number)
{
}

static void catch (int number, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler};

	sigaction(number, &action, NULL);
}

static void screen_begin(struct screen *s, FILE *out)
{
	const char *term = getenv("TERM");
	bool tty = fileno(out) >= 0 && isatty(fileno(out));
	struct termios raw;

	*s = (struct screen){.out = out};
	s->terminal = tty && term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
	s->keys = tty && tcgetattr(STDIN_FILENO, &s->before) == 0;
	stopped = 0;
	catch (SIGINT, on_signal);
	catch (SIGTERM, on_signal);
	catch (SIGHUP, on_signal);
	catch (SIGWINCH, on_size);
	if (s->keys) {
		raw = s->before;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		/* Stopped, it would leave the terminal as it is now. */
		raw.c_cc[VSUSP] = _POSIX_VDISABLE;
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	/* A screen of its own, without a cursor: what was there comes back. */
	if (s->terminal)
		fputs("\033[?1049h\033[?25l", out);
}

static void screen_end(struct screen *s)
{
	if (s->terminal)
		fputs("\033[?25h\033[?1049l", s->out);
	fflush(s->out);
	if (s->keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &s->before);
	for (int i = 0; i < 4; i++)
		catch ((const int[]){SIGINT, SIGTERM, SIGHUP, SIGWINCH}[i], SIG_DFL);
}

static void screen_show(struct screen *s, struct lgctl_top *top, unsigned long frame)
{
	struct winsize size;

	top->terminal = s->terminal;
	top->width = top->height = 0;
	if (s->terminal && ioctl(fileno(s->out), TIOCGWINSZ, &size) == 0 && size.ws_row > 1) {
		top->width = size.ws_col;
		/* The line behind the last newline is the terminal's. */
		top->height = size.ws_row - 1u;
	}
	if (s->terminal)
		fputs("\033[H", s->out);
	else if (frame > 0)
		fputc('\n', s->out);
	lgctl_top_print(s->out, top);
	if (s->terminal)
		fputs("\033[J", s->out);
	fflush(s->out);
}

/* Until then, or the size changes; true when the user has seen enough. */
static bool wait_until(struct screen *s, uint64_t then_ns)
{
	struct pollfd fd = {.fd = s->keys ? STDIN_FILENO : -1, .events = POLLIN};
	char key;

	for (;;) {
		uint64_t now = clock_mono_ns();
		int ms = now < then_ns ? (int)((then_ns - now) / NS_PER_MS) + 1 : 0;
		int n = poll(&fd, 1, ms);

		if (stopped || ferror(s->out))
			return true;
		if (n <= 0)
			return false;
		if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q')
			return true;
	}
}

/* The active alarms, all of them. */
static int ask_alarms(const char *socket, json_t **out, struct err *err)
{
	struct lgctl_request r = {.method = "alarm_list",
	                          .list = "alarms",
	                          .params = json_pack("{s:b}", "active", 1)};
	json_t *answer = NULL;
	int rc = lgctl_call_all(socket, &r, &answer, err);

	json_decref(r.params);
	if (rc < 0)
		return rc;
	*out = json_incref(json_object_get(answer, "alarms"));
	if (*out == NULL)
		*out = json_array();
	json_decref(answer);
	return 0;
}

/* `status` has the first tunnels alone: of more, those that are not well may be others. */
static int ask_tunnels(const char *socket, json_t *status, struct err *err)
{
	struct lgctl_request r = {.method = "tunnel_list", .list = "tunnels"};
	json_t *answer = NULL;
	int rc;

	if (json_array_size(json_object_get(status, "tunnels")) < STATUS_TUNNELS)
		return 0;
	rc = lgctl_call_all(socket, &r, &answer, err);
	if (rc == 0)
		json_object_set(status, "tunnels", json_object_get(answer, "tunnels"));
	if (rc == 0)
		json_decref(answer);
	return rc;
}

/* What a gateway that starts again says meanwhile is shown, and it is asked on. */
static void live(struct screen *s, const struct lgctl_request *r, const char *socket,
                 json_t **status, json_t **alarms)
{
	uint64_t asked = clock_mono_ns(), then;
	struct lgctl_top top = {.now = *status, .alarms = *alarms};
	json_t *before = NULL, *fresh, *raised;
	struct err err = {0};

	for (unsigned long frame = 0;; frame++) {
		screen_show(s, &top, frame);
		if (want.frames != 0 ? frame + 1 >= want.frames : !s->terminal && !s->keys)
			break;
		if (wait_until(s, clock_mono_ns() + (uint64_t)(want.interval_s * NS_PER_S)))
			break;
		then = clock_mono_ns();
		fresh = raised = NULL;
		err = (struct err){0};
		if (lgctl_call(socket, r, &fresh, &err) < 0 ||
		    ask_tunnels(socket, fresh, &err) < 0 || ask_alarms(socket, &raised, &err) < 0) {
			json_decref(fresh);
			top.trouble = err.text;
			continue;
		}
		json_decref(before);
		json_decref(*alarms);
		before = *status;
		*status = fresh;
		*alarms = raised;
		top = (struct lgctl_top){.now = fresh,
		                         .before = before,
		                         .seconds = (double)(then - asked) / NS_PER_S,
		                         .alarms = raised};
		asked = then;
	}
	json_decref(before);
}

int lgctl_top_follow(const struct lgctl_request *r, const char *socket, json_t **result, FILE *out,
                     struct err *err)
{
	json_t *alarms = NULL;
	struct screen screen;
	int rc = ask_tunnels(socket, *result, err);

	if (rc == 0)
		rc = ask_alarms(socket, &alarms, err);
	if (rc < 0)
		return rc;
	if (out != NULL) {
		screen_begin(&screen, out);
		live(&screen, r, socket, result, &alarms);
		screen_end(&screen);
	}
	*result = json_pack("{s:o, s:o}", "status", *result, "alarms", alarms);
	return *result != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}

void lgctl_print_top(FILE *out, const json_t *result)
{
	/* It was on the screen. */
}
