/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/method.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/audit.h"

static struct method *methods;
static enum method_state state = METHOD_STARTUP;
static struct method_caller caller;

void method_register(struct method *method)
{
	struct method **at = &methods;

	if (method->states == 0)
		method->states = METHOD_RUNTIME;
	while (*at != NULL && strcmp((*at)->name, method->name) < 0)
		at = &(*at)->next;
	if (*at != NULL && strcmp((*at)->name, method->name) == 0) {
		fprintf(stderr, "method %s is defined twice\n", method->name);
		abort();
	}
	method->next = *at;
	*at = method;
}

const struct method *method_first(void)
{
	return methods;
}

void method_state_set(enum method_state s)
{
	state = s;
}

enum method_state method_state(void)
{
	return state;
}

void method_caller_set(const struct method_caller *c)
{
	caller = *c;
}

const struct method_caller *method_caller(void)
{
	return &caller;
}

const char *method_right_name(enum method_right right)
{
	static const char *const names[] = {"read", "write", "capture"};

	return names[right];
}

/* False, with the reason, when it is not enough for M. */
static bool check_right(const struct method *m, enum method_right right,
                        struct jsonrpc_error *error)
{
	if (m->right <= right)
		return true;
	if (m->right < METHOD_CAPTURE) {
		jsonrpc_fail(error, JSONRPC_FORBIDDEN,
		             "/method: %s changes the gateway: not permitted", m->name);
		return false;
	}
	jsonrpc_fail(error, JSONRPC_FORBIDDEN,
	             "/method: %s shows plaintext: not permitted, see control/capture-group",
	             m->name);
	return false;
}

static const char *const type_names[] = {
        [PARAM_STRING] = "string", [PARAM_UINT] = "unsigned integer",    [PARAM_BOOL] = "boolean",
        [PARAM_OBJECT] = "object", [PARAM_STRINGS] = "array of strings", [PARAM_ANY] = "any",
};

static bool all_strings(const json_t *list)
{
	const json_t *element;
	size_t i;

	json_array_foreach ((json_t *)list, i, element)
		if (!json_is_string(element))
			return false;
	return json_is_array(list);
}

/* Is TEXT one of "a|b|c"? */
static bool chosen(const char *choices, const char *text)
{
	size_t n = strlen(text);

	for (const char *at = choices;; at++) {
		if (strncmp(at, text, n) == 0 && (at[n] == '|' || at[n] == '\0'))
			return strchr(text, '|') == NULL;
		at = strchr(at, '|');
		if (at == NULL)
			return false;
	}
}

/* False, with the reason, when VALUE, at PATH below the parameter, is none of what P may be. */
static bool check_choice(const struct method_param *p, const char *path, const json_t *value,
                         struct jsonrpc_error *error)
{
	const char *text = json_string_value(value);
	char list[160];
	size_t n = 0;

	/* A NUL in it ends what is compared. */
	if (p->choices == NULL ||
	    (strlen(text) == json_string_length(value) && chosen(p->choices, text)))
		return true;
	for (const char *c = p->choices; *c != '\0' && n + 3 < sizeof(list); c++) {
		list[n++] = *c == '|' ? ',' : *c;
		if (*c == '|')
			list[n++] = ' ';
	}
	list[n] = '\0';
	jsonrpc_fail(error, JSONRPC_INVALID_PARAMS, "/params/%s%s: %.64s is not one of %s", p->name,
	             path, text, list);
	return false;
}

static bool check_choices(const struct method_param *p, const json_t *values,
                          struct jsonrpc_error *error)
{
	const json_t *value;
	char path[24];
	size_t i;

	json_array_foreach ((json_t *)values, i, value) {
		snprintf(path, sizeof(path), "/%zu", i);
		if (!check_choice(p, path, value, error))
			return false;
	}
	return true;
}

static bool decode_one(const struct method_param *p, const json_t *value, char *out,
                       struct jsonrpc_error *error)
{
	uint64_t n;

