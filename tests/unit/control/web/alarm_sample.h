/* SPDX-License-Identifier: BSD-3-Clause */

/* An alarm for the tests of sinks. */

#ifndef TESTS_UNIT_CONTROL_WEB_ALARM_SAMPLE_H
#define TESTS_UNIT_CONTROL_WEB_ALARM_SAMPLE_H

#include "control/web/feed.h"

/* DATA: JSON of the change; the caller releases .data. */
static inline struct web_alarm alarm_sample(const char *severity, const char *data)
{
	return (struct web_alarm){.program = WEB_GATEWAY,
	                          .source = "gateway",
	                          .host = "gw-a",
	                          .kind = "no-light",
	                          .resource = "link/demo",
	                          .text = "no detection for 2 s",
	                          .severity = severity,
	                          .time = "2026-01-31T08:00:00.000Z",
	                          .data = json_loads(data, 0, NULL)};
}

static inline void alarm_release(struct web_alarm *a)
{
	json_decref((json_t *)a->data);
}

#endif
