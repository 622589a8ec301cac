/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/telemetry_page.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE 64
#define TEXT_SIZE 64

static bool parse_number(const char **p, unsigned int *out)
{
	char *end;
	unsigned long n = strtoul(*p, &end, 10);

	if (end == *p || **p < '0' || **p > '9' || n > INT32_MAX)
		return false;
	*p = end;
	*out = (unsigned int)n;
	return true;
}

bool telemetry_page_parse(const char *params, unsigned int *offset, unsigned int *count)
{
	*offset = *count = 0;
	if (params == NULL || params[0] == '\0')
		return true;
	if (!parse_number(&params, offset))
		return false;
	if (*params == ',') {
		params++;
		if (!parse_number(&params, count))
			return false;
	}
	return *params == '\0';
}

/* Names of DPDK 23.03 and later have letters, digits, '_' and '/' only. */
static void set_name(char out[NAME_SIZE], const char *prefix, const char *name)
{
	snprintf(out, NAME_SIZE, "%s%s%s", prefix, prefix[0] != '\0' ? "/" : "", name);
	for (char *p = out; *p != '\0'; p++)
		if (strchr(".-", *p) != NULL)
			*p = '_';
}

static void put_number(struct rte_tel_data *d, const char *name, uint64_t n)
{
#ifdef HAVE_RTE_TEL_UINT
	rte_tel_data_add_dict_uint(d, name, n);
#else
	rte_tel_data_add_dict_u64(d, name, n);
#endif
}

/*
 * The leaves of V under NAME into D, or with D NULL just their size as JSON: figures as they
 * are, shares in parts per million, texts.
 */
static size_t put(struct rte_tel_data *d, const char *prefix, const char *name, const json_t *v)
{
	char full[NAME_SIZE], text[TEXT_SIZE], ppm[NAME_SIZE + 4];
	size_t size = 0;
	const char *member;
	json_t *value;

	set_name(full, prefix, name);
	if (json_is_object(v)) {
		json_object_foreach ((json_t *)v, member, value)
			size += put(d, full, member, value);
		return size;
	}
	if (json_is_integer(v) || json_is_boolean(v)) {
		if (d != NULL)
			put_number(d, full,
			           json_is_integer(v) ? (uint64_t)json_integer_value(v)
			                              : (uint64_t)json_is_true(v));
		return strlen(full) + 24;
	}
	if (json_is_real(v)) {
		snprintf(ppm, sizeof(ppm), "%.59s_ppm", full);
		if (d != NULL)
			put_number(d, ppm, (uint64_t)(json_real_value(v) * 1e6 + 0.5));
		return strlen(ppm) + 24;
	}
	if (!json_is_string(v) || json_string_length(v) == 0)
		return 0;
	snprintf(text, sizeof(text), "%s", json_string_value(v));
	if (d != NULL)
		rte_tel_data_add_dict_string(d, full, text);
	return strlen(full) + strlen(text) + 8;
}

/* A row: an object in a dictionary of its own. */
static bool put_row(struct rte_tel_data *d, const char *name, const json_t *row)
{
	char key[NAME_SIZE];
	struct rte_tel_data *inner;
	const char *member;
	json_t *value;

	if (!json_is_object(row)) {
		put(d, "", name, row);
		return true;
	}
	inner = rte_tel_data_alloc();
	if (inner == NULL)
		return false;
	rte_tel_data_start_dict(inner);
	json_object_foreach ((json_t *)row, member, value)
		put(inner, "", member, value);
	set_name(key, "", name);
	if (rte_tel_data_add_dict_container(d, key, inner, 0) == 0)
		return true;
	rte_tel_data_free(inner);
	return false;
}

void telemetry_page_put(struct rte_tel_data *d, const json_t *rows, unsigned int offset,
                        unsigned int count, unsigned int total)
{
	unsigned int shown = 0, limit = count;
	size_t bytes = 0;
	const char *name;
	json_t *row;

	if (limit == 0 || limit > TELEMETRY_ROWS_MAX)
		limit = TELEMETRY_ROWS_MAX;
	json_object_foreach ((json_t *)rows, name, row) {
		bytes += put(NULL, "", "", row) + strlen(name) + 8;
		if (shown == limit || bytes > TELEMETRY_BYTES_MAX)
			break;
		shown++;
	}
	rte_tel_data_start_dict(d);
	put_number(d, "total", total);
	put_number(d, "offset", offset);
	put_number(d, "count", shown);
	json_object_foreach ((json_t *)rows, name, row)
		if (shown-- == 0 || !put_row(d, name, row))
			break;
}
