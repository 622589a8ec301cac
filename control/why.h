/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * "Why is there no key?", "why is there no traffic?": the first cause in a chain, with what to
 * do, in one line. A chain goes from what all else needs to what needs all else; most of its
 * links are alarms, whose evidence is theirs, the others are states that are no fault.
 */

#ifndef CONTROL_WHY_H
#define CONTROL_WHY_H

#include <jansson.h>
#include <stdbool.h>

struct why {
	bool well;         /* there is */
	char cause[32];    /* for programs: an alarm's kind, or a word of the chain */
	char resource[64]; /* "": none in particular */
	char text[320];
	char action[400]; /* "": nothing to do */
};

/* Sets all but the resource; TEXT is a format. */
void why_set(struct why *out, bool well, const char *cause, const char *action, const char *text,
             ...) __attribute__((format(printf, 5, 6)));

/*
 * The first of KINDS, which a NULL ends, that is active at RESOURCE, or with '*' at the end of
 * that at what begins so; shelved or not. False: none is, and OUT is as it was.
 */
bool why_alarm(struct why *out, const char *const *kinds, const char *resource);

/* For clients; a new reference. */
json_t *why_json(const struct why *w);

#endif
