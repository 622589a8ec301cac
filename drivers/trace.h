/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A trace of an optical time-domain reflectometer: the power that came back, by time.
 * Sample i is the mean over the i-th interval after the pulse began to leave the connector.
 * Losses are one-way decibels throughout: half of what the power shows.
 */

#ifndef DRIVERS_TRACE_H
#define DRIVERS_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

#define TRACE_POINTS_MAX 65536
#define TRACE_POINTS_MIN 256

struct trace {
	uint64_t time_ns; /* wall clock, at its end */
	double wavelength_nm;
	double group_index;
	double backscatter_db; /* of a pulse of 1 ns, negative; from the fibre's data sheet */
	double spacing_ns;     /* from one sample to the next, there and back */
	double pulse_ns;
	double response_ns; /* time constant of the receiver */
	uint32_t averages;
	double seconds; /* that it took */
	bool simulated;
	uint32_t points;
	double *watts;
};

/* Fields as they are in FROM, POINTS samples of 0. -ENOMEM. */
int trace_alloc(struct trace *out, const struct trace *from, uint32_t points);
void trace_free(struct trace *t);

bool trace_same_settings(const struct trace *a, const struct trace *b);

double trace_km_per_point(const struct trace *t);
/* Where light turned that the middle of sample X saw; X may lie between samples. */
double trace_km(const struct trace *t, double x);
/* The sample, with its fraction, in whose middle light from there arrives first. */
double trace_point(const struct trace *t, double km);

/* Samples within the pulse, and until a step has passed to within a per cent. */
uint32_t trace_pulse_points(const struct trace *t);
uint32_t trace_gap_points(const struct trace *t);

/*
 * Noise of the receiver from the last part of the trace, where no light is expected:
 * deviation of a sample in W and, of the mean of n samples, deviation^2 * *CORRELATED / n.
 */
double trace_noise(const struct trace *t, double *correlated);

/* One-way loss in dB of a power, against 1 W; powers below FLOOR count as FLOOR. */
double trace_loss_db(double watts, double floor);

/*
 * How far a step has come at TIME ns after it began to show: it is smeared by the pulse and
 * by the receiver. 0 to 1.
 */
double trace_step_response(const struct trace *t, double time_ns);

/* The same with what is then seen of a loss of DB, one way: not linear where it is large. */
double trace_step_db(const struct trace *t, double db, double time_ns);

#endif
