/* SPDX-License-Identifier: BSD-3-Clause */

/* Alarms to syslog, the journal and webhooks: of gateway and key delivery, and our own. */

#include <errno.h>
#include <stdio.h>

#include "common/clock.h"
#include "control/alarm.h"
#include "control/alarm_json.h"
#include "control/method.h"
#include "control/module.h"
#include "control/web/feed.h"
#include "control/web/journal_sink.h"
#include "control/web/syslog_sink.h"
#include "control/web/webhook_sink.h"
#include "control/web_sinks.h"

#define SINKS_MAX (2 * CONFIG_WEB_SINKS_MAX + 1)
#define ALARM     "web-sink"

static struct sink *sinks[SINKS_MAX];
static unsigned int count;
static uint64_t lost_before[SINKS_MAX];
static struct event *tick;

unsigned int web_sinks_count(void)
{
	return count;
}

void web_sinks_read(unsigned int i, struct sink_state *out)
{
	sink_state_read(sinks[i], out);
}

static void on_alarm(const struct web_alarm *a)
{
	for (unsigned int i = 0; i < count; i++)
		sink_tell(sinks[i], a);
}

/* Those of this program; how a sink fails is told to the others, which may work. */
static void on_own(const struct alarm_change *c)
{
	json_t *data = alarm_change_json(c);
	char when[32];

	on_alarm(&(struct web_alarm){.program = WEB_PROGRAMS,
	                             .source = "web",
	                             .host = "",
	                             .kind = c->kind,
	                             .resource = c->resource,
	                             .text = c->text,
	                             .severity = alarm_severity_name(c->severity),
	                             .time = clock_format(c->time_ns, when),
	                             .data = data});
	json_decref(data);
}

static void watch(unsigned int i)
{
	char resource[64], text[160];
	struct sink_state s;
	uint64_t lost;

	sink_state_read(sinks[i], &s);
	snprintf(resource, sizeof(resource), "web/%s/%s", s.type, s.name);
	lost = s.outbox.lost + s.outbox.refused;
	if (s.outbox.failing) {
		snprintf(text, sizeof(text), "%u messages wait, %llu are lost: %s",
		         s.outbox.waiting, (unsigned long long)lost, s.outbox.last_error);
		alarm_raise(ALARM, resource, lost > 0 ? ALARM_MAJOR : ALARM_MINOR, text);
	} else if (lost == lost_before[i]) {
		alarm_clear(ALARM, resource, "messages are taken");
	}
	lost_before[i] = lost;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	for (unsigned int i = 0; i < count; i++)
		watch(i);
}

/* S, or why there is none. */
static int add(struct sink *s, const char *type, const char *name, struct err *err)
{
	if (s == NULL)
		return err_prefix(err, "/lumengate:web/%s %s", type, name);
	lost_before[count] = 0;
	sinks[count++] = s;
	return 0;
}

static int make_all(const struct config_web *c, struct err *err)
{
	int rc = 0;

	for (unsigned int i = 0; i < c->syslog_count && rc == 0; i++)
		rc = add(syslog_sink_new(&c->syslog[i], err), "syslog", c->syslog[i].name, err);
	if (c->journal.enabled && rc == 0)
		rc = add(journal_sink_new(&c->journal, err), "journal", "", err);
	for (unsigned int i = 0; i < c->webhook_count && rc == 0; i++)
		rc = add(webhook_sink_new(&c->webhook[i], err), "webhook", c->webhook[i].name, err);
	return rc;
}

static void free_all(void)
{
	while (count > 0)
		sink_free(sinks[--count]);
}

static int init(struct app *app, struct err *err)
{
	static const struct web_listener listener = {.alarm = on_alarm};
	const struct timeval second = {1, 0};
	int rc = make_all(app->web, err);

	if (rc != 0) {
		free_all();
		return rc;
	}
	tick = event_new(app->base, -1, EV_PERSIST, on_tick, NULL);
	if (tick == NULL || event_add(tick, &second) != 0) {
		if (tick != NULL)
			event_free(tick);
		free_all();
		return err_set(err, ENOMEM, "out of memory");
	}
	web_listen(&listener);
	alarm_listen(on_own);
	return 0;
}

static void fini(struct app *app)
{
	alarm_unlisten(on_own);
	event_free(tick);
	free_all();
}

static int web_sink_list(const void *params, json_t **result, struct err *err)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < count; i++) {
		struct sink_state s;

		sink_state_read(sinks[i], &s);
		json_array_append_new(
		        list,
		        json_pack("{s:s, s:s, s:s, s:b, s:I, s:i, s:I, s:I, s:I, s:I, s:s}", "name",
		                  s.name, "type", s.type, "target", s.target, "failing",
		                  s.outbox.failing, "sent", (json_int_t)s.outbox.sent, "waiting",
		                  (int)s.outbox.waiting, "retries", (json_int_t)s.outbox.retries,
		                  "refused", (json_int_t)s.outbox.refused, "lost",
		                  (json_int_t)s.outbox.lost, "left_out", (json_int_t)s.left_out,
		                  "last_error", s.outbox.last_error));
	}
	*result = json_pack("{s:o}", "sinks", list);
	return *result != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}

MODULE_DEFINE(web_sinks, .init = init, .fini = fini)
METHOD_DEFINE(web_sink_list, .summary = "Where alarms are told: what was sent, waits, was lost",
              .fn = web_sink_list)
