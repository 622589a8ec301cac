/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The programs that lumengate-web asks, and what they tell of themselves: for its modules. A module
 * registers what it wants to hear before the feed starts, that is in its init():
 *
 *     static const struct web_listener listener = {.alarm = on_alarm};
 *     static int init(struct app *app, struct err *err)
 *     {
 *             web_listen(&listener);
 *             return 0;
 *     }
 *     MODULE_DEFINE(web_syslog, .init = init, .fini = fini)
 */

#ifndef CONTROL_WEB_FEED_H
#define CONTROL_WEB_FEED_H

#include "common/err.h"
#include "config/config_web.h"
#include "control/web/source.h"

#define WEB_LISTENERS_MAX 16

enum web_program { WEB_GATEWAY, WEB_KMS, WEB_PROGRAMS };

/* One change of an alarm. Texts are valid during the call. */
struct web_alarm {
	enum web_program program;
	const char *source; /* "gateway", "kms" */
	const char *host;   /* name of the gateway, or KME ID; "": not known yet */
	const char *kind, *resource, *text;
	const char *severity; /* "warning" to "critical", "cleared" */
	const char *time;     /* when it changed, RFC 3339 in UTC */
	/* It was so before we knew: lumengate-web, or the program, has started, or they lost
	 * each other. What changed meanwhile comes but once, as it stands now. */
	bool standing;
	const json_t *data; /* all that the event has, or the entry of alarm_list */
};

/* Any may be NULL. */
struct web_listener {
	void (*polled)(enum web_program program); /* new figures */
	void (*lost)(enum web_program program, const char *why);
	void (*alarm)(const struct web_alarm *alarm);
	/* Events of all topics, as they come: topic, time, data. */
	void (*event)(enum web_program program, const json_t *params);
};

void web_listen(const struct web_listener *listener);

int web_feed_start(struct event_base *base, const struct config_web *config, struct err *err);
void web_feed_stop(void);

/* NULL: the configuration has none. */
const struct source *web_source(enum web_program program);
const char *web_program_name(enum web_program program);

/* Alarms of PROGRAM that are raised, by what is known: FN for each. */
void web_alarms_each(enum web_program program, void (*fn)(void *ctx, const struct web_alarm *a),
                     void *ctx);

#endif
