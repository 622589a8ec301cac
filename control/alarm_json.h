/* SPDX-License-Identifier: BSD-3-Clause */

/* Changes of alarms as clients get them: in the history and as events. */

#ifndef CONTROL_ALARM_JSON_H
#define CONTROL_ALARM_JSON_H

#include <jansson.h>

#include "control/alarm.h"

/* A new reference. */
json_t *alarm_change_json(const struct alarm_change *change);

#endif
