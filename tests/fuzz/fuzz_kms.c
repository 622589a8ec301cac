/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Requests to the key delivery: method, line feed, target, line feed, body. What is taken is within
 * the limits; what is refused has a body that a JSON parser reads, with a message.
 */

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/secret.h"
#include "control/kms/answer.h"
#include "control/kms/key_ids.h"
#include "control/kms/key_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct kms_offer offer = {.simulated = true};

static void must(bool what)
{
	if (!what)
		abort();
}

static void check_refusal(int rc, const struct http_fault *f)
{
	static const int known[] = {400, 404, 405, 413};
	char *text = http_fault_body(f);
	json_t *body = text == NULL ? NULL : json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	bool found = false;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		found |= f->status == known[i];
	must(found && rc == -f->status && (f->allow != NULL) == (f->status == 405));
	must(json_string_length(json_object_get(body, "message")) > 0);
	must(json_array_size(json_object_get(body, "details")) == f->count);
	json_decref(body);
	free(text);
}

static void check_enc(const struct kms_target *t, const char *body, size_t n, bool strict)
{
	const struct kms_limits l = {.key_size = 256,
	                             .min_key_size = 64,
	                             .max_key_size = 1024,
	                             .max_key_per_request = 128,
	                             .max_sae_id_count = 3,
	                             .optional_strict = strict};
	struct kms_key_request r;
	struct http_fault f;
	int rc = kms_key_request_read(t, body, n, &l, &offer, &r, &f);

	if (rc < 0) {
		must(r.slave == NULL);
		check_refusal(rc, &f);
		return;
	}
	must(r.number >= 1 && r.number <= 128 && r.size >= 64 && r.size <= 1024 && r.size % 8 == 0);
	must(r.slaves <= 3 && (r.slaves == 0) == (r.slave == NULL));
	for (uint32_t i = 0; i < r.slaves; i++) {
		must(http_identity_fault(r.slave[i], strlen(r.slave[i])) == NULL);
		must(strcmp(r.slave[i], t->sae) != 0);
	}
	kms_key_request_free(&r);
}

static void check_dec(const struct kms_target *t, const char *body, size_t n,
                      const struct key_uuid_keys *keys)
{
	struct key_uuid_place place[128];
	struct kms_key_ids ids;
	struct http_fault f;
	int rc = kms_key_ids_read(t, body, n, 128, &ids, &f);

	if (rc < 0) {
		must(ids.uuid == NULL);
		check_refusal(rc, &f);
		return;
	}
	must(ids.count >= 1 && ids.count <= 128);
	for (uint32_t i = 1; i < ids.count; i++)
		must(memcmp(ids.uuid[i - 1], ids.uuid[i], KEY_UUID_BYTES) != 0);
	/* Nobody has issued any. */
	must(kms_key_ids_check(&ids, keys, t->sae, "slave", place, &f) == -400);
	kms_key_ids_free(&ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t shared[32] = {1};
	static struct key_uuid_keys *keys;
	const char *text = (const char *)data, *end = text + size;
	const char *first = memchr(text, '\n', size), *second;
	struct kms_target t;
	struct http_fault f;
	char method[16];
	size_t n;
	int rc;

	if (keys == NULL) {
		must(secret_init(1 << 20, NULL) == 0);
		keys = key_uuid_keys_new(shared, sizeof(shared), 1, NULL);
	}
	if (first == NULL || first - text >= (ptrdiff_t)sizeof(method))
		return 0;
	memcpy(method, text, (size_t)(first - text));
	method[first - text] = '\0';
	first++;
	second = memchr(first, '\n', (size_t)(end - first));
	if (second == NULL)
		second = end;
	n = (size_t)(second - first);
	rc = kms_target_parse(method, first, n, &t, &f);
	second += second < end;
	if (rc < 0) {
		check_refusal(rc, &f);
		return 0;
	}
	must(http_identity_fault(t.sae, strlen(t.sae)) == NULL);
	if (t.call == KMS_ENC_KEYS) {
		check_enc(&t, second, (size_t)(end - second), false);
		check_enc(&t, second, (size_t)(end - second), true);
	} else if (t.call == KMS_DEC_KEYS) {
		check_dec(&t, second, (size_t)(end - second), keys);
	}
	return 0;
}
