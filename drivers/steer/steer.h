/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the control loops of the card have in common: where a loop stands, and what it counts. The
 * loops themselves are numbers in, settings out: no card, no clock, no I/O.
 */

#ifndef DRIVERS_STEER_STEER_H
#define DRIVERS_STEER_STEER_H

#include <stdint.h>

enum steer_state {
	STEER_OFF,      /* nothing to steer, or nothing to steer by */
	STEER_SETTLING, /* on its way */
	STEER_HELD,     /* where it shall be */
	STEER_LIMIT,    /* it would have to go where it may not */
	STEER_REFUSED,  /* what it is steered by cannot be drift */
	STEER_STATES
};

/* "off", "settling", "held", "limit", "refused" */
const char *steer_state_name(enum steer_state state);

struct steer_status {
	enum steer_state state;
	int32_t set;      /* in the unit of the setting */
	uint64_t moves;   /* settings made */
	uint64_t limits;  /* times that STEER_LIMIT began */
	uint64_t refused; /* readings that were not followed */
};

#endif
