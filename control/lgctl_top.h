/* SPDX-License-Identifier: BSD-3-Clause */

/* `lgctl top`: what its screen shows, apart from the terminal that shows it. */

#ifndef CONTROL_LGCTL_TOP_H
#define CONTROL_LGCTL_TOP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct lgctl_top {
	const json_t *now, *before; /* answers of `status`; no BEFORE: no rates yet */
	double seconds;             /* between the two */
	const json_t *alarms;       /* the active ones */
	const char *trouble;        /* why NOW is old; NULL: it is not */
	bool terminal;              /* takes escape sequences (ECMA-48) */
	unsigned int width, height; /* in characters; 0: there is no end */
};

/* One screen, never more lines and never longer ones than there is room for. */
void lgctl_top_print(FILE *out, const struct lgctl_top *t);

/* SECONDS for people: "4 h 47 min". */
const char *lgctl_top_duration(double seconds, char out[32]);

#endif
