/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The history of alarms on disk, a line of JSON a change, so that it outlives the program. Two
 * files, NAME and NAME.1, of ALARM_LOG_BYTES each at most. Nothing waits for the disk: what a power
 * failure takes is in the journal, too. Control thread.
 */

#ifndef CONTROL_ALARM_LOG_H
#define CONTROL_ALARM_LOG_H

#include "control/alarm.h"

#define ALARM_LOG_BYTES (512u << 10) /* more than ALARM_HISTORY_MAX changes */

/*
 * Tell EACH what is there, oldest first, and keep what comes. Lines that are none of ours are left
 * out, and counted in the log. Negative errno and ERR: it cannot be read or written, or others may
 * write it; then nothing is kept.
 */
int alarm_log_open(const char *path, void (*each)(const struct alarm_change *change),
                   struct err *err);
void alarm_log_close(void);

/* Nothing where it is not open. */
void alarm_log_append(const struct alarm_change *change);

#endif
