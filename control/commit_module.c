/* SPDX-License-Identifier: BSD-3-Clause */

/* What commits need of the process: the folder of the history, and time. */

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "control/candidate.h"
#include "control/commit.h"
#include "control/module.h"

LOG_COMPONENT_DEFINE(commit_module)

#define PERIOD_US 100000

static struct event *timer;

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	commit_poll(clock_mono_ns(), clock_wall_ns());
}

/* Unless it is configured, beside the keys: gateways on one machine do not share those. */
static void open_history(const struct config *config)
{
	char path[sizeof(config->keystore.path) + 16], copy[sizeof(config->keystore.path)];
	struct err err = {0};

	snprintf(copy, sizeof(copy), "%s", config->keystore.path);
	if (config->control.history_directory[0] != '\0')
		snprintf(path, sizeof(path), "%s", config->control.history_directory);
	else
		snprintf(path, sizeof(path), "%s/history", dirname(copy));
	if (commit_history_open(path, &err) != 0)
		log_warn("commits are kept in memory alone: %s", err.text);
}

static int init(struct app *app, struct err *err)
{
	const struct timeval period = {.tv_usec = PERIOD_US};
	int rc;

	/* A program without a text to edit: of tests. */
	if (app->config_source == NULL)
		return 0;
	open_history(app->config);
	rc = commit_start(app->config_source, app->config_file, clock_wall_ns(), err);
	if (rc != 0)
		return rc;
	timer = event_new(app->base, -1, EV_PERSIST, on_timer, NULL);
	if (timer == NULL || event_add(timer, &period) != 0) {
		if (timer != NULL)
			event_free(timer);
		commit_stop();
		return err_set(err, ENOMEM, "out of memory");
	}
	return 0;
}

static void fini(struct app *app)
{
	if (timer == NULL)
		return;
	event_free(timer);
	timer = NULL;
	candidate_discard();
	commit_stop();
	commit_history_close();
}

/* Behind the socket: its lock keeps a second gateway from this history. */
MODULE_DEFINE(commit, .depends_on = {"control_socket"}, .init = init, .fini = fini)
