/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * An alarm as a message of syslog: RFC 5424, with the structured data that RFC 5674 has for alarms
 * and an element of our own for what that has no name for.
 *
 *     <26>1 2026-01-31T08:00:00.000Z gw-a lumengate 71 no-light [alarm resource="link/demo"
 *     probableCause="other" perceivedSeverity="major"][lumengate@32473 ...] BOM no detection for 2
 * s
 */

#ifndef CONTROL_WEB_SYSLOG_MESSAGE_H
#define CONTROL_WEB_SYSLOG_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "control/web/feed.h"

/* What a receiver must take is 480 bytes, what it should is 2048 (RFC 5424, 6.1). */
#define SYSLOG_MESSAGE_MAX 2048

struct syslog_origin {
	unsigned int facility; /* 0 to 23 */
	/* A private enterprise number (RFC 5424, 7.2.2) for the names of our own. */
	uint32_t enterprise;
	const char *hostname; /* where the alarm names no host */
	int pid;
};

/* By name: "kern" to "local7"; -1: there is none. */
int syslog_facility(const char *name);
/* Of an alarm's severity, RFC 5674, table 1: critical is 1, alert; cleared is 5, notice. */
unsigned int syslog_severity(const char *severity);

/* The length of the message, without a null that it ends with. */
size_t syslog_message(const struct web_alarm *a, const struct syslog_origin *o,
                      char out[SYSLOG_MESSAGE_MAX]);

#endif
