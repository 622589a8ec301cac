/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/otdr.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "control/alarm.h"
#include "control/otdr_state.h"
#include "drivers/trace_sor.h"

LOG_COMPONENT_DEFINE(otdr)

#define FIRST_NS (10 * NS_PER_S)
/* Samples of a tenth of the pulse: its edge is worth placing. */
#define SAMPLE_PS_PER_NS 98
/* Of what averages take, before one is given up. */
#define LATE_TIMES    2
#define LATE_NS       (30 * NS_PER_S)
#define FAILED_ALARM  2 /* in a row */
#define LIGHT_M_PER_S 299792458.0

static void history_path(const struct config *config, char *out, size_t size)
{
	const char *slash = strrchr(config->keystore.path, '/');

	if (config->qkd.otdr.history[0] != '\0')
		snprintf(out, size, "%s", config->qkd.otdr.history);
	else
		snprintf(out, size, "%.*s/otdr.db",
		         slash != NULL ? (int)(slash - config->keystore.path) : 1,
		         slash != NULL ? config->keystore.path : ".");
}

static void forget_baseline(struct otdr *o)
{
	if (o->has_baseline)
		trace_baseline_free(&o->baseline);
	o->has_baseline = false;
	o->compared = false;
	trace_watch_reset(&o->watch);
	memset(o->quiet, 0, sizeof(o->quiet));
}

/* The traces IDS from the history as the baseline. */
static int make_baseline(struct otdr *o, const int64_t *ids, unsigned int n, struct err *err)
{
	static struct trace traces[TRACE_BASELINE_MAX];
	struct trace_baseline made;
	unsigned int have = 0;
	int rc = 0;

	for (; rc == 0 && have < n; have += rc == 0)
		rc = otdr_store_read(o->store, ids[have], &traces[have], NULL, err);
	if (rc == 0)
		rc = trace_baseline_make(&made, traces, n, err);
	for (unsigned int i = 0; i < have; i++)
		trace_free(&traces[i]);
	if (rc < 0)
		return rc;
	forget_baseline(o);
	o->baseline = made;
	o->has_baseline = true;
	o->baseline_error[0] = '\0';
	return 0;
}

static void load_baseline(struct otdr *o)
{
	int64_t ids[TRACE_BASELINE_MAX];
	unsigned int n = otdr_store_baseline(o->store, ids, TRACE_BASELINE_MAX);
	struct err err = {0};

	if (n > 0 && make_baseline(o, ids, n, &err) < 0) {
		log_warn("%s: %s", o->resource, err.text);
		memcpy(o->baseline_error, err.text, sizeof(o->baseline_error));
	}
}

struct otdr *otdr_create(const struct config *config, const char *resource, struct err *err)
{
	struct otdr *o = calloc(1, sizeof(*o));
	char path[512];

	if (o == NULL) {
		err_set(err, ENOMEM, "otdr: out of memory");
		return NULL;
	}
	snprintf(o->resource, sizeof(o->resource), "%s", resource);
	snprintf(o->link, sizeof(o->link), "%s", config->link);
	o->site_a = config->site == CONFIG_SITE_A;
	history_path(config, path, sizeof(path));
	if (otdr_store_open(path, &o->store, err) < 0) {
		char text[200];

		o->forgets = true;
		snprintf(text, sizeof(text), "%.140s; traces are kept until the gateway stops",
		         err->text);
		alarm_raise("otdr-history", resource, ALARM_WARNING, text);
		if (otdr_store_open(":memory:", &o->store, err) < 0) {
			free(o);
			return NULL;
		}
	}
	load_baseline(o);
	return o;
}

void otdr_destroy(struct otdr *o)
{
	if (o == NULL)
		return;
	forget_baseline(o);
	otdr_store_close(o->store);
	free(o);
}

static void take_settings(struct otdr *o, const struct config *config)
{
	uint32_t sample = config->qkd.otdr.pulse_ns * SAMPLE_PS_PER_NS, least;
	double range_ps;

	o->group_index = config->qkd.otdr.group_index;
	o->backscatter_db = config->qkd.otdr.backscatter_db;
	o->threshold_db = config->qkd.otdr.threshold_db;
	o->keep = config->qkd.otdr.keep;
	/* The card's metre is one at an index of 1.468. */
	range_ps = 2e12 * config->qkd.otdr.range_m * 1.468 / LIGHT_M_PER_S;
	least = (uint32_t)ceil(range_ps / (CARD_OTDR_POINTS_MAX - 1));
	sample = sample > least ? sample : least;
	sample = sample < 1000 ? 1000 : sample > 1000000 ? 1000000 : sample;
	o->set = (struct card_otdr_settings){.wavelength_pm = config->qkd.otdr.wavelength_nm * 1000,
	                                     .pulse_ns = config->qkd.otdr.pulse_ns,
	                                     .range_m = config->qkd.otdr.range_m,
	                                     .averages = config->qkd.otdr.averages,
	                                     .sample_ps = sample,
	                                     .gated = config->qkd.otdr.gated};
}

