/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/commit.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "control/alarm.h"
#include "control/commit_check.h"
#include "control/commit_revert.h"
#include "control/file_replace.h"
#include "control/gateway.h"

LOG_COMPONENT_DEFINE(commit)

#define ALARM_KIND     "config-rolled-back"
#define ALARM_RESOURCE "config"
#define RETRY_NS       NS_PER_S
#define FILE_MODE      0640

static struct {
	struct config_doc *running, *waiting; /* waiting for the next start; NULL: none does */
	struct config_doc *before;            /* what an unconfirmed commit is taken back to */
	uint64_t unconfirmed, deadline_ns, confirm_s;
	char file[PATH_MAX];
	bool saved;
} state;

const struct config_doc *commit_running(void)
{
	return state.running;
}

const struct config_doc *commit_newest(void)
{
	return state.waiting != NULL ? state.waiting : state.running;
}

const char *commit_file(void)
{
	return state.running != NULL ? state.file : NULL;
}

/* From the file: a directory service might let the control thread wait. */
static void user_name(uid_t uid, char out[COMMIT_USER_MAX + 1])
{
	FILE *f = fopen("/etc/passwd", "re");
	const struct passwd *p;

	snprintf(out, COMMIT_USER_MAX + 1, "%u", (unsigned int)uid);
	while (f != NULL && (p = fgetpwent(f)) != NULL)
		if (p->pw_uid == uid) {
			snprintf(out, COMMIT_USER_MAX + 1, "%s", p->pw_name);
			break;
		}
	if (f != NULL)
		fclose(f);
}

/* WARNING: why it is not on the disk; it is no reason to take a commit back. */
static uint64_t remember(const char *text, uid_t uid, const char *comment, bool restart,
                         uint64_t wall_ns, char *warning, size_t size)
{
	struct commit_entry e = {.time_ns = wall_ns, .uid = uid, .restart = restart};
	struct err err = {0};

	user_name(uid, e.user);
	snprintf(e.comment, sizeof(e.comment), "%s", comment != NULL ? comment : "");
	if (commit_history_add(&e, text, &err) != 0) {
		snprintf(warning, size, "in memory alone: %s", err.text);
		log_warn("commit %llu is kept %s", (unsigned long long)e.commit, warning);
	}
	return e.commit;
}

int commit_start(const char *text, const char *file, uint64_t wall_ns, struct err *err)
{
	char *plain = NULL, *newest = NULL, warning[256];
	int rc;

	commit_stop();
	if (realpath(file, state.file) == NULL)
		snprintf(state.file, sizeof(state.file), "%s", file);
	rc = config_doc_parse(text, &state.running, err);
	if (rc != 0)
		return rc;
	plain = config_doc_text(state.running);
	if (plain == NULL)
		return err_set(err, ENOMEM, "out of memory");
	if (commit_history_text(0, &newest, NULL) != 0 || strcmp(plain, newest) != 0)
		remember(plain, geteuid(), "read at start", false, wall_ns, warning,
		         sizeof(warning));
	free(newest);
	free(plain);
	state.saved = true;
	return 0;
}

static void forget_before(void)
{
	config_doc_free(state.before);
	state.before = NULL;
	state.unconfirmed = 0;
}

void commit_stop(void)
{
	forget_before();
	config_doc_free(state.running);
	config_doc_free(state.waiting);
	memset(&state, 0, sizeof(state));
}

/* What CHECK found is what runs; 0, or nothing has changed. */
static int apply(const struct commit_check *check, struct err *err)
{
	int rc = 0;

	if (gateway_config() == NULL || gateway_ops()->config_apply == NULL)
		return err_set(err, ENOTCONN, "the gateway is not running");
	if (memcmp(check->next, gateway_config(), sizeof(*check->next)) != 0)
		rc = gateway_ops()->config_apply(check->next, err);
	return rc == 0 ? gateway_config_set(check->next, check->normal, err) : rc;
}

static int write_file(const char *text, struct err *err)
{
	int rc = file_replace(state.file, text, FILE_MODE, err);

	if (rc == 0)
		state.saved = true;
	return rc;
}

/* Nothing of it is applied: it holds from the next start on. */
static int commit_waiting(struct config_doc *doc, const char *text,
                          const struct commit_request *request, struct err *err)
{
	int rc;

	if (request->confirm_s != 0)
		return err_set(err, EINVAL,
		               "/params/confirm_timeout: what waits for a restart cannot be "
		               "confirmed");
	rc = write_file(text, err);
	if (rc != 0)
		return rc;
	config_doc_free(state.waiting);
	state.waiting = doc;
	forget_before();
	return 0;
}

static int commit_live(struct config_doc *doc, const char *text, const struct commit_check *check,
                       const struct commit_request *request, uint64_t mono_ns,
                       struct commit_result *out, struct err *err)
{
	int rc;

