/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/key_ids.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "control/kms/body.h"
#include "control/kms/query.h"

/* What is no UUID names no key. */
static int not_found(struct http_fault *f, const char *member, size_t i)
{
	http_fault_set(f, 400, KMS_KEY_NOT_FOUND);
	return http_fault_add(f, member, "entry %zu is not a UUID", i);
}

static int room(struct kms_key_ids *out, size_t n, struct http_fault *f)
{
	out->uuid = calloc(n, sizeof(*out->uuid));
	return out->uuid != NULL ? 0 : http_fault_unavailable(f, "out of memory", 1);
}

static int query_read(const struct kms_target *t, struct kms_key_ids *out, struct http_fault *f)
{
	struct query q = {.p = t->query, .left = t->query_len};
	int rc = room(out, 1, f);

	if (rc < 0)
		return rc;
	while ((rc = query_next(&q, f)) == 1) {
		if (strcmp(q.name, "key_IDs") == 0)
			return http_fault_field(f, 400, "key_IDs", "needs POST");
		if (strcmp(q.name, "key_ID") != 0)
			continue;
		if (out->count == 1)
			return http_fault_field(f, 400, "key_ID",
			                        "is given twice: that needs POST");
		if (key_uuid_parse(q.value, strlen(q.value), out->uuid[0]) < 0)
			return not_found(f, "key_ID", 0);
		out->count = 1;
	}
	if (rc == 0 && out->count == 0)
		return http_fault_field(f, 400, "key_ID", "is missing");
	return rc;
}

/* An object, or none. */
static bool is_extension(const json_t *v)
{
	return v == NULL || json_is_null(v) || json_is_object(v);
}

static int entry_read(const json_t *entry, size_t i, struct kms_key_ids *out, struct http_fault *f)
{
	const json_t *extension = json_object_get(entry, "key_ID_extension");
	const json_t *id = json_object_get(entry, "key_ID");

	if (!json_is_object(entry))
		return http_fault_field(f, 400, "key_IDs", "entry %zu is not an object", i);
	if (!json_is_string(id))
		return http_fault_field(f, 400, "key_IDs", "entry %zu has no string key_ID", i);
	if (!is_extension(extension))
		return http_fault_field(f, 400, "key_IDs",
		                        "entry %zu: key_ID_extension is not an object", i);
	if (key_uuid_parse(json_string_value(id), json_string_length(id), out->uuid[i]) < 0)
		return not_found(f, "key_IDs", i);
	for (size_t j = 0; j < i; j++)
		if (memcmp(out->uuid[j], out->uuid[i], KEY_UUID_BYTES) == 0)
			return http_fault_field(f, 400, "key_IDs", "entry %zu is entry %zu again",
			                        i, j);
	out->count++;
	return 0;
}

static int list_read(const json_t *body, uint32_t max, struct kms_key_ids *out,
                     struct http_fault *f)
{
	const json_t *extension = json_object_get(body, "key_IDs_extension");
	const json_t *list;
	size_t n;
	int rc;

	if (kms_body_array(body, "key_IDs", &list, f) < 0)
		return -400;
	if (list == NULL)
		return http_fault_field(f, 400, "key_IDs", "is missing");
	if (!is_extension(extension))
		return http_fault_field(f, 400, "key_IDs_extension", "is not an object");
	n = json_array_size(list);
	if (n == 0 || n > max)
		return http_fault_field(f, 400, "key_IDs", "has %zu entries, not 1 to %u", n, max);
	rc = room(out, n, f);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = entry_read(json_array_get(list, i), i, out, f);
	return rc;
}

static int body_read(const char *text, size_t n, uint32_t max, struct kms_key_ids *out,
                     struct http_fault *f)
{
	json_t *body;
	int rc;

	if (n == 0)
		return http_fault_field(f, 400, "key_IDs", "is missing");
	rc = kms_body_parse(text, n, &body, f);
	if (rc < 0)
		return rc;
	rc = list_read(body, max, out, f);
	json_decref(body);
	return rc;
}

int kms_key_ids_read(const struct kms_target *t, const char *body, size_t n, uint32_t max,
                     struct kms_key_ids *out, struct http_fault *f)
{
	int rc;

	memset(out, 0, sizeof(*out));
	if (t->post && t->query_len > 0)
		rc = http_fault_field(f, 400, "query", "goes with GET, not with POST");
	else if (!t->post && n > 0)
		rc = http_fault_field(f, 400, "body", "goes with POST, not with GET");
	else
		rc = t->post ? body_read(body, n, max, out, f) : query_read(t, out, f);
	if (rc < 0)
		kms_key_ids_free(out);
	return rc;
}

int kms_key_ids_check(const struct kms_key_ids *ids, const struct key_uuid_keys *keys,
                      const char *master, const char *slave, struct key_uuid_place *place,
                      struct http_fault *f)
{
	bool unknown = false, others = false;

	for (uint32_t i = 0; i < ids->count; i++) {
		enum key_uuid_verdict v =
		        key_uuid_check(keys, ids->uuid[i], master, slave, &place[i]);

		unknown |= v == KEY_UUID_NOT_ISSUED;
		others |= v == KEY_UUID_OTHER_PAIR;
	}
	if (!unknown && !others)
		return 0;
	memset(place, 0, ids->count * sizeof(*place));
	/* Whoever asks for others' keys hears that first, whatever else is wrong. */
	if (others)
		return http_fault_set(f, 401, KMS_KEY_OF_OTHERS);
	return http_fault_set(f, 400, KMS_KEY_NOT_FOUND);
}

void kms_key_ids_free(struct kms_key_ids *ids)
{
	free(ids->uuid);
	memset(ids, 0, sizeof(*ids));
}
