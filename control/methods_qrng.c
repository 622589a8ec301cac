/* SPDX-License-Identifier: BSD-3-Clause */

/* The card's random source: health, re-arming, recordings; and who takes random numbers from where.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/secret.h"
#include "control/base64.h"
#include "control/method.h"
#include "control/qrng_watch.h"
#include "control/site.h"
#include "dataplane/qkd_role.h"

LOG_COMPONENT_DEFINE(qrng_methods)

#define RECORD_MAX ((size_t)4 << 20)

static uint8_t *recording; /* the role's while it runs */
static size_t recording_size;
static bool recording_raw;

static struct optics_qrng *get(struct qkd_role_status *s, struct err *err)
{
	struct link *link = site_link();
	struct optics_qrng *q = link != NULL ? qkd_role_qrng(link_role(link)) : NULL;

	if (q == NULL)
		err_set(err, ENODEV, "qrng: the gateway has no quantum link");
	else
		qkd_role_status_read(link_role(link), s);
	return q;
}

static json_t *limits_json(const struct qrng_limits *l)
{
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "repetition", (int)l->rct, "proportion",
	                 (int)l->apt, "ones_long", (int)l->bias_long, "lag", (int)l->lag,
	                 "lag_long", (int)l->lag_long, "pattern_bytes", (int)l->repeat_bytes);
}

static json_t *source(const char *use, const char *name, uint64_t bytes)
{
	return json_pack("{s:s, s:s, s:I}", "use", use, "source", name, "bytes", (json_int_t)bytes);
}

/* What needs random numbers, and where they came from. */
static json_t *uses_json(const struct qkd_role_status *s)
{
	static const char card[] = "card QRNG, SHA-256", kernel[] = "getrandom";
	json_t *list = json_array();

	json_array_append_new(list, source("distillation", card, s->engine.random_card));
	json_array_append_new(list, source("distillation", kernel, s->engine.random_kernel));
	if (s->engine.role == ENGINE_BOB) {
		json_array_append_new(list, source("double clicks", card, s->optics.coins_card));
		json_array_append_new(list,
		                      source("double clicks", kernel, s->optics.coins_kernel));
	} else {
		json_array_append_new(list, json_pack("{s:s, s:s}", "use", "basis, bit, intensity",
		                                      "source", "card QRNG, within the card"));
	}
	json_array_append_new(list, json_pack("{s:s, s:s}", "use", "channel, rekeying, storage",
	                                      "source", kernel));
	return list;
}

static int qrng_show(const void *params, json_t **result, struct err *err)
{
	struct qkd_role_status s;
	struct optics_qrng *q = get(&s, err);
	const struct qrng_status *h = &s.optics.qrng;
	double rate = qrng_watch_rate();

	if (q == NULL)
		return -ENODEV;
	*result = json_pack("{s:b, s:b, s:s, s:b, s:s, s:s, s:i, s:I, s:i, s:s}", "present",
	                    s.optics.qrng_present, "simulated", s.optics.simulated, "state",
	                    qrng_state_name(h->state), "latched", h->latched, "fault",
	                    qrng_fault_name(h->fault), "fault_text", h->fault_text, "fault_lane",
	                    (int)h->fault_lane, "fault_sample", (json_int_t)h->fault_sample,
	                    "lanes", (int)h->lanes, "kernel", h->kernel);
	if (*result == NULL)
		return err_set(err, ENOMEM, "qrng: out of memory");
	json_object_update_new(
	        *result,
	        json_pack("{s:f, s:i, s:o, s:I, s:I, s:I, s:I, s:i, s:f, s:f, s:o}", "min_entropy",
	                  h->limits.claim, "false_alarm_log2", -(int)h->limits.alpha_log2,
	                  "cutoffs", limits_json(&h->limits), "samples", (json_int_t)h->samples,
	                  "failures", (json_int_t)h->failures, "discarded_bytes",
	                  (json_int_t)h->discarded, "conditioned_bytes", (json_int_t)h->conditioned,
	                  "bytes_a_digest", (int)h->block_in, "samples_s", rate,
	                  "false_latches_a_year", qrng_false_a_year(&h->limits, rate), "uses",
	                  uses_json(&s)));
	return 0;
}

