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
        [WATCH_DOUBLES_FEW] = {"doubles-few", "blinding", true, 10 * YEAR_S, 0.02},
        [WATCH_DOUBLES_MANY] = {"doubles-many", "double-clicks", false, 10 * YEAR_S, 0.02},
        [WATCH_LOSS] = {"loss", "loss-step", false, YEAR_S / 5, 0.02},
        [WATCH_GAIN] = {"gain", "gain-step", false, YEAR_S / 5, 0.02},
        [WATCH_LOSS_DRIFT] = {"loss-drift", "loss-drift", false, YEAR_S, 0.1},
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
