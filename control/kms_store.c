/* SPDX-License-Identifier: BSD-3-Clause */

/* The store as a module: opened, watched, closed. Its thread is kms_committer.c's. */

#include <errno.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/gcm.h"
#include "common/log.h"
#include "common/secret.h"
#include "common/storage_key.h"
#include "control/alarm.h"
#include "control/kms_methods.h"
#include "control/kms_program.h"
#include "control/module.h"

LOG_COMPONENT_DEFINE(kms_store)

#define FIELD "/lumengate:kms/store/storage-key"

static struct event *watch;

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct kms_store_stats s;

	kms_methods_look(clock_mono_ns());
	kms_store_stats_read(kms_program()->store, &s);
	if (s.last_failure.code != 0)
		alarm_raise("kms-disk", "kms", ALARM_CRITICAL, s.last_failure.text);
	else
		alarm_clear("kms-disk", "kms", "the database is written again");
	if (s.low)
		alarm_raise("kms-key-low", "kms", ALARM_MINOR,
		            "less key to give than low-water-kib");
	else
		alarm_clear("kms-key-low", "kms", "there is key to give again");
}

static int open_store(const struct config_kms *c, const uint8_t *key, struct err *err)
{
	const struct kms_store_config config = {
	        .path = c->store.path,
	        .storage_key = key,
	        .own = c->site == CONFIG_SITE_A ? KEY_UUID_FROM_A : KEY_UUID_FROM_B,
	        .max_bytes = c->store.max_bytes,
	        .high_bytes = c->store.high_bytes,
	        .low_bytes = c->store.low_bytes,
	        .ttl_s = c->store.ttl_s,
	        .wall_ns = clock_wall_ns(),
	        .mono_ns = clock_mono_ns(),
	};

	return kms_store_open(&config, &kms_program()->store, err);
}

static int init(struct app *app, struct err *err)
{
	static const uint8_t no_salt[32]; /* RFC 5869 section 2.2: its nonces are random, and few */
	const struct timeval second = {1, 0};
	struct kms_program *p = kms_program();
	struct kms_store_stats s;
	uint8_t *key;
	int rc = gcm_provider_init(NULL, err);

	if (rc == 0)
		rc = storage_key_read(app->kms->store.storage_key, FIELD, &key, err);
	if (rc != 0)
		return rc;
	p->link_seal = seal_new(key, no_salt, sizeof(no_salt), "lumengate delivery link");
	rc = p->link_seal == NULL ? err_set(err, ENOMEM, "secret memory is full")
	                          : open_store(app->kms, key, err);
	secret_free(key);
	if (rc != 0) {
		seal_free(p->link_seal);
		p->link_seal = NULL;
		return rc;
	}
	p->records =
	        (struct kms_records){kms_store_records_write, kms_store_records_read, p->store};
	kms_store_wake(p->store, kms_program_bell, NULL);
	kms_store_stats_read(p->store, &s);
	if (s.damaged_segments > 0) {
		char text[96];

		snprintf(text, sizeof(text), "%u segments were damaged and are void",
		         s.damaged_segments);
		alarm_raise("kms-damaged", "kms", ALARM_MAJOR, text);
	}
	watch = event_new(app->base, -1, EV_PERSIST, on_watch, NULL);
	evtimer_add(watch, &second);
	return 0;
}

static void fini(struct app *app)
{
	event_free(watch);
	kms_store_close(kms_program()->store);
	kms_program()->store = NULL;
	seal_free(kms_program()->link_seal);
	kms_program()->link_seal = NULL;
}

MODULE_DEFINE(kms_store, .init = init, .fini = fini)
