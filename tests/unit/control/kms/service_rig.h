/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Two KMEs, A and B, with the stores, grants and tables of a test, and its clock. At A are the SAEs
 * alice and carol, at B bob and dave; each is named by its certificate as "CN of NAME".
 */

#ifndef TESTS_UNIT_CONTROL_KMS_SERVICE_RIG_H
#define TESTS_UNIT_CONTROL_KMS_SERVICE_RIG_H

#include <stdio.h>

#include <jansson.h>

#include "common/base64.h"
#include "common/clock.h"
#include "common/secret.h"
#include "control/kms/service.h"
#include "tests/unit/control/kms/fake_grants.h"
#include "tests/unit/control/kms/fake_store.h"
#include "tests/unit/control/kms/records.h"
#include "tests/unit/unit.h"

struct site {
	struct kms_store store;
	struct rows rows;
	struct kms_records records;
	struct kms_registry *registry;
	struct kms_grants grants;
	struct kms_service *service;
};

static struct site site_a, site_b;
static uint64_t now = 1000 * NS_PER_S;
static const uint8_t rig_secret[32] = {7, 7, 7};
static struct kms_service_config rig_config = {
        .limits = {.key_size = 256,
                   .min_key_size = 64,
                   .max_key_size = 1024,
                   .max_key_per_request = 128,
                   .max_sae_id_count = 3},
        .max_bytes = 1 << 20,
        .skip = true,
};
static uint64_t rig_low_bits;

/* One answer; a test waits for it, or sees that there is none yet. */
struct answer {
	int count; /* of calls */
	int status;
	unsigned int retry_after_s;
	const char *allow;
	json_t *body;
	bool secret;
};

static inline void answer_take(void *ctx, const struct kms_reply *r)
{
	struct answer *a = ctx;

	a->count++;
	a->status = r->status;
	a->retry_after_s = r->retry_after_s;
	a->allow = r->allow;
	a->secret = r->secret;
	json_decref(a->body);
	a->body = json_loadb(r->body, r->len, JSON_REJECT_DUPLICATES, NULL);
	if (r->secret)
		secret_free(r->body);
	else
		free(r->body);
}

static inline void answer_free(struct answer *a)
{
	json_decref(a->body);
	memset(a, 0, sizeof(*a));
}

static inline void rig_sae(struct site *s, const char *id, bool local)
{
	struct kms_sae_config c;
	struct err err = {0};

	kms_sae_config_init(&c);
	snprintf(c.id, sizeof(c.id), "%s", id);
	c.local = local;
	c.skip = true;
	c.cap_bits = 0; /* all key is common, but where a test says otherwise */
	if (local)
		snprintf(c.identity, sizeof(c.identity), "CN of %s", id);
	CU_ASSERT_EQUAL_FATAL(kms_registry_add(s->registry, &c, &err), 0);
}

/* Other terms for an SAE, as JSON. */
static inline void rig_set(struct site *s, const char *id, const char *terms)
{
	json_t *o = json_loads(terms, 0, NULL);
	struct kms_sae sae;
	struct err err = {0};

	CU_ASSERT_FATAL(kms_registry_get(s->registry, id, &sae));
	CU_ASSERT_EQUAL_FATAL(kms_sae_config_read(&sae.config, o, &err), 0);
	CU_ASSERT_EQUAL_FATAL(kms_registry_set(s->registry, &sae.config, &err), 0);
	json_decref(o);
}

static inline void rig_site(struct site *s, bool is_a)
{
	struct kms_registry_config registry = {.alone = true, .low_bits = rig_low_bits};
	struct kms_service_config config = rig_config;
	const struct kms_link link = {
	        .link = 3, .secret = rig_secret, .name = "demo", .protocol = "BB84"};
	struct err err = {0};

	memset(s, 0, sizeof(*s));
	fake_init(&s->store, is_a ? KEY_UUID_FROM_A : KEY_UUID_FROM_B);
	s->records = (struct kms_records){rows_write, rows_read, &s->rows};
	CU_ASSERT_EQUAL_FATAL(kms_registry_new(&registry, &s->records, now, 1700000000 * NS_PER_S,
	                                       &s->registry, &err),
	                      0);
	config.kme = is_a ? "KME-A" : "KME-B";
	config.peer_kme = is_a ? "KME-B" : "KME-A";
	config.own = s->store.own;
	s->grants.peer = is_a ? &site_b.grants : &site_a.grants;
	CU_ASSERT_EQUAL_FATAL(
	        kms_service_new(&config, &s->store, s->registry, &s->grants, &s->service, &err), 0);
	CU_ASSERT_EQUAL_FATAL(kms_service_link(s->service, &link, &err), 0);
	kms_service_link_state(s->service, true, true, "up");
	rig_sae(s, "alice", is_a);
	rig_sae(s, "carol", is_a);
	rig_sae(s, "bob", !is_a);
	rig_sae(s, "dave", !is_a);
}

