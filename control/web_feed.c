/* SPDX-License-Identifier: BSD-3-Clause */

/* The feed as a module: it starts when all have said what they want to hear. */

#include "control/alarm.h"
#include "control/module.h"
#include "control/web/feed.h"

#define NO_ANSWER "web-no-answer"

static void on_polled(enum web_program program)
{
	struct source_state state;

	source_state_read(web_source(program), &state);
	if (state.up)
		alarm_clear(NO_ANSWER, web_program_name(program), "it answers");
	else
		alarm_raise(NO_ANSWER, web_program_name(program), ALARM_MAJOR, state.why);
}

static void on_lost(enum web_program program, const char *why)
{
	alarm_raise(NO_ANSWER, web_program_name(program), ALARM_MAJOR, why);
}

static int init(struct app *app, struct err *err)
{
	static const struct web_listener listener = {.polled = on_polled, .lost = on_lost};

	web_listen(&listener);
	return 0;
}

static int start(struct app *app, struct err *err)
{
	return web_feed_start(app->base, app->web, err);
}

static void stop(struct app *app)
{
	web_feed_stop();
}

MODULE_DEFINE(web_feed, .init = init, .start = start, .stop = stop)
