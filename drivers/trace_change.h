/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Has somebody been at the fibre? A trace is compared with a baseline, the mean of several that
 * an operator approved. Splices and the static part of coherent Rayleigh noise are common to
 * both and fall out; what is left is tested for steps in cells, TRACE_CELLS_PER_WINDOW of them in a
 * window. Each cell's deviation has two parts: the receiver's noise, which follows from the
 * power there and the noise behind the fibre's end, and what changes from trace to trace
 * (coherent Rayleigh noise), which the baseline's traces show among themselves.
 *
 * A loss is reported at TRACE_K_ONE deviations in one trace, or at TRACE_K_MORE in two of three
 * at the same place. With M cells the probability of a false report per trace is below
 *
 *     M Q(6.2) + 2 (2 TRACE_SAME_CELLS + 1) M Q(4.5)^2 * 8
 *
 * (the factor 8 for a baseline whose own noise is common to all traces), which for M = 370 and
 * a trace a minute is one in six years.
 */

#ifndef DRIVERS_TRACE_CHANGE_H
#define DRIVERS_TRACE_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/trace.h"
#include "drivers/trace_events.h"
#include "drivers/trace_step.h"

#define TRACE_K_ONE            6.2
#define TRACE_K_MORE           4.5
#define TRACE_CELLS_PER_WINDOW 4
#define TRACE_SAME_CELLS       1  /* so many cells apart are one place */
#define TRACE_CHANGES_MAX      16 /* a trace */
#define TRACE_BASELINE_MIN     4
#define TRACE_BASELINE_MAX     64
/* Connectors stray by so much of their light, and show when they do by more than the least. */
#define TRACE_BRIGHT_STRAYS 0.03
#define TRACE_BRIGHT_LEAST  0.2
#define TRACE_ZONES_MAX     (TRACE_EVENTS_MAX + 2)

/* A sample in a dead zone; one that may be used; one that a new reflection spoils for now. */
enum trace_use { TRACE_DEAD, TRACE_USABLE, TRACE_SPOILT };

enum trace_zone_why { TRACE_ZONE_START, TRACE_ZONE_REFLECTION, TRACE_ZONE_END, TRACE_ZONE_NOISE };

/*
 * Where a step is not seen (start, end, noise), or seen and not placed more exactly than the
 * zone (reflection).
 */
struct trace_zone {
	double from_km, to_km;
	enum trace_zone_why why;
};

struct trace_baseline {
	unsigned int traces;
	struct trace mean;
	struct trace_events events; /* of the mean */
	struct trace_zone zones[TRACE_ZONES_MAX];
	unsigned int zone_count;
	double noise_w, correlated; /* of one trace */
	double changing_var;        /* dB^2 of a window's mean, from trace to trace */

	struct trace_series series; /* work space: the difference of the trace at hand */
	double *mean_db;            /* per sample */
	uint8_t *usable;            /* enum trace_use per sample */
	uint32_t first, clear;      /* usable samples: the first, and behind the last */
	double *statistic, *sigma;  /* per cell, of the trace at hand */
	uint32_t *cell_at;          /* the usable sample before it */
	uint32_t cells;
};

/*
 * From COUNT (TRACE_BASELINE_MIN to TRACE_BASELINE_MAX) traces of the same settings. -EINVAL
 * when they differ, or show no fibre; -ENOMEM.
 */
int trace_baseline_make(struct trace_baseline *b, const struct trace *traces, unsigned int count,
                        struct err *err);
void trace_baseline_free(struct trace_baseline *b);

/*
 * Samples that the zone of a reflection begins and ends with: a step that begins within a gap
 * before it is complete only within it. What is listed is TRACE_ZONE_MORE longer: who is at
 * the edge may be taken for being within.
 */
#define TRACE_ZONE_MORE 4
static inline uint32_t trace_zone_from(const struct trace_baseline *b, const struct trace_event *e)
{
	return e->from > b->series.gap ? e->from - b->series.gap : 0;
}
static inline uint32_t trace_zone_to(const struct trace_event *e)
{
	return e->to + TRACE_ZONE_MORE;
}

const char *trace_zone_name(enum trace_zone_why why);

enum trace_change_kind {
	TRACE_CHANGE_BEND,       /* a loss where the baseline has nothing: a bend or a tap */
	TRACE_CHANGE_SPLICE,     /* a loss at one of its events */
	TRACE_CHANGE_CUT,        /* nothing comes back from behind it */
	TRACE_CHANGE_GAIN,       /* less loss than before */
	TRACE_CHANGE_REFLECTION, /* more light comes back from there */
};
const char *trace_change_name(enum trace_change_kind kind);

struct trace_change {
	enum trace_change_kind kind;
	double km, sd_km;      /* where, and its deviation */
	double loss_db, sd_db; /* how much, and its deviation */
	double reflectance_db; /* of a reflection */
	double sigmas;         /* loss_db / sd_db as it was tested */
	double confidence;     /* probability that chance alone makes less in a whole trace */
	bool in_zone;          /* known to the zone alone */
	uint32_t cell;
};

struct trace_changes {
	struct trace_change list[TRACE_CHANGES_MAX]; /* above TRACE_K_MORE, largest first */
	unsigned int count;
	/*
	 * Typical statistic against what is expected of it: well above 1 the link is no longer
	 * what the baseline's traces saw, and every deviation is taken to be larger by it.
	 */
	double spread;
	uint32_t cells;
	double largest; /* statistic, in deviations */
};

/*
 * The statistics alone: b->statistic[c] in dB with deviation b->sigma[c], for c below b->cells,
 * of a trace that is independent of the baseline when FACTOR is 1 + 1 / traces. What counts
 * false alarms over many traces counts these.
 */
void trace_statistics(struct trace_baseline *b, const struct trace *t, double factor);

/* The settings must be the baseline's: -EINVAL. */
int trace_compare(struct trace_baseline *b, const struct trace *t, struct trace_changes *out,
                  struct err *err);

/* What two of three say together: the reports of the newest trace. */
struct trace_watch {
	struct trace_changes last[3];
	unsigned int seen;
};

void trace_watch_reset(struct trace_watch *w);
/* Feed the changes of a trace; out: those to report, at most TRACE_CHANGES_MAX. */
unsigned int trace_watch_report(struct trace_watch *w, const struct trace_changes *changes,
                                struct trace_change *out);

#endif
