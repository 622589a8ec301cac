/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/syslog_message.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "control/web/alarm_words.h"

/* RFC 5424, 6.2.1, by the names that syslogd.conf has for them. */
static const char *const facilities[] = {
        "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
        "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock",
        "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7",
};

int syslog_facility(const char *name)
{
	for (int i = 0; i < 24; i++)
		if (strcmp(facilities[i], name) == 0)
			return i;
	return -1;
}

unsigned int syslog_severity(const char *severity)
{
	static const char *const severities[] = {"", "critical", "major", "minor", "warning"};

	for (unsigned int i = 1; i < 5; i++)
		if (strcmp(severities[i], severity) == 0)
			return i;
	return 5;
}

struct text {
	char *out;
	size_t len;
};

static void add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *t, const char *format, ...)
{
	size_t room = SYSLOG_MESSAGE_MAX - t->len;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(t->out + t->len, room, format, ap);
	va_end(ap);
	t->len += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

/* A header's field: printable ASCII without blanks (6.2.4 to 6.2.7), "-" for none. */
static void add_field(struct text *t, const char *value, size_t most)
{
	size_t n = 0;

	for (; value[n] != '\0' && n < most; n++)
		add(t, "%c", value[n] > ' ' && value[n] <= '~' ? value[n] : '_');
	add(t, "%s ", n == 0 ? "-" : "");
}

/* NAME="VALUE", with '"', '\' and ']' escaped (6.3.3). */
static void add_param(struct text *t, const char *name, const char *value)
{
	add(t, " %s=\"", name);
	for (; *value != '\0'; value++)
		add(t, "%s%c", strchr("\"\\]", *value) != NULL ? "\\" : "", *value);
	add(t, "\"");
}

/* Never half a character of UTF-8 at the end. */
static void cut(struct text *t)
{
	size_t n = t->len;

	while (n > 0 && ((unsigned char)t->out[n - 1] & 0xc0) == 0x80)
		n--;
	if (n > 0 && (unsigned char)t->out[n - 1] >= 0xc0)
		t->len = n - 1;
	t->out[t->len] = '\0';
}

size_t syslog_message(const struct web_alarm *a, const struct syslog_origin *o,
                      char out[SYSLOG_MESSAGE_MAX])
{
	struct text t = {.out = out};
	struct alarm_words w;

	alarm_words(a, &w);
	add(&t, "<%u>1 %s ", o->facility * 8 + syslog_severity(a->severity), a->time);
	add_field(&t, a->host[0] != '\0' ? a->host : o->hostname, 255);
	add_field(&t, w.program, 48);
	add(&t, "%d ", o->pid);
	add_field(&t, a->kind, 32);
	add(&t, "[alarm");
	add_param(&t, "resource", a->resource);
	add(&t, " probableCause=\"other\"");
	add_param(&t, "perceivedSeverity", a->severity);
	add(&t, "][lumengate@%u", (unsigned int)o->enterprise);
	add_param(&t, "kind", a->kind);
	add_param(&t, "change", w.change);
	add_param(&t, "number", w.number);
	if (w.uid[0] != '\0')
		add_param(&t, "uid", w.uid);
	add(&t, "] \xef\xbb\xbf%s", a->text);
	/* It may have been too long for it. */
	if (t.len == SYSLOG_MESSAGE_MAX - 1)
		cut(&t);
	return t.len;
}
