/* SPDX-License-Identifier: BSD-3-Clause */

/* The end of a request: its answer, what it counts, what is worth an alarm. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/kms/service_state.h"

void service_event(struct kms_service *s, const char *kind, const char *resource, bool raised,
                   const char *text)
{
	struct kms_event *e;

	if (s->event_count == SERVICE_EVENTS) {
		s->stats.events_lost++;
		return;
	}
	e = &s->event[(s->event_first + s->event_count++) % SERVICE_EVENTS];
	e->kind = kind;
	e->raised = raised;
	snprintf(e->resource, sizeof(e->resource), "%s", resource);
	snprintf(e->text, sizeof(e->text), "%s", text);
}

void service_raise(struct kms_service *s, const char *kind, const struct kms_sae *sae,
                   const char *text)
{
	char name[KMS_SAE_SHORT];
	struct raised *r;

	for (uint32_t i = 0; i < s->raised_count; i++)
		if (s->raised[i].kind == kind && s->raised[i].serial == sae->serial)
			return;
	if (s->raised_count == SERVICE_RAISED) {
		s->stats.events_lost++;
		return;
	}
	r = &s->raised[s->raised_count++];
	*r = (struct raised){.kind = kind, .slot = sae->slot, .serial = sae->serial};
	snprintf(r->resource, sizeof(r->resource), "sae/%s",
	         kms_sae_id_short(sae->config.id, name));
	service_event(s, kind, r->resource, true, text);
}

/* Is what was raised still so? */
static bool lasts(struct kms_service *s, const struct raised *r, uint64_t now_ns)
{
	const struct kms_sae *sae = kms_registry_by_slot(s->registry, r->slot, r->serial);

	if (sae == NULL)
		return false;
	if (strcmp(r->kind, "kms-lockout") == 0)
		return now_ns < sae->lockout.until_ns;
	return now_ns < sae->replay.last_ns + sae->replay.window_ns;
}

void service_clear_over(struct kms_service *s, uint64_t now_ns)
{
	for (uint32_t i = 0; i < s->raised_count;) {
		struct raised *r = &s->raised[i];

		if (lasts(s, r, now_ns)) {
			i++;
			continue;
		}
		service_event(s, r->kind, r->resource, false, "over");
		*r = s->raised[--s->raised_count];
	}
	if (s->strangers.until_ns != 0 && now_ns >= s->strangers.until_ns) {
		s->strangers.until_ns = 0;
		service_event(s, "kms-unknown-sae", "kms", false, "over");
	}
}

bool kms_service_event(struct kms_service *s, struct kms_event *out)
{
	bool some;

	kms_registry_lock(s->registry);
	some = s->event_count > 0;
	if (some) {
		*out = s->event[s->event_first];
		s->event_first = (s->event_first + 1) % SERVICE_EVENTS;
		s->event_count--;
	}
	kms_registry_unlock(s->registry);
	return some;
}

static unsigned int status_class(int status)
{
	if (status < 300)
		return 0;
	if (status >= 500)
		return 5;
	return status == 400 ? 1 : status == 401 ? 2 : status == 404 || status == 405 ? 3 : 4;
}

static void count_failures(struct exchange *x, struct kms_sae *sae)
{
	struct kms_service *s = x->s;

	if (x->others) {
		s->stats.others_keys++;
		if (lockout_failure(&sae->lockout, x->now_ns)) {
			sae->usage.lockouts++;
			service_raise(s, "kms-lockout", sae,
			              "asked too often for keys of others: locked out");
		}
	}
	if (x->replay) {
		s->stats.replays++;
		sae->usage.replays++;
		if (lockout_failure(&sae->replay, x->now_ns))
			service_raise(s, "kms-replay", sae,
			              "asks again and again for keys that were delivered");
	}
}

static void account(struct exchange *x, int status)
{
	struct kms_service_stats *stats = &x->s->stats;
	struct kms_sae *sae;

	kms_registry_lock(x->s->registry);
	stats->answered++;
	stats->by_status[status_class(status)]++;
	stats->keys_given += x->keys_given;
	stats->bits_given += x->keys_given > 0 ? x->bits : 0;
	stats->keys_fetched += x->keys_fetched;
	stats->bits_fetched += x->keys_fetched > 0 ? x->bits : 0;
	sae = x->known ? kms_registry_by_slot(x->s->registry, x->slot, x->serial) : NULL;
	if (sae != NULL) {
		struct kms_sae_usage *u = &sae->usage;

		u->requests++;
		u->keys_given += x->keys_given;
		u->bits_given += x->keys_given > 0 ? x->bits : 0;
		u->keys_fetched += x->keys_fetched;
		u->bits_fetched += x->keys_fetched > 0 ? x->bits : 0;
		u->unauthorized += status == 401;
		u->unavailable += status >= 500;
		u->refused += status >= 400 && status < 500 && status != 401;
		count_failures(x, sae);
		kms_registry_touch(x->s->registry, sae, x->now_ns);
	}
	kms_registry_unlock(x->s->registry);
}

void service_answer(struct exchange *x, char *body, size_t len, bool secret)
{
	account(x, 200);
	x->reply(x->ctx,
	         &(struct kms_reply){.status = 200, .body = body, .len = len, .secret = secret});
}

void service_refuse(struct exchange *x, const struct http_fault *f)
{
	struct kms_reply r = {
	        .status = f->status, .retry_after_s = f->retry_after_s, .allow = f->allow};

	r.body = http_fault_body(f);
	r.len = r.body != NULL ? strlen(r.body) : 0;
	account(x, f->status);
	x->reply(x->ctx, &r);
}
