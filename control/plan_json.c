/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/plan_json.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define INPUT_MAX ((size_t)1 << 20)

int plan_json_load(FILE *input, const char *name, json_t **out, struct err *err)
{
	static char text[INPUT_MAX + 1];
	size_t len = fread(text, 1, sizeof(text), input);
	json_error_t where;

	if (ferror(input) || len > INPUT_MAX)
		return err_set(err, EINVAL, "%s: %s", name,
		               len > INPUT_MAX ? "larger than 1 MiB" : "cannot be read");
	*out = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	if (*out == NULL)
		return err_set(err, EINVAL, "%s: line %d column %d: %s", name, where.line,
		               where.column, where.text);
	if (json_is_object(*out))
		return 0;
	json_decref(*out);
	*out = NULL;
	return err_set(err, EINVAL, "%s: not an object", name);
}

static int set(const json_t *v, const char *section, const char *name, double min, double max,
               double *out, struct err *err)
{
	const char *dot = section[0] != '\0' ? "." : "";
	double d;

	if (!json_is_number(v))
		return err_set(err, EINVAL, "%s%s%s: is not a number", section, dot, name);
	d = json_number_value(v);
	if (!(d >= min && d <= max))
		return err_set(err, EINVAL, "%s%s%s: %g is outside %g to %g", section, dot, name, d,
		               min, max);
	*out = d;
	return 0;
}

int plan_json_number(const json_t *o, const char *name, double min, double max, double *out,
                     struct err *err)
{
	const json_t *v = json_object_get(o, name);

	return v == NULL ? 1 : set(v, "", name, min, max, out, err);
}

int plan_json_list(const json_t *o, const char *name, unsigned int n, double min, double max,
                   double *out, struct err *err)
{
	const json_t *v = json_object_get(o, name);

	if (v == NULL)
		return 1;
	if (!json_is_array(v) || json_array_size(v) != n)
		return err_set(err, EINVAL, "%s: is not a list of %u", name, n);
	for (unsigned int i = 0; i < n; i++) {
		char place[64];

		snprintf(place, sizeof(place), "%.40s[%u]", name, i);
		if (set(json_array_get(v, i), "", place, min, max, &out[i], err) < 0)
			return -EINVAL;
	}
	return 0;
}

int plan_json_word(const json_t *o, const char *name, const char *const *words, unsigned int count,
                   unsigned int *out, struct err *err)
{
	const json_t *v = json_object_get(o, name);
	char all[160] = "";
	size_t used = 0;

	if (v == NULL)
		return 1;
	for (unsigned int i = 0; i < count; i++) {
		if (json_is_string(v) && strcmp(json_string_value(v), words[i]) == 0) {
			*out = i;
			return 0;
		}
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s",
		                         i == 0           ? ""
		                         : i + 1 == count ? " or "
		                                          : ", ",
		                         words[i]);
		if (used >= sizeof(all))
			break;
	}
	return err_set(err, EINVAL, "%s: is not %s", name, all);
}

static const struct plan_field *find(const struct plan_field *fields, size_t count,
                                     const char *section, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(fields[i].section, section) == 0 && strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

static bool is_other(const char *const *others, size_t count, const char *section, const char *name)
{
	char full[128];

	snprintf(full, sizeof(full), "%s%s%s", section, section[0] != '\0' ? "." : "", name);
	for (size_t i = 0; i < count; i++)
		if (strcmp(others[i], full) == 0)
			return true;
	return false;
}

static bool is_section(const struct plan_field *fields, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (name[0] != '\0' && strcmp(fields[i].section, name) == 0)
			return true;
	return false;
}

static int read_section(const json_t *o, const char *section, const struct plan_field *fields,
                        size_t count, const char *const *others, size_t other_count, void *base,
                        struct err *err)
{
	const char *name;
	json_t *v;

	json_object_foreach ((json_t *)o, name, v) {
		const struct plan_field *f = find(fields, count, section, name);

		if (is_other(others, other_count, section, name))
			continue;
		if (f != NULL) {
			if (set(v, section, name, f->min, f->max,
			        (double *)((char *)base + f->offset), err) < 0)
				return -EINVAL;
			continue;
		}
		if (section[0] != '\0' || !is_section(fields, count, name))
			return err_set(err, EINVAL, "%.40s%s%.64s: there is no such field", section,
			               section[0] != '\0' ? "." : "", name);
		if (!json_is_object(v))
			return err_set(err, EINVAL, "%.64s: is not an object", name);
		if (read_section(v, name, fields, count, others, other_count, base, err) < 0)
			return -EINVAL;
	}
	return 0;
}

int plan_json_fields(const json_t *o, const struct plan_field *fields, size_t count,
                     const char *const *others, size_t other_count, void *base, struct err *err)
{
	return read_section(o, "", fields, count, others, other_count, base, err);
}

json_t *plan_json_array(const double *v, unsigned int n)
{
	json_t *a = json_array();

	for (unsigned int k = 0; k < n; k++)
		json_array_append_new(a, json_real(v[k]));
	return a;
}
