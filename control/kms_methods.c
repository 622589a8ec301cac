/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms_methods.h"

#include <errno.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "control/key_forecast.h"
#include "control/method.h"

LOG_COMPONENT_DEFINE(kms_methods)

static struct kms_methods attached;
static struct key_forecast forecast; /* of the bytes given here */

void kms_methods_attach(const struct kms_methods *m)
{
	attached = m != NULL ? *m : (struct kms_methods){0};
}

int kms_methods_get(const struct kms_methods **out, struct err *err)
{
	*out = &attached;
	return attached.service != NULL ? 0 : err_set(err, ENOTCONN, "the KMS is not open");
}

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

struct figure {
	const char *name;
	uint64_t value;
};

static json_t *figures(const struct figure *f, size_t n)
{
	json_t *o = json_object();

	for (size_t i = 0; i < n; i++)
		json_object_set_new(o, f[i].name, number(f[i].value));
	return o;
}

#define FIGURES(...)                                                                               \
	figures((const struct figure[]){__VA_ARGS__},                                              \
	        sizeof((const struct figure[]){__VA_ARGS__}) / sizeof(struct figure))

static json_t *link_json(struct kms_service *s)
{
	struct kms_link_view l;

	if (!kms_service_link_read(s, &l))
		return json_pack("{s:s}", "state", l.state);
	return json_pack("{s:s, s:i, s:s, s:b, s:b, s:b, s:s}", "name", l.name, "number",
	                 (int)l.link, "protocol", l.protocol, "simulated", l.simulated, "up", l.up,
	                 "key_is_made", l.making, "state", l.state);
}

static json_t *requests_json(const struct kms_service_stats *s)
{
	return FIGURES({"requests", s->requests}, {"answered", s->answered},
	               {"waiting", s->waiting}, {"answered_2xx", s->by_status[0]},
	               {"answered_400", s->by_status[1]}, {"answered_401", s->by_status[2]},
	               {"answered_404_405", s->by_status[3]}, {"answered_4xx", s->by_status[4]},
	               {"answered_5xx", s->by_status[5]}, {"status_calls", s->status_calls},
	               {"enc_keys_calls", s->enc_calls}, {"dec_keys_calls", s->dec_calls},
	               {"skip_calls", s->skip_calls}, {"keys_given", s->keys_given},
	               {"bits_given", s->bits_given}, {"keys_fetched", s->keys_fetched},
	               {"bits_fetched", s->bits_fetched});
}

static json_t *refusals_json(const struct kms_service_stats *s)
{
	return FIGURES({"unknown_certificate", s->unknown_callers}, {"locked_out", s->locked_out},
	               {"keys_of_others", s->others_keys}, {"replays", s->replays},
	               {"expired", s->expired}, {"voided", s->voided},
	               {"never_issued", s->not_issued}, {"short_of_key", s->short_of_key},
	               {"waited", s->waited}, {"waited_in_vain", s->waited_out},
	               {"grants_acknowledged", s->grants}, {"grants_failed", s->grants_out},
	               {"not_recorded", s->undone}, {"events_lost", s->events_lost});
}

static int kms_status_show(const void *params, json_t **result, struct err *err)
{
	const struct kms_methods *m;
	struct kms_service_stats s;
	int rc = kms_methods_get(&m, err);

	if (rc < 0)
		return rc;
	kms_service_stats_read(m->service, &s);
	*result = json_pack("{s:s, s:s, s:o, s:o, s:o}", "kme", m->name, "peer_kme", m->peer,
	                    "link", link_json(m->service), "requests", requests_json(&s),
	                    "refusals", refusals_json(&s));
	if (*result != NULL && m->status != NULL)
		m->status(m->ctx, *result);
	return *result != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}

static json_t *stream_json(const struct kms_stream_stats *s)
{
	return FIGURES({"came", s->came}, {"available", s->available}, {"reserved", s->reserved},
	               {"pending", s->pending}, {"delivered", s->delivered},
	               {"delivered_both", s->delivered_both}, {"expired", s->expired},
	               {"voided", s->voided}, {"lost", s->lost}, {"destroyed", s->destroyed},
	               {"held", s->held}, {"damaged", s->damaged}, {"segments", s->segments},
	               {"next_position", s->next});
}

static const struct kms_stream_stats *given_here(const struct kms_store *store,
                                                 const struct kms_store_stats *s)
{
	return kms_store_own(store) == KEY_UUID_FROM_A ? &s->from_a : &s->from_b;
}

void kms_methods_look(uint64_t now_ns)
{
	const struct kms_stream_stats *given;
	struct kms_store_stats s;

	if (attached.store == NULL)
		return;
	kms_store_stats_read(attached.store, &s);
	given = given_here(attached.store, &s);
	key_forecast_look(&forecast, now_ns, given->available + given->reserved, given->came,
	                  given->expired + given->voided + given->lost);
}

static int kms_store_show(const void *params, json_t **result, struct err *err)
{
	const struct kms_methods *m;
	struct key_forecast_view view;
	struct kms_store_stats s;
	json_t *given;
	bool own_a;
	int rc = kms_methods_get(&m, err);

	if (rc < 0)
		return rc;
	kms_store_stats_read(m->store, &s);
	own_a = kms_store_own(m->store) == KEY_UUID_FROM_A;
	given = stream_json(given_here(m->store, &s));
	key_forecast_read(&forecast, &view);
	key_forecast_json(&view, given);
	*result = json_pack(
	        "{s:o, s:o, s:b, s:b, s:o, s:s}", "given_here", given, "fetched_here",
	        stream_json(own_a ? &s.from_b : &s.from_a), "low", s.low, "high", s.high,
	        "database",
	        FIGURES({"commits", s.commits}, {"commit_failures", s.commit_failures},
	                {"fetches", s.fetches}, {"undone", s.undone}, {"refused", s.refused},
	                {"damaged_segments", s.damaged_segments}, {"clock_back", s.clock_back},
	                {"secret_bytes", s.secret_bytes}, {"file_bytes", s.file_bytes}),
	        "last_failure", s.last_failure.code != 0 ? s.last_failure.text : "none");
	return *result != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}

static int kms_reload_now(const void *params, json_t **result, struct err *err)
{
	const struct method_caller *who = method_caller();
	const struct kms_methods *m;
	int rc = kms_methods_get(&m, err);

	if (rc < 0)
		return rc;
	if (m->reload == NULL)
		return err_set(err, ENOTSUP, "there is nothing to reload");
	rc = m->reload(m->ctx, err);
	log_info("reload by uid %u pid %d: %s", (unsigned int)who->uid, (int)who->pid,
	         rc == 0 ? "done" : err->text);
	return rc;
}

METHOD_DEFINE(kms_status, .summary = "The KMS, its link and what was asked of it",
              .fn = kms_status_show)
METHOD_DEFINE(kms_store, .summary = "Stored key: what there is and what became of the rest, bytes",
              .fn = kms_store_show)
METHOD_DEFINE(kms_reload, .summary = "Read certificates and revocation lists again",
              .fn = kms_reload_now, .right = METHOD_WRITE)
