/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/redact.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define URL_MAX 256

/* Does NAME ("smtp-password", "storage_key") say that its text is a secret? */
static bool is_secret(const char *name)
{
	static const char *const words[] = {"secret", "password",      "passphrase", "token",
	                                    "psk",    "authorization", "cookie",     "seed"};
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasestr(name, words[i]) != NULL)
			return true;
	/* Not "keyed_by", and not "key_age_ms", which are figures. */
	return n >= 3 && strcasecmp(name + n - 3, "key") == 0;
}

/* Where a secret is, is none. */
static bool is_place(const char *text)
{
	return text[0] == '/' || strncmp(text, "credential:", 11) == 0 ||
	       strncmp(text, "tpm2:", 5) == 0 || text[0] == '\0';
}

static json_t *redact_url(const char *text, const char *host)
{
	const char *end = host + strcspn(host, "/?#"), *at = host;
	char out[URL_MAX];

	/* "user:password@host" */
	for (const char *c = host; c < end; c++)
		if (*c == '@')
			at = c + 1;
	snprintf(out, sizeof(out), "%.*s%s%.*s%s", (int)(host - text), text,
	         at > host ? REDACTED "@" : "", (int)(end - at), at,
	         end[0] != '\0' && strcmp(end, "/") != 0 ? "/" REDACTED : "");
	return json_string(out);
}

static json_t *redact_text(const char *name, const json_t *v)
{
	const char *text = json_string_value(v), *scheme = strstr(text, "://");

	if (name != NULL && is_secret(name) && !is_place(text))
		return json_string(REDACTED);
	/* Its beginning, not a sentence that names one. */
	if (scheme != NULL && strcspn(text, " \t") > (size_t)(scheme - text))
		return redact_url(text, scheme + 3);
	return json_copy((json_t *)v);
}

/* V is the value, or in an array that is the value, of the member NAME. */
static json_t *copy(const char *name, const json_t *v)
{
	json_t *out, *element;
	const char *member;
	size_t i;

	if (json_is_string(v))
		return redact_text(name, v);
	if (json_is_array(v)) {
		out = json_array();
		json_array_foreach ((json_t *)v, i, element)
			json_array_append_new(out, copy(name, element));
		return out;
	}
	if (json_is_object(v)) {
		out = json_object();
		json_object_foreach ((json_t *)v, member, element)
			json_object_set_new(out, member, copy(member, element));
		return out;
	}
	return json_copy((json_t *)v);
}

json_t *redact(const json_t *v)
{
	return copy(NULL, v);
}
