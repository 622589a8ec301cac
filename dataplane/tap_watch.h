/* SPDX-License-Identifier: BSD-3-Clause */

/* The kernel's reports (rtnetlink(7)) that daemons changed addresses or routes. */

#ifndef DATAPLANE_TAP_WATCH_H
#define DATAPLANE_TAP_WATCH_H

#include <stdbool.h>

#include "common/err.h"

#define TAP_ADDRESSES 1U
#define TAP_ROUTES    2U

/* A socket that reports changes, of routes only when they are wanted; or -errno with ERR. */
int tap_watch_open(bool routes, struct err *err);
/*
 * Which of TAP_ADDRESSES and TAP_ROUTES has changed since the last call, anywhere? Reports that
 * were lost count for both. What one call does not get to, the next does.
 */
unsigned int tap_watch_changed(int fd);

#endif
