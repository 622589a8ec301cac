/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Bodies of a loop that take turns over the same work, each timed by the TSC in short samples.
 * The order turns too, so that none always runs after the same one. Samples in which the
 * thread was preempted, or in which not all packets came through, are left out.
 */

#ifndef BENCH_DATAPLANE_MEASURE_H
#define BENCH_DATAPLANE_MEASURE_H

#include <stdint.h>

#include "common/err.h"
#include "dataplane/forward_core.h"

#define MEASURE_BODIES_MAX 4
#define MEASURE_BURST      FORWARD_BURST /* packets that a body takes at a time */

struct measure_body {
	void (*burst)(void *ctx); /* MEASURE_BURST packets from rx to tx */
	void *ctx;
	uint16_t out; /* the port to which they go */
};

struct measure {
	struct measure_body body[MEASURE_BODIES_MAX];
	unsigned int bodies;
	unsigned int bursts; /* of a sample */
	unsigned int batch;  /* samples after one another that prepare() provides for */
	/* Untimed; may be NULL. */
	int (*prepare)(void *ctx, struct err *err);
	/* Untimed, a few times a second. */
	void (*settle)(void *ctx);
	void *ctx;
};

struct measured {
	double cycles[MEASURE_BODIES_MAX]; /* of the TSC, a packet: the medians */
	unsigned int samples;              /* of the body with the fewest */
	double left_out;                   /* share of samples */
};

/*
 * Measure for SECONDS, and longer where samples are too few. -EBUSY when nearly all had to be
 * left out; -EIO when packets do not come through; what prepare() says.
 */
int measure_run(const struct measure *m, double seconds, struct measured *out, struct err *err);

/*
 * Packets per second of the thread's CPU time, in millions, of body B run alone for SECONDS,
 * with all that belongs to it: what other processes took of the CPU is left out.
 */
int measure_rate(const struct measure *m, unsigned int b, double seconds, double *mpps,
                 struct err *err);

/* Sorts V. */
double measure_median(double *v, unsigned int n);

#endif
