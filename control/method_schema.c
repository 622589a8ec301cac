/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a socket's methods are, from the table by which they are called: a client checks with
 * the schema of parameters what it is about to send (JSON Schema, draft 2020-12).
 */

#include "control/method.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Integers are signed on the wire: jansson's, and most clients', end at 2^63 - 1. */
static json_t *maximum(const struct method_param *p)
{
	return json_integer(p->max != 0 && p->max < INT64_MAX ? (json_int_t)p->max : INT64_MAX);
}

static json_t *choices(const char *text)
{
	json_t *list = json_array();

	for (const char *at = text; *at != '\0'; at += *at == '|') {
		size_t n = strcspn(at, "|");

		json_array_append_new(list, json_stringn(at, n));
		at += n;
	}
	return list;
}

static json_t *param_schema(const struct method_param *p)
{
	json_t *o = json_object();

	switch (p->type) {
	case PARAM_STRING:
		json_object_set_new(o, "type", json_string("string"));
		/* We count bytes, the schema characters: never more of these. */
		if (p->max != 0)
			json_object_set_new(o, "maxLength", maximum(p));
		if (p->choices != NULL)
			json_object_set_new(o, "enum", choices(p->choices));
		if (p->preset_text != NULL)
			json_object_set_new(o, "default", json_string(p->preset_text));
		break;
	case PARAM_UINT:
		json_object_set_new(o, "type", json_string("integer"));
		json_object_set_new(o, "minimum", json_integer((json_int_t)p->min));
		json_object_set_new(o, "maximum", maximum(p));
		if (p->preset != 0)
			json_object_set_new(o, "default", json_integer((json_int_t)p->preset));
		break;
	case PARAM_BOOL:
		json_object_set_new(o, "type", json_string("boolean"));
		break;
	case PARAM_OBJECT:
		json_object_set_new(o, "type", json_string("object"));
		break;
	case PARAM_ANY:
		break;
	case PARAM_STRINGS:
		json_object_set_new(o, "type", json_string("array"));
		json_object_set_new(o, "items",
		                    p->choices == NULL ? json_pack("{s:s}", "type", "string")
		                                       : json_pack("{s:s, s:o}", "type", "string",
		                                                   "enum", choices(p->choices)));
		break;
	}
	if (p->secret)
		json_object_set_new(o, "writeOnly", json_true());
	if (p->help != NULL)
		json_object_set_new(o, "description", json_string(p->help));
	return o;
}

static json_t *params_schema(const struct method *m)
{
	json_t *o = json_pack("{s:s}", "type", "object"), *properties = json_object();
	json_t *required = json_array();

	for (size_t i = 0; i < m->param_count; i++) {
		const struct method_param *p = &m->params[i];

		json_object_set_new(properties, p->name, param_schema(p));
		if (!p->optional)
			json_array_append_new(required, json_string(p->name));
	}
	json_object_set_new(o, "properties", properties);
	json_object_set_new(o, "required", required);
	json_object_set_new(o, "additionalProperties", json_false());
	return o;
}

static json_t *states(const struct method *m)
{
	json_t *list = json_array();

	if ((m->states & METHOD_STARTUP) != 0)
		json_array_append_new(list, json_string("startup"));
	if ((m->states & METHOD_RUNTIME) != 0)
		json_array_append_new(list, json_string("runtime"));
	return list;
}

json_t *method_table(void)
{
	json_t *list = json_array();

	for (const struct method *m = method_first(); m != NULL; m = m->next)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o, s:o}", "name", m->name,
		                                      "summary", m->summary, "right",
		                                      method_right_name(m->right), "states",
		                                      states(m), "params", params_schema(m)));
	return list;
}

int method_table_print(FILE *out)
{
	json_t *table = method_table();
	int rc = json_dumpf(table, out, JSON_INDENT(2));

	json_decref(table);
	return rc == 0 && fputc('\n', out) != EOF && fflush(out) == 0 ? 0 : -EIO;
}

static int get_methods(const void *params, json_t **result, struct err *err)
{
	*result = method_table();
	return *result != NULL ? 0 : err_set(err, ENOMEM, "out of memory");
}

METHOD_DEFINE(get_methods,
              .summary = "The methods of this socket: rights, states, JSON Schema of parameters",
              .fn = get_methods, .states = METHOD_STARTUP | METHOD_RUNTIME)
