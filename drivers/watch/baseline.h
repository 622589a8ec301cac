/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What is normal, learnt from the link itself, which drifts; and how far somebody can teach it.
 *
 * Over the first LEARN_S seconds the mean is the reference. From then on the value follows what is
 * seen with a time constant, but moves by no more than SLOPE a second, and stays within BOUND of
 * the reference: who raises a quantity slowly gets at most BOUND, ever, and meanwhile no more than
 * SLOPE times the time. At the bound EDGE is set, an alarm of its own.
 *
 * SPREAD is how much windows stray beyond their own statistics, a standard deviation, learnt in the
 * same way; it never gets beyond GROWTH times what the first LEARN_S seconds had, or SPREAD_FLOOR.
 */

#ifndef DRIVERS_WATCH_BASELINE_H
#define DRIVERS_WATCH_BASELINE_H

#include <stdbool.h>

struct baseline_params {
	double learn_s;
	double time_s;       /* constant of value and spread */
	double slope;        /* a second */
	double bound;        /* from the reference */
	double spread_floor; /* how much spread may always be learnt */
	double growth;
};

struct baseline {
	const struct baseline_params *params;
	double seconds; /* taken */
	double reference, value;
	double weight, mean;       /* of the learning time */
	double variance, expected; /* of windows about the value: seen; by statistics alone */
	double windows;            /* of the time constant */
	double spread, spread_max;
	double recent; /* mean of the last minute, learnt of or not */
	bool ready, edge;
};

/* PARAMS must outlive B. */
void baseline_init(struct baseline *b, const struct baseline_params *params);

/*
 * A window of so many seconds: its value, and its variance by statistics alone. FROZEN: something
 * is suspected, nothing is learnt of it. Returns whether there is a baseline.
 */
bool baseline_take(struct baseline *b, double x, double variance, double seconds, bool frozen);

/* The mean of the last minute or so, frozen or not, is normal from now on; the spread stays. */
void baseline_accept(struct baseline *b);

#endif
