/* SPDX-License-Identifier: BSD-3-Clause */

/* What sinks say of an alarm besides its own words. */

#ifndef CONTROL_WEB_ALARM_WORDS_H
#define CONTROL_WEB_ALARM_WORDS_H

#include "control/web/feed.h"

struct alarm_words {
	const char *program; /* "lumengate", "lumengate-kms", "lumengate-web" */
	/* "raised", "changed", "cleared", "acknowledged" ...; "standing": it was so before */
	const char *change;
	char number[24];    /* of the change, at that program, "0": not known */
	char uid[16];       /* of the operator whose doing it is, "": none */
	const char *action; /* what to do, "": nothing, it is over */
};

void alarm_words(const struct web_alarm *a, struct alarm_words *out);

#endif
