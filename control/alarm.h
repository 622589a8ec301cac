/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Alarms after RFC 8632: an alarm is a kind at a resource; it is raised with a severity,
 * may change severity, and is cleared, never deleted by the one who raised it. Operators
 * acknowledge alarms, and shelve those that are not to be told (control/alarm_shelf.h). Every
 * change of any of this is an entry of the history. Control thread only.
 *
 * One that comes and goes is told once: after ALARM_FLAPS raises within ALARM_FLAP_S the end is
 * believed only when its kind's hold_s (control/alarm_kinds.h) passed without it. Raising never
 * waits: whoever raises knows how much evidence it takes.
 */

#ifndef CONTROL_ALARM_H
#define CONTROL_ALARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "control/alarm_kinds.h"

#define ALARM_HISTORY_MAX 1024
#define ALARM_TABLE_MAX   4096 /* some of each of 1,024 tunnels */
#define ALARM_FLAPS       3
#define ALARM_FLAP_S      60
#define ALARM_WORDS_MAX   96 /* of an operator, with their null */

struct alarm {
	char kind[32];                /* "qber-z", "no-key": what programs match on */
	char resource[64];            /* "link/demo", "tunnel/dc", "port/wan" */
	char text[160];               /* what was seen, for people */
	enum alarm_severity severity; /* the last while it was raised */
	bool active;
	uint64_t raised_ns, changed_ns, cleared_ns; /* wall clock; cleared 0: never */
	uint64_t raised_count;                      /* those within a hold, too */
	/* Somebody takes care of it, until it is raised anew or becomes worse. */
	bool acknowledged;
	uid_t ack_uid;
	uint64_t ack_ns; /* wall clock */
	char ack_text[ALARM_WORDS_MAX];
	bool shelved;
	/* It comes and goes: its source says that it is over, OVER_NS ago on the steady clock. */
	bool over;
	uint64_t over_ns;
	char over_text[160];
	uint64_t hold_ns, recent_ns[ALARM_FLAPS]; /* when it was raised, the newest first */
};

enum alarm_what {
	ALARM_RAISED,
	ALARM_CHANGED, /* another severity */
	ALARM_ENDED,
	ALARM_ACKNOWLEDGED,
	ALARM_UNACKNOWLEDGED,
	ALARM_SHELVED,
	ALARM_UNSHELVED,
};

struct alarm_change {
	uint64_t number; /* from 1; goes on over restarts where the history is kept */
	enum alarm_what what;
	char kind[32], resource[64], text[160]; /* of an operator: his words */
	enum alarm_severity severity;
	uint64_t time_ns;
	bool operated; /* by UID; not: by the program */
	uid_t uid;
	bool shelved; /* nobody was told */
};

struct alarm_counts {
	unsigned int active[ALARM_CRITICAL + 1]; /* by severity, without the shelved ones */
	unsigned int acknowledged;               /* of these */
	unsigned int shelved;                    /* and active */
	uint64_t raised, cleared;
	uint64_t held; /* raised again within a hold: nobody was told */
	uint64_t lost; /* not recorded: the table was full of active alarms */
};

/* Forget everything and take all times from CLOCK_NS; NULL for the system's clocks. */
void alarm_reset(uint64_t (*clock_ns)(void));

/* FN is told each entry of the history as it is made, but those of shelved alarms. */
#define ALARM_LISTENERS_MAX 4
void alarm_listen(void (*fn)(const struct alarm_change *change));
void alarm_unlisten(void (*fn)(const struct alarm_change *change));

/*
 * Raise, or change the severity or text of, an alarm. Repeating the same is cheap and leaves
 * no entry. SEVERITY is not ALARM_CLEARED.
 */
void alarm_raise(const char *kind, const char *resource, enum alarm_severity severity,
                 const char *text);

/* Clear it; nothing happens when it is not raised. */
void alarm_clear(const char *kind, const char *resource, const char *text);

/* Ends what was held long enough, and shelving whose time is over. About each second. */
void alarm_poll(void);

/* -ENOENT: no such alarm is active; -EALREADY: it is so already. TEXT may be NULL. */
int alarm_acknowledge(const char *kind, const char *resource, const char *text, uid_t uid,
                      struct err *err);
int alarm_unacknowledge(const char *kind, const char *resource, const char *text, uid_t uid,
                        struct err *err);

/* The shelves are others than before, by UID's doing, or with time (OPERATED false). */
void alarm_shelves_changed(bool operated, uid_t uid, const char *text);

/* The I-th alarm ever raised and still known, active or cleared; NULL past the last. */
const struct alarm *alarm_at(size_t i);
const struct alarm *alarm_find(const char *kind, const char *resource);

/* The I-th change, newest first; NULL past the oldest kept. */
const struct alarm_change *alarm_history_at(size_t i);
const char *alarm_what_name(enum alarm_what what);

/*
 * The history that was kept of earlier runs, oldest first, before anything is raised; then
 * alarm_restored() ends what was active when that run did: it is raised anew where it is true.
 */
void alarm_restore(const struct alarm_change *change);
void alarm_restored(void);

void alarm_counts_read(struct alarm_counts *out);

#endif
