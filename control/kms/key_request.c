/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/key_request.h"

#include <stdlib.h>
#include <string.h>

#include "control/kms/body.h"
#include "control/kms/query.h"

static int query_read(const struct kms_target *t, const struct kms_limits *l,
                      struct kms_key_request *out, struct http_fault *f)
{
	static const char *const by_post[] = {"additional_slave_SAE_IDs", "extension_mandatory",
	                                      "extension_optional"};
	struct query q = {.p = t->query, .left = t->query_len};
	bool number = false, size = false;
	int rc;

	while ((rc = query_next(&q, f)) == 1) {
		bool is_number = strcmp(q.name, "number") == 0,
		     is_size = strcmp(q.name, "size") == 0;

		if ((is_number && number) || (is_size && size))
			return http_fault_field(f, 400, q.name, "is given twice");
		number |= is_number;
		size |= is_size;
		if (is_number &&
		    query_number(q.name, q.value, 1, l->max_key_per_request, &out->number, f) < 0)
			return -400;
		if (is_size && query_number(q.name, q.value, l->min_key_size, l->max_key_size,
		                            &out->size, f) < 0)
			return -400;
		/* Unheeded, it would give keys that are not what was asked for. */
		for (size_t i = 0; i < sizeof(by_post) / sizeof(by_post[0]); i++)
			if (strcmp(q.name, by_post[i]) == 0)
				return http_fault_field(f, 400, q.name, "needs POST");
	}
	return rc;
}

static int slave_read(const json_t *list, size_t i, const char *slave, struct kms_key_request *out,
                      struct http_fault *f)
{
	static const char name[] = "additional_slave_SAE_IDs";
	const json_t *v = json_array_get(list, i);
	const char *id = json_string_value(v), *wrong;

	if (id == NULL)
		return http_fault_field(f, 400, name, "entry %zu is not a string", i);
	wrong = http_identity_fault(id, json_string_length(v));
	if (wrong != NULL)
		return http_fault_field(f, 400, name, "entry %zu %s", i, wrong);
	if (strcmp(id, slave) == 0)
		return http_fault_field(f, 400, name, "entry %zu is the slave_SAE_ID of the path",
		                        i);
	for (size_t j = 0; j < i; j++)
		if (strcmp(out->slave[j], id) == 0)
			return http_fault_field(f, 400, name, "entry %zu is entry %zu again", i, j);
	memcpy(out->slave[i], id, json_string_length(v) + 1);
	return 0;
}

static int slaves_read(const json_t *body, const char *slave, const struct kms_limits *l,
                       struct kms_key_request *out, struct http_fault *f)
{
	static const char name[] = "additional_slave_SAE_IDs";
	const json_t *list;
	size_t n;

	if (kms_body_array(body, name, &list, f) < 0)
		return -400;
	n = json_array_size(list);
	if (n > l->max_sae_id_count)
		return http_fault_field(f, 400, name, "has %zu entries, max_SAE_ID_count is %u", n,
		                        l->max_sae_id_count);
	if (n == 0)
		return 0;
	out->slave = calloc(n, sizeof(*out->slave));
	if (out->slave == NULL)
		return http_fault_unavailable(f, "out of memory", 1);
	for (size_t i = 0; i < n; i++)
		if (slave_read(list, i, slave, out, f) < 0)
			return -400;
	out->slaves = (uint32_t)n;
	return 0;
}

static int extensions_read(const json_t *body, const struct kms_limits *l,
                           const struct kms_offer *offer, struct kms_key_request *out,
                           struct http_fault *f)
{
	const json_t *mandatory, *optional;

	if (kms_body_array(body, "extension_mandatory", &mandatory, f) < 0 ||
	    kms_body_array(body, "extension_optional", &optional, f) < 0 ||
	    kms_extension_mandatory(mandatory, offer, f) < 0)
		return -400;
	kms_extension_kind(mandatory, &out->real, &out->simulated);
	return kms_extension_optional(optional, offer, l->optional_strict, f);
}

/* Members that there are not in the standard go unheeded: clients send some. */
static int body_read(const struct kms_target *t, const char *text, size_t n,
                     const struct kms_limits *l, const struct kms_offer *offer,
                     struct kms_key_request *out, struct http_fault *f)
{
	json_t *body;
	int rc;

	if (n == 0)
		return 0;
	rc = kms_body_parse(text, n, &body, f);
	if (rc < 0)
		return rc;
	rc = kms_body_number(body, "number", 1, l->max_key_per_request, &out->number, f);
	if (rc == 0)
		rc = kms_body_number(body, "size", l->min_key_size, l->max_key_size, &out->size, f);
	if (rc == 0)
		rc = slaves_read(body, t->sae, l, out, f);
	if (rc == 0)
		rc = extensions_read(body, l, offer, out, f);
	json_decref(body);
	return rc;
}

int kms_key_request_read(const struct kms_target *t, const char *body, size_t n,
                         const struct kms_limits *limits, const struct kms_offer *offer,
                         struct kms_key_request *out, struct http_fault *f)
{
	int rc;

	*out = (struct kms_key_request){.number = 1, .size = limits->key_size};
	if (t->post && t->query_len > 0)
		rc = http_fault_field(f, 400, "query", "goes with GET, not with POST");
	else if (!t->post && n > 0)
		rc = http_fault_field(f, 400, "body", "goes with POST, not with GET");
	else if (t->post)
		rc = body_read(t, body, n, limits, offer, out, f);
	else
		rc = query_read(t, limits, out, f);
	if (rc == 0 && out->size % 8 != 0)
		rc = http_fault_set(f, 400, KMS_SIZE_NOT_BYTES);
	if (rc < 0)
		kms_key_request_free(out);
	else
		memset(f, 0, sizeof(*f));
	return rc;
}

void kms_key_request_free(struct kms_key_request *r)
{
	free(r->slave);
	memset(r, 0, sizeof(*r));
}
