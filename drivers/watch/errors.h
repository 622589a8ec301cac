/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Error rates per basis against what the link has shown before: finds intercept-resend of a small
 * fraction, long before an absolute threshold does.
 *
 * Somebody who measures a fraction f in random bases adds f/4 in both (less f times the honest
 * rate), in one basis f/2 in the other: at least f/4 in one of them, however she divides. For each
 * basis there are two sums, for a rise of 0.025 (f = 0.1) and of 0.005 (f = 0.02), over an envelope
 * of the honest rate: the baseline, twice its own uncertainty, and ENVELOPE times the spread beyond
 * statistics. What the interferometer's phase adds in X is known, where the card tells it
 * (phase.h): it goes on top of the envelope of each window, and is learnt neither as baseline nor
 * as spread. Where it does not, it is nearly all of the spread, which is taken as at least that of
 * 60 mrad: a phase that is normal exceeds ENVELOPE times the spread of its square in one of 10^5 of
 * its own time constants.
 */

#ifndef DRIVERS_WATCH_ERRORS_H
#define DRIVERS_WATCH_ERRORS_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/watch/baseline.h"
#include "drivers/watch/cusum.h"

#define WATCH_ERRORS_STRONG 0.025
#define WATCH_ERRORS_WEAK   0.005

struct watch_errors {
	struct {
		struct baseline base;
		struct cusum weak, strong;
		double envelope;           /* of the last window */
		double rate;               /* likewise */
		double recent_n, recent_e; /* of the last RECENT_S */
		struct watch_errors_window {
			uint64_t n, e;
			double explained; /* errors, expected */
			double seconds;
		} fill, learn; /* to be tested; to be learnt, longer */
	} basis[2];            /* Z, X */
	bool told;             /* what the phase adds */
};

void watch_errors_init(struct watch_errors *w);

/*
 * Outcomes that were compared in SECONDS, by basis, and errors among them; few ones are gathered.
 * EXPLAINED: error rate that the phase adds to those in X; negative: the card does not tell. Bit m
 * of the result: the monitor m of enum watch_monitor crosses.
 */
uint32_t watch_errors_add(struct watch_errors *w, const uint64_t n[2], const uint64_t e[2],
                          double explained, double seconds);

/* An attack is known: a baseline that is not learnt yet learns nothing of what came last. */
void watch_errors_doubt(struct watch_errors *w);

/* Of a basis, over some ten seconds. */
double watch_errors_recent(const struct watch_errors *w, unsigned int b);

/* What is suspected is forgotten; it comes again while it is true. */
void watch_errors_clear(struct watch_errors *w);

/* The rates of the last minute are normal from now on. */
void watch_errors_accept(struct watch_errors *w);

#endif
