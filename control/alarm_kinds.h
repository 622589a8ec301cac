/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The kinds of alarms that there are, with cause and action: what the programs raise, what
 * lgctl explains, docs/alarms.md prints (scripts/alarm-doc) and a test holds against the calls
 * of alarm_raise(). RFC 8632 calls it the alarm inventory.
 */

#ifndef CONTROL_ALARM_KINDS_H
#define CONTROL_ALARM_KINDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* In rising order; cleared is an entry of the history only. */
enum alarm_severity { ALARM_CLEARED, ALARM_WARNING, ALARM_MINOR, ALARM_MAJOR, ALARM_CRITICAL };

const char *alarm_severity_name(enum alarm_severity severity);

#define ALARM_KIND_WARNING  (1u << ALARM_WARNING)
#define ALARM_KIND_MINOR    (1u << ALARM_MINOR)
#define ALARM_KIND_MAJOR    (1u << ALARM_MAJOR)
#define ALARM_KIND_CRITICAL (1u << ALARM_CRITICAL)

struct alarm_kind {
	const char *kind;
	const char *resource;    /* its form: "link/NAME" */
	unsigned int severities; /* bits, ALARM_KIND_WARNING and so on */
	const char *cause, *action;
	unsigned int hold_s; /* quiet for so long, one that comes and goes is over; 0: at once */
};

/* Each ends with an entry without a kind. */
extern const struct alarm_kind alarm_kinds_traffic[], alarm_kinds_fibre[], alarm_kinds_kms[],
        alarm_kinds_web[];

/* The I-th of all; NULL past the last. */
const struct alarm_kind *alarm_kind_at(size_t i);
const struct alarm_kind *alarm_kind_find(const char *kind);
/* "gateway", "kms" or "web": which program raises it. */
const char *alarm_kind_program(const struct alarm_kind *k);
/* For clients; a new reference. */
json_t *alarm_kind_json(const struct alarm_kind *k);

#endif
