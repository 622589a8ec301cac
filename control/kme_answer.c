/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kme_answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "common/base64.h"
#include "common/secret.h"
#include "control/kms/body.h"

#define KEY_BITS (8 * KME_KEY_BYTES)
/* 32 bytes in base64. */
#define KEY_TEXT 44

/* An object within the bounds of kms_body_parse(): a KME is no more to be trusted than a client. */
static json_t *object_of(const char *body, size_t len, struct err *err)
{
	struct http_fault fault;
	json_t *o = NULL;

	if (kms_body_parse(body, len, &o, &fault) < 0)
		err_set(err, EPROTO, "no JSON object, too large or too deep");
	return o;
}

static int integer(const json_t *o, const char *name, json_int_t least, json_int_t most,
                   json_int_t *out, struct err *err)
{
	const json_t *v = json_object_get(o, name);

	if (!json_is_integer(v))
		return err_set(err, EPROTO, "status: %s is %s", name,
		               v == NULL ? "missing" : "no integer");
	*out = json_integer_value(v);
	if (*out < least || *out > most)
		return err_set(err, EPROTO, "status: %s is %lld", name, (long long)*out);
	return 0;
}

static int text(const json_t *o, const char *name, char to[KME_TEXT_MAX + 1], struct err *err)
{
	const json_t *v = json_object_get(o, name);

	if (!json_is_string(v))
		return err_set(err, EPROTO, "status: %s is %s", name,
		               v == NULL ? "missing" : "no string");
	kme_text_copy(to, json_string_value(v), json_string_length(v));
	return 0;
}

/* KMEs of ours say whether their light is simulated; others say nothing. */
static enum kme_light light_of(const json_t *status)
{
	const json_t *v =
	        json_object_get(json_object_get(status, "status_extension"), "lumengate_simulated");

	return json_is_true(v)    ? KME_LIGHT_SIMULATED
	       : json_is_false(v) ? KME_LIGHT_REAL
	                          : KME_LIGHT_UNKNOWN;
}

static int read_status(const json_t *o, const char *sae, struct kme_message *m, struct err *err)
{
	json_int_t least = 0, largest = 0, stored = 0, most = 0;
	char master[KME_TEXT_MAX + 1];
	const json_t *v = json_object_get(o, "master_SAE_ID");
	int rc = text(o, "source_KME_ID", m->source, err);

	if (rc == 0)
		rc = text(o, "target_KME_ID", m->target, err);
	if (rc == 0)
		rc = text(o, "master_SAE_ID", master, err);
	if (rc == 0)
		rc = integer(o, "stored_key_count", 0, INT64_MAX, &stored, err);
	if (rc == 0)
		rc = integer(o, "max_key_per_request", 1, INT64_MAX, &most, err);
	if (rc == 0)
		rc = integer(o, "min_key_size", 0, INT64_MAX, &least, err);
	if (rc == 0)
		rc = integer(o, "max_key_size", 0, INT64_MAX, &largest, err);
	if (rc < 0)
		return rc;
	if (sae[0] != '\0' && strcmp(json_string_value(v), sae) != 0)
		return err_set(err, EACCES, "its certificate makes this gateway SAE %s", master);
	if (least > KEY_BITS || largest < KEY_BITS)
		return err_set(err, EACCES, "it has keys of %lld to %lld bits, none of %d",
		               (long long)least, (long long)largest, KEY_BITS);
	m->light = light_of(o);
	m->stored = stored < UINT32_MAX ? (uint32_t)stored : UINT32_MAX;
	m->most = most < KME_KEYS_MAX ? (uint16_t)most : KME_KEYS_MAX;
	return 0;
}

int kme_answer_status(const char *body, size_t len, const char *sae, struct kme_message *m,
                      struct err *err)
{
	json_t *o = object_of(body, len, err);
	int rc;

	*m = (struct kme_message){.type = KME_STATUS};
	if (o == NULL)
		return -EPROTO;
	rc = read_status(o, sae, m, err);
	json_decref(o);
	return rc;
}

