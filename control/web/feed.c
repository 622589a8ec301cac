/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "control/web/alarm_table.h"

LOG_COMPONENT_DEFINE(web_feed)

#define LIST_PAGE 200

static const struct source_config sources[WEB_PROGRAMS] = {
        [WEB_GATEWAY] = {.name = "gateway",
                         .poll = {{"status", NULL, NULL}, {"tunnel_list", "tunnels", "name"}}},
        [WEB_KMS] = {.name = "kms",
                     .poll = {{"kms_status", NULL, NULL},
                              {"kms_store", NULL, NULL},
                              {"kms_usage", "saes", "id"}}},
};

static struct program {
	struct source *source;
	struct alarm_table alarms;
	bool told_lost;
} programs[WEB_PROGRAMS];

static const struct web_listener *listeners[WEB_LISTENERS_MAX];
static unsigned int listener_count;

void web_listen(const struct web_listener *listener)
{
	if (listener_count == WEB_LISTENERS_MAX)
		abort();
	listeners[listener_count++] = listener;
}

static enum web_program program_of(const struct program *p)
{
	return (enum web_program)(p - programs);
}

const struct source *web_source(enum web_program program)
{
	return programs[program].source;
}

const char *web_program_name(enum web_program program)
{
	return sources[program].name;
}

static const char *text_of(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text != NULL ? text : "";
}

/* What the site calls it. */
static const char *host_of(enum web_program program)
{
	const json_t *status;

	if (program == WEB_KMS)
		return text_of(source_get(programs[program].source, "kms_status"), "kme");
	status = source_get(programs[program].source, "status");
	return text_of(json_object_get(status, "gateway"), "name");
}

static void describe(enum web_program program, const json_t *data, struct web_alarm *out)
{
	*out = (struct web_alarm){
	        .program = program,
	        .source = sources[program].name,
	        .host = host_of(program),
	        .kind = text_of(data, "kind"),
	        .resource = text_of(data, "resource"),
	        .text = text_of(data, "text"),
	        .severity = text_of(data, "severity"),
	        .time = text_of(data, "time"),
	        .data = data,
	};
}

static void on_change(void *program, const json_t *data, bool standing)
{
	struct web_alarm a;
	char now[32];

	describe(program_of(program), data, &a);
	a.standing = standing;
	/* When it was cleared nobody saw. */
	if (standing && strcmp(a.severity, "cleared") == 0)
		a.time = clock_format(clock_wall_ns(), now);
	for (unsigned int i = 0; i < listener_count; i++)
		if (listeners[i]->alarm != NULL)
			listeners[i]->alarm(&a);
}

void web_alarms_each(enum web_program program, void (*fn)(void *ctx, const struct web_alarm *a),
                     void *ctx)
{
	const char *key;
	json_t *data;

	json_object_foreach (programs[program].alarms.raised, key, data) {
		struct web_alarm a;

		describe(program, data, &a);
		fn(ctx, &a);
	}
}

static void ask_alarms(struct program *p, json_int_t offset);

static void on_alarm_page(void *program, const json_t *result, const char *why)
{
	struct program *p = program;
	const json_t *page = json_object_get(result, "alarms");

	if (result == NULL) {
		log_warn("%s: alarms are not known: %s", source_name(p->source), why);
		return;
	}
	if (!alarm_table_list_page(&p->alarms, result, on_change, p))
		ask_alarms(p, json_integer_value(json_object_get(result, "offset")) +
		                      (json_int_t)json_array_size(page));
}

static void ask_alarms(struct program *p, json_int_t offset)
{
	json_t *params = json_pack("{s:I, s:i}", "offset", offset, "limit", LIST_PAGE);

	if (source_call(p->source, "alarm_list", params, on_alarm_page, p) != 0)
		log_warn("%s: alarms are not asked for", source_name(p->source));
}

static void on_subscribed(void *program, const json_t *result, const char *why)
{
	struct program *p = program;

	if (result == NULL) {
		log_warn("%s: no events: %s", source_name(p->source), why);
		return;
	}
	/* Events come from here on: what the list says is not older than that. */
	alarm_table_list_begin(&p->alarms);
	ask_alarms(p, 0);
}

static void on_connected(void *program, struct source *s)
{
	struct program *p = program;

	log_info("%s: connected", source_name(s));
	p->told_lost = false;
	source_call(s, "subscribe", NULL, on_subscribed, p);
}

static void on_lost(void *program, struct source *s, const char *why)
{
	struct program *p = program;

	/* Each second it is tried again. */
	if (!p->told_lost)
		log_warn("%s: %s", source_name(s), why);
	p->told_lost = true;
	for (unsigned int i = 0; i < listener_count; i++)
		if (listeners[i]->lost != NULL)
			listeners[i]->lost(program_of(p), why);
}

static void on_event(void *program, struct source *s, const json_t *params)
{
	struct program *p = program;

	if (strcmp(text_of(params, "topic"), "alarm") == 0)
		alarm_table_event(&p->alarms, json_object_get(params, "data"),
		                  text_of(params, "time"), on_change, p);
	for (unsigned int i = 0; i < listener_count; i++)
		if (listeners[i]->event != NULL)
			listeners[i]->event(program_of(p), params);
}

static void on_polled(void *program, struct source *s)
{
	for (unsigned int i = 0; i < listener_count; i++)
		if (listeners[i]->polled != NULL)
			listeners[i]->polled(program_of(program));
}

static int start_program(struct event_base *base, enum web_program which, const char *socket,
                         uint32_t poll_s, struct err *err)
{
	static const struct source_ops ops = {on_connected, on_lost, on_event, on_polled};
	struct source_config config = sources[which];
	struct program *p = &programs[which];

	config.socket = socket;
	config.interval_ms = poll_s * 1000;
	if (!alarm_table_init(&p->alarms))
		return err_set(err, ENOMEM, "%s: out of memory", config.name);
	p->source = source_new(base, &config, &ops, p);
	if (p->source == NULL)
		return err_set(err, ENOMEM, "%s: out of memory", config.name);
	return 0;
}

int web_feed_start(struct event_base *base, const struct config_web *config, struct err *err)
{
	int rc = start_program(base, WEB_GATEWAY, config->gateway_socket, config->poll_s, err);

	if (rc == 0 && config->kms_socket[0] != '\0')
		rc = start_program(base, WEB_KMS, config->kms_socket, config->poll_s, err);
	if (rc != 0)
		web_feed_stop();
	return rc;
}

void web_feed_stop(void)
{
	for (unsigned int i = 0; i < WEB_PROGRAMS; i++) {
		source_free(programs[i].source);
		alarm_table_free(&programs[i].alarms);
		programs[i] = (struct program){0};
	}
}
