/* SPDX-License-Identifier: BSD-3-Clause */

/* Parameter files of the planning commands: objects of numbers that are checked against tables. */

#ifndef CONTROL_PLAN_JSON_H
#define CONTROL_PLAN_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

#include "common/err.h"

/* A number of SECTION ("" for the file's own members), kept as a double at OFFSET. */
struct plan_field {
	const char *section, *name;
	size_t offset;
	double min, max;
};

/* All of INPUT, at most 1 MiB. EINVAL: no JSON object; NAME is what people call it. */
int plan_json_load(FILE *input, const char *name, json_t **out, struct err *err);

/*
 * Members of FIELDS from O into BASE; what is not there stays as it is. EINVAL names the field:
 * not a number, out of range, or neither in FIELDS nor among OTHERS ("section.name").
 */
int plan_json_fields(const json_t *o, const struct plan_field *fields, size_t count,
                     const char *const *others, size_t other_count, void *base, struct err *err);

/* NAME of O as a number within MIN to MAX; 1 when it is not there. */
int plan_json_number(const json_t *o, const char *name, double min, double max, double *out,
                     struct err *err);
/* A list of N numbers, each within MIN to MAX; 1 when it is not there. */
int plan_json_list(const json_t *o, const char *name, unsigned int n, double min, double max,
                   double *out, struct err *err);
/* Which of COUNT words; 1 when it is not there. */
int plan_json_word(const json_t *o, const char *name, const char *const *words, unsigned int count,
                   unsigned int *out, struct err *err);

json_t *plan_json_array(const double *v, unsigned int n);

#endif
