/* SPDX-License-Identifier: BSD-3-Clause */

/* Looks for events of the running gateway. */

#include <errno.h>

#include "common/clock.h"
#include "control/event_watch.h"
#include "control/methods_block.h"
#include "control/module.h"
#include "control/site.h"

#define PERIOD_US 100000

static struct event *timer;
static struct event_seen otdr_seen;

static json_t *otdr_json(void)
{
	json_t *o = site_otdr() != NULL && event_wanted(EVENT_JOB) ? otdr_state(site_otdr()) : NULL;

	if (o == NULL)
		return NULL;
	json_object_del(o, "baseline");
	json_object_set_new(o, "job", json_string("otdr"));
	return o;
}

static void look(void)
{
	event_watch_poll(clock_mono_ns());
	event_watch_compare(&otdr_seen, EVENT_JOB, otdr_json());
	methods_block_poll();
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	look();
}

static int start(struct app *app, struct err *err)
{
	const struct timeval period = {.tv_usec = PERIOD_US};

	timer = event_new(app->base, -1, EV_PERSIST, on_timer, NULL);
	if (timer == NULL || event_add(timer, &period) != 0) {
		if (timer != NULL)
			event_free(timer);
		return err_set(err, ENOMEM, "out of memory");
	}
	event_look_set(look);
	return 0;
}

static void stop(struct app *app)
{
	event_look_set(NULL);
	event_free(timer);
	event_watch_reset();
	event_watch_compare(&otdr_seen, EVENT_JOB, NULL);
}

MODULE_DEFINE(events, .depends_on = {"control_socket", "site"}, .start = start, .stop = stop)
