/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/kms/body.h"

#include <stdbool.h>
#include <string.h>

/*
 * Before the parser, which recurses and allocates, sees anything: depth and number of parts. Up to
 * the first error of syntax this splits the text as the parser does, and there that one stops.
 */
static int bounds(const char *text, size_t n, struct http_fault *f)
{
	unsigned int depth = 0, nodes = 0;
	bool string = false;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (string) {
			if (c == '\\')
				i++;
			string = c != '"';
			continue;
		}
		string = c == '"';
		if (c == '{' || c == '[')
			depth++;
		if ((c == '}' || c == ']') && depth > 0)
			depth--;
		nodes += c == '{' || c == '[' || c == ',';
		if (depth > KMS_BODY_DEPTH)
			return http_fault_field(f, 400, "body", "is nested more than %d deep",
			                        KMS_BODY_DEPTH);
		if (nodes > KMS_BODY_NODES)
			return http_fault_field(f, 400, "body", "has more than %d parts",
			                        KMS_BODY_NODES);
	}
	return 0;
}

int kms_body_parse(const char *text, size_t n, json_t **out, struct http_fault *f)
{
	json_error_t where;

	*out = NULL;
	if (n > KMS_BODY_BYTES)
		return http_fault_field(f, 413, "body", "is longer than %zu bytes", KMS_BODY_BYTES);
	if (bounds(text, n, f) < 0)
		return -f->status;
	*out = json_loadb(text, n, JSON_REJECT_DUPLICATES, &where);
	if (*out == NULL) {
		char *near = strstr(where.text, " near '");

		if (near != NULL) /* the client's own bytes */
			*near = '\0';
		return http_fault_field(f, 400, "body", "is no JSON: line %d, column %d: %s",
		                        where.line, where.column, where.text);
	}
	if (json_is_object(*out))
		return 0;
	json_decref(*out);
	*out = NULL;
	return http_fault_field(f, 400, "body", "is no JSON object");
}

int kms_body_number(const json_t *body, const char *name, uint32_t min, uint32_t max, uint32_t *out,
                    struct http_fault *f)
{
	const json_t *v = json_object_get(body, name);

	if (v == NULL || json_is_null(v))
		return 0;
	if (!json_is_integer(v))
		return http_fault_field(f, 400, name, "is not an integer");
	if (json_integer_value(v) < min || json_integer_value(v) > max)
		return http_fault_field(f, 400, name, "is not from %u to %u", min, max);
	*out = (uint32_t)json_integer_value(v);
	return 0;
}

int kms_body_array(const json_t *body, const char *name, const json_t **out, struct http_fault *f)
{
	*out = json_object_get(body, name);
	if (json_is_null(*out))
		*out = NULL;
	if (*out != NULL && !json_is_array(*out))
		return http_fault_field(f, 400, name, "is not an array");
	return 0;
}