	switch (p->type) {
	case PARAM_STRING:
		if (!json_is_string(value))
			break;
		if (p->max != 0 && json_string_length(value) > p->max) {
			jsonrpc_fail(error, JSONRPC_INVALID_PARAMS,
			             "/params/%s: longer than %llu bytes", p->name,
			             (unsigned long long)p->max);
			return false;
		}
		if (!check_choice(p, "", value, error))
			return false;
		*(const char **)(void *)(out + p->offset) = json_string_value(value);
		return true;
	case PARAM_UINT:
		if (!json_is_integer(value) || json_integer_value(value) < 0)
			break;
		n = (uint64_t)json_integer_value(value);
		if (n < p->min || (p->max != 0 && n > p->max)) {
			jsonrpc_fail(error, JSONRPC_INVALID_PARAMS,
			             "/params/%s: out of range: must be %llu to %llu", p->name,
			             (unsigned long long)p->min,
			             (unsigned long long)(p->max != 0 ? p->max : INT64_MAX));
			return false;
		}
		*(uint64_t *)(void *)(out + p->offset) = n;
		return true;
	case PARAM_BOOL:
		if (!json_is_boolean(value))
			break;
		*(bool *)(void *)(out + p->offset) = json_is_true(value);
		return true;
	case PARAM_OBJECT:
		if (!json_is_object(value))
			break;
		*(const json_t **)(void *)(out + p->offset) = value;
		return true;
	case PARAM_ANY:
		*(const json_t **)(void *)(out + p->offset) = value;
		return true;
	case PARAM_STRINGS:
		if (!all_strings(value))
			break;
		if (!check_choices(p, value, error))
			return false;
		*(const json_t **)(void *)(out + p->offset) = value;
		return true;
	}
	jsonrpc_fail(error, JSONRPC_INVALID_PARAMS, "/params/%s: must be of type %s", p->name,
	             type_names[p->type]);
	return false;
}

static void preset(const struct method_param *p, char *out)
{
	if (p->type == PARAM_UINT)
		*(uint64_t *)(void *)(out + p->offset) = p->preset;
	else if (p->type == PARAM_STRING)
		*(const char **)(void *)(out + p->offset) = p->preset_text;
}

static const struct method_param *find_param(const struct method *m, const char *name)
{
	for (size_t i = 0; i < m->param_count; i++)
		if (strcmp(m->params[i].name, name) == 0)
			return &m->params[i];
	return NULL;
}

static bool decode(const struct method *m, const json_t *params, char *out,
                   struct jsonrpc_error *error)
{
	const char *name;
	json_t *value;

	if (params != NULL && !json_is_object(params)) {
		jsonrpc_fail(error, JSONRPC_INVALID_PARAMS, "/params: must be an object");
		return false;
	}
	json_object_foreach ((json_t *)params, name, value)
		if (find_param(m, name) == NULL) {
			jsonrpc_fail(error, JSONRPC_INVALID_PARAMS, "/params/%.64s: unknown field",
			             name);
			return false;
		}
	for (size_t i = 0; i < m->param_count; i++) {
		value = json_object_get(params, m->params[i].name);
		if (value != NULL) {
			if (!decode_one(&m->params[i], value, out, error))
				return false;
		} else if (!m->params[i].optional) {
			jsonrpc_fail(error, JSONRPC_INVALID_PARAMS, "/params/%s: missing",
			             m->params[i].name);
			return false;
		} else {
			preset(&m->params[i], out);
		}
	}
	return true;
}

/* Method M, which there is, for a client with RIGHT. */
static json_t *run(const struct method *m, enum method_right right, const json_t *params,
                   struct jsonrpc_error *error)
{
	_Alignas(max_align_t) char decoded[METHOD_PARAMS_BYTES_MAX] = {0};
	json_t *result = NULL;
	struct err err = {0};
	int rc;

	if (!check_right(m, right, error))
		return NULL;
	if ((m->states & state) == 0) {
		jsonrpc_fail(error, JSONRPC_WRONG_STATE, "/method: %s cannot be called %s start-up",
		             m->name, state == METHOD_STARTUP ? "during" : "after");
		return NULL;
	}
	if (!decode(m, params, decoded, error))
		return NULL;
	rc = m->fn(decoded, &result, &err);
	if (rc != 0) {
		json_decref(result);
		jsonrpc_fail(error, rc == -EINVAL ? JSONRPC_INVALID_PARAMS : JSONRPC_FAILED, "%s",
		             err.text[0] != '\0' ? err.text : strerror(-rc));
		return NULL;
	}
	return result != NULL ? result : json_object();
}

json_t *method_call(void *right, const char *name, const json_t *params,
                    struct jsonrpc_error *error)
{
	const struct method *m = methods;
	json_t *result;

	while (m != NULL && strcmp(m->name, name) != 0)
		m = m->next;
	if (m == NULL) {
		jsonrpc_fail(error, JSONRPC_METHOD_NOT_FOUND, "/method: there is no %.64s", name);
		return NULL;
	}
	result = run(m, *(const enum method_right *)right, params, error);
	if (m->right > METHOD_READ)
		audit_record(m, params, error);
	return result;
}
