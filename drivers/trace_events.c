/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Reflections first, by their edges; what they spoil is left out. Then steps in the rest by
 * windows of least squares with the fibre's slope: the largest is found, placed and taken away,
 * until nothing stands out.
 */

#include "drivers/trace_events.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "drivers/trace_edges.h"
#include "drivers/trace_step.h"

#define STEP_K      6 /* deviations from which on a loss is one */
#define WINDOW_KM   0.5
#define WINDOWS_MIN 24 /* in a fibre */

const char *trace_event_name(enum trace_event_kind kind)
{
	static const char *const names[] = {"splice", "reflection", "bend", "end"};

	return names[kind];
}

static void series_fill(struct trace_series *s, const struct trace_view *v,
                        const struct trace_events *e, uint32_t to)
{
	unsigned int k = 0;

	trace_series_begin(s);
	for (uint32_t i = 0; i < to; i++) {
		double noise;

		while (k < e->count && i >= e->list[k].to)
			k++;
		if (k < e->count && i >= e->list[k].from)
			continue;
		noise = 5 / log(10) * v->noise_w / pow(10, -v->db[i] / 5);
		trace_series_add(s, i, v->db[i] - i * v->slope, noise * noise);
	}
}

/* The event that a step after sample BEFORE is of, or count. */
static unsigned int event_at(const struct trace_series *s, const struct trace_events *e,
                             uint32_t before)
{
	uint32_t behind = before + s->gap;
	unsigned int k = 0;

	while (k < e->count && !(e->list[k].from <= behind && e->list[k].to + s->gap > before))
		k++;
	return k;
}

static double deviation(const struct trace_step *step, double spread)
{
	return sqrt(spread * spread * step->geometry / 2 + step->noise_var);
}

/* Probability that chance alone makes no step of so many deviations in so many windows. */
static double confidence(double sigmas, double windows)
{
	double p = 1 - windows * TRACE_EVENT_CELLS * erfc(fabs(sigmas) / sqrt(2));

	return p > 0 ? p : 0;
}

static bool largest(const struct trace_series *s, double spread, double threshold, uint32_t *at,
                    struct trace_step *out)
{
	double best = 0;
	struct trace_step step;

	for (uint32_t u = 0; u < s->n; u++) {
		double k;

		if (!trace_step_at(s, u, &step) || fabs(step.db) < threshold)
			continue;
		k = fabs(step.db) / deviation(&step, spread);
		if (k >= STEP_K && k > best) {
			best = k;
			*at = u;
			*out = step;
		}
	}
	return best > 0;
}

static void insert(struct trace_events *e, const struct trace_event *event)
{
	unsigned int i = e->count;

	for (; i > 0 && e->list[i - 1].km > event->km; i--)
		e->list[i] = e->list[i - 1];
	e->list[i] = *event;
	e->count++;
}

static void add_loss(struct trace_event *e, double db, double sd)
{
	e->loss_db += db;
	e->sd_db = sd;
}

/*
 * The largest step in what is left: to the event that is there, or as a splice. False when there
 * is none.
 */
static bool take_step(struct trace_series *s, const struct trace_view *v, struct trace_events *e,
                      double threshold, double spread)
{
	double windows = (double)s->n / s->window, sd, point, point_sd;
	struct trace_step step;
	uint32_t u = 0, at;
	unsigned int k;

	if (!largest(s, spread, threshold, &u, &step))
		return false;
	sd = deviation(&step, spread);
	k = event_at(s, e, s->at[u]);
	if (k < e->count && e->list[k].kind == TRACE_REFLECTION) {
		add_loss(&e->list[k], step.db, sd);
		trace_series_subtract_at(s, e->list[k].to, step.db);
		return true;
	}
	if (!trace_step_locate(s, v->t, u, v->grain + trace_view_sigma(v, s->at[u]), v->pulse,
	                       &step, &point, &point_sd) ||
	    !isfinite(point_sd))
		return false;
	trace_series_subtract(s, v->t, point, step.db);
	sd = deviation(&step, spread);
	at = point > 0 ? (uint32_t)point : 0;
	k = event_at(s, e, at);
	if (k < e->count) /* what was left of it for not being placed to the centimetre */
		add_loss(&e->list[k], step.db, sd);
	else
		insert(e, &(struct trace_event){.kind = TRACE_SPLICE,
		                                .km = trace_km(v->t, point),
		                                .sd_km = point_sd * trace_km_per_point(v->t),
		                                .loss_db = step.db,
		                                .sd_db = sd,
		                                .confidence = confidence(step.db / sd, windows),
		                                .dead_km = v->gap * trace_km_per_point(v->t),
		                                .from = at,
		                                .to = at + v->gap});
	return true;
}

static void find_steps(struct trace_series *s, const struct trace_view *v, struct trace_events *e,
                       double threshold)
{
	double spread = trace_series_spread(s);

	for (int i = 0; i < 2 * TRACE_EVENTS_MAX && e->count < TRACE_EVENTS_MAX; i++)
		if (!take_step(s, v, e, threshold, spread))
			return;
}

