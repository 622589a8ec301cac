/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/skip.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/random.h"
#include "common/secret.h"
#include "control/kms/query.h"

#define KEY_PATH "/key/"

static bool path_is(const char *path, size_t n, const char *name)
{
	return n == strlen(name) && memcmp(path, name, n) == 0;
}

static enum kms_skip_call call_of(const char *path, size_t n)
{
	const size_t skip = sizeof(KEY_PATH) - 1;

	if (path_is(path, n, "/capabilities"))
		return KMS_SKIP_CAPABILITIES;
	if (path_is(path, n, "/key"))
		return KMS_SKIP_KEY;
	if (path_is(path, n, "/entropy"))
		return KMS_SKIP_ENTROPY;
	if (n > skip && memcmp(path, KEY_PATH, skip) == 0 &&
	    memchr(path + skip, '/', n - skip) == NULL)
		return KMS_SKIP_KEY_BY_ID;
	return KMS_SKIP_NONE;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* An identifier is no secret. */
static int id_read(const char *text, size_t n, uint8_t uuid[KEY_UUID_BYTES], struct http_fault *f)
{
	if (n != KMS_SKIP_ID)
		return http_fault_field(f, 400, "keyId", "is not of %d hexadecimal digits",
		                        KMS_SKIP_ID);
	for (int i = 0; i < KEY_UUID_BYTES; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return http_fault_field(f, 400, "keyId", "is not of %d hexadecimal digits",
			                        KMS_SKIP_ID);
		uuid[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

static int remote_read(const char *value, struct kms_skip_target *out, struct http_fault *f)
{
	const char *wrong = http_identity_fault(value, strlen(value));

	if (wrong != NULL)
		return http_fault_field(f, 400, "remoteSystemID", "%s", wrong);
	if (out->remote[0] != '\0')
		return http_fault_field(f, 400, "remoteSystemID", "is given twice");
	memcpy(out->remote, value, strlen(value) + 1);
	return 0;
}

/* Parameters that a call has not go unheeded. */
static int query_read(const char *query, size_t n, const struct kms_limits *limits,
                      struct kms_skip_target *out, struct http_fault *f)
{
	bool key = out->call == KMS_SKIP_KEY, by_id = out->call == KMS_SKIP_KEY_BY_ID;
	const char *bits = key ? "size" : out->call == KMS_SKIP_ENTROPY ? "minentropy" : "";
	uint32_t min = key ? limits->min_key_size : 1;
	uint32_t max = key ? limits->max_key_size : KMS_SKIP_ENTROPY_BITS;
	struct query q = {.p = query, .left = n};
	bool sized = false;
	int rc;

	while ((rc = query_next(&q, f)) == 1) {
		if ((key || by_id) && strcmp(q.name, "remoteSystemID") == 0)
			rc = remote_read(q.value, out, f);
		else if (bits[0] == '\0' || strcmp(q.name, bits) != 0)
			continue;
		else if (sized)
			rc = http_fault_field(f, 400, bits, "is given twice");
		else
			rc = query_number(bits, q.value, min, max, &out->bits, f);
		if (rc < 0)
			return rc;
		sized |= strcmp(q.name, bits) == 0;
	}
	if (rc == 0 && (key || by_id) && out->remote[0] == '\0')
		return http_fault_field(f, 400, "remoteSystemID", "is missing");
	if (rc == 0 && key && out->bits % 8 != 0)
		return http_fault_field(f, 400, "size", "is no multiple of 8");
	return rc;
}

int kms_skip_parse(const char *method, const char *target, size_t n,
                   const struct kms_limits *limits, struct kms_skip_target *out,
                   struct http_fault *f)
{
	const char *query = memchr(target, '?', n);
	size_t path = query != NULL ? (size_t)(query - target) : n;
	int rc = 0;

	memset(out, 0, sizeof(*out));
	out->call = call_of(target, path);
	out->bits = KMS_SKIP_BITS;
	if (out->call == KMS_SKIP_NONE)
		return 0;
	if (strcmp(method, "GET") != 0) {
		http_fault_set(f, 405, "method not allowed for this path");
		f->allow = "GET";
		return -405;
	}
	if (out->call == KMS_SKIP_KEY_BY_ID)
		rc = id_read(target + sizeof(KEY_PATH) - 1, path - sizeof(KEY_PATH) + 1, out->uuid,
		             f);
	if (rc == 0)
		rc = query_read(query != NULL ? query + 1 : "", query != NULL ? n - path - 1 : 0,
		                limits, out, f);
	return rc;
}

void kms_skip_system(const char *kme, char out[KMS_SAE_ID + 1])
{
	snprintf(out, KMS_SAE_ID + 1, "\x1f%s", kme);
}

char *kms_skip_capabilities(const char *local, const char *const *remote, size_t count)
{
	json_t *list = json_array(), *o;
	char *text;

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(remote[i]));
	o = json_pack("{s:b, s:b, s:s, s:s, s:o}", "entropy", 1, "key", 1, "algorithm", "QKD",
	              "localSystemID", local, "remoteSystemID", list);
	text = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return text;
}

/* Without a table: the data may be a key. */
static char *hex(char *out, const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (int shift = 4; shift >= 0; shift -= 4) {
			unsigned int v = data[i] >> shift & 15;

			/* Above 9 the subtraction borrows: 'a' - '0' - 10 more. */
			*out++ = (char)('0' + v + ((9 - v) >> 8 & 39));
		}
	return out;
}

char *kms_skip_entropy(uint32_t bits)
{
	uint8_t data[KMS_SKIP_ENTROPY_BITS / 8];
	size_t n = (bits + 7) / 8;
	char *text = secret_alloc(2 * n + 64), *p;

	if (text == NULL)
		return NULL;
	random_bytes(data, n);
	p = text + sprintf(text, "{\"randomStr\":\"");
	p = hex(p, data, n);
	sprintf(p, "\",\"minentropy\":%u}", bits);
	secret_wipe(data, sizeof(data));
	return text;
}

static const char id_head[] = "{\"keyId\":\"", key_head[] = "\",\"key\":\"", tail[] = "\"}";

#define LEN(literal) (sizeof(literal) - 1)

size_t kms_skip_key_bytes(uint32_t key_bytes)
{
	return LEN(id_head) + KMS_SKIP_ID + LEN(key_head) + 2 * (size_t)key_bytes + sizeof(tail);
}

static char *put(char *out, const char *text, size_t n)
{
	memcpy(out, text, n);
	return out + n;
}

size_t kms_skip_key_write(char *out, const uint8_t uuid[KEY_UUID_BYTES], const uint8_t *key,
                          uint32_t key_bytes)
{
	char *p = put(out, id_head, LEN(id_head));

	p = hex(p, uuid, KEY_UUID_BYTES);
	p = put(p, key_head, LEN(key_head));
	p = hex(p, key, key_bytes);
	p = put(p, tail, sizeof(tail));
	return (size_t)(p - out - 1);
}
