/* SPDX-License-Identifier: BSD-3-Clause */

/* Members of a checked tree: what is not there is empty or zero. */

#ifndef CONFIG_CONFIG_JSON_H
#define CONFIG_CONFIG_JSON_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static inline const char *text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s == NULL ? "" : s;
}

static inline void copy_text(const json_t *o, const char *name, char *to, size_t size)
{
	snprintf(to, size, "%s", text_of(o, name));
}

static inline uint32_t uint_of(const json_t *o, const char *name)
{
	return (uint32_t)json_integer_value(json_object_get(o, name));
}

/* decimal64 and the scientific notation of epsilons are strings (RFC 7951 section 6.1). */
static inline double real_of(const json_t *o, const char *name)
{
	return strtod(text_of(o, name), NULL);
}

#endif
