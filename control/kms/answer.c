/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/answer.h"

#include <string.h>

#include <jansson.h>

#include "common/base64.h"

char *kms_status_body(const struct kms_status *s)
{
	const struct kms_limits *l = s->limits;
	json_t *body = json_pack(
	        "{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:{s:b, s:s, s:s}}",
	        "source_KME_ID", s->source_kme, "target_KME_ID", s->target_kme, "master_SAE_ID",
	        s->master_sae, "slave_SAE_ID", s->slave_sae, "key_size", (json_int_t)l->key_size,
	        "stored_key_count", (json_int_t)s->stored_key_count, "max_key_count",
	        (json_int_t)s->max_key_count, "max_key_per_request",
	        (json_int_t)l->max_key_per_request, "max_key_size", (json_int_t)l->max_key_size,
	        "min_key_size", (json_int_t)l->min_key_size, "max_SAE_ID_count",
	        (json_int_t)l->max_sae_id_count, "status_extension", "lumengate_simulated",
	        (int)s->offer->simulated, "lumengate_link_state", s->link_state,
	        "lumengate_protocol", s->protocol);
	char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);

	json_decref(body);
	return text;
}

static const char head[] = "{\"keys\":[", tail[] = "]}";
static const char id_head[] = "{\"key_ID\":\"", key_head[] = "\",\"key\":\"", key_tail[] = "\"}";

#define LEN(literal) (sizeof(literal) - 1)

static size_t base64_bytes(uint32_t n)
{
	return 4 * (((size_t)n + 2) / 3);
}

static size_t entry_bytes(uint32_t key_bytes)
{
	return LEN(id_head) + KEY_UUID_TEXT + LEN(key_head) + base64_bytes(key_bytes) +
	       LEN(key_tail);
}

size_t kms_container_bytes(uint32_t number, uint32_t key_bytes)
{
	return LEN(head) + number * (entry_bytes(key_bytes) + 1) - (number > 0) + LEN(tail) + 1;
}

size_t kms_container_room(const struct kms_container_key *key, uint32_t number)
{
	size_t n = LEN(head) + LEN(tail) + 1;

	for (uint32_t i = 0; i < number; i++)
		n += entry_bytes(key[i].bytes) + (i > 0);
	return n;
}

static char *put(char *out, const char *text, size_t n)
{
	memcpy(out, text, n);
	return out + n;
}

static char *put_key(char *p, bool comma, const uint8_t *uuid, const uint8_t *key,
                     uint32_t key_bytes)
{
	if (comma)
		*p++ = ',';
	p = put(p, id_head, LEN(id_head));
	key_uuid_format(uuid, p);
	p = put(p + KEY_UUID_TEXT, key_head, LEN(key_head));
	base64_encode(key, key_bytes, p);
	return put(p + base64_bytes(key_bytes), key_tail, LEN(key_tail));
}

size_t kms_container_write(char *out, const uint8_t (*uuid)[KEY_UUID_BYTES], const uint8_t *keys,
                           uint32_t number, uint32_t key_bytes)
{
	char *p = put(out, head, LEN(head));

	for (uint32_t i = 0; i < number; i++)
		p = put_key(p, i > 0, uuid[i], keys + (size_t)i * key_bytes, key_bytes);
	p = put(p, tail, LEN(tail));
	*p = '\0';
	return (size_t)(p - out);
}

size_t kms_container_put(char *out, const struct kms_container_key *key, uint32_t number)
{
	char *p = put(out, head, LEN(head));

	for (uint32_t i = 0; i < number; i++)
		p = put_key(p, i > 0, key[i].uuid, key[i].key, key[i].bytes);
	p = put(p, tail, LEN(tail));
	*p = '\0';
	return (size_t)(p - out);
}
