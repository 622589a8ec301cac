/* SPDX-License-Identifier: BSD-3-Clause */

/* What is on a fibre, from one trace: splices, reflections, the end. */

#ifndef DRIVERS_TRACE_EVENTS_H
#define DRIVERS_TRACE_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/trace.h"

#define TRACE_EVENTS_MAX  128
#define TRACE_EVENT_CELLS 8 /* independent tests in a window, about */

enum trace_event_kind {
	TRACE_SPLICE,     /* a loss without a reflection */
	TRACE_REFLECTION, /* a connector, a crack: with whatever loss */
	TRACE_BEND,       /* a loss without a reflection that the baseline does not have */
	TRACE_END,        /* behind it there is nothing */
};
const char *trace_event_name(enum trace_event_kind kind);

struct trace_event {
	enum trace_event_kind kind;
	double km, sd_km;
	double loss_db, sd_db; /* the end has none; 0 deviation: not known */
	double reflectance_db; /* 0: none */
	bool saturated;        /* the reflectance is at least that */
	double slope_db_km;    /* of the fibre before it */
	double confidence;     /* that it is one at all, 0 to 1 */
	double dead_km;        /* how far behind it nothing is seen */
	uint32_t from, to;     /* samples that it spoils */
};

struct trace_events {
	struct trace_event list[TRACE_EVENTS_MAX]; /* by distance */
	unsigned int count;
	bool has_end; /* else the trace ends before the fibre, or in noise */
	double end_km;
	double total_loss_db; /* from the start to the end */
	double slope_db_km;   /* typical of the fibre */
	double return_loss_db;
	double range_db; /* from the start of the backscatter down to the noise, one way */
};

/* Losses from THRESHOLD_DB on, where noise allows. -EINVAL: no backscatter in the trace. */
int trace_events_find(const struct trace *t, double threshold_db, struct trace_events *out,
                      struct err *err);

#endif
