/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Cumulative sums of log-likelihood ratios (Page, Biometrika 41, 1954), the quickest way to notice
 * a change for a given number of false alarms (Moustakides 1986).
 *
 * False alarms, without an approximation: while the honest quantity is on the honest side of its
 * envelope, whatever it does there, the likelihood ratio from any window on is a supermartingale
 * that begins at 1, so that it ever reaches e^h with a probability of at most e^-h (Ville 1939). A
 * sum crosses h only where that of some window does: N windows give at most N e^-h false crossings.
 */

#ifndef DRIVERS_WATCH_CUSUM_H
#define DRIVERS_WATCH_CUSUM_H

#include <stdbool.h>
#include <stdint.h>

struct cusum {
	double nats;       /* decision threshold */
	double sum;        /* 0 or more */
	double since;      /* weight (outcomes, seconds) taken since it was 0 */
	bool over;         /* above the threshold now */
	uint64_t crossed;  /* so often */
	double found_with; /* SINCE when it crossed last */
};

/* For at most ALARMS false crossings expected in so many windows. */
double cusum_nats(double windows, double alarms);

void cusum_init(struct cusum *c, double nats);

/* One window's log-likelihood ratio and its weight. True: the threshold was crossed by it. */
bool cusum_add(struct cusum *c, double ratio, double weight);

/*
 * Of K events among N, probability P1 rather than P0: sound for all honest p <= P0 where P1 > P0,
 * for all p >= P0 where P1 < P0. Both between 0 and 1.
 */
double ratio_binomial(uint64_t k, uint64_t n, double p0, double p1);

/* Of a Poisson number, mean M1 rather than M0. */
double ratio_poisson(uint64_t k, double m0, double m1);

/* Of a normal X with deviation SD, mean M1 rather than M0. */
double ratio_normal(double x, double sd, double m0, double m1);

#endif
