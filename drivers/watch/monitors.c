/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/monitors.h"

#include "drivers/watch/cusum.h"

#define YEAR_S 31557600.0

static const struct watch_row rows[WATCH_MONITORS] = {
        /* figures come 10 times a second, blocks at most each second, windows of loss each 5 s */
        [WATCH_ERRORS_Z_WEAK] = {"errors-z-weak", "errors-rise-z", false, 10 * YEAR_S, 0.02},
        [WATCH_ERRORS_Z_STRONG] = {"errors-z-strong", "errors-rise-z", false, 10 * YEAR_S, 0.02},
        [WATCH_ERRORS_X_WEAK] = {"errors-x-weak", "errors-rise-x", false, 10 * YEAR_S, 0.02},
        [WATCH_ERRORS_X_STRONG] = {"errors-x-strong", "errors-rise-x", false, 10 * YEAR_S, 0.02},
        [WATCH_DECOY] = {"decoy", "photon-number-splitting", false, YEAR_S, 0.02},
        [WATCH_DECOY_SAMPLES] = {"decoy-samples", "photon-number-splitting", false, 10 * YEAR_S,
                                 0.02},
        [WATCH_DOUBLES_FEW] = {"doubles-few", "detector-blinding", true, 10 * YEAR_S, 0.02},
        [WATCH_DOUBLES_MANY] = {"doubles-many", "double-clicks", false, 10 * YEAR_S, 0.02},
        [WATCH_LOSS] = {"loss", "loss-step", false, YEAR_S / 5, 0.02},
        [WATCH_GAIN] = {"gain", "gain-step", false, YEAR_S / 5, 0.02},
        [WATCH_LOSS_DRIFT] = {"loss-drift", "loss-drift", false, YEAR_S, 0.1},
        /* the cards' records, ten a second, for each detector and either side */
        [WATCH_PHOTOCURRENT] = {"photocurrent", "detector-blinding", true, 40 * YEAR_S, 0.01},
        [WATCH_PHOTOCURRENT_PEAK] = {"photocurrent-peak", "detector-blinding", true, 40 * YEAR_S,
                                     0.01},
        [WATCH_DARK] = {"dark-counts", "detector-blinding", true, 10 * YEAR_S, 0.01},
        [WATCH_EMITTER] = {"emitter", "detector-blinding", true, 10 * YEAR_S, 0.01},
        [WATCH_EFFICIENCY] = {"efficiency-toggle", "fake-state", true, 20 * YEAR_S, 0.01},
        [WATCH_BRIGHT] = {"bright-pulses", "fake-state", true, 10 * YEAR_S, 0.01},
        [WATCH_ARRIVALS_FAR] = {"arrivals-far", "time-shift", true, 50 * YEAR_S, 0.01},
        [WATCH_ARRIVALS_WIDE] = {"arrivals-wide", "time-shift", true, 50 * YEAR_S, 0.01},
        [WATCH_REFLECTION] = {"back-reflection", "trojan-horse", true, 10 * YEAR_S, 0.01},
        [WATCH_REFLECTION_PEAK] = {"back-reflection-peak", "trojan-horse", true, 10 * YEAR_S, 0.01},
        [WATCH_OUTPUT] = {"output-power", "laser-damage", true, 20 * YEAR_S, 0.01},
        [WATCH_TEMPERATURE] = {"temperature-limit", "card-temperature", false, 0, 0},
};

const struct watch_row *watch_row(enum watch_monitor m)
{
	return &rows[m];
}

double watch_nats(enum watch_monitor m)
{
	return cusum_nats(rows[m].windows, rows[m].alarms);
}

double watch_alarms_a_year(void)
{
	double sum = 0;

	for (unsigned int m = 0; m < WATCH_MONITORS; m++)
		sum += rows[m].alarms;
	return sum;
}
