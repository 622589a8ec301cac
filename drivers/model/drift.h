/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * How an honest link wanders: intensities, interferometer, losses, fibre and board temperature.
 * Each quantity is a mean-reverting walk (Ornstein-Uhlenbeck) with a stated standard deviation and
 * time constant; temperatures swing with the day besides. The receiver's clock walks in clicks.c.
 *
 * None of it is told to anybody but the model's own status: the gateway sees what its cards see.
 */

#ifndef DRIVERS_MODEL_DRIFT_H
#define DRIVERS_MODEL_DRIFT_H

#include <stdbool.h>

#include "drivers/model/rng.h"

/* 0 everywhere: nothing wanders. */
struct drift_params {
	double intensity;  /* of all pulses, relative standard deviation; the power monitor sees it
	                    */
	double ratio;      /* of the decoy against the signal, likewise; no monitor sees it */
	double phase_mrad; /* what the interferometer's controller leaves over, standard deviation
	                    */
	double loss_db;    /* of the fibre, standard deviation: bends, splices that are worked on */
	double fibre_k;    /* the fibre's daily swing, amplitude; a tenth of it besides at random */
	double board_k;    /* the cards', likewise */
};

struct drift {
	struct drift_params params;
	struct rng rng;
	double day;              /* angle of the daily swing */
	double intensity, ratio; /* relative */
	double phase;            /* rad */
	double loss_db, fibre_k, board_k;
	double fibre_walk, board_walk; /* the random part */
};

extern const struct drift_params drift_lab, drift_buried, drift_aerial;

/* Kinds of links by name: none, lab, buried, aerial; NULL: there is none of this name. */
const struct drift_params *drift_find(const char *name);

/* In the steady state: every quantity is drawn, not 0. */
void drift_init(struct drift *d, const struct drift_params *params, uint64_t seed);
bool drift_is_still(const struct drift *d);
void drift_step(struct drift *d, double seconds);

/* Error that the interferometer's phase adds in X: sin^2(phase / 2), (1 - V) / 2 of it. */
double drift_x_error(const struct drift *d);

/* Delay that the fibre's temperature adds. */
double drift_path_ps(const struct drift *d, double distance_km);

#endif
