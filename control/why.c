/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/why.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "control/alarm.h"

void why_set(struct why *out, bool well, const char *cause, const char *action, const char *text,
             ...)
{
	va_list ap;

	out->well = well;
	snprintf(out->cause, sizeof(out->cause), "%s", cause);
	snprintf(out->action, sizeof(out->action), "%s", action);
	va_start(ap, text);
	vsnprintf(out->text, sizeof(out->text), text, ap);
	va_end(ap);
}

static bool at(const char *resource, const char *wanted)
{
	size_t n = strlen(wanted);

	if (n > 0 && wanted[n - 1] == '*')
		return strncmp(resource, wanted, n - 1) == 0;
	return strcmp(resource, wanted) == 0;
}

static const struct alarm *active(const char *kind, const char *resource)
{
	const struct alarm *a;

	for (size_t i = 0; (a = alarm_at(i)) != NULL; i++)
		if (a->active && !a->over && strcmp(a->kind, kind) == 0 &&
		    at(a->resource, resource))
			return a;
	return NULL;
}

bool why_alarm(struct why *out, const char *const *kinds, const char *resource)
{
	for (; *kinds != NULL; kinds++) {
		const struct alarm_kind *k = alarm_kind_find(*kinds);
		const struct alarm *a = active(*kinds, resource);

		if (a == NULL)
			continue;
		why_set(out, false, a->kind, k != NULL ? k->action : "", "%s", a->text);
		memcpy(out->resource, a->resource, sizeof(out->resource));
		return true;
	}
	return false;
}

json_t *why_json(const struct why *w)
{
	return json_pack("{s:b, s:s, s:s*, s:s, s:s*}", "well", w->well, "cause", w->cause,
	                 "resource", w->resource[0] != '\0' ? w->resource : NULL, "text", w->text,
	                 "action", w->action[0] != '\0' ? w->action : NULL);
}
