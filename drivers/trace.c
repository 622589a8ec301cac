/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/trace.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define LIGHT_KM_PER_NS 2.99792458e-4
#define NOISE_SHARE     20 /* the last 1/20 of the samples */
#define NOISE_MIN       64
#define NOISE_LAGS      32

int trace_alloc(struct trace *out, const struct trace *from, uint32_t points)
{
	*out = *from;
	out->points = points;
	out->watts = calloc(points, sizeof(*out->watts));
	return out->watts != NULL ? 0 : -ENOMEM;
}

void trace_free(struct trace *t)
{
	free(t->watts);
	*t = (struct trace){0};
}

bool trace_same_settings(const struct trace *a, const struct trace *b)
{
	return a->points == b->points && a->spacing_ns == b->spacing_ns &&
	       a->pulse_ns == b->pulse_ns && a->response_ns == b->response_ns &&
	       a->wavelength_nm == b->wavelength_nm && a->averages == b->averages &&
	       a->group_index == b->group_index;
}

double trace_km_per_point(const struct trace *t)
{
	return LIGHT_KM_PER_NS / t->group_index * t->spacing_ns / 2;
}

double trace_km(const struct trace *t, double x)
{
	return (x + 0.5) * trace_km_per_point(t);
}

double trace_point(const struct trace *t, double km)
{
	return km / trace_km_per_point(t) - 0.5;
}

uint32_t trace_pulse_points(const struct trace *t)
{
	return (uint32_t)ceil(t->pulse_ns / t->spacing_ns);
}

uint32_t trace_gap_points(const struct trace *t)
{
	return (uint32_t)ceil((t->pulse_ns + 4 * t->response_ns) / t->spacing_ns) + 1;
}

double trace_noise(const struct trace *t, double *correlated)
{
	uint32_t n = t->points / NOISE_SHARE;
	const double *w;
	double middle, mean = 0, trend = 0, xx = 0, cov[NOISE_LAGS + 1] = {0}, sum;

	n = n > NOISE_MIN ? n : NOISE_MIN;
	w = t->watts + t->points - n;
	for (uint32_t i = 0; i < n; i++)
		mean += w[i] / n;
	middle = (n - 1) / 2.0;
	for (uint32_t i = 0; i < n; i++) {
		trend += (i - middle) * (w[i] - mean);
		xx += (i - middle) * (i - middle);
	}
	trend /= xx; /* where there is light after all, it falls */
	for (uint32_t lag = 0; lag <= NOISE_LAGS; lag++)
		for (uint32_t i = lag; i < n; i++)
			cov[lag] += (w[i] - mean - trend * (i - middle)) *
			            (w[i - lag] - mean - trend * (i - lag - middle)) / (n - lag);
	sum = cov[0];
	/* Lags behind the first that shows nothing are dice. */
	for (uint32_t lag = 1; lag <= NOISE_LAGS && cov[lag] > 0.05 * cov[0]; lag++)
		sum += 2 * cov[lag];
	*correlated = cov[0] > 0 ? sum / cov[0] : 1;
	return sqrt(cov[0]);
}

double trace_loss_db(double watts, double floor)
{
	return -5 * log10(watts > floor ? watts : floor);
}

/* Integral of 1 - e^(-u / tau). */
static double ramp(double u, double tau)
{
	return u > 0 ? u - tau * (1 - exp(-u / tau)) : 0;
}

double trace_step_response(const struct trace *t, double time_ns)
{
	double tau = t->response_ns;

	return (ramp(time_ns, tau) - ramp(time_ns - t->pulse_ns, tau)) / t->pulse_ns;
}

double trace_step_db(const struct trace *t, double db, double time_ns)
{
	return -5 * log10(1 - trace_step_response(t, time_ns) * (1 - pow(10, -db / 5)));
}
