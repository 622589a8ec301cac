/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Steps in a series along the fibre: the mean of a window on the right less that of a window on
 * the left, over the samples that may be used. Zones that may not, as of a reflection, are
 * jumped: a loss within one shows, but its place is known to the zone only.
 */

#ifndef DRIVERS_TRACE_STEP_H
#define DRIVERS_TRACE_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/trace.h"

struct trace_series {
	uint32_t n, size;
	uint32_t *at;      /* number of each usable sample, rising */
	double *db;        /* its value */
	double *sum;       /* n + 1: of all values before */
	double *sum_var;   /* n + 1: of all variances before, of the receiver's noise */
	uint32_t window;   /* usable samples on each side */
	uint32_t least;    /* so many must be there */
	uint32_t gap;      /* samples from the left window to the right one */
	double correlated; /* of the noise, as trace_noise() has it */
};

/* Room for SIZE samples. -ENOMEM. */
int trace_series_alloc(struct trace_series *s, uint32_t size);
void trace_series_free(struct trace_series *s);

/* Take away a step of DB at sample X, smeared; what is left shows what else there is. */
void trace_series_subtract(struct trace_series *s, const struct trace *t, double x, double db);
/* The same of a step that is complete from sample AT on, and not there before. */
void trace_series_subtract_at(struct trace_series *s, uint32_t at, double db);

/* Deviation of the statistic of steps, which are few, by its median: without receiver noise. */
double trace_series_spread(const struct trace_series *s);

/* Start anew; then samples in rising order. */
void trace_series_begin(struct trace_series *s);
void trace_series_add(struct trace_series *s, uint32_t at, double db, double variance);

/* The step after the U-th usable sample. */
struct trace_step {
	double db;        /* more loss is positive */
	double noise_var; /* of it, by the receiver's noise */
	double geometry;  /* variance of it, of a series of variance 1 / window in a window */
	double left_db;   /* mean of the left window */
};

/* False where a window has fewer samples than the least. */
bool trace_step_at(const struct trace_series *s, uint32_t u, struct trace_step *out);

/*
 * Place of a step of about DB that the U-th usable sample is the last one before, by least
 * squares over its smeared edge. Out: the sample, with its fraction, and its deviation when a
 * sample deviates by SIGMA_DB over CORRELATED_POINTS; *STEP is measured again around it.
 */
bool trace_step_locate(const struct trace_series *s, const struct trace *t, uint32_t u,
                       double sigma_db, double correlated_points, struct trace_step *step,
                       double *point, double *point_sd);

#endif
