/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "control/event.h"

LOG_COMPONENT_DEFINE(audit)

static struct audit_entry ring[AUDIT_ENTRIES_MAX];
static struct audit_counts counts;
static uint64_t refused_second;
static unsigned int refused_in_second;
static uint64_t (*clock_now)(void) = clock_wall_ns;

void audit_reset(uint64_t (*wall_ns)(void))
{
	for (size_t i = 0; i < AUDIT_ENTRIES_MAX; i++)
		free(ring[i].params);
	memset(ring, 0, sizeof(ring));
	counts = (struct audit_counts){0};
	refused_second = refused_in_second = 0;
	clock_now = wall_ns != NULL ? wall_ns : clock_wall_ns;
}

/* VALUE, or its size where it is long. */
static json_t *shown(const struct method_param *p, const json_t *value)
{
	json_t *o;
	char *text;
	size_t n;

	if (p->secret)
		return json_string("(secret)");
	if (json_is_string(value)) {
		n = json_string_length(value);
		return n <= AUDIT_TEXT_MAX ? json_deep_copy(value)
		                           : json_sprintf("(string of %zu bytes)", n);
	}
	text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	n = text != NULL ? strlen(text) : 0;
	o = n <= AUDIT_TEXT_MAX ? json_deep_copy(value) : json_sprintf("(object of %zu bytes)", n);
	free(text);
	return o;
}

/* Parameters that the method has: what goes by another name may be a secret in the wrong place. */
static char *params_text(const struct method *m, const json_t *params)
{
	json_t *o = json_object();
	char *text;

	for (size_t i = 0; i < m->param_count; i++) {
		const json_t *value = json_object_get(params, m->params[i].name);

		if (value != NULL)
			json_object_set_new(o, m->params[i].name, shown(&m->params[i], value));
	}
	/* Control characters and what only looks like others are escaped: one line, as it was. */
	text = json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(o);
	return text;
}

/* An unprivileged client may be refused as often as it likes, but not fill the log with it. */
static bool too_many_refusals(uint64_t now)
{
	if (now / NS_PER_S != refused_second) {
		refused_second = now / NS_PER_S;
		refused_in_second = 0;
	}
	return refused_in_second++ >= AUDIT_REFUSALS_MAX;
}

/* The reason without what might break the line. */
static void copy_line(char *out, size_t size, const char *text)
{
	size_t n = 0;

	for (; *text != '\0' && n + 1 < size; text++)
		out[n++] = *text >= ' ' && *text <= '~' ? *text : '?';
	out[n] = '\0';
}

void audit_record(const struct method *m, const json_t *params, const struct jsonrpc_error *error)
{
	const struct method_caller *who = method_caller();
	uint64_t now = clock_now();
	struct audit_entry *e;

	if (error->code == JSONRPC_FORBIDDEN && too_many_refusals(now)) {
		counts.suppressed++;
		return;
	}
	e = &ring[counts.recorded++ % AUDIT_ENTRIES_MAX];
	free(e->params);
	*e = (struct audit_entry){
	        .number = counts.recorded,
	        .time_ns = now,
	        .uid = who->uid,
	        .pid = who->pid,
	        .method = m->name,
	        .params = params_text(m, params),
	        .code = error->code,
	};
	if (error->code != 0)
		copy_line(e->reason, sizeof(e->reason), error->text);
	/* Not by log_info(): whoever may set levels must not be able to hide. */
	log_write(&log_component_, e->code == 0 ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
	          "uid=%u pid=%d method=%s code=%d %s%s%sparams=%s", (unsigned int)e->uid,
	          (int)e->pid, e->method, e->code, e->code != 0 ? "reason=\"" : "", e->reason,
	          e->code != 0 ? "\" " : "", e->params != NULL ? e->params : "?");
	if (event_wanted(EVENT_AUDIT))
		event_publish(EVENT_AUDIT, audit_entry_json(e));
}

json_t *audit_entry_json(const struct audit_entry *e)
{
	json_t *params = e->params != NULL ? json_loads(e->params, 0, NULL) : NULL;
	char when[32];

	return json_pack("{s:I, s:s, s:I, s:i, s:s, s:o, s:i, s:s}", "number",
	                 (json_int_t)e->number, "time", clock_format(e->time_ns, when), "uid",
	                 (json_int_t)e->uid, "pid", (int)e->pid, "method", e->method, "params",
	                 params != NULL ? params : json_null(), "code", e->code, "result",
	                 e->code == 0 ? "done" : e->reason);
}

const struct audit_entry *audit_at(size_t i)
{
	if (i >= counts.recorded || i >= AUDIT_ENTRIES_MAX)
		return NULL;
	return &ring[(counts.recorded - 1 - i) % AUDIT_ENTRIES_MAX];
}

void audit_counts_read(struct audit_counts *out)
{
	*out = counts;
}
