/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/sink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINGER_MS 1000

struct sink {
	const struct sink_type *type;
	char name[64], target[300];
	int least;
	void *ctx;
	json_t *told; /* alarms whose end is to be told, by their names */
	struct outbox *outbox;
	uint64_t left_out;
};

int sink_severity(const char *name)
{
	for (int s = ALARM_CLEARED; s <= ALARM_CRITICAL; s++)
		if (strcmp(alarm_severity_name((enum alarm_severity)s), name) == 0)
			return s;
	return -1;
}

struct sink *sink_new(const struct sink_config *config, struct err *err)
{
	struct sink *s = calloc(1, sizeof(*s));
	struct outbox_config outbox = config->outbox;

	if (s == NULL) {
		config->type->free(config->ctx);
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	s->type = config->type;
	s->ctx = config->ctx;
	s->least = sink_severity(config->severity);
	snprintf(s->name, sizeof(s->name), "%s", config->name);
	snprintf(s->target, sizeof(s->target), "%s", config->target);
	s->told = json_object();
	outbox.send = config->type->send;
	outbox.ctx = config->ctx;
	s->outbox = outbox_create(&outbox, err);
	if (s->outbox != NULL && s->told != NULL)
		return s;
	sink_free(s);
	return NULL;
}

void sink_free(struct sink *s)
{
	if (s == NULL)
		return;
	outbox_destroy(s->outbox, LINGER_MS);
	s->type->free(s->ctx);
	json_decref(s->told);
	free(s);
}

/* Is this to be told? What became less than the least is, once, and then nothing any more. */
static bool wanted(struct sink *s, const struct web_alarm *a)
{
	int severity = sink_severity(a->severity);
	char key[160];
	bool told;

	snprintf(key, sizeof(key), "%s\n%s\n%s", a->source, a->kind, a->resource);
	told = json_object_get(s->told, key) != NULL;
	/* Nobody is told of a shelved one from now on: its end would be news of nothing. */
	if (severity >= s->least && !json_is_true(json_object_get(a->data, "shelved"))) {
		if (!told)
			json_object_set_new(s->told, key, json_true());
		return true;
	}
	json_object_del(s->told, key);
	return told;
}

void sink_tell(struct sink *s, const struct web_alarm *a)
{
	static char message[SINK_MESSAGE_MAX];
	size_t len;

	if (!wanted(s, a)) {
		s->left_out++;
		return;
	}
	len = s->type->format(s->ctx, a, message);
	if (len > 0)
		outbox_put(s->outbox, message, len);
}

void sink_state_read(struct sink *s, struct sink_state *out)
{
	*out = (struct sink_state){.type = s->type->name,
	                           .name = s->name,
	                           .target = s->target,
	                           .left_out = s->left_out};
	outbox_stats_read(s->outbox, &out->outbox);
}
