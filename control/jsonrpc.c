/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/jsonrpc.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/secret.h"

void jsonrpc_fail(struct jsonrpc_error *error, int code, const char *fmt, ...)
{
	va_list ap;

	error->code = code;
	va_start(ap, fmt);
	vsnprintf(error->text, sizeof(error->text), fmt, ap);
	va_end(ap);
	error->text[strcspn(error->text, "\n")] = '\0';
}

/*
 * Where the path at the head of TEXT ends: at a colon outside brackets, whose quoted keys may
 * hold anything. 0: there is none, and the whole of the request or the gateway is meant.
 */
static size_t path_length(const char *text)
{
	bool bracket = false;

	if (text[0] != '/')
		return 0;
	for (size_t i = 0; text[i] != '\0'; i++) {
		if (text[i] == '[')
			bracket = true;
		else if (text[i] == ']')
			bracket = false;
		else if (!bracket && text[i] == ':' && text[i + 1] == ' ')
			return i;
	}
	return 0;
}

/* Path and reason apart, for programs. */
static json_t *error_data(const char *text)
{
	size_t n = path_length(text);

	return n == 0 ? json_pack("{s:s, s:s}", "path", "/", "reason", text)
	              : json_pack("{s:s%, s:s}", "path", text, n, "reason", text + n + 2);
}

static json_t *error_object(const struct jsonrpc_error *error)
{
	json_t *e = json_pack("{s:i}", "code", error->code);
	/* What a client sent may be cut inside a UTF-8 sequence: keep it printable. */
	json_t *message = json_string(error->text);

	if (message != NULL) {
		json_object_set_new(e, "message", message);
		json_object_set_new(e, "data", error_data(error->text));
	} else {
		json_object_set_new(e, "message", json_string("refused"));
		json_object_set_new(e, "data", error_data("refused"));
	}
	return e;
}

/* Takes over RESULT; ID is borrowed, NULL for null. */
static json_t *response(const json_t *id, json_t *result, const struct jsonrpc_error *error)
{
	json_t *o = json_object();

	json_object_set_new(o, "jsonrpc", json_string("2.0"));
	if (error->code != 0) {
		json_decref(result);
		json_object_set_new(o, "error", error_object(error));
	} else {
		json_object_set_new(o, "result", result != NULL ? result : json_null());
	}
	json_object_set_new(o, "id", id != NULL ? json_deep_copy(id) : json_null());
	return o;
}

/* A response, or NULL for a notification (no id: the client wants none). */
static json_t *handle_one(const json_t *request, jsonrpc_call_fn call, void *ctx)
{
	const json_t *id = json_object_get(request, "id"), *params, *method;
	struct jsonrpc_error error = {0};
	const char *version, *name;
	json_t *result = NULL, *v;

	if (!json_is_object(request)) {
		jsonrpc_fail(&error, JSONRPC_INVALID_REQUEST, "/: a request is an object");
		return response(NULL, NULL, &error);
	}
	if (id != NULL && !json_is_string(id) && !json_is_number(id) && !json_is_null(id)) {
		jsonrpc_fail(&error, JSONRPC_INVALID_REQUEST,
		             "/id: must be a string, a number or null");
		return response(NULL, NULL, &error);
	}
	version = json_string_value(json_object_get(request, "jsonrpc"));
	method = json_object_get(request, "method");
	params = json_object_get(request, "params");
	if (version == NULL || strcmp(version, "2.0") != 0)
		jsonrpc_fail(&error, JSONRPC_INVALID_REQUEST, "/jsonrpc: must be \"2.0\"");
	else if (!json_is_string(method))
		jsonrpc_fail(&error, JSONRPC_INVALID_REQUEST, "/method: must be a string");
	else if (params != NULL && !json_is_object(params) && !json_is_array(params))
		jsonrpc_fail(&error, JSONRPC_INVALID_REQUEST,
		             "/params: must be an object or an array");
	else
		json_object_foreach ((json_t *)request, name, v)
			if (strcmp(name, "jsonrpc") != 0 && strcmp(name, "method") != 0 &&
			    strcmp(name, "params") != 0 && strcmp(name, "id") != 0)
				jsonrpc_fail(&error, JSONRPC_INVALID_REQUEST,
				             "/%.64s: unknown field", name);
	/* An invalid request is answered even without an id: nobody can tell what it was. */
	if (error.code != 0)
		return response(id, NULL, &error);

	result = call(ctx, json_string_value(method), params, &error);
	if (result == NULL && error.code == 0)
		jsonrpc_fail(&error, JSONRPC_INTERNAL_ERROR, "/: out of memory");
	if (id == NULL) {
		json_decref(result);
		return NULL;
	}
	return response(id, result, &error);
}

