/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The transmitter's mean photon number, held where the bound on the key assumes it: the variable
 * attenuator follows what the power monitor behind it reads.
 *
 * Lasers and modulators drift by percents in minutes. What is quicker or more is no drift: an
 * attenuator damaged by light (Huang et al., arXiv:1905.10795), a broken monitor. It is not steered
 * away, so that the watch sees it. Nor does the attenuator ever go far from where it was
 * calibrated.
 */

#ifndef DRIVERS_STEER_ATTENUATOR_H
#define DRIVERS_STEER_ATTENUATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/steer/steer.h"

#define STEER_VOA_RANGE_MDB  2000 /* to either side of the calibration */
#define STEER_VOA_RATE_MDB_S 100  /* at most so fast */
/*
 * A reading further off than this is not followed: of a loop that was held, and of one that begins,
 * which may find a laser that is weaker than it was.
 */
#define STEER_VOA_STEP_MDB  300
#define STEER_VOA_START_MDB 1000
#define STEER_VOA_RUN       10 /* readings in a row that make a state */
#define STEER_VOA_HELD_MDB  50 /* 1.2 % */

struct steer_attenuator {
	struct steer_status s;       /* SET: mdB */
	double target_fw;            /* of the light behind it */
	int32_t least_mdb, most_mdb; /* where it may go */
	double off_mdb;              /* filtered: brighter than wanted */
	bool begun;                  /* OFF_MDB is known */
	double due_mdb;              /* what is to be set, not rounded */
	unsigned int run;            /* readings in a row that speak against the state */
};

/*
 * CALIBRATED is the attenuation that the card was set to, MIN and MAX are its safe limits, mdB.
 * TARGET_FW is the mean power in the quantum channel; 0: nothing is steered.
 */
void steer_attenuator_init(struct steer_attenuator *a, double target_fw, int32_t calibrated,
                           int32_t min, int32_t max);

/*
 * The monitor's mean over SECONDS, of light whose mean the target is. True: s.set is to be set. At
 * least ten a second.
 */
bool steer_attenuator_reading(struct steer_attenuator *a, double output_fw, double seconds);

#endif
