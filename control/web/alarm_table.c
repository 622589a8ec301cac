/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/alarm_table.h"

#include <stdio.h>
#include <string.h>

#define KEY_BYTES 128

static const char *text_of(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text != NULL ? text : "";
}

static const char *key_of(const json_t *data, char key[KEY_BYTES])
{
	snprintf(key, KEY_BYTES, "%s\n%s", text_of(data, "kind"), text_of(data, "resource"));
	return key;
}

/* Of a shelved alarm nobody wants to hear. */
static bool is_gone(const json_t *data)
{
	return strcmp(text_of(data, "severity"), "cleared") == 0 ||
	       json_is_true(json_object_get(data, "shelved"));
}

bool alarm_table_init(struct alarm_table *t)
{
	t->raised = json_object();
	t->listed = NULL;
	return t->raised != NULL;
}

void alarm_table_free(struct alarm_table *t)
{
	json_decref(t->raised);
	json_decref(t->listed);
	t->raised = t->listed = NULL;
}

/* The same alarm twice is no change. */
static bool same(const json_t *a, const json_t *b)
{
	return a != NULL && strcmp(text_of(a, "severity"), text_of(b, "severity")) == 0 &&
	       strcmp(text_of(a, "text"), text_of(b, "text")) == 0;
}

/* Takes over DATA. */
static void change(struct alarm_table *t, json_t *data, bool standing, alarm_table_fn fn, void *ctx)
{
	char key[KEY_BYTES];
	const json_t *before = json_object_get(t->raised, key_of(data, key));

	if (is_gone(data) ? before == NULL : standing && same(before, data)) {
		json_decref(data);
		return;
	}
	fn(ctx, data, standing);
	if (is_gone(data))
		json_object_del(t->raised, key);
	else
		json_object_set(t->raised, key, data);
	json_decref(data);
}

void alarm_table_event(struct alarm_table *t, const json_t *data, const char *time,
                       alarm_table_fn fn, void *ctx)
{
	json_t *copy = json_copy((json_t *)data);
	char key[KEY_BYTES];

	if (!json_is_object(copy)) {
		json_decref(copy);
		return;
	}
	json_object_set_new(copy, "time", json_string(time));
	/* What the list says of it is older. */
	if (t->listed != NULL)
		json_object_set_new(t->listed, key_of(copy, key), json_null());
	change(t, copy, false, fn, ctx);
}

void alarm_table_list_begin(struct alarm_table *t)
{
	json_decref(t->listed);
	t->listed = json_object();
}

static void take_entry(struct alarm_table *t, const json_t *entry)
{
	char key[KEY_BYTES];

	key_of(entry, key);
	if (json_is_true(json_object_get(entry, "active")) && !is_gone(entry) &&
	    json_object_get(t->listed, key) == NULL)
		json_object_set(t->listed, key, (json_t *)entry);
}

/* ENTRY of alarm_list as the data of a change. */
static json_t *as_raised(const json_t *entry)
{
	json_t *data = json_copy((json_t *)entry);

	json_object_set_new(data, "time", json_string(text_of(entry, "changed")));
	return data;
}

static json_t *as_cleared(const json_t *raised)
{
	json_t *data = json_copy((json_t *)raised);

	json_object_set_new(data, "severity", json_string("cleared"));
	json_object_set_new(data, "text", json_string("cleared while nobody listened"));
	return data;
}

static void compare(struct alarm_table *t, alarm_table_fn fn, void *ctx)
{
	json_t *entry;
	const char *key;
	void *next;

	json_object_foreach (t->listed, key, entry)
		if (json_is_object(entry))
			change(t, as_raised(entry), true, fn, ctx);
	json_object_foreach_safe(t->raised, next, key,
	                         entry) if (json_object_get(t->listed, key) == NULL)
	        change(t, as_cleared(entry), true, fn, ctx);
}

bool alarm_table_list_page(struct alarm_table *t, const json_t *result, alarm_table_fn fn,
                           void *ctx)
{
	const json_t *page = json_object_get(result, "alarms");
	size_t end = (size_t)json_integer_value(json_object_get(result, "offset")) +
	             json_array_size(page);
	json_t *entry;
	size_t i;

	if (t->listed == NULL)
		return true;
	json_array_foreach (page, i, entry)
		take_entry(t, entry);
	if (json_array_size(page) > 0 &&
	    end < (size_t)json_integer_value(json_object_get(result, "total")))
		return false;
	compare(t, fn, ctx);
	json_decref(t->listed);
	t->listed = NULL;
	return true;
}
