/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The link's loss, tracked continuously: clicks per slot in which the detectors were live, divided
 * by what the transmitter's power monitor read, in dB. Drifts of the laser divide out; what is left
 * moves as the fibre does. A step of 0.05 dB, a tap of 1.15 %, is found within a minute; where on
 * the fibre is the OTDR's to say.
 *
 * The envelope is the baseline, a margin of 0.008 dB for what its minute's delay makes of a fibre
 * that moves, and SPREADS times the spread beyond statistics; the sums are for a step of STEP
 * beyond it. A loss that grows slowly is learnt: by 0.024 dB a minute at most and 0.5 dB in all, of
 * which WATCH_LOSS_DRIFT tells.
 */

#ifndef DRIVERS_WATCH_LOSS_H
#define DRIVERS_WATCH_LOSS_H

#include <stdint.h>

#include "drivers/watch/baseline.h"
#include "drivers/watch/cusum.h"

struct watch_loss {
	struct baseline base; /* dB */
	struct cusum loss, gain;
	double last; /* dB, of the last window */
	bool drifted;
	/* the window that fills */
	double clicks, exposure, seconds;
};

void watch_loss_init(struct watch_loss *w);

/*
 * CLICKS in SECONDS, in so many live slots, at the transmitter's POWER in any unit; windows without
 * light or power count for nothing. The result as watch_errors_add().
 */
uint32_t watch_loss_add(struct watch_loss *w, uint64_t clicks, double live_slots, double power,
                        double seconds);

#endif
