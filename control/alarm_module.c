/* SPDX-License-Identifier: BSD-3-Clause */

/* What alarms need of time, and where their shelves are kept: beside the keys. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "control/alarm.h"
#include "control/alarm_shelf.h"
#include "control/module.h"

LOG_COMPONENT_DEFINE(alarm_module)

static struct event *tick;

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	alarm_poll();
}

static void open_shelves(const struct app *app)
{
	const char *beside = app->config != NULL ? app->config->keystore.path
	                     : app->kms != NULL  ? app->kms->store.path
	                                         : "";
	const char *slash = strrchr(beside, '/');
	struct err err = {0};
	char path[512];
	int rc;

	if (beside[0] == '\0')
		return;
	snprintf(path, sizeof(path), "%.*s/%salarm-shelves.json",
	         slash != NULL ? (int)(slash - beside) : 1, slash != NULL ? beside : ".",
	         app->kms != NULL ? "kms-" : "");
	rc = alarm_shelf_open(path, clock_wall_ns(), &err);
	/* Alarms that are told though they were shelved harm nobody: no reason not to start. */
	if (rc < 0 && rc != -ENOENT)
		log_err("%s; nothing is shelved", err.text);
	alarm_shelves_changed(false, 0, "shelved before this start");
}

static int init(struct app *app, struct err *err)
{
	const struct timeval second = {1, 0};

	tick = event_new(app->base, -1, EV_PERSIST, on_tick, NULL);
	if (tick == NULL || event_add(tick, &second) != 0) {
		if (tick != NULL)
			event_free(tick);
		return err_set(err, ENOMEM, "no timer for alarms");
	}
	open_shelves(app);
	return 0;
}

static void fini(struct app *app)
{
	event_free(tick);
}

MODULE_DEFINE(alarms, .init = init, .fini = fini)