static uint64_t expected_ns(const struct otdr *o)
{
	unsigned int times = o->set.gated ? 1 + CARD_OTDR_GATED_REST : 1;

	return (uint64_t)(2e9 * o->set.range_m * 1.468 / LIGHT_M_PER_S * o->set.averages * times);
}

static void start(struct otdr *o, const struct config *config, uint64_t now_ns)
{
	uint64_t interval = config->qkd.otdr.interval_s * NS_PER_S;

	take_settings(o, config);
	if (interval > 0)
		o->next_ns = now_ns + interval;
	if (optics_otdr_ask(o->card, &o->set) < 0)
		return;
	o->commanded = false;
	o->running = true;
	o->started_ns = now_ns;
	o->started_wall_ns = clock_wall_ns();
	o->deadline_ns = now_ns + LATE_TIMES * expected_ns(o) + LATE_NS;
}

static void failed(struct otdr *o, int error)
{
	o->failures++;
	snprintf(o->last_error, sizeof(o->last_error), "%s",
	         error == -ENOTSUP     ? "the card has no OTDR"
	         : error == -ECANCELED ? "given up"
	         : error == -ENODEV    ? "the card is lost"
	         : error == -EAGAIN    ? "the card is dark"
	         : error == -EIO       ? "the card's trace is not whole"
	                               : strerror(-error));
	/* A card without one is no fault; a card that is lost or dark has an alarm of its own. */
	if (error == -ENOTSUP || error == -ECANCELED || error == -ENODEV || error == -EAGAIN)
		return;
	if (++o->failed_in_row >= FAILED_ALARM)
		alarm_raise("otdr-failed", o->resource, ALARM_MINOR, o->last_error);
}

static int to_trace(const struct otdr *o, const struct card_otdr_trace *got, uint64_t now_ns,
                    struct trace *t)
{
	struct trace like = {.time_ns = clock_wall_ns(),
	                     .wavelength_nm = got->wavelength_pm / 1000.0,
	                     .group_index = o->group_index,
	                     .backscatter_db = o->backscatter_db,
	                     .spacing_ns = got->sample_ps / 1000.0,
	                     .pulse_ns = got->pulse_ns,
	                     .response_ns = got->response_ps / 1000.0,
	                     .averages = got->averages,
	                     .simulated = o->card->simulated,
	                     .seconds = (double)(now_ns - o->started_ns) * 1e-9};

	if (got->points < TRACE_POINTS_MIN || got->points > TRACE_POINTS_MAX)
		return -EPROTO;
	if (trace_alloc(t, &like, got->points) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < got->points; i++)
		t->watts[i] = got->samples[i] * got->lsb_w;
	return 0;
}

static void compare(struct otdr *o, const struct trace *t)
{
	struct err err = {0};

	o->compared = false;
	if (!o->has_baseline)
		return;
	if (trace_compare(&o->baseline, t, &o->changes, &err) < 0) {
		memcpy(o->baseline_error, err.text, sizeof(o->baseline_error));
		alarm_raise("otdr-baseline", o->resource, ALARM_WARNING, err.text);
		return;
	}
	o->compared = true;
	o->baseline_error[0] = '\0';
	otdr_alarms(o);
}

static void analyse(struct otdr *o, struct trace *t)
{
	struct trace_events events;
	struct err err = {0};
	json_t *report;
	int64_t id;

	/* A trace without light is one of a fibre that is not there: compared all the same. */
	if (trace_events_find(t, o->threshold_db, &events, &err) < 0) {
		events = (struct trace_events){0};
		snprintf(o->last_error, sizeof(o->last_error), "%.120s", err.text);
	} else {
		o->last_error[0] = '\0';
	}
	compare(o, t);
	report = otdr_report_json(o, t, &events);
	if (otdr_store_add(o->store, t, report, o->keep, &id, &err) < 0)
		alarm_raise("otdr-history", o->resource, ALARM_WARNING, err.text);
	else if (!o->forgets)
		alarm_clear("otdr-history", o->resource, "traces are kept again");
	json_decref(report);
}

