/* SPDX-License-Identifier: BSD-3-Clause */

/* Reflections and the end of a fibre in a trace: what rises or falls within a pulse. */

#ifndef DRIVERS_TRACE_EDGES_H
#define DRIVERS_TRACE_EDGES_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/trace_events.h"

/* A trace in one-way decibels, with what is known of its noise. */
struct trace_view {
	const struct trace *t;
	double *db; /* loss against 1 W, per sample */
	double noise_w, correlated;
	double slope; /* dB a sample */
	double grain; /* deviation of a sample that is no receiver noise, dB */
	uint32_t pulse, gap;
	uint32_t last;  /* sample with light, as far as it can be told from noise */
	uint32_t clear; /* from here on it is mostly noise */
	double loss0;   /* backscatter at the beginning, extrapolated */
};

/* -EINVAL: no backscatter to be seen. Free with trace_view_free(). */
int trace_view_make(struct trace_view *v, const struct trace *t, struct err *err);
void trace_view_free(struct trace_view *v);

/* Mean of samples FROM to TO. */
double trace_view_mean(const struct trace_view *v, uint32_t from, uint32_t to);
/* Deviation of one sample around I, by the receiver's noise and by grain. */
double trace_view_sigma(const struct trace_view *v, uint32_t i);

/* The front connector and what the receiver needs to recover from it; v->loss0. */
void trace_edge_start(struct trace_view *v, struct trace_event *out);
/* The end; false: the fibre goes on beyond the trace, or into the noise. */
bool trace_edge_end(const struct trace_view *v, struct trace_event *out);
/* The next reflection from sample FROM on that begins before TO. */
bool trace_edge_reflection(const struct trace_view *v, uint32_t from, uint32_t to,
                           struct trace_event *out);

#endif