/* What a reflection loses may be less than what would be looked at elsewhere. */
static void measure_reflections(struct trace_series *s, struct trace_events *e)
{
	double spread = trace_series_spread(s);
	struct trace_step step;

	for (unsigned int k = 0; k < e->count; k++) {
		struct trace_event *reflection = &e->list[k];
		uint32_t u = 0;

		if (reflection->kind != TRACE_REFLECTION)
			continue;
		while (u + 1 < s->n && s->at[u + 1] < reflection->from)
			u++;
		if (s->n == 0 || s->at[u] >= reflection->from || !trace_step_at(s, u, &step))
			continue;
		reflection->loss_db += step.db;
		reflection->sd_db = deviation(&step, spread);
		trace_series_subtract_at(s, reflection->to, step.db);
	}
}

static void find_reflections(struct trace_view *v, struct trace_events *e, uint32_t to)
{
	uint32_t from;

	trace_edge_start(v, &e->list[0]);
	e->count = 1;
	from = e->list[0].to;
	while (e->count + 1 < TRACE_EVENTS_MAX &&
	       trace_edge_reflection(v, from, to, &e->list[e->count]))
		from = e->list[e->count++].to;
}

static void totals(const struct trace_view *v, struct trace_events *e, uint32_t to)
{
	double per_km = 1 / trace_km_per_point(v->t), launch_w, energy = 0, behind = v->loss0;
	uint32_t p = v->pulse;

	e->slope_db_km = v->slope * per_km;
	for (unsigned int i = 0; i < e->count; i++)
		e->list[i].slope_db_km = e->slope_db_km;
	if (to > 6 * p)
		behind = trace_view_mean(v, to - 4 * p, to - p) + 2.5 * p * v->slope;
	e->total_loss_db = behind - v->loss0;
	launch_w = pow(10, -v->loss0 / 5) / (pow(10, v->t->backscatter_db / 10) * v->t->pulse_ns);
	for (uint32_t i = 0; i < v->last; i++)
		energy += v->t->watts[i] * v->t->spacing_ns;
	e->return_loss_db = -10 * log10(energy / (launch_w * v->t->pulse_ns));
	e->range_db = trace_loss_db(v->noise_w, 1e-30) - v->loss0;
}

/* Slope of what is left when the steps are taken away, per sample: least squares. */
static double slope_left(const struct trace_series *s)
{
	double mean_x = 0, mean_y = s->sum[s->n] / s->n, xx = 0, xy = 0;

	for (uint32_t i = 0; i < s->n; i++)
		mean_x += (double)s->at[i] / s->n;
	for (uint32_t i = 0; i < s->n; i++) {
		xx += (s->at[i] - mean_x) * (s->at[i] - mean_x);
		xy += (s->at[i] - mean_x) * (s->db[i] - mean_y);
	}
	return xx > 0 ? xy / xx : 0;
}

/* Steps twice: their windows want the slope, and the slope wants the steps away. */
static int steps(struct trace_view *v, struct trace_events *out, uint32_t to, double threshold_db)
{
	struct trace_events reflections = *out;
	double km = trace_km_per_point(v->t);
	struct trace_series s;

	if (trace_series_alloc(&s, v->t->points) < 0)
		return -ENOMEM;
	for (int pass = 0; pass < 2; pass++) {
		uint32_t usable;

		*out = reflections;
		series_fill(&s, v, out, to);
		usable = s.n / WINDOWS_MIN;
		s.window = (uint32_t)(WINDOW_KM / km);
		s.window = s.window < usable ? s.window : usable;
		s.window = s.window > 2 * v->pulse ? s.window : 2 * v->pulse;
		s.least = s.window / 2;
		s.gap = v->gap;
		s.correlated = v->correlated;
		if (s.n < 2 * s.window)
			break;
		find_steps(&s, v, out, threshold_db);
		measure_reflections(&s, out);
		v->slope += pass == 0 ? slope_left(&s) : 0;
	}
	trace_series_free(&s);
	return 0;
}

int trace_events_find(const struct trace *t, double threshold_db, struct trace_events *out,
                      struct err *err)
{
	struct trace_event end;
	struct trace_view v;
	uint32_t to;
	int rc = trace_view_make(&v, t, err);

	if (rc < 0)
		return rc;
	*out = (struct trace_events){.has_end = trace_edge_end(&v, &end)};
	to = out->has_end && end.from < v.clear ? end.from : v.clear;
	out->end_km = out->has_end ? end.km : trace_km(t, v.last);
	find_reflections(&v, out, to);
	rc = steps(&v, out, to, threshold_db);
	totals(&v, out, to);
	if (out->has_end && out->count < TRACE_EVENTS_MAX) {
		end.slope_db_km = out->slope_db_km;
		out->list[out->count++] = end;
	}
	trace_view_free(&v);
	return rc == 0 ? 0 : err_set(err, ENOMEM, "trace: out of memory");
}
