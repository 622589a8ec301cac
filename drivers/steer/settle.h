/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A temperature that was set and is to get there: the card's own controller moves it, this says
 * whether it has arrived, whether it will not, and when it leaves.
 */

#ifndef DRIVERS_STEER_SETTLE_H
#define DRIVERS_STEER_SETTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/steer/steer.h"

#define STEER_SETTLE_MC 300                   /* so near is there */
#define STEER_STAY_NS   UINT64_C(1000000000)  /* for so long */
#define STEER_SETTLE_NS UINT64_C(60000000000) /* twice the contract's time */

struct steer_settle {
	struct steer_status s; /* SET: 10^-3 C; REFUSED counts times that it left */
	int32_t actual;
	uint64_t since_ns;  /* it was set, or left */
	uint64_t turned_ns; /* it came near, or went off */
	bool near;
};

/* Set to SET at NOW_NS; 0: when the first reading comes. */
void steer_settle_start(struct steer_settle *t, int32_t set, uint64_t now_ns);
void steer_settle_reading(struct steer_settle *t, int32_t actual, uint64_t now_ns);

#endif
