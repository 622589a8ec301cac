/* SPDX-License-Identifier: BSD-3-Clause */

/* The card's random source: health and re-arming; and who takes random numbers from where. */

#include <errno.h>

#include "common/log.h"
#include "common/random.h"
#include "control/method.h"
#include "control/methods_qrng.h"
#include "control/qrng_watch.h"
#include "control/site.h"
#include "control/status.h"

LOG_COMPONENT_DEFINE(qrng_methods)

struct optics_qrng *methods_qrng_get(struct qkd_role_status *s, struct err *err)
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
	json_array_append_new(list, source("channel, rekeying, storage", kernel,
	                                   random_bytes_given() - s->engine.random_kernel -
	                                           s->optics.coins_kernel));
	return list;
}

static int qrng_show(const void *params, json_t **result, struct err *err)
{
	struct qkd_role_status s;
	struct optics_qrng *q = methods_qrng_get(&s, err);
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
	struct optics_qrng *q = methods_qrng_get(&s, err);

	if (q == NULL)
		return -ENODEV;
	if (qrng_state(q->qrng) != QRNG_FAILED)
		return err_set(err, ENOENT, "qrng: no fault is latched");
	log_info("start-up tests of the random source asked for by uid %u pid %d",
	         (unsigned int)who->uid, (int)who->pid);
	qrng_restart(q->qrng);
	return 0;
}

static json_t *read_status(void)
{
	struct qkd_role_status s;
	struct err err;
	struct optics_qrng *q = methods_qrng_get(&s, &err);
	const struct qrng_status *h = &s.optics.qrng;

	if (q == NULL)
		return NULL;
	return json_pack(
	        "{s:b, s:s, s:b, s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "present",
	        s.optics.qrng_present, "state", qrng_state_name(h->state), "latched", h->latched,
	        "fault", qrng_fault_name(h->fault), "lanes", (int)h->lanes, "samples",
	        (json_int_t)h->samples, "samples_s", (json_int_t)qrng_watch_rate(), "failures",
	        (json_int_t)h->failures, "discarded_bytes", (json_int_t)h->discarded,
	        "conditioned_bytes", (json_int_t)h->conditioned, "key_bytes_card",
	        (json_int_t)(s.engine.random_card + s.optics.coins_card), "key_bytes_kernel",
	        (json_int_t)(s.engine.random_kernel + s.optics.coins_kernel), "getrandom_bytes",
	        (json_int_t)random_bytes_given());
}

STATUS_SECTION_DEFINE(qrng, read_status)
METHOD_DEFINE(qrng_show, .summary = "The random source: health, cut-offs, who uses it",
              .fn = qrng_show)
METHOD_DEFINE(qrng_rearm, .summary = "Let a fault of the random source go, if start-up tests pass",
              .fn = qrng_rearm, .right = METHOD_WRITE)