static inline void rig_come(uint64_t units)
{
	fake_come(&site_a.store, units);
	fake_come(&site_b.store, units);
	kms_service_arrived(site_a.service, now);
	kms_service_arrived(site_b.service, now);
	kms_service_tick(site_a.service, now);
	kms_service_tick(site_b.service, now);
}

/* With UNITS of key in each stream. */
static inline void rig_up(uint64_t units)
{
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(secret_init((size_t)8 << 20, &err), 0);
	rig_site(&site_a, true);
	rig_site(&site_b, false);
	rig_come(units);
}

static inline void rig_site_down(struct site *s)
{
	kms_service_free(s->service);
	kms_registry_free(s->registry);
	fake_fini(&s->store);
	rows_clear(&s->rows);
}

/* All secret memory has come back. */
static inline void rig_down(void)
{
	rig_site_down(&site_a);
	rig_site_down(&site_b);
	CU_ASSERT_EQUAL(secret_used(), 0);
	secret_fini();
}

static inline void ask_later(struct site *s, const char *sae, const char *method,
                             const char *target, const char *body, struct answer *a)
{
	char identity[KMS_SAE_ID + 1]; /* cut, as in the table */
	struct kms_request r = {.identity = identity,
	                        .method = method,
	                        .target = target,
	                        .body = body,
	                        .body_len = body != NULL ? strlen(body) : 0};

	snprintf(identity, sizeof(identity), "CN of %s", sae);
	kms_service_request(s->service, &r, now, answer_take, a);
}

/* The same, and the store thread's turns until there is an answer. */
static inline void ask(struct site *s, const char *sae, const char *method, const char *target,
                       const char *body, struct answer *a)
{
	answer_free(a);
	ask_later(s, sae, method, target, body, a);
	fake_commit(&s->store, 0);
	if (s->grants.fetched != NULL)
		fake_grants_commit(&s->grants, 0);
	fake_commit(&s->store, 0);
	CU_ASSERT_EQUAL(a->count, 1);
	CU_ASSERT_PTR_NOT_NULL(a->body);
}

/* A is a refusal with STATUS and MESSAGE: JSON with `message`, as every one is. */
static inline void check_refused(const struct answer *a, int status, const char *message)
{
	const char *text = json_string_value(json_object_get(a->body, "message"));

	CU_ASSERT_EQUAL(a->status, status);
	CU_ASSERT_FALSE(a->secret);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_NSTRING_EQUAL(text, message, strlen(message));
	if (a->status != status || strncmp(text, message, strlen(message)) != 0)
		printf("\n  wanted %d %s\n  got %d %s\n", status, message, a->status, text);
}

static inline size_t key_count(const struct answer *a)
{
	return json_array_size(json_object_get(a->body, "keys"));
}

static inline const char *key_id(const struct answer *a, size_t i)
{
	const json_t *k = json_array_get(json_object_get(a->body, "keys"), i);

	return k != NULL ? json_string_value(json_object_get(k, "key_ID")) : "";
}

static inline const char *key_text(const struct answer *a, size_t i)
{
	const json_t *k = json_array_get(json_object_get(a->body, "keys"), i);

	return k != NULL ? json_string_value(json_object_get(k, "key")) : "";
}

/* The body of dec_keys for the keys FROM to TO of A; for free(). */
static inline char *ids_of(const struct answer *a, size_t from, size_t to)
{
	json_t *list = json_array(), *body;
	char *text;

	for (size_t i = from; i < to; i++)
		json_array_append_new(list, json_pack("{s:s}", "key_ID", key_id(a, i)));
	body = json_pack("{s:o}", "key_IDs", list);
	text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	return text;
}

#define ENC(sae)    "/api/v1/keys/" sae "/enc_keys"
#define DEC(sae)    "/api/v1/keys/" sae "/dec_keys"
#define STATUS(sae) "/api/v1/keys/" sae "/status"

#endif
