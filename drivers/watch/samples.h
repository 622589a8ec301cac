/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The decoys' share among samples, which is known within seconds where that of a block has to wait
 * for the block. Two uses:
 *
 * An alarm of its own needs no baseline (decoy.h: the least share of any honest fibre).
 *
 * The name of a step of loss or of double clicks that others found: a fibre that loses more loses
 * as many signals as decoys, and noise only raises the decoys' share; who splits photon numbers
 * loses decoys. The share since then is compared with what was learnt by exact binomial tails. The
 * ratio of intensities wanders little within minutes: 2 %, and three times the spread that the
 * baseline's windows had beyond statistics.
 */

#ifndef DRIVERS_WATCH_SAMPLES_H
#define DRIVERS_WATCH_SAMPLES_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/watch/baseline.h"
#include "drivers/watch/cusum.h"

#define WATCH_SAMPLES_S 90 /* that are kept */

struct watch_samples {
	double p0, p1; /* least honest share of decoys, and a tenth fewer */
	struct cusum few;
	struct baseline base; /* of the share's logarithm */
	uint64_t n, k;        /* of its window that fills */
	double seconds;
	struct watch_samples_second {
		uint64_t n, k; /* samples of both intensities, decoys */
		double seconds;
	} ring[WATCH_SAMPLES_S]; /* the newest first, which fills */
};

enum watch_samples_word {
	WATCH_SAMPLES_UNSETTLED, /* too few samples yet */
	WATCH_SAMPLES_FEWER,     /* fewer decoys: said of an honest link by 3 in 1000 at most */
	WATCH_SAMPLES_SAME,      /* not an eighth fewer, by 99 in 100 */
};

/* Intensities and probabilities of signal and decoy. */
void watch_samples_init(struct watch_samples *w, double mu, double nu, double p_mu, double p_nu);

/*
 * Matched samples of either intensity in SECONDS; DOUBT: nothing is learnt of them. The result as
 * watch_errors_add().
 */
uint32_t watch_samples_add(struct watch_samples *w, uint64_t signal, uint64_t decoy, double seconds,
                           bool doubt);

/*
 * What the last SECONDS say. MORE_LIGHT: what is asked for may come of more light, in which noise
 * counts less, so that only the least share of any fibre is a measure.
 */
enum watch_samples_word watch_samples_say(const struct watch_samples *w, double seconds,
                                          bool more_light);

/* Samples of the last SECONDS, whole ones, and decoys among them. */
void watch_samples_recent(const struct watch_samples *w, double seconds, uint64_t *n, uint64_t *k);

/* As watch_errors_clear() and _accept(). */
void watch_samples_clear(struct watch_samples *w);
void watch_samples_accept(struct watch_samples *w);

#endif
