/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The key delivery at both ends: requests, each with a byte 2 before the next; each a line of the
 * caller (first letter: alice, carol at A; bob, dave at B; any other: a stranger), of the method,
 * of the target, and the body. A byte 1 and a letter stand for the key identifier of that number
 * among those that were issued, byte 3 for the same as SKIP writes it. What must hold: one answer
 * each, JSON with a message where it is no success; equal keys under equal identifiers; none given
 * twice, none fetched twice; all secret memory comes back.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define FAKE_UNITS 8192 /* of key a run */

#include "common/clock.h"
#include "common/secret.h"
#include "control/kms/service.h"
#include "tests/unit/control/kms/fake_grants.h"
#include "tests/unit/control/kms/fake_store.h"
#include "tests/unit/control/kms/records.h"

#define ISSUED_MAX 64
#define TEXT_MAX   8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct site {
	struct kms_store store;
	struct kms_grants grants;
	struct rows rows;
	struct kms_records records;
	struct kms_registry *registry;
	struct kms_service *service;
} site[2];

static struct issued {
	char id[KEY_UUID_TEXT + 1];
	char key[2 * KEY_UUID_LENGTH + 1]; /* as it was written, base64 or hexadecimal */
	bool fetched, several;
} issued[ISSUED_MAX];
static size_t issued_count;
static uint64_t now = NS_PER_S;

static void must(bool what)
{
	if (!what)
		abort();
}

/* With dashes, as 014 writes it. */
static void id_of(const char *text, char out[KEY_UUID_TEXT + 1])
{
	uint8_t uuid[KEY_UUID_BYTES];

	if (strlen(text) == KEY_UUID_TEXT) {
		memcpy(out, text, KEY_UUID_TEXT + 1);
		must(key_uuid_parse(text, KEY_UUID_TEXT, uuid) == 0);
		return;
	}
	must(strlen(text) == 32);
	snprintf(out, KEY_UUID_TEXT + 1, "%.8s-%.4s-%.4s-%.4s-%s", text, text + 8, text + 12,
	         text + 16, text + 20);
}

static void key_seen(const char *id, const char *key, bool fetched, bool several)
{
	char text[KEY_UUID_TEXT + 1];

	must(id != NULL && key != NULL);
	id_of(id, text);
	for (size_t i = 0; i < issued_count; i++) {
		if (strcmp(issued[i].id, text) != 0)
			continue;
		must(fetched);
		must(!issued[i].fetched || issued[i].several);
		issued[i].fetched = true;
		if (strlen(issued[i].key) == strlen(key))
			must(strcmp(issued[i].key, key) == 0);
		return;
	}
	if (fetched || issued_count == ISSUED_MAX)
		return;
	snprintf(issued[issued_count].id, sizeof(issued[0].id), "%s", text);
	snprintf(issued[issued_count].key, sizeof(issued[0].key), "%s", key);
	issued[issued_count].fetched = false;
	issued[issued_count++].several = several;
}

struct asked {
	int answers;
	bool fetch, several;
};

static void reply(void *ctx, const struct kms_reply *r)
{
	static const int known[] = {200, 400, 401, 404, 405, 413, 503};
	struct asked *a = ctx;
	json_t *body = json_loadb(r->body, r->len, JSON_REJECT_DUPLICATES, NULL), *k;
	const char *id = json_string_value(json_object_get(body, "keyId"));
	bool found = false;
	size_t i;

	a->answers++;
	must(json_is_object(body));
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		found |= r->status == known[i];
	must(found && (r->allow != NULL) == (r->status == 405));
	must(r->status == 200 || json_string_length(json_object_get(body, "message")) > 0);
	json_array_foreach (json_object_get(body, "keys"), i, k)
		key_seen(json_string_value(json_object_get(k, "key_ID")),
		         json_string_value(json_object_get(k, "key")), a->fetch, a->several);
	if (id != NULL)
		key_seen(id, json_string_value(json_object_get(body, "key")), a->fetch, false);
	must(r->secret == (id != NULL || json_object_get(body, "keys") != NULL ||
	                   json_object_get(body, "randomStr") != NULL));
	json_decref(body);
	if (r->secret)
		secret_free(r->body);
	else
		free(r->body);
}

static void sae(struct site *s, const char *id, bool local)
{
	struct kms_sae_config c;

	kms_sae_config_init(&c);
	snprintf(c.id, sizeof(c.id), "%s", id);
	snprintf(c.identity, sizeof(c.identity), "%s", local ? id : "");
	c.local = local;
	c.skip = true;
	c.cap_bits = 0;
	must(kms_registry_add(s->registry, &c, NULL) == 0);
}

