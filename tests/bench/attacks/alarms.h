/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * In place of the gateway's table of alarms (control/alarm.h), for the watches of both sites: which
 * kinds were raised, when first, and how often.
 */

#ifndef TESTS_BENCH_ATTACKS_ALARMS_H
#define TESTS_BENCH_ATTACKS_ALARMS_H

#include <stdint.h>

#define ALARMS_MAX  32
#define ALARMS_NAME 32

struct noted_alarm {
	char kind[ALARMS_NAME];
	unsigned int times; /* raised anew */
	uint64_t first_ns;
};

struct noted_alarms {
	struct noted_alarm list[ALARMS_MAX];
	unsigned int count;
	uint64_t now_ns;     /* of what is raised next */
	unsigned int active; /* now */
};

/* Of this process. */
extern struct noted_alarms noted_alarms;

/* That kind was raised so often more. */
void noted_alarms_add(struct noted_alarms *n, const char *kind, unsigned int times);

/* Forget what was raised; alarms that are active stay so. */
void noted_alarms_begin(void);

#endif