static void finish(struct otdr *o, uint64_t now_ns)
{
	struct card_otdr_trace got;
	struct trace t;
	int rc = optics_otdr_take(o->card, &got);

	if (rc == 0)
		rc = to_trace(o, &got, now_ns, &t);
	optics_otdr_release(o->card);
	o->running = false;
	if (rc < 0) {
		failed(o, rc);
		return;
	}
	o->traces++;
	if (o->failed_in_row >= FAILED_ALARM)
		alarm_clear("otdr-failed", o->resource, "a trace came");
	o->failed_in_row = 0;
	analyse(o, &t);
	trace_free(&t);
}

void otdr_poll(struct otdr *o, struct optics_otdr *card, const struct config *config,
               uint64_t now_ns)
{
	enum optics_otdr_state state;

	o->card = card;
	if (card == NULL)
		return;
	if (o->next_ns == 0)
		o->next_ns = now_ns + FIRST_NS;
	state = optics_otdr_state(card);
	if (o->running && (state == OPTICS_OTDR_READY || state == OPTICS_OTDR_FAILED))
		finish(o, now_ns);
	else if (o->running && now_ns > o->deadline_ns)
		optics_otdr_abort(card);
	else if (!o->running && state == OPTICS_OTDR_IDLE &&
	         (o->commanded || (config->qkd.otdr.interval_s > 0 && now_ns >= o->next_ns)))
		start(o, config, now_ns);
}

int otdr_run(struct otdr *o, struct err *err)
{
	if (o->card == NULL)
		return err_set(err, ENODEV, "otdr: the gateway has no card");
	if (o->commanded)
		return err_set(err, EBUSY, "otdr: a trace has been asked for");
	o->commanded = true;
	return 0;
}

int otdr_abort(struct otdr *o, struct err *err)
{
	if (!o->running && !o->commanded)
		return err_set(err, ENOENT, "otdr: no trace is under way");
	o->commanded = false;
	if (o->running)
		optics_otdr_abort(o->card);
	return 0;
}

int otdr_report(struct otdr *o, int64_t id, json_t **out, struct err *err)
{
	return otdr_store_read(o->store, id, NULL, out, err);
}

int otdr_export(struct otdr *o, int64_t id, uint8_t **file, size_t *n, struct err *err)
{
	const struct trace_sor_names names = {.fibre = o->link,
	                                      .from = o->site_a ? "site a" : "site b",
	                                      .to = o->site_a ? "site b" : "site a",
	                                      .serial = "",
	                                      .software = LUMENGATE_VERSION,
	                                      .threshold_db = o->threshold_db};
	struct trace_events events;
	struct trace t;
	struct sor sor;
	int rc = otdr_store_read(o->store, id, &t, NULL, err);

	if (rc < 0)
		return rc;
	if (trace_events_find(&t, o->threshold_db > 0 ? o->threshold_db : 0.03, &events, err) < 0)
		events = (struct trace_events){0};
	rc = trace_to_sor(&t, &events, &names, &sor, err);
	trace_free(&t);
	if (rc == 0) {
		rc = sor_write(&sor, file, n, err);
		sor_free(&sor);
	}
	return rc;
}

int otdr_approve(struct otdr *o, unsigned int count, struct err *err)
{
	int64_t ids[TRACE_BASELINE_MAX];
	unsigned int n;
	int rc;

	if (count == 0) {
		rc = otdr_store_baseline_set(o->store, NULL, 0, err);
		if (rc == 0) {
			forget_baseline(o);
			o->baseline_error[0] = '\0';
			otdr_alarms_clear(o, "there is no baseline");
		}
		return rc;
	}
	if (count < TRACE_BASELINE_MIN || count > TRACE_BASELINE_MAX)
		return err_set(err, EINVAL, "traces: %u is not 0 or %d to %d", count,
		               TRACE_BASELINE_MIN, TRACE_BASELINE_MAX);
	n = otdr_store_ids(o->store, ids, count);
	if (n < count)
		return err_set(err, ENOENT, "traces: %u are asked for, %u are there", count, n);
	rc = make_baseline(o, ids, n, err);
	if (rc == 0)
		rc = otdr_store_baseline_set(o->store, ids, n, err);
	if (rc == 0)
		otdr_alarms_clear(o, "a new baseline");
	return rc;
}