static void open_site(int i)
{
	static const uint8_t secret[32] = {7};
	const struct kms_registry_config registry = {.alone = true};
	const struct kms_service_config config = {.kme = i == 0 ? "KME-A" : "KME-B",
	                                          .peer_kme = i == 0 ? "KME-B" : "KME-A",
	                                          .own = i == 0 ? KEY_UUID_FROM_A : KEY_UUID_FROM_B,
	                                          .limits = {256, 64, 1024, 16, 2, false},
	                                          .max_bytes = 1 << 16,
	                                          .skip = true};
	const struct kms_link link = {
	        .link = 3, .secret = secret, .name = "demo", .protocol = "BB84"};
	struct site *s = &site[i];

	fake_init(&s->store, config.own);
	s->records = (struct kms_records){rows_write, rows_read, &s->rows};
	s->grants.peer = &site[1 - i].grants;
	must(kms_registry_new(&registry, &s->records, now, now, &s->registry, NULL) == 0);
	must(kms_service_new(&config, &s->store, s->registry, &s->grants, &s->service, NULL) == 0);
	must(kms_service_link(s->service, &link, NULL) == 0);
	kms_service_link_state(s->service, true, true, "up");
	sae(s, "alice", i == 0);
	sae(s, "carol", i == 0);
	sae(s, "bob", i == 1);
	sae(s, "dave", i == 1);
}

/* All is forgotten, and so long after that no lock-out and no alarm lasts. */
static void again(void)
{
	struct kms_event e;

	issued_count = 0;
	now += 3600 * NS_PER_S;
	for (int i = 0; i < 2; i++) {
		struct kms_store *s = &site[i].store;

		s->next = 0;
		s->stored = s->reserved = s->come = FAKE_UNITS / 2;
		memset(s->state, 0, FAKE_UNITS);
		site[i].grants.count = 0;
		kms_service_tick(site[i].service, now);
		while (kms_service_event(site[i].service, &e))
			;
	}
}

static void put_id(char *out, size_t *n, uint8_t number, bool dashes)
{
	const char *id;

	if (issued_count == 0 || *n + KEY_UUID_TEXT >= TEXT_MAX)
		return;
	id = issued[number % issued_count].id;
	for (; *id != '\0'; id++)
		if (dashes || *id != '-')
			out[(*n)++] = *id;
}

/* The next part of the input up to END, a line feed or 2, into OUT; what is behind it. */
static const uint8_t *part(const uint8_t *p, const uint8_t *end, bool line, char *out, size_t *n)
{
	*n = 0;
	while (p < end && *p != 2 && (!line || *p != '\n') && *n < TEXT_MAX) {
		if ((*p == 1 || *p == 3) && p + 1 < end) {
			put_id(out, n, p[1], *p == 1);
			p += 2;
		} else if (*p == 0) {
			p++; /* the front lets none through */
		} else {
			out[(*n)++] = (char)*p++;
		}
	}
	while (p < end && *p != 2 && (!line || *p != '\n'))
		p++;
	out[*n] = '\0';
	return p < end && *p == '\n' ? p + 1 : p;
}

static void settle(void)
{
	for (int i = 0; i < 2; i++) {
		struct kms_grants *g = &site[i].grants;

		if (g->sent != NULL)
			fake_ack(g, 0);
		if (g->fetched != NULL)
			fake_grants_commit(g, 0);
		fake_commit(&site[i].store, 0);
	}
}

static const uint8_t *request(const uint8_t *p, const uint8_t *end)
{
	static const char *const names[] = {"alice", "bob", "carol", "dave"};
	static char who[TEXT_MAX + 1], method[TEXT_MAX + 1], target[TEXT_MAX + 1],
	        body[TEXT_MAX + 1];
	struct kms_request r = {
	        .identity = "stranger", .method = method, .target = target, .body = body};
	struct asked a = {0};
	size_t n;
	int at = 0;

	p = part(p, end, true, who, &n);
	p = part(p, end, true, method, &n);
	p = part(p, end, true, target, &n);
	p = part(p, end, false, body, &r.body_len);
	for (int i = 0; i < 4; i++)
		if (who[0] == names[i][0]) {
			r.identity = names[i];
			at = i % 2;
		}
	a.fetch = strstr(target, "/dec_keys") != NULL || strncmp(target, "/key/", 5) == 0;
	a.several = strstr(body, "additional_slave_SAE_IDs") != NULL;
	/* Grants in the fake hold so many. */
	if (site[1 - at].grants.count > FAKE_GRANTS - 32)
		site[1 - at].grants.count = 0;
	kms_service_request(site[at].service, &r, now, reply, &a);
	settle();
	if (a.answers == 0) { /* it waits */
		now += 5 * NS_PER_S;
		kms_service_tick(site[at].service, now);
		settle();
	}
	must(a.answers == 1);
	return p < end ? p + 1 : p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static size_t secret;
	const uint8_t *end = data + size;

	if (site[0].service == NULL) {
		must(secret_init(4 << 20, NULL) == 0);
		open_site(0);
		open_site(1);
		secret = secret_used();
	}
	again();
	while (data < end)
		data = request(data, end);
	must(secret_used() == secret);
	return 0;
}