static char *error_dump(const struct jsonrpc_error *error)
{
	json_t *r = response(NULL, NULL, error);
	char *text = json_dumps(r, JSON_COMPACT);

	json_decref(r);
	return text;
}

char *jsonrpc_error_text(int code, const char *text)
{
	struct jsonrpc_error error;

	jsonrpc_fail(&error, code, "%s", text);
	return error_dump(&error);
}

char *jsonrpc_handle(const char *text, size_t len, jsonrpc_call_fn call, void *ctx)
{
	struct jsonrpc_error error = {0};
	json_t *request, *out, *one, *each;
	json_error_t where;
	char *answer = NULL, *near;
	size_t i;

	request = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	if (request == NULL) {
		/* jansson quotes the request after "near", and that may hold keys to import. */
		near = strstr(where.text, " near ");
		if (near != NULL)
			*near = '\0';
		jsonrpc_fail(&error, JSONRPC_PARSE_ERROR, "line %d column %d: %s", where.line,
		             where.column, where.text);
		return error_dump(&error);
	}
	if (!json_is_array(request)) {
		out = handle_one(request, call, ctx);
	} else if (json_array_size(request) == 0 || json_array_size(request) > JSONRPC_BATCH_MAX) {
		jsonrpc_fail(&error, JSONRPC_INVALID_REQUEST, "/: a batch has 1 to %d requests",
		             JSONRPC_BATCH_MAX);
		out = response(NULL, NULL, &error);
	} else {
		out = json_array();
		json_array_foreach (request, i, each) {
			one = handle_one(each, call, ctx);
			if (one != NULL)
				json_array_append_new(out, one);
		}
		if (json_array_size(out) == 0) {
			json_decref(out);
			out = NULL;
		}
	}
	json_decref(request);
	if (out != NULL)
		answer = json_dumps(out, JSON_COMPACT);
	json_decref(out);
	return answer;
}

size_t jsonrpc_scan(struct jsonrpc_scanner *s, const char *data, size_t len, bool *end)
{
	*end = false;
	for (size_t i = 0; i < len; i++) {
		char c = data[i];

		if (!s->inside) {
			if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
				continue;
			s->inside = true;
			s->garbage = c != '{' && c != '[';
		}
		if (s->garbage) {
			if (c != '\n')
				continue;
		} else if (s->string) {
			if (s->escape)
				s->escape = false;
			else if (c == '\\')
				s->escape = true;
			else if (c == '"')
				s->string = false;
			continue;
		} else if (c == '"') {
			s->string = true;
			continue;
		} else if (c == '{' || c == '[') {
			s->depth++;
			continue;
		} else if ((c != '}' && c != ']') || --s->depth > 0) {
			continue;
		}
		*s = (struct jsonrpc_scanner){0};
		*end = true;
		return i + 1;
	}
	return len;
}

static void wiping_free(void *p)
{
	if (p == NULL)
		return;
	secret_wipe(p, malloc_usable_size(p));
	free(p);
}

void jsonrpc_wipe_memory(void)
{
	json_set_alloc_funcs(malloc, wiping_free);
}
