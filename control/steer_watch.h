/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Alarms of the card's control loops: "steering" at link/NAME/LOOP, while a loop is at a limit or
 * what it is steered by cannot be drift.
 */

#ifndef CONTROL_STEER_WATCH_H
#define CONTROL_STEER_WATCH_H

#include "dataplane/optics.h"

/* RESOURCE is the link's. Often; cheap while nothing changes. */
void steer_watch(const char *resource, const struct optics_status *s);

#endif
