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
#include "control/status.h"

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

static json_t *read_config(void)
{
	const struct commit_entry *newest = commit_history_at(0);
	struct candidate_state c;
	struct commit_state s;

	if (commit_file() == NULL)
		return NULL;
	candidate_read(&c);
	commit_state_read(clock_mono_ns(), &s);
	return json_pack("{s:I, s:b, s:I, s:I, s:b, s:b, s:s}", "commit",
	                 newest != NULL ? (json_int_t)newest->commit : 0, "saved", s.saved,
	                 "unconfirmed", (json_int_t)s.unconfirmed, "confirm_left_s",
	                 (json_int_t)s.confirm_left_s, "restart_waits", s.restart, "edited", c.held,
	                 "file", commit_file());
}

STATUS_SECTION_DEFINE(config, read_config)

/* Behind the socket: its lock keeps a second gateway from this history. */
MODULE_DEFINE(commit, .depends_on = {"control_socket"}, .init = init, .fini = fini)
