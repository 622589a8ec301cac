/* SPDX-License-Identifier: BSD-3-Clause */

/* The SAEs and the service as a module: made from the configuration, its wheels turned. */

#include "common/clock.h"
#include "control/alarm.h"
#include "control/kms_program.h"
#include "control/module.h"

#define TICK_MS 50

static struct event *tick;

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct kms_service *service = kms_program()->service;
	struct kms_event e;

	kms_service_tick(service, clock_mono_ns());
	while (kms_service_event(service, &e)) {
		if (e.raised)
			alarm_raise(e.kind, e.resource, ALARM_MINOR, e.text);
		else
			alarm_clear(e.kind, e.resource, e.text);
	}
}

static int make_registry(const struct config_kms *c, struct kms_program *p, struct err *err)
{
	const struct kms_registry_config config = {
	        .low_bits = c->store.low_bytes * 8,
	        .wake = kms_program_bell,
	};

	return kms_registry_new(&config, &p->records, clock_mono_ns(), clock_wall_ns(),
	                        &p->registry, err);
}

static int make_service(const struct config_kms *c, struct kms_program *p, struct err *err)
{
	const char *remote[CONFIG_KMS_REMOTE_MAX];
	const struct kms_service_config config = {
	        .kme = c->name,
	        .peer_kme = c->peer_name,
	        .own = kms_store_own(p->store),
	        .limits = {.key_size = c->limits.key_size,
	                   .min_key_size = c->limits.min_key_size,
	                   .max_key_size = c->limits.max_key_size,
	                   .max_key_per_request = c->limits.max_keys_per_request,
	                   .max_sae_id_count = p->grants != NULL ? c->limits.max_sae_count : 0,
	                   .optional_strict = c->optional_strict},
	        .max_bytes = c->store.max_bytes,
	        .skip = c->skip,
	        .skip_remote = remote,
	        .skip_remote_count = c->skip_remote_count,
	        .ttl_ns = c->store.ttl_s * NS_PER_S,
	};

	for (unsigned int i = 0; i < c->skip_remote_count; i++)
		remote[i] = c->skip_remote[i];
	return kms_service_new(&config, p->store, p->registry, p->grants, &p->service, err);
}

static int init(struct app *app, struct err *err)
{
	const struct timeval often = {0, TICK_MS * 1000};
	struct kms_program *p = kms_program();
	int rc = make_registry(app->kms, p, err);

	if (rc != 0)
		return rc;
	rc = make_service(app->kms, p, err);
	if (rc != 0) {
		kms_registry_free(p->registry);
		p->registry = NULL;
		return rc;
	}
	tick = event_new(app->base, -1, EV_PERSIST, on_tick, NULL);
	evtimer_add(tick, &often);
	return 0;
}

static void fini(struct app *app)
{
	struct kms_program *p = kms_program();

	event_free(tick);
	kms_service_free(p->service);
	p->service = NULL;
	kms_registry_free(p->registry);
	p->registry = NULL;
}

MODULE_DEFINE(kms_service, .depends_on = {"kms_store", "kms_handover"}, .init = init, .fini = fini)
