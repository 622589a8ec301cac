/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What is tried: every attack of the model's table at several strengths, with the alarms that would
 * name it rightly, and what must be found where a figure is asked for.
 */

#ifndef TESTS_BENCH_ATTACKS_PLAN_H
#define TESTS_BENCH_ATTACKS_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "drivers/model/attack.h"

#define PLAN_NAME  48
#define PLAN_CELLS 128

/* One row of the table. */
struct cell {
	char text[PLAN_NAME]; /* "intercept-resend 0.1 0.5", as attack_parse() takes it */
	char name[PLAN_NAME]; /* "intercept-resend/0.1,0.5" */
	struct attack attack;
	const char *within; /* what is asked of it, or NULL */
};

/* All of them, each kind of attack among them; the number. */
unsigned int plan_all(struct cell *cells);
/* "NAME=STRENGTH", "NAME/STRENGTH" or "NAME STRENGTH", numbers apart by commas or spaces. */
int plan_parse(const char *text, struct cell *out, struct err *err);

/* Whether an alarm of this kind says what the attack is. */
bool plan_right(enum attack_kind kind, const char *alarm);

#endif
