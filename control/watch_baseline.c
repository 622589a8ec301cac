/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/watch_baseline.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "control/fibre_watch.h"
#include "control/watch_store.h"

LOG_COMPONENT_DEFINE(watch_baseline)

#define SAVE_NS (600 * NS_PER_S)

static struct {
	bool started;
	char path[512], identity[256];
	char loaded[256]; /* what came of the file */
	uint64_t next_ns, saved_wall_s;
	bool learnt; /* all of it, at the last look */
	char error[256];
} state;

static uint64_t wall_s(void)
{
	return clock_wall_ns() / NS_PER_S;
}

static void name_file(const struct config *c)
{
	const char *slash = strrchr(c->keystore.path, '/');

	snprintf(state.path, sizeof(state.path), "%.*s/watch-baseline.json",
	         slash != NULL ? (int)(slash - c->keystore.path) : 1,
	         slash != NULL ? c->keystore.path : ".");
	/* What makes another link, or other light on it. */
	snprintf(state.identity, sizeof(state.identity),
	         "link %s site %c mu %g %g p %g %g holdoff %u card %s:%.100s", c->link,
	         c->site == CONFIG_SITE_A ? 'A' : 'B', c->qkd.mu1, c->qkd.mu2, c->qkd.p_mu1,
	         c->qkd.p_z, c->qkd.holdoff_ns, c->qkd.transport, c->qkd.path);
}

/* How many baselines there are to learn from, and whether that is all of them. */
static unsigned int ready(const struct watch_learnt *l)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < l->count; i++)
		n += l->base[i].base->ready;
	return n;
}

void watch_baseline_start(const struct config *config)
{
	struct watch_learnt l;
	struct err err = {0};
	uint64_t age_s = 0;
	int rc;

	memset(&state, 0, sizeof(state));
	if (!config->qkd.enabled || config->keystore.path[0] == '\0')
		return;
	state.started = true;
	name_file(config);
	fibre_watch_learnt(&l);
	rc = watch_store_load(state.path, state.identity, &l, wall_s(), &age_s, &err);
	if (rc == 0) {
		fibre_watch_resume((double)age_s);
		snprintf(state.loaded, sizeof(state.loaded), "loaded, %llu s old",
		         (unsigned long long)age_s);
		log_info("%s: %u of %u baselines learnt before are in force again", state.path,
		         ready(&l), l.count);
	} else if (rc == -ENOENT) {
		snprintf(state.loaded, sizeof(state.loaded), "none");
	} else {
		snprintf(state.loaded, sizeof(state.loaded), "refused: %.200s", err.text);
		log_warn("%s; all is learnt anew", err.text);
	}
	state.learnt = ready(&l) == l.count;
}

static int save(struct err *err)
{
	struct watch_learnt l;
	int rc;

	fibre_watch_learnt(&l);
	rc = watch_store_save(state.path, state.identity, &l, wall_s(), err);
	if (rc == 0) {
		state.saved_wall_s = wall_s();
		state.error[0] = '\0';
	} else if (strcmp(state.error, err->text) != 0) {
		snprintf(state.error, sizeof(state.error), "%s", err->text);
		log_warn("%s", err->text);
	}
	return rc;
}

/* Before anything is learnt there is nothing that could replace a file. */
static void save_learnt(void)
{
	struct watch_learnt l;
	struct err err = {0};

	fibre_watch_learnt(&l);
	if (ready(&l) > 0)
		save(&err);
}

void watch_baseline_poll(uint64_t now_ns)
{
	struct watch_learnt l;
	bool all;

	if (!state.started)
		return;
	if (state.next_ns == 0)
		state.next_ns = now_ns + SAVE_NS;
	fibre_watch_learnt(&l);
	all = ready(&l) == l.count;
	if (now_ns < state.next_ns && (!all || state.learnt))
		return;
	state.learnt = all;
	state.next_ns = now_ns + SAVE_NS;
	save_learnt();
}

void watch_baseline_stop(void)
{
	if (state.started)
		save_learnt();
	state.started = false;
}

int watch_baseline_approve(struct err *err)
{
	fibre_watch_accept();
	return state.started ? save(err) : 0;
}

int watch_baseline_relearn(struct err *err)
{
	fibre_watch_relearn();
	state.learnt = false;
	return state.started ? save(err) : 0;
}

json_t *watch_baseline_json(void)
{
	json_t *list = json_array();
	struct watch_learnt l;

	fibre_watch_learnt(&l);
	for (unsigned int i = 0; i < l.count; i++) {
		const struct baseline *b = l.base[i].base;

		json_array_append_new(list, json_pack("{s:s, s:b, s:f, s:f, s:f, s:f, s:f}",
		                                      "baseline", l.base[i].name, "learnt",
		                                      b->ready, "seconds", b->seconds, "reference",
		                                      b->reference, "value", b->value, "spread",
		                                      b->spread, "recent", b->recent));
	}
	return json_pack("{s:s, s:s, s:I, s:s, s:o}", "file", state.path, "at_start", state.loaded,
	                 "saved", (json_int_t)state.saved_wall_s, "error", state.error, "baselines",
	                 list);
}
