/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/trace_step.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FINE 16 /* places tried per sample, around the best whole one */

int trace_series_alloc(struct trace_series *s, uint32_t size)
{
	memset(s, 0, sizeof(*s));
	s->size = size;
	s->at = malloc(size * sizeof(*s->at));
	s->db = malloc(size * sizeof(*s->db));
	s->sum = malloc((size + 1) * sizeof(*s->sum));
	s->sum_var = malloc((size + 1) * sizeof(*s->sum_var));
	if (s->at != NULL && s->db != NULL && s->sum != NULL && s->sum_var != NULL)
		return 0;
	trace_series_free(s);
	return -ENOMEM;
}

void trace_series_free(struct trace_series *s)
{
	free(s->at);
	free(s->db);
	free(s->sum);
	free(s->sum_var);
	memset(s, 0, sizeof(*s));
}

void trace_series_begin(struct trace_series *s)
{
	s->n = 0;
	s->sum[0] = s->sum_var[0] = 0;
}

void trace_series_add(struct trace_series *s, uint32_t at, double db, double variance)
{
	s->at[s->n] = at;
	s->db[s->n] = db;
	s->sum[s->n + 1] = s->sum[s->n] + db;
	s->sum_var[s->n + 1] = s->sum_var[s->n] + variance;
	s->n++;
}

static void sum_again(struct trace_series *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		s->sum[i + 1] = s->sum[i] + s->db[i];
}

void trace_series_subtract(struct trace_series *s, const struct trace *t, double x, double db)
{
	double whole = x + s->gap;

	for (uint32_t i = 0; i < s->n; i++)
		if (s->at[i] > x)
			s->db[i] -= s->at[i] > whole
			                    ? db
			                    : trace_step_db(t, db, (s->at[i] - x) * t->spacing_ns);
	sum_again(s);
}

void trace_series_subtract_at(struct trace_series *s, uint32_t at, double db)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (s->at[i] >= at)
			s->db[i] -= db;
	sum_again(s);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Median of |x| of a Gaussian is 0.6745 deviations. */
#define MEDIAN 0.6745

double trace_series_spread(const struct trace_series *s)
{
	uint32_t n = 0, stride = s->n / 2048 + 1;
	double *v = malloc((s->n / stride + 1) * sizeof(*v)), d = INFINITY;
	struct trace_step step;

	for (uint32_t u = 0; v != NULL && u < s->n; u += stride)
		if (trace_step_at(s, u, &step))
			v[n++] = fabs(step.db);
	if (n > 0) {
		qsort(v, n, sizeof(*v), by_value);
		d = v[n / 2] / MEDIAN;
	}
	free(v);
	return d;
}

/* The first usable sample from number AT on; FROM is not after it. */
static uint32_t first_from(const struct trace_series *s, uint32_t from, uint32_t at)
{
	uint32_t to;

	if (from >= s->n || s->at[from] >= at)
		return from < s->n ? from : s->n;
	/* Numbers rise by one or more, so it is not further than this. */
	to = at - s->at[from] < s->n - from ? from + (at - s->at[from]) : s->n;
	while (to - from > 1) {
		uint32_t middle = from + (to - from) / 2;

		if (s->at[middle] < at)
			from = middle;
		else
			to = middle;
	}
	return to;
}

bool trace_step_at(const struct trace_series *s, uint32_t u, struct trace_step *out)
{
	uint32_t left_n, right_n, left, right;
	double l, r;

	if (u >= s->n)
		return false;
	left_n = u + 1 < s->window ? u + 1 : s->window;
	left = u + 1 - left_n;
	right = first_from(s, u + 1, s->at[u] + s->gap);
	right_n = s->n - right < s->window ? s->n - right : s->window;
	if (left_n < s->least || right_n < s->least)
		return false;
	l = 1.0 / left_n;
	r = 1.0 / right_n;
	out->left_db = (s->sum[u + 1] - s->sum[left]) * l;
	out->db = (s->sum[right + right_n] - s->sum[right]) * r - out->left_db;
	out->noise_var =
	        s->correlated * ((s->sum_var[u + 1] - s->sum_var[left]) * l * l +
	                         (s->sum_var[right + right_n] - s->sum_var[right]) * r * r);
	out->geometry = s->window * (l + r);
	return true;
}

/* Squares of what is left over of the samples FROM to TO when the step begins at sample X. */
static double misfit(const struct trace_series *s, const struct trace *t, uint32_t from,
                     uint32_t to, const struct trace_step *step, double x)
{
	double sum = 0;

	for (uint32_t i = from; i < to; i++) {
		double e = s->db[i] - step->left_db -
		           trace_step_db(t, step->db, (s->at[i] - x) * t->spacing_ns);

		sum += e * e;
	}
	return sum;
}

bool trace_step_locate(const struct trace_series *s, const struct trace *t, uint32_t u,
                       double sigma_db, double correlated_points, struct trace_step *step,
                       double *point, double *point_sd)
{
	struct trace_step now;
	double best = 0, least, curve;
	uint32_t from, to;

	if (!trace_step_at(s, u, &now))
		return false;
	/* The edge is in the gap, or was before U by as much when U was one of few tried. */
	for (int round = 0; round < 3; round++) {
		double middle = s->at[u];

		from = u > 2 * s->gap + s->window / 4 ? u - 2 * s->gap - s->window / 4 : 0;
		to = first_from(s, u, s->at[u] + 3 * s->gap + s->window / 4);
		least = INFINITY;
		best = middle;
		/* Whole samples over all that may be, then finer around the best. */
		for (int fine = 1; fine <= FINE; fine *= FINE) {
			int reach = fine == 1 ? (int)(s->gap + s->window / 4) : FINE;

			for (int k = -reach; k <= reach; k++) {
				double x = middle + (double)k / fine;
				double m = misfit(s, t, from, to, &now, x);

				if (m < least) {
					least = m;
					best = x;
				}
			}
			middle = best;
		}
		/* Measure again with the windows where they belong. */
		for (u = from; u + 1 < s->n && s->at[u + 1] <= best; u++)
			;
		if (!trace_step_at(s, u, &now))
			break;
	}
	/* What a small move costs, without noise. */
	curve = 0;
	for (uint32_t i = from; i < to; i++) {
		double a = trace_step_db(t, now.db, (s->at[i] - best + 0.5) * t->spacing_ns);
		double b = trace_step_db(t, now.db, (s->at[i] - best - 0.5) * t->spacing_ns);

		curve += (a - b) * (a - b);
	}
	*point = best;
	*point_sd = curve > 0 ? sigma_db * sqrt(correlated_points / curve) : INFINITY;
	if (trace_step_at(s, u, &now))
		*step = now;
	return true;
}
