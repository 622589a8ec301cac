/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a program tells the service manager that started it: systemd's protocol on NOTIFY_SOCKET,
 * sd_notify(3). Without a manager, or built without libsystemd, nothing is sent and nothing fails.
 * One thread's alone: that of the loop which must live.
 */

#ifndef CONTROL_NOTIFY_H
#define CONTROL_NOTIFY_H

#include "common/err.h"

struct event_base; /* of libevent, which notify_dispatch.c alone needs */

/* It serves; STATUS is one line for `systemctl status`. */
void notify_ready(const char *status);

/* What it loaded is read anew, until notify_ready(). */
void notify_reloading(void);

void notify_stopping(void);

/*
 * The loop lives (WATCHDOG=1). Call as often as you like: it sends four times in the time after
 * which the manager takes the program for hung, WatchdogSec= of the unit.
 */
void notify_alive(void);

/* The longest that the loop may sleep between two calls of notify_alive(), ms; -1: for ever. */
int notify_sleep_ms(void);

/*
 * Serve: event_base_dispatch(BASE) between ready with STATUS and stopping, alive meanwhile.
 * Returns when the loop is broken, or a negative errno when nothing was served.
 */
int notify_dispatch(struct event_base *base, const char *status, struct err *err);

#endif
