/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Alarms after RFC 8632: an alarm is a kind at a resource; it is raised with a severity,
 * may change severity, and is cleared, never deleted by the one who raised it. Every change
 * of severity and every clearing is an entry of the history. Control thread only.
 */

#ifndef CONTROL_ALARM_H
#define CONTROL_ALARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ALARM_HISTORY_MAX 1024
#define ALARM_TABLE_MAX   4096 /* some of each of 1,024 tunnels */

/* In rising order; cleared is an entry of the history only. */
enum alarm_severity { ALARM_CLEARED, ALARM_WARNING, ALARM_MINOR, ALARM_MAJOR, ALARM_CRITICAL };

struct alarm {
	char kind[32];                /* "qber-z", "no-key": what programs match on */
	char resource[64];            /* "link/demo", "tunnel/dc", "port/wan" */
	char text[160];               /* what was seen, for people */
	enum alarm_severity severity; /* the last while it was raised */
	bool active;
	uint64_t raised_ns, changed_ns, cleared_ns; /* wall clock; cleared 0: never */
	uint64_t raised_count;
};

struct alarm_change {
	char kind[32], resource[64], text[160];
	enum alarm_severity severity;
	uint64_t time_ns;
};

struct alarm_counts {
	unsigned int active[ALARM_CRITICAL + 1]; /* by severity */
	uint64_t raised, cleared;
	uint64_t lost; /* not recorded: the table was full of active alarms */
};

/* Forget everything and take time from WALL_NS; NULL for the system's clock. */
void alarm_reset(uint64_t (*wall_ns)(void));

/* CHANGED is told each entry of the history as it is made; NULL: nobody. */
void alarm_notify(void (*changed)(const struct alarm_change *change));

/*
 * Raise, or change the severity or text of, an alarm. Repeating the same is cheap and leaves
 * no entry. SEVERITY is not ALARM_CLEARED.
 */
void alarm_raise(const char *kind, const char *resource, enum alarm_severity severity,
                 const char *text);

/* Clear it; nothing happens when it is not raised. */
void alarm_clear(const char *kind, const char *resource, const char *text);

/* The I-th alarm ever raised and still known, active or cleared; NULL past the last. */
const struct alarm *alarm_at(size_t i);
const struct alarm *alarm_find(const char *kind, const char *resource);

/* The I-th change, newest first; NULL past the oldest kept. */
const struct alarm_change *alarm_history_at(size_t i);

void alarm_counts_read(struct alarm_counts *out);

const char *alarm_severity_name(enum alarm_severity severity);

#endif