static int qrng_rearm(const void *params, json_t **result, struct err *err)
{
	const struct method_caller *who = method_caller();
	struct qkd_role_status s;
	struct optics_qrng *q = get(&s, err);

	if (q == NULL)
		return -ENODEV;
	if (qrng_state(q->qrng) != QRNG_FAILED)
		return err_set(err, ENOENT, "qrng: no fault is latched");
	log_info("start-up tests of the random source asked for by uid %u pid %d",
	         (unsigned int)who->uid, (int)who->pid);
	qrng_restart(q->qrng);
	return 0;
}

struct record_params {
	const char *stream;
	uint64_t bytes;
};

static const struct method_param record_params[] = {
        METHOD_PARAM(struct record_params, stream, PARAM_STRING, .max = 15,
                     .help = "raw or conditioned"),
        METHOD_PARAM(struct record_params, bytes, PARAM_UINT, .min = 1, .max = RECORD_MAX,
                     .help = "so many"),
};

static int qrng_record(const void *params, json_t **result, struct err *err)
{
	const struct record_params *p = params;
	struct qkd_role_status s;
	struct optics_qrng *q = get(&s, err);
	bool raw = strcmp(p->stream, "raw") == 0, ready;

	if (q == NULL)
		return -ENODEV;
	if (!raw && strcmp(p->stream, "conditioned") != 0)
		return err_set(err, EINVAL, "stream: %s is not raw or conditioned", p->stream);
	if (recording != NULL) {
		optics_qrng_taped(q, &ready);
		if (!ready)
			return err_set(err, EBUSY, "qrng: a recording is under way");
		optics_qrng_release(q); /* nobody took it */
		free(recording);
	}
	recording = malloc(p->bytes);
	if (recording == NULL)
		return err_set(err, ENOMEM, "qrng: out of memory");
	recording_size = p->bytes;
	recording_raw = raw;
	return optics_qrng_tape(q, raw, recording, p->bytes);
}

static const char *why(int64_t code)
{
	return code == -ENOTSUP     ? "the card has no random source"
	       : code == -ENODEV    ? "the card was lost, or its source failed"
	       : code == -ECANCELED ? "given up"
	                            : "failed";
}

static int qrng_recorded(const void *params, json_t **result, struct err *err)
{
	struct qkd_role_status s;
	struct optics_qrng *q = get(&s, err);
	char *text = NULL;
	bool ready;
	int64_t got;

	if (q == NULL)
		return -ENODEV;
	got = optics_qrng_taped(q, &ready);
	if (recording == NULL || got == -ENOENT)
		return err_set(err, ENOENT, "qrng: nothing is being recorded");
	if (ready && got >= 0)
		text = malloc((recording_size + 2) / 3 * 4 + 1);
	if (text != NULL)
		base64_encode(recording, recording_size, text);
	*result = json_pack("{s:b, s:s, s:I, s:I, s:s*}", "ready", ready, "stream",
	                    recording_raw ? "raw" : "conditioned", "bytes",
	                    (json_int_t)recording_size, "done", (json_int_t)(got > 0 ? got : 0),
	                    "data", text);
	free(text);
	if (ready) {
		optics_qrng_release(q);
		free(recording);
		recording = NULL;
	}
	if (got < 0) {
		json_decref(*result);
		*result = NULL;
		return err_set(err, EIO, "qrng: the recording: %s", why(got));
	}
	return 0;
}

static int qrng_record_stop(const void *params, json_t **result, struct err *err)
{
	struct qkd_role_status s;
	struct optics_qrng *q = get(&s, err);

	if (q == NULL)
		return -ENODEV;
	if (recording == NULL)
		return err_set(err, ENOENT, "qrng: nothing is being recorded");
	optics_qrng_abort(q);
	return 0;
}

METHOD_DEFINE(qrng_show, .summary = "The random source: health, cut-offs, who uses it",
              .fn = qrng_show)
METHOD_DEFINE(qrng_rearm, .summary = "Let a fault of the random source go, if start-up tests pass",
              .fn = qrng_rearm, .right = METHOD_WRITE)
METHOD_DEFINE(qrng_record, .summary = "Record a stream of the random source; it becomes no key",
              .fn = qrng_record, .params = record_params, .param_count = 2, .right = METHOD_WRITE)
METHOD_DEFINE(qrng_recorded, .summary = "How far a recording is; once, what it holds, in base64",
              .fn = qrng_recorded, .right = METHOD_WRITE)
METHOD_DEFINE(qrng_record_stop, .summary = "Give up a recording", .fn = qrng_record_stop,
              .right = METHOD_WRITE)
