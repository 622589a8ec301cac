/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The gateway's monitors and what each may cost in false alarms: one table, in monitors.c. All
 * of them together stay below one false alarm a year.
 */

#ifndef DRIVERS_WATCH_MONITORS_H
#define DRIVERS_WATCH_MONITORS_H

#include <stdbool.h>

enum watch_monitor {
	WATCH_ERRORS_Z_WEAK,
	WATCH_ERRORS_Z_STRONG,
	WATCH_ERRORS_X_WEAK,
	WATCH_ERRORS_X_STRONG,
	WATCH_DECOY,
	WATCH_DECOY_SAMPLES, /* within seconds; WATCH_DECOY has all of a block */
	WATCH_DOUBLES_FEW,
	WATCH_DOUBLES_MANY,
	WATCH_LOSS,
	WATCH_GAIN,
	WATCH_LOSS_DRIFT, /* the baseline of the loss reached its bound */
	/* the receiver's card */
	WATCH_PHOTOCURRENT,
	WATCH_PHOTOCURRENT_PEAK,
	WATCH_DARK,       /* dark counts while cut off from the line */
	WATCH_EMITTER,    /* clicks of the card's own emitter */
	WATCH_EFFICIENCY, /* clicks at reduced efficiency */
	WATCH_BRIGHT,
	WATCH_ARRIVALS_FAR,
	WATCH_ARRIVALS_WIDE,
	/* the transmitter's */
	WATCH_REFLECTION,
	WATCH_REFLECTION_PEAK,
	WATCH_OUTPUT,
	WATCH_TEMPERATURE, /* of either: the card's own limit alone */
	WATCH_MONITORS
};

struct watch_row {
	const char *name;  /* of the monitor */
	const char *alarm; /* the kind of alarm that it raises */
	bool stops_key;    /* what it shows breaks an assumption of the proof */
	double windows;    /* a year, at the most */
	double alarms;     /* false ones a year, at the most */
};

const struct watch_row *watch_row(enum watch_monitor m);

/* Decision threshold that follows from the row. */
double watch_nats(enum watch_monitor m);

/* False alarms a year: of the table; and of what watches besides, elsewhere. */
double watch_alarms_a_year(void);
/* monitor.c at 35000 outcomes a second; trace_change.h at a trace a minute. */
#define WATCH_OTHERS_A_YEAR (1 / 70.0 + 1 / 6.0)

#endif
