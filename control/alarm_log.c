/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/alarm_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

LOG_COMPONENT_DEFINE(alarm_log)

#define LINE_MAX_BYTES 2048

static struct {
	char path[512], older[520];
	int fd; /* -1: not open */
	size_t bytes;
	bool failing; /* said once */
} state = {.fd = -1};

static bool text_of(const json_t *o, const char *name, char *out, size_t size)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s != NULL && (size_t)snprintf(out, size, "%s", s) < size;
}

static bool number_of(const json_t *o, const char *name, uint64_t *out)
{
	const json_t *n = json_object_get(o, name);

	*out = (uint64_t)json_integer_value(n);
	return json_is_integer(n) && json_integer_value(n) >= 0;
}

static bool parse(const char *line, struct alarm_change *c)
{
	json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	uint64_t what, severity, uid = 0;
	bool good;

	*c = (struct alarm_change){.operated = json_object_get(o, "uid") != NULL,
	                           .shelved = json_is_true(json_object_get(o, "shelved"))};
	good = number_of(o, "number", &c->number) && number_of(o, "time_ns", &c->time_ns) &&
	       number_of(o, "what", &what) && number_of(o, "severity", &severity) &&
	       text_of(o, "kind", c->kind, sizeof(c->kind)) &&
	       text_of(o, "resource", c->resource, sizeof(c->resource)) &&
	       text_of(o, "text", c->text, sizeof(c->text)) && what <= ALARM_UNSHELVED &&
	       severity <= ALARM_CRITICAL &&
	       (!c->operated || (number_of(o, "uid", &uid) && uid <= UINT32_MAX));
	json_decref(o);
	if (!good)
		return false;
	c->what = (enum alarm_what)what;
	c->severity = (enum alarm_severity)severity;
	c->uid = (uid_t)uid;
	return true;
}

/* 0, also where there is no such file. */
static int read_file(const char *path, void (*each)(const struct alarm_change *), struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), bad = 0;
	char line[LINE_MAX_BYTES];
	struct alarm_change c;
	struct stat st;
	FILE *f;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(err, errno, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (st.st_mode & 022) != 0) {
		close(fd);
		return err_set(err, EACCES, "%s: no file that this program alone may write", path);
	}
	f = fdopen(fd, "r");
	if (f == NULL) {
		close(fd);
		return err_set(err, ENOMEM, "%s: out of memory", path);
	}
	while (fgets(line, sizeof(line), f) != NULL)
		if (parse(line, &c))
			each(&c);
		else
			bad++;
	fclose(f);
	if (bad > 0)
		log_warn("%s: %d lines are damaged and left out", path, bad);
	return 0;
}

static int begin(struct err *err)
{
	struct stat st;
	char last = '\n';

	state.fd = open(state.path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (state.fd < 0)
		return err_set(err, errno, "%s: %s", state.path, strerror(errno));
	state.bytes = fstat(state.fd, &st) == 0 ? (size_t)st.st_size : 0;
	/* Half a line, of a crash, costs itself alone. */
	if (state.bytes > 0 && pread(state.fd, &last, 1, st.st_size - 1) == 1 && last != '\n' &&
	    write(state.fd, "\n", 1) == 1)
		state.bytes++;
	return 0;
}

int alarm_log_open(const char *path, void (*each)(const struct alarm_change *), struct err *err)
{
	int rc;

	alarm_log_close();
	snprintf(state.path, sizeof(state.path), "%s", path);
	snprintf(state.older, sizeof(state.older), "%s.1", path);
	rc = read_file(state.older, each, err);
	if (rc == 0)
		rc = read_file(state.path, each, err);
	return rc == 0 ? begin(err) : rc;
}

void alarm_log_close(void)
{
	if (state.fd >= 0)
		close(state.fd);
	state.fd = -1;
	state.failing = false;
}

/* Half a line, of a full disk, costs itself alone. */
static int put(const char *text)
{
	char line[LINE_MAX_BYTES + 2];
	int len = snprintf(line, sizeof(line), "%s\n", text);
	ssize_t n;

	if (len >= LINE_MAX_BYTES)
		return -EMSGSIZE;
	n = write(state.fd, line, (size_t)len);
	if (n == len) {
		state.bytes += (size_t)len;
		return 0;
	}
	if (n > 0 && write(state.fd, "\n", 1) == 1)
		state.bytes += (size_t)n + 1;
	return n < 0 ? -errno : -ENOSPC;
}

static int turn(struct err *err)
{
	if (rename(state.path, state.older) != 0)
		return err_set(err, errno, "%s: %s", state.older, strerror(errno));
	close(state.fd);
	return begin(err);
}

void alarm_log_append(const struct alarm_change *c)
{
	struct err err = {0};
	json_t *o;
	char *text;
	int rc = 0;

	if (state.fd < 0)
		return;
	o = json_pack("{s:I, s:I, s:i, s:i, s:s, s:s, s:s, s:b}", "number", (json_int_t)c->number,
	              "time_ns", (json_int_t)c->time_ns, "what", (int)c->what, "severity",
	              (int)c->severity, "kind", c->kind, "resource", c->resource, "text", c->text,
	              "shelved", c->shelved);
	if (o != NULL && c->operated)
		json_object_set_new(o, "uid", json_integer((json_int_t)c->uid));
	text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	if (text != NULL && state.bytes + strlen(text) >= ALARM_LOG_BYTES)
		rc = turn(&err);
	if (text != NULL && rc == 0 && (rc = put(text)) != 0)
		err_set(&err, -rc, "%s: %s", state.path, strerror(-rc));
	free(text);
	if (rc != 0 && !state.failing)
		log_err("%s: the history of alarms is kept in memory alone", err.text);
	state.failing = rc != 0;
}
