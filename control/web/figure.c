/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/web/figure.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Where a walk stands. */
struct walk {
	figure_fn fn;
	void *ctx;
	struct figure_value v;
	char text[FIGURE_LABELS][24]; /* labels that are numbers */
};

static bool take_number(const json_t *j, double scale, struct figure_value *v)
{
	v->whole = false;
	if (json_is_boolean(j) || json_is_integer(j)) {
		json_int_t n = json_is_integer(j) ? json_integer_value(j) : json_is_true(j);

		v->real = (double)n;
		v->whole = n >= 0 && scale == 0;
		v->number = (uint64_t)n;
	} else if (json_is_real(j)) {
		v->real = json_real_value(j);
	} else {
		return false;
	}
	if (scale != 0)
		v->real *= scale;
	return true;
}

/* A time as the programs write it, in seconds since 1970. */
static bool take_time(const json_t *j, struct figure_value *v)
{
	const char *text = json_string_value(j);
	struct tm tm = {0};

	if (text == NULL || strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) == NULL)
		return false;
	v->whole = true;
	v->number = (uint64_t)timegm(&tm);
	v->real = (double)v->number;
	return true;
}

/* NAME=TEXT of O. */
static bool take_equal(const json_t *o, const char *value, struct figure_value *v)
{
	const char *equal = strchr(value, '='), *text;
	char name[48];

	snprintf(name, sizeof(name), "%.*s", (int)(equal - value), value);
	text = json_string_value(json_object_get(o, name));
	if (text == NULL)
		return false;
	v->whole = true;
	v->number = strcmp(text, equal + 1) == 0;
	v->real = (double)v->number;
	return true;
}

static bool take_value(const struct figure *f, const json_t *o, struct figure_value *v)
{
	const json_t *j;

	if (f->family.type == METRIC_INFO) {
		v->whole = true;
		v->number = 1;
		v->real = 1;
		return json_is_object(o);
	}
	if (strchr(f->value, '=') != NULL)
		return take_equal(o, f->value, v);
	j = strcmp(f->value, "@") == 0 ? o : json_object_get(o, f->value);
	return json_is_string(j) ? take_time(j, v) : take_number(j, f->scale, v);
}

static const char *label_text(const char *from, const json_t *o, const char *key, char number[24])
{
	const json_t *j;

	if (from[0] == '=')
		return from + 1;
	if (from[0] == '@') {
		size_t n = strlen(from + 1);

		return strncmp(key, from + 1, n) == 0 ? key + n : key;
	}
	j = json_object_get(o, from);
	if (!json_is_integer(j))
		return json_is_string(j) ? json_string_value(j) : "";
	snprintf(number, 24, "%" JSON_INTEGER_FORMAT, json_integer_value(j));
	return number;
}

static void found(struct walk *w, const json_t *o, const char *key)
{
	const struct figure *f = w->v.figure;

	if (!take_value(f, o, &w->v))
		return;
	w->v.labels = 0;
	for (size_t i = 0; i < FIGURE_LABELS && f->label[i].name != NULL; i++)
		w->v.label[w->v.labels++] = (struct metric_label){
		        f->label[i].name, label_text(f->label[i].from, o, key, w->text[i])};
	w->fn(w->ctx, &w->v);
}

static void go_down(struct walk *w, const json_t *o, const char *at, const char *key);

static void go_through(struct walk *w, const json_t *o, const char *at)
{
	const char *name;
	json_t *each;
	size_t i;

	json_object_foreach ((json_t *)o, name, each)
		go_down(w, each, at, name);
	json_array_foreach (o, i, each)
		go_down(w, each, at, "");
}

/* KEY is the name of the last * on the way. */
static void go_down(struct walk *w, const json_t *o, const char *at, const char *key)
{
	size_t n = strcspn(at, "/");
	const char *rest = at[n] == '/' ? at + n + 1 : at + n;
	char name[32];

	if (o == NULL)
		return;
	if (n == 0) {
		found(w, o, key);
	} else if (n == 1 && at[0] == '*') {
		go_through(w, o, rest);
	} else {
		snprintf(name, sizeof(name), "%.*s", (int)n, at);
		go_down(w, json_object_get(o, name), rest, key);
	}
}

void figures_walk(const struct figure_table *table, const struct source *s, figure_fn fn, void *ctx)
{
	struct walk w = {.fn = fn, .ctx = ctx};

	for (size_t i = 0; i < table->count; i++) {
		w.v.figure = &table->figure[i];
		go_down(&w, source_get(s, table->figure[i].method), table->figure[i].at, "");
	}
}

static void write_one(void *exposition, const struct figure_value *v)
{
	struct exposition *x = exposition;

	if (x->family == NULL || strcmp(x->family->name, v->figure->family.name) != 0)
		exposition_family(x, &v->figure->family);
	if (v->whole)
		exposition_uint(x, v->number, v->label, v->labels);
	else
		exposition_real(x, v->real, v->label, v->labels);
}

void figures_write(const struct figure_table *table, const struct source *s, struct exposition *out)
{
	figures_walk(table, s, write_one, out);
}
