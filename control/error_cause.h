/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Alarms of errors, beside the light that could be their cause: the text says how much of the rise
 * a data channel explains that is not in the plan. The alarm stays what it is, and so does what the
 * engine does about the errors: who adds light to hide behind it gets no key through.
 *
 * Where a plan is compared with scans, an alarm is shown behind two scans that came after it, at
 * most 1.5 s later, so that the alarm of the light comes before. Key stops before either.
 */

#ifndef CONTROL_ERROR_CAUSE_H
#define CONTROL_ERROR_CAUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qkd-engine/engine.h"

void error_cause_reset(void);

/* ALARM is one of errors, with what the engine says of it; false: it is another one. */
bool error_cause_take(enum engine_alarm alarm, bool raised, const char *resource, const char *text,
                      uint64_t now_ns);

/* Often; with the error rates of the last second. */
void error_cause_poll(double qber_z, double qber_x, uint64_t now_ns);

/*
 * The words before an alarm of a RISE of the error rate of BASIS (0 Z, 1 X) that a monitor found:
 * "light of ... explains 40 to 60 % of it: ", or "" when there is no such light.
 */
void error_cause_of_rise(unsigned int basis, double rise, uint64_t now_ns, char *out, size_t n);

/*
 * Percent of a rise from PLANNED to MEASURED that a rise to PREDICTED explains: 0 to 100; all of it
 * when nothing rose.
 */
unsigned int error_cause_percent(double planned, double predicted, double measured);

#endif
