/* SPDX-License-Identifier: BSD-3-Clause */

/* What a comparison with the baseline makes of the alarms. */

#include <math.h>
#include <stdio.h>

#include "control/alarm.h"
#include "control/otdr_state.h"

#define QUIET_TRACES 3   /* without a change until its alarm is cleared */
#define SPREAD_MAX   1.6 /* what one in some thousand honest traces shows at most */

static const struct {
	const char *kind;
	enum alarm_severity severity;
	const char *what;
} kinds[OTDR_KINDS] = {
        [TRACE_CHANGE_BEND] = {"fibre-bend", ALARM_CRITICAL, "new loss, a bend or a tap"},
        [TRACE_CHANGE_SPLICE] = {"fibre-splice", ALARM_CRITICAL, "more loss at a known event"},
        [TRACE_CHANGE_CUT] = {"fibre-cut", ALARM_CRITICAL, "the fibre ends"},
        [TRACE_CHANGE_GAIN] = {"fibre-gain", ALARM_WARNING, "less loss"},
        [TRACE_CHANGE_REFLECTION] = {"fibre-reflection", ALARM_MAJOR, "new reflection"},
};

static void describe(const struct trace_change *c, char *text, size_t size)
{
	char much[48];

	if (c->kind == TRACE_CHANGE_REFLECTION)
		snprintf(much, sizeof(much), "%.1f dB", c->reflectance_db);
	else if (c->kind == TRACE_CHANGE_CUT)
		snprintf(much, sizeof(much), "nothing comes back from behind");
	else
		snprintf(much, sizeof(much), "%.3f +- %.3f dB", c->loss_db, c->sd_db);
	snprintf(text, size, "%s at %.3f km +- %.0f m%s: %s, %.1f deviations, confidence %.6f",
	         kinds[c->kind].what, c->km, c->sd_km * 1e3, c->in_zone ? " (dead zone)" : "", much,
	         fabs(c->sigmas), c->confidence);
}

void otdr_alarms(struct otdr *o)
{
	struct trace_change found[TRACE_CHANGES_MAX];
	unsigned int n = trace_watch_report(&o->watch, &o->changes, found);
	bool reported[OTDR_KINDS] = {false}, present[OTDR_KINDS] = {false};
	char text[160];

	/* The most significant of a kind comes first. */
	for (unsigned int i = 0; i < n; i++) {
		enum trace_change_kind kind = found[i].kind;

		if (reported[kind])
			continue;
		reported[kind] = true;
		describe(&found[i], text, sizeof(text));
		alarm_raise(kinds[kind].kind, o->resource, kinds[kind].severity, text);
	}
	for (unsigned int i = 0; i < o->changes.count; i++)
		present[o->changes.list[i].kind] = true;
	for (int kind = 0; kind < OTDR_KINDS; kind++) {
		o->quiet[kind] = present[kind] ? 0 : o->quiet[kind] + 1;
		if (o->quiet[kind] == QUIET_TRACES)
			alarm_clear(kinds[kind].kind, o->resource,
			            "traces are as the baseline again");
	}
	if (o->changes.spread > SPREAD_MAX) {
		snprintf(
		        text, sizeof(text),
		        "traces stray %.1f times as far as the baseline's did: less is found until "
		        "there is a new one",
		        o->changes.spread);
		alarm_raise("otdr-baseline", o->resource, ALARM_WARNING, text);
	} else {
		alarm_clear("otdr-baseline", o->resource, "the baseline fits");
	}
}

void otdr_alarms_clear(struct otdr *o, const char *why)
{
	for (int kind = 0; kind < OTDR_KINDS; kind++)
		alarm_clear(kinds[kind].kind, o->resource, why);
	alarm_clear("otdr-baseline", o->resource, why);
}
