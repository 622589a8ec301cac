/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/alarm.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"

LOG_COMPONENT_DEFINE(alarm)

static struct alarm table[ALARM_TABLE_MAX];
static size_t table_count;
static struct alarm_change history[ALARM_HISTORY_MAX];
static uint64_t history_count; /* ever; the ring holds the last ALARM_HISTORY_MAX */
static struct alarm_counts counts;
static uint64_t (*clock_now)(void) = clock_wall_ns;

static void (*notify)(const struct alarm_change *change);

void alarm_notify(void (*changed)(const struct alarm_change *change))
{
	notify = changed;
}

void alarm_reset(uint64_t (*wall_ns)(void))
{
	table_count = 0;
	history_count = 0;
	counts = (struct alarm_counts){0};
	clock_now = wall_ns != NULL ? wall_ns : clock_wall_ns;
}

static struct alarm *find(const char *kind, const char *resource)
{
	for (size_t i = 0; i < table_count; i++)
		if (strcmp(table[i].kind, kind) == 0 && strcmp(table[i].resource, resource) == 0)
			return &table[i];
	return NULL;
}

const struct alarm *alarm_find(const char *kind, const char *resource)
{
	return find(kind, resource);
}

static void record(const struct alarm *a, enum alarm_severity severity)
{
	struct alarm_change *h = &history[history_count++ % ALARM_HISTORY_MAX];

	memcpy(h->kind, a->kind, sizeof(h->kind));
	memcpy(h->resource, a->resource, sizeof(h->resource));
	memcpy(h->text, a->text, sizeof(h->text));
	h->severity = severity;
	h->time_ns = a->changed_ns;
	if (notify != NULL)
		notify(h);
}

/* A place for a new alarm: the table's end, else that of the one cleared longest ago. */
static struct alarm *place(void)
{
	struct alarm *oldest = NULL;

	if (table_count < ALARM_TABLE_MAX)
		return &table[table_count++];
	for (size_t i = 0; i < table_count; i++)
		if (!table[i].active &&
		    (oldest == NULL || table[i].cleared_ns < oldest->cleared_ns))
			oldest = &table[i];
	return oldest;
}

void alarm_raise(const char *kind, const char *resource, enum alarm_severity severity,
                 const char *text)
{
	struct alarm *a = find(kind, resource);
	uint64_t now = clock_now();

	if (a == NULL) {
		a = place();
		if (a == NULL) {
			counts.lost++;
			log_err("%s %s: %s (the alarm table is full)", kind, resource, text);
			return;
		}
		*a = (struct alarm){0};
		snprintf(a->kind, sizeof(a->kind), "%s", kind);
		snprintf(a->resource, sizeof(a->resource), "%s", resource);
	}
	snprintf(a->text, sizeof(a->text), "%s", text);
	if (a->active && a->severity == severity)
		return;
	a->changed_ns = now;
	if (!a->active) {
		a->active = true;
		a->raised_ns = now;
		a->raised_count++;
		counts.raised++;
	} else {
		counts.active[a->severity]--;
	}
	a->severity = severity;
	counts.active[severity]++;
	record(a, severity);
	log_warn("raised %s %s at %s: %s", alarm_severity_name(severity), kind, resource, text);
}

void alarm_clear(const char *kind, const char *resource, const char *text)
{
	struct alarm *a = find(kind, resource);

	if (a == NULL || !a->active)
		return;
	a->active = false;
	a->cleared_ns = a->changed_ns = clock_now();
	snprintf(a->text, sizeof(a->text), "%s", text);
	counts.active[a->severity]--;
	counts.cleared++;
	record(a, ALARM_CLEARED);
	log_info("cleared %s at %s: %s", kind, resource, text);
}

const struct alarm *alarm_at(size_t i)
{
	return i < table_count ? &table[i] : NULL;
}

const struct alarm_change *alarm_history_at(size_t i)
{
	if (i >= history_count || i >= ALARM_HISTORY_MAX)
		return NULL;
	return &history[(history_count - 1 - i) % ALARM_HISTORY_MAX];
}

void alarm_counts_read(struct alarm_counts *out)
{
	*out = counts;
}

const char *alarm_severity_name(enum alarm_severity severity)
{
	static const char *const names[] = {
	        [ALARM_CLEARED] = "cleared", [ALARM_WARNING] = "warning",   [ALARM_MINOR] = "minor",
	        [ALARM_MAJOR] = "major",     [ALARM_CRITICAL] = "critical",
	};

	return (unsigned int)severity <= ALARM_CRITICAL ? names[severity] : "unknown";
}
