/* SPDX-License-Identifier: BSD-3-Clause */

/* What the transmitter's photodiodes see: before and behind the attenuator, and what comes in. */

#ifndef DRIVERS_MODEL_ALICE_MONITOR_H
#define DRIVERS_MODEL_ALICE_MONITOR_H

#include <stdint.h>

struct alice;

/* Mean, least, most of readings, one a turn. */
struct readings {
	double sum, least, most;
	uint64_t count;
};

struct alice_monitor {
	struct readings power_nw, output_fw, back_reflection_pw;
	double back_reflection_peak_pw;
};

void alice_monitor_reset(struct alice *a);
void alice_monitor_turn(struct alice *a);

#endif
