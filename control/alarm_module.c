/* SPDX-License-Identifier: BSD-3-Clause */

/* What alarms need of time, and where history and shelves are kept: beside the keys. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "control/alarm.h"
#include "control/alarm_log.h"
#include "control/alarm_shelf.h"
#include "control/module.h"

LOG_COMPONENT_DEFINE(alarm_module)

static struct event *tick;

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	alarm_poll();
}

static bool name_file(const struct app *app, const char *name, char path[512])
{
	const char *beside = app->config != NULL ? app->config->keystore.path
	                     : app->kms != NULL  ? app->kms->store.path
	                                         : "";
	const char *slash = strrchr(beside, '/');

	snprintf(path, 512, "%.*s/%s%s", slash != NULL ? (int)(slash - beside) : 1,
	         slash != NULL ? beside : ".", app->kms != NULL ? "kms-" : "", name);
	return beside[0] != '\0';
}

/* Whatever is wrong with these files: alarms are told all the same, and the program starts. */
static void open_files(const struct app *app)
{
	struct err err = {0};
	char path[512];
	int rc;

	if (!name_file(app, "alarm-history.jsonl", path))
		return;
	if (alarm_log_open(path, alarm_restore, &err) != 0)
		log_err("%s: the history of alarms is kept in memory alone", err.text);
	alarm_restored();
	name_file(app, "alarm-shelves.json", path);
	rc = alarm_shelf_open(path, clock_wall_ns(), &err);
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
	open_files(app);
	return 0;
}

static void fini(struct app *app)
{
	event_free(tick);
	alarm_log_close();
}

MODULE_DEFINE(alarms, .init = init, .fini = fini)
