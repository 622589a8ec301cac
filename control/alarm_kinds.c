/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/alarm_kinds.h"

#include <string.h>

static const struct {
	const struct alarm_kind *kinds;
	const char *program;
} parts[] = {
        {alarm_kinds_traffic, "gateway"},
        {alarm_kinds_fibre, "gateway"},
        {alarm_kinds_kms, "kms"},
        {alarm_kinds_web, "web"},
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

const char *alarm_severity_name(enum alarm_severity severity)
{
	static const char *const names[] = {
	        [ALARM_CLEARED] = "cleared", [ALARM_WARNING] = "warning",   [ALARM_MINOR] = "minor",
	        [ALARM_MAJOR] = "major",     [ALARM_CRITICAL] = "critical",
	};

	return (unsigned int)severity <= ALARM_CRITICAL ? names[severity] : "unknown";
}

const struct alarm_kind *alarm_kind_at(size_t i)
{
	for (size_t p = 0; p < PARTS; p++)
		for (const struct alarm_kind *k = parts[p].kinds; k->kind != NULL; k++)
			if (i-- == 0)
				return k;
	return NULL;
}

const struct alarm_kind *alarm_kind_find(const char *kind)
{
	const struct alarm_kind *k;

	for (size_t i = 0; (k = alarm_kind_at(i)) != NULL; i++)
		if (strcmp(k->kind, kind) == 0)
			return k;
	return NULL;
}

const char *alarm_kind_program(const struct alarm_kind *kind)
{
	for (size_t p = 0; p < PARTS; p++)
		for (const struct alarm_kind *k = parts[p].kinds; k->kind != NULL; k++)
			if (k == kind)
				return parts[p].program;
	return "unknown";
}

json_t *alarm_kind_json(const struct alarm_kind *k)
{
	json_t *severities = json_array();

	for (int s = ALARM_CRITICAL; s >= ALARM_WARNING; s--)
		if ((k->severities & 1u << s) != 0)
			json_array_append_new(severities, json_string(alarm_severity_name(
			                                          (enum alarm_severity)s)));
	return json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:i}", "kind", k->kind, "program",
	                 alarm_kind_program(k), "resource", k->resource, "severities", severities,
	                 "cause", k->cause, "action", k->action, "hold_s", (int)k->hold_s);
}
