/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/trace_change.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SPREAD_DICE     1.25 /* what a spread of 1 may look like in one trace */
#define MEDIAN          0.6745
#define CUT_DB          2 /* a loss that large in front of noise */
#define REFLECTION_K    6.5
#define BASELINE_COMMON 8 /* trace_change.h */

const char *trace_change_name(enum trace_change_kind kind)
{
	static const char *const names[] = {"bend", "splice", "cut", "gain", "reflection"};

	return names[kind];
}

void trace_statistics(struct trace_baseline *b, const struct trace *t, double factor)
{
	double floor = b->noise_w / 2 + 1e-30;
	struct trace_series *s = &b->series;
	struct trace_step step;
	uint32_t stride = s->window / TRACE_CELLS_PER_WINDOW;

	stride = stride > 0 ? stride : 1;
	trace_series_begin(s);
	for (uint32_t i = 0; i < t->points; i++) {
		double noise;

		if (b->usable[i] != TRACE_USABLE)
			continue;
		noise = 5 / log(10) * b->noise_w / b->mean.watts[i];
		trace_series_add(s, i, trace_loss_db(t->watts[i], floor) - b->mean_db[i],
		                 noise * noise * factor);
	}
	b->cells = 0;
	for (uint32_t u = 0; u < s->n; u += stride) {
		if (!trace_step_at(s, u, &step))
			continue;
		b->cell_at[b->cells] = u;
		b->statistic[b->cells] = step.db;
		b->sigma[b->cells++] =
		        sqrt(step.noise_var + b->changing_var * factor * step.geometry);
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* By the median: one or two steps do not move it. */
static double spread_of(const struct trace_baseline *b)
{
	double *v = malloc(b->cells * sizeof(*v)), spread = 1;

	if (v == NULL)
		return INFINITY; /* then nothing is found, and the caller says why */
	for (uint32_t c = 0; c < b->cells; c++)
		v[c] = fabs(b->statistic[c]) / b->sigma[c];
	qsort(v, b->cells, sizeof(*v), by_value);
	spread = v[b->cells / 2] / MEDIAN;
	free(v);
	return spread;
}

/* Probability that chance makes no statistic of so many deviations in a whole trace. */
static double confidence(const struct trace_baseline *b, double sigmas)
{
	double p = 1 - b->cells * 0.5 * erfc(sigmas / sqrt(2));

	return p > 0 ? p : 0;
}

static double sigma_at(const struct trace_baseline *b, const struct trace_step *step)
{
	double factor = 1 + 1.0 / b->traces;

	return sqrt(step->noise_var + b->changing_var * factor * step->geometry);
}

/* The reflection of the baseline within whose dead zone a step after sample AT shows, or NULL. */
static const struct trace_event *zone_at(const struct trace_baseline *b, uint32_t at)
{
	for (unsigned int k = 0; k < b->events.count; k++) {
		const struct trace_event *e = &b->events.list[k];

		if (e->kind == TRACE_REFLECTION && trace_zone_from(b, e) <= at &&
		    trace_zone_to(e) > at)
			return e;
	}
	return NULL;
}

static enum trace_change_kind kind_of(const struct trace_baseline *b, const struct trace *t,
                                      const struct trace_change *c, uint32_t at)
{
	/* Where the tail of what was bright is gone. */
	uint32_t n = b->series.window, behind = at + b->series.gap + n / 2;
	double sum = 0, near = 3 * c->sd_km + b->series.gap * trace_km_per_point(&b->mean);

	if (c->loss_db < 0)
		return TRACE_CHANGE_GAIN;
	for (uint32_t i = behind; i < behind + n && i < t->points; i++)
		sum += t->watts[i] / n;
	if (c->loss_db > CUT_DB && sum < b->noise_w)
		return TRACE_CHANGE_CUT;
	for (unsigned int k = 0; k < b->events.count; k++)
		if (b->events.list[k].kind != TRACE_END &&
		    fabs(b->events.list[k].km - c->km) < near)
			return TRACE_CHANGE_SPLICE;
	return TRACE_CHANGE_BEND;
}

/* Cells stand apart: the usable sample around one after which the step is most significant. */
static uint32_t sharpen(const struct trace_baseline *b, uint32_t u)
{
	uint32_t stride = b->series.window / TRACE_CELLS_PER_WINDOW, best = u;
	double most = 0;
	struct trace_step step;

	for (uint32_t i = u > stride ? u - stride : 0; i <= u + stride; i++)
		if (trace_step_at(&b->series, i, &step) &&
		    fabs(step.db) / sigma_at(b, &step) > most) {
			most = fabs(step.db) / sigma_at(b, &step);
			best = i;
		}
	return best;
}

/*
 * Place of the step after usable sample U. One by a zone is placed by the samples behind it: it
 * is in the zone unless they show its edge. Returns the zone, or NULL, and *POINT.
 */
static const struct trace_event *place(const struct trace_baseline *b, const struct trace *t,
                                       uint32_t u, struct trace_step *step, double *point,
                                       double *sd)
{
	const struct trace_series *s = &b->series;
	const struct trace_event *zone = zone_at(b, s->at[u]), *there;
	uint32_t pulse = trace_pulse_points(t), from = u;
	double sigma_db = sqrt(b->changing_var * s->window / pulse);
	struct trace_step behind = *step;

	while (zone != NULL && from + 1 < s->n && s->at[from] < trace_zone_to(zone))
		from++;
	if (!trace_step_locate(s, t, from, sigma_db, pulse, &behind, point, sd))
		return zone;
	there = zone_at(b, *point > 0 ? (uint32_t)*point : 0);
	if (there == NULL)
		*step = behind;
	return there;
}

/* The step of cell C, placed and measured, then taken out of the difference. */
static void report(struct trace_baseline *b, const struct trace *t, uint32_t c, double spread,
                   struct trace_changes *out)
{
	struct trace_series *s = &b->series;
	struct trace_change *x = &out->list[out->count];
	uint32_t u = sharpen(b, b->cell_at[c]), at = s->at[u];
	const struct trace_event *zone;
	double point = at, sd = 0;
	struct trace_step step;

	*x = (struct trace_change){.cell = c};
	x->sigmas = b->statistic[c] / b->sigma[c] / spread;
	trace_step_at(s, u, &step);
	zone = place(b, t, u, &step, &point, &sd);
	if (zone != NULL) {
		x->in_zone = true;
		x->km = zone->km;
		x->sd_km = (trace_zone_to(zone) - trace_zone_from(b, zone)) *
		           trace_km_per_point(t) / sqrt(12);
		trace_series_subtract_at(s, zone->to + 1, step.db);
	} else {
		x->km = trace_km(t, point);
		x->sd_km = sd * trace_km_per_point(t);
		at = point > 0 ? (uint32_t)point : 0;
		trace_series_subtract(s, t, point, step.db);
	}
	x->loss_db = step.db;
	x->sd_db = sigma_at(b, &step) * spread;
	x->confidence = confidence(b, fabs(x->sigmas));
	x->kind = kind_of(b, t, x, at);
	out->count++;
}

static bool largest(const struct trace_baseline *b, double spread, uint32_t *cell)
{
	double best = TRACE_K_MORE * spread;
	bool found = false;

	for (uint32_t c = 0; c < b->cells; c++) {
		double k = fabs(b->statistic[c]) / b->sigma[c];

		if (k >= best) {
			best = k;
			*cell = c;
			found = true;
		}
	}
	return found;
}

static void statistics_again(struct trace_baseline *b)
{
	for (uint32_t c = 0; c < b->cells; c++) {
		struct trace_step step;

		if (trace_step_at(&b->series, b->cell_at[c], &step))
			b->statistic[c] = step.db;
	}
}

/* Mean light of a pulse from sample I on, beyond the baseline's and of the baseline. */
static void excess(const struct trace_baseline *b, const struct trace *t, uint32_t i, double *more,
                   double *was)
{
	uint32_t pulse = trace_pulse_points(t);

	*more = *was = 0;
	for (uint32_t k = i; k < i + pulse && k < t->points; k++) {
		*more += (t->watts[k] - b->mean.watts[k]) / pulse;
		*was += b->mean.watts[k] / pulse;
	}
}

/* Where a new reflection begins that shows from sample I on, by half its height. */
static double edge_of(const struct trace_baseline *b, const struct trace *t, uint32_t i,
                      double *height)
{
	uint32_t k = i, to = i + 3 * trace_pulse_points(t);
	double a, before;

	*height = 0;
	for (; k < to && k < t->points; k++)
		*height = fmax(*height, t->watts[k] - b->mean.watts[k]);
	for (k = i; k + 1 < to && k + 1 < t->points; k++)
		if (t->watts[k] - b->mean.watts[k] >= *height / 2)
			break;
	a = t->watts[k] - b->mean.watts[k];
	before = k > 0 ? t->watts[k - 1] - b->mean.watts[k - 1] : 0;
	return (a > before ? k - (a - *height / 2) / (a - before) : k) -
	       t->response_ns * log(2) / t->spacing_ns;
}

/* What a new reflection at sample *I covers is left out of the steps; *I goes behind it. */
static void spoil(struct trace_baseline *b, const struct trace *t, uint32_t *i)
{
	uint32_t pulse = trace_pulse_points(t), gap = b->series.gap, from = *i > gap ? *i - gap : 0;
	double grain = 3 * sqrt(b->changing_var * b->series.window / pulse) + 0.01;

	*i += pulse;
	/* Until its tail is gone: no more light than before, but for noise and grain. */
	while (*i + pulse < t->points && *i < b->clear) {
		double more, was;

		excess(b, t, *i, &more, &was);
		if (more < was * grain + 3 * b->noise_w * sqrt(b->correlated / pulse))
			break;
		*i += pulse;
	}
	for (uint32_t k = from; k < *i && k < t->points; k++)
		if (b->usable[k] == TRACE_USABLE)
			b->usable[k] = TRACE_SPOILT;
}

/*
 * Light that came back more than before, over a pulse and far above noise and grain: also from
 * within dead zones, where a connector was touched.
 */
static void find_reflections(struct trace_baseline *b, const struct trace *t,
                             struct trace_changes *out)
{
	uint32_t pulse = trace_pulse_points(t), end = b->clear + 2 * b->series.gap;
	double grain = sqrt(b->changing_var * b->series.window / pulse) * log(10) / 5;
	double launch_w = pow(10, -b->mean_db[b->first] / 5) /
	                  (pow(10, t->backscatter_db / 10) * t->pulse_ns);

	for (uint32_t i = pulse; i + pulse < end && i + pulse < t->points; i++) {
		double more, was, sigma, height, loss_db, edge;

		excess(b, t, i, &more, &was);
		/* What was bright strays in proportion: a connector by some per cent. */
		sigma = hypot(b->noise_w * sqrt(b->correlated / pulse), was * grain);
		sigma = hypot(sigma, was * TRACE_BRIGHT_STRAYS);
		if (more < REFLECTION_K * sigma || more < was * TRACE_BRIGHT_LEAST)
			continue;
		if (out->count == TRACE_CHANGES_MAX)
			return;
		edge = edge_of(b, t, i, &height);
		loss_db = b->mean_db[i < b->clear ? i : b->clear - 1] - b->mean_db[b->first];
		out->list[out->count++] = (struct trace_change){
		        .kind = TRACE_CHANGE_REFLECTION,
		        .km = trace_km(t, edge),
		        .sd_km = trace_km_per_point(t) / 2,
		        .reflectance_db = 10 * log10(height / launch_w) + 2 * loss_db,
		        .sigmas = more / sigma,
		        .confidence = confidence(b, more / sigma),
		        .in_zone = b->usable[i] == TRACE_DEAD};
		spoil(b, t, &i);
	}
}

static int by_sigmas(const void *a, const void *b)
{
	double x = fabs(((const struct trace_change *)a)->sigmas);
	double y = fabs(((const struct trace_change *)b)->sigmas);

	return (x < y) - (x > y);
}

/*
 * A large loss may be the end: then that is all there is to say, and behind it there is only
 * noise. The end is placed by its own edge, which a reflection may hide from the steps.
 */
static bool end_came_nearer(const struct trace_baseline *b, const struct trace *t,
                            struct trace_changes *out)
{
	double least = b->series.gap * trace_km_per_point(t);
	struct trace_events e;
	struct err err;

	if (trace_events_find(t, CUT_DB, &e, &err) == 0) {
		const struct trace_event *end = &e.list[e.count - 1];

		if (!e.has_end || e.end_km > b->events.end_km - least)
			return out->list[out->count - 1].kind == TRACE_CHANGE_CUT;
		out->list[0] = (struct trace_change){.kind = TRACE_CHANGE_CUT,
		                                     .km = e.end_km,
		                                     .sd_km = end->sd_km,
		                                     .reflectance_db = end->reflectance_db,
		                                     .sigmas = out->list[out->count - 1].sigmas,
		                                     .confidence = 1};
		out->count = 1;
		return true;
	}
	return out->list[out->count - 1].kind == TRACE_CHANGE_CUT;
}

int trace_compare(struct trace_baseline *b, const struct trace *t, struct trace_changes *out,
                  struct err *err)
{
	uint32_t cell = 0;
	double scale;

	if (!trace_same_settings(&b->mean, t))
		return err_set(err, EINVAL, "trace: its settings are not the baseline's");
	*out = (struct trace_changes){0};
	find_reflections(b, t, out);
	trace_statistics(b, t, 1 + 1.0 / b->traces);
	out->cells = b->cells;
	out->spread = spread_of(b);
	scale = out->spread > SPREAD_DICE ? out->spread : 1;
	for (uint32_t c = 0; c < b->cells; c++)
		out->largest = fmax(out->largest, fabs(b->statistic[c]) / b->sigma[c] / scale);
	while (out->count < TRACE_CHANGES_MAX && largest(b, scale, &cell)) {
		report(b, t, cell, scale, out);
		if (out->list[out->count - 1].loss_db > CUT_DB && end_came_nearer(b, t, out))
			break;
		statistics_again(b);
	}
	for (uint32_t i = 0; i < t->points; i++)
		if (b->usable[i] == TRACE_SPOILT)
			b->usable[i] = TRACE_USABLE;
	qsort(out->list, out->count, sizeof(out->list[0]), by_sigmas);
	return 0;
}
