/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/journal_message.h"

#include <stdio.h>
#include <string.h>

#include "control/web/alarm_words.h"
#include "control/web/syslog_message.h"

struct datagram {
	char *out;
	size_t len;
};

/*
 * NAME=VALUE and a newline; a value with newlines, or control characters that could be taken for
 * others, goes by its length, 64 bits little-endian.
 */
static void add(struct datagram *d, const char *name, const char *value)
{
	size_t n = strlen(value), name_len = strlen(name);
	char *at = d->out + d->len;

	if (d->len + name_len + n + 10 > JOURNAL_MESSAGE_MAX)
		return;
	memcpy(at, name, name_len);
	at += name_len;
	if (strchr(value, '\n') == NULL) {
		*at++ = '=';
	} else {
		*at++ = '\n';
		for (unsigned int i = 0; i < 8; i++)
			*at++ = (char)((uint64_t)n >> 8 * i & 0xff);
	}
	memcpy(at, value, n);
	at += n;
	*at++ = '\n';
	d->len = (size_t)(at - d->out);
}

size_t journal_message(const struct web_alarm *a, char out[JOURNAL_MESSAGE_MAX])
{
	struct datagram d = {.out = out};
	struct alarm_words w;
	char text[512], priority[4];

	alarm_words(a, &w);
	snprintf(text, sizeof(text), "%s %s at %s%s%s: %s", a->severity, a->kind, a->resource,
	         a->host[0] != '\0' ? " of " : "", a->host, a->text);
	snprintf(priority, sizeof(priority), "%u", syslog_severity(a->severity));
	add(&d, "MESSAGE", text);
	add(&d, "PRIORITY", priority);
	add(&d, "SYSLOG_IDENTIFIER", "lumengate-alarm");
	add(&d, "LUMENGATE_PROGRAM", w.program);
	add(&d, "LUMENGATE_HOST", a->host);
	add(&d, "LUMENGATE_KIND", a->kind);
	add(&d, "LUMENGATE_RESOURCE", a->resource);
	add(&d, "LUMENGATE_SEVERITY", a->severity);
	add(&d, "LUMENGATE_CHANGE", w.change);
	add(&d, "LUMENGATE_TIME", a->time);
	add(&d, "LUMENGATE_TEXT", a->text);
	add(&d, "LUMENGATE_NUMBER", w.number);
	if (w.uid[0] != '\0')
		add(&d, "LUMENGATE_UID", w.uid);
	if (w.action[0] != '\0')
		add(&d, "LUMENGATE_ACTION", w.action);
	return d.len;
}
