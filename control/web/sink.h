/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Where alarms go: syslog, the journal, webhooks. A sink is told each change of an alarm; those
 * below its severity it leaves out, but never the end of what it told. Main thread; each has a
 * thread of its own for what waits (outbox.h).
 */

#ifndef CONTROL_WEB_SINK_H
#define CONTROL_WEB_SINK_H

#include <jansson.h>

#include "control/alarm_kinds.h"
#include "control/web/feed.h"
#include "control/web/outbox.h"

#define SINK_MESSAGE_MAX 8192

struct sink_type {
	const char *name; /* "syslog", "journal", "webhook" */
	/* The message's length, SINK_MESSAGE_MAX at most; 0: it cannot be said. Main thread. */
	size_t (*format)(void *ctx, const struct web_alarm *a, char *out);
	outbox_send_fn send; /* with the same CTX */
	void (*free)(void *ctx);
};

struct sink_config {
	const struct sink_type *type;
	const char *name;            /* of the configuration */
	const char *target;          /* where to, for people */
	const char *severity;        /* the least that is told, by name */
	struct outbox_config outbox; /* without send and ctx */
	void *ctx;                   /* taken over, also when there is no sink */
};

struct sink;
struct sink *sink_new(const struct sink_config *config, struct err *err);
void sink_free(struct sink *s); /* NULL is nothing */

void sink_tell(struct sink *s, const struct web_alarm *a);

struct sink_state {
	const char *type, *name, *target;
	struct outbox_stats outbox;
	uint64_t left_out; /* below its severity */
};
void sink_state_read(struct sink *s, struct sink_state *out);

/* -1: there is none of that name. */
int sink_severity(const char *name);

#endif