/* Where key ID belongs: N when it was not asked for. */
static unsigned int place_of(const char *id, const uint8_t *ids, unsigned int n)
{
	unsigned int i = 0;

	while (i < n &&
	       strncasecmp(id, (const char *)ids + (size_t)i * KME_ID_BYTES, KME_ID_BYTES) != 0)
		i++;
	return i;
}

static int read_key(const json_t *o, const uint8_t *ids, unsigned int n, unsigned int i,
                    uint8_t *entries, struct err *err)
{
	const json_t *id = json_object_get(o, "key_ID"), *key = json_object_get(o, "key");
	uint8_t *entry = entries + (size_t)i * KME_ENTRY_BYTES;

	if (!json_is_string(id) || json_string_length(id) != KME_ID_BYTES ||
	    !kme_id_valid((const uint8_t *)json_string_value(id)))
		return err_set(err, EPROTO, "key %u has no UUID as key_ID", i + 1);
	if (ids != NULL) {
		unsigned int at = place_of(json_string_value(id), ids, n);

		if (at == n)
			return err_set(err, EPROTO, "key %u was not asked for", i + 1);
		entry = entries + (size_t)at * KME_ENTRY_BYTES;
		if (entry[0] != 0)
			return err_set(err, EPROTO, "key %u is there twice", i + 1);
		/* As it was asked for: letters of either case are the same. */
		memcpy(entry, ids + (size_t)at * KME_ID_BYTES, KME_ID_BYTES);
	} else {
		for (unsigned int k = 0; k < i; k++)
			if (strncasecmp((const char *)entries + (size_t)k * KME_ENTRY_BYTES,
			                json_string_value(id), KME_ID_BYTES) == 0)
				return err_set(err, EPROTO, "key %u has the key_ID of key %u",
				               i + 1, k + 1);
		memcpy(entry, json_string_value(id), KME_ID_BYTES);
	}
	/* The decoder may write 33 bytes, which 44 characters without padding would be. */
	if (json_is_string(key) && json_string_length(key) == KEY_TEXT) {
		uint8_t *bytes = secret_alloc(KEY_TEXT / 4 * 3);
		ssize_t got =
		        bytes == NULL ? -1 : base64_decode(json_string_value(key), KEY_TEXT, bytes);

		if (got == KME_KEY_BYTES)
			memcpy(entry + KME_ID_BYTES, bytes, KME_KEY_BYTES);
		secret_free(bytes);
		if (got == KME_KEY_BYTES)
			return 0;
	}
	return err_set(err, EPROTO, "key %u is not %d bits in base64", i + 1, KEY_BITS);
}

int kme_answer_keys(const char *body, size_t len, const uint8_t *ids, unsigned int n,
                    uint8_t *entries, struct err *err)
{
	json_t *o = object_of(body, len, err), *keys = json_object_get(o, "keys");
	int rc = 0;

	memset(entries, 0, (size_t)n * KME_ENTRY_BYTES);
	if (o == NULL)
		return -EPROTO;
	if (!json_is_array(keys))
		rc = err_set(err, EPROTO, "there is no array keys");
	else if (json_array_size(keys) != n)
		rc = err_set(err, EPROTO, "%zu keys, not the %u that were asked for",
		             json_array_size(keys), n);
	for (unsigned int i = 0; rc == 0 && i < n; i++)
		rc = read_key(json_array_get(keys, i), ids, n, i, entries, err);
	json_decref(o);
	if (rc < 0)
		secret_wipe(entries, (size_t)n * KME_ENTRY_BYTES);
	return rc;
}

void kme_answer_message(const char *body, size_t len, char out[KME_TEXT_MAX + 1])
{
	json_t *o = object_of(body, len, NULL);
	const json_t *v = json_object_get(o, "message");

	out[0] = '\0';
	if (json_is_string(v))
		kme_text_copy(out, json_string_value(v), json_string_length(v));
	json_decref(o);
}