	if (request->confirm_s != 0 && state.waiting != NULL)
		return err_set(err, EBUSY,
		               "a commit waits for a restart: one that is to be confirmed cannot "
		               "take its place");
	rc = apply(check, err);
	if (rc != 0)
		return rc;
	if (request->confirm_s == 0) {
		forget_before();
		config_doc_free(state.running);
	} else if (state.before == NULL) {
		state.before = state.running;
	} else {
		config_doc_free(state.running);
	}
	state.running = doc;
	state.saved = false;
	if (request->confirm_s != 0) {
		state.confirm_s = request->confirm_s;
		state.deadline_ns = mono_ns + request->confirm_s * NS_PER_S;
	}
	/* The one that waited is in the file, and has been replaced. */
	if (state.waiting != NULL) {
		struct err why = {0};

		config_doc_free(state.waiting);
		state.waiting = NULL;
		if (write_file(text, &why) != 0)
			snprintf(out->warning, sizeof(out->warning),
			         "the file still has the one that waited for a restart: %s",
			         why.text);
	}
	return 0;
}

int commit_document(const struct config_doc *doc, const struct commit_request *request,
                    uint64_t mono_ns, uint64_t wall_ns, struct commit_result *out, struct err *err)
{
	struct config_doc *copy = NULL;
	struct commit_check check;
	char *text, *newest;
	bool restart;
	int rc;

	*out = (struct commit_result){0};
	if (state.running == NULL)
		return err_set(err, ENOTCONN, "no configuration is loaded");
	text = config_doc_text(doc);
	newest = config_doc_text(commit_newest());
	if (text == NULL || newest == NULL || (copy = config_doc_dup(doc)) == NULL) {
		rc = err_set(err, ENOMEM, "out of memory");
		goto out;
	}
	rc = commit_check(text, &check, err);
	if (rc != 0)
		goto out;
	restart = json_array_size(check.restart) > 0;
	if (restart && !request->restart_accepted) {
		char sentence[256];

		commit_check_sentence(&check, sentence, sizeof(sentence));
		rc = err_set(err, EPERM, "%s", sentence);
	} else if (restart) {
		rc = commit_waiting(copy, text, request, err);
	} else {
		rc = commit_live(copy, text, &check, request, mono_ns, out, err);
	}
	commit_check_free(&check);
	if (rc != 0)
		goto out;
	copy = NULL;
	out->restart = restart;
	alarm_clear(ALARM_KIND, ALARM_RESOURCE, "another configuration was committed");
	if (strcmp(text, newest) != 0)
		out->commit = remember(text, request->uid, request->comment, restart, wall_ns,
		                       out->warning, sizeof(out->warning));
	if (state.before != NULL)
		state.unconfirmed = out->commit != 0 ? out->commit : commit_history_at(0)->commit;
out:
	config_doc_free(copy);
	free(text);
	free(newest);
	return rc;
}

int commit_confirm(struct err *err)
{
	if (state.before == NULL)
		return err_set(err, ENOENT, "no commit waits to be confirmed");
	forget_before();
	alarm_clear(ALARM_KIND, ALARM_RESOURCE, "a commit was confirmed");
	return 0;
}

int commit_save(struct err *err)
{
	char *text;
	int rc;

	if (state.running == NULL)
		return err_set(err, ENOTCONN, "no configuration is loaded");
	if (state.before != NULL)
		return err_set(err, EBUSY, "commit %llu is to be confirmed before",
		               (unsigned long long)state.unconfirmed);
	text = config_doc_text(commit_newest());
	if (text == NULL)
		return err_set(err, ENOMEM, "out of memory");
	rc = write_file(text, err);
	free(text);
	return rc;
}

void commit_poll(uint64_t mono_ns, uint64_t wall_ns)
{
	struct commit_request request = {.uid = geteuid()};
	struct commit_result result;
	struct config_doc *before = state.before;
	uint64_t commit = state.unconfirmed;
	struct err err = {0};
	char text[160];
	int rc;

	if (before == NULL || mono_ns < state.deadline_ns)
		return;
	snprintf(text, sizeof(text),
	         "commit %llu was taken back: nobody confirmed it within %llu s",
	         (unsigned long long)commit, (unsigned long long)state.confirm_s);
	request.comment = text;
	state.before = NULL;
	rc = commit_document(before, &request, mono_ns, wall_ns, &result, &err);
	if (rc == 0) {
		config_doc_free(before);
		state.unconfirmed = 0;
	} else {
		state.before = before;
		state.unconfirmed = commit;
		state.deadline_ns = mono_ns + RETRY_NS;
		snprintf(text, sizeof(text), "commit %llu cannot be taken back: %.100s",
		         (unsigned long long)commit, err.text);
	}
	commit_reverted(commit, rc, &err);
	alarm_raise(ALARM_KIND, ALARM_RESOURCE, rc == 0 ? ALARM_WARNING : ALARM_CRITICAL, text);
}

void commit_state_read(uint64_t mono_ns, struct commit_state *out)
{
	*out = (struct commit_state){
	        .unconfirmed = state.before != NULL ? state.unconfirmed : 0,
	        .restart = state.waiting != NULL,
	        .saved = state.saved,
	};
	if (state.before != NULL && state.deadline_ns > mono_ns)
		out->confirm_left_s = (state.deadline_ns - mono_ns + NS_PER_S - 1) / NS_PER_S;
}
