/* SPDX-License-Identifier: BSD-3-Clause */

/* The baseline: the mean of approved traces, what may be used of it, and how far it strays. */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/trace_change.h"

#define THRESHOLD_DB    0.03 /* of the baseline's events */
#define WINDOW_SHARE    100  /* of the fibre is a window, but */
#define WINDOW_PULSES   10   /* so many pulses at least: their grains are what it averages */
#define CLEAR_SIGMAS    3    /* of noise in one sample of a single trace */
#define REFLECTION_MORE 2    /* samples on either side: fibres grow and shrink */

const char *trace_zone_name(enum trace_zone_why why)
{
	static const char *const names[] = {"start", "reflection", "end", "noise"};

	return names[why];
}

void trace_baseline_free(struct trace_baseline *b)
{
	trace_free(&b->mean);
	trace_series_free(&b->series);
	free(b->mean_db);
	free(b->usable);
	free(b->statistic);
	free(b->sigma);
	free(b->cell_at);
	memset(b, 0, sizeof(*b));
}

static int check(const struct trace *traces, unsigned int count, struct err *err)
{
	if (count < TRACE_BASELINE_MIN || count > TRACE_BASELINE_MAX)
		return err_set(err, EINVAL, "baseline: %u traces are not %d to %d", count,
		               TRACE_BASELINE_MIN, TRACE_BASELINE_MAX);
	for (unsigned int k = 1; k < count; k++)
		if (!trace_same_settings(&traces[0], &traces[k]))
			return err_set(err, EINVAL, "baseline: trace %u has other settings", k + 1);
	return 0;
}

static int reserve(struct trace_baseline *b, const struct trace *t)
{
	uint32_t n = t->points;

	b->mean_db = malloc(n * sizeof(*b->mean_db));
	b->usable = calloc(n, 1);
	b->statistic = malloc(n * sizeof(*b->statistic));
	b->sigma = malloc(n * sizeof(*b->sigma));
	b->cell_at = malloc(n * sizeof(*b->cell_at));
	if (b->mean_db == NULL || b->usable == NULL || b->statistic == NULL || b->sigma == NULL ||
	    b->cell_at == NULL)
		return -ENOMEM;
	if (trace_series_alloc(&b->series, n) < 0)
		return -ENOMEM;
	return trace_alloc(&b->mean, t, n);
}

static void average(struct trace_baseline *b, const struct trace *traces)
{
	for (unsigned int k = 0; k < b->traces; k++) {
		double correlated, noise = trace_noise(&traces[k], &correlated);

		for (uint32_t i = 0; i < b->mean.points; i++)
			b->mean.watts[i] += traces[k].watts[i] / b->traces;
		b->noise_w += noise / b->traces;
		b->correlated += correlated / b->traces;
	}
	b->mean.time_ns = traces[b->traces - 1].time_ns;
	for (uint32_t i = 0; i < b->mean.points; i++)
		b->mean_db[i] = trace_loss_db(b->mean.watts[i], b->noise_w / 2 + 1e-30);
}

/* What may be used: light well above the noise of one trace, no reflection. */
static void choose(struct trace_baseline *b)
{
	const struct trace_events *e = &b->events;
	uint32_t n = b->mean.points, to = n;

	for (unsigned int k = 0; k < e->count; k++)
		if (e->list[k].kind == TRACE_END)
			to = e->list[k].from;
	for (uint32_t i = 0; i < to; i++) {
		if (b->mean.watts[i] < CLEAR_SIGMAS * b->noise_w) {
			to = i;
			break;
		}
		b->usable[i] = 1;
	}
	b->clear = to;
	b->first = e->list[0].to < to ? e->list[0].to : 0;
	for (unsigned int k = 0; k < e->count; k++) {
		const struct trace_event *r = &e->list[k];
		uint32_t from = r->from > REFLECTION_MORE ? r->from - REFLECTION_MORE : 0;

		if (r->kind != TRACE_REFLECTION)
			continue;
		for (uint32_t i = from; i < r->to + REFLECTION_MORE && i < n; i++)
			b->usable[i] = 0;
	}
}

static void size_windows(struct trace_baseline *b)
{
	struct trace_series *s = &b->series;
	uint32_t pulse = trace_pulse_points(&b->mean), usable = 0;

	for (uint32_t i = 0; i < b->mean.points; i++)
		usable += b->usable[i];
	s->window = usable / WINDOW_SHARE;
	s->window = s->window > WINDOW_PULSES * pulse ? s->window : WINDOW_PULSES * pulse;
	s->least = s->window / 2;
	s->gap = trace_gap_points(&b->mean);
	s->correlated = b->correlated;
}

static void zone(struct trace_baseline *b, double from_km, double to_km, enum trace_zone_why why)
{
	if (to_km > from_km && b->zone_count < TRACE_ZONES_MAX)
		b->zones[b->zone_count++] = (struct trace_zone){from_km, to_km, why};
}

/* In their order along the fibre. */
static void list_zones(struct trace_baseline *b)
{
	const struct trace_events *e = &b->events;
	double km = trace_km_per_point(&b->mean), end = b->clear * km;
	double first = b->cells > 0 ? trace_km(&b->mean, b->series.at[b->cell_at[0]]) : end;
	double last = b->cells > 0 ? trace_km(&b->mean, b->series.at[b->cell_at[b->cells - 1]]) : 0;

	zone(b, 0, first, TRACE_ZONE_START);
	for (unsigned int k = 1; k < e->count; k++)
		if (e->list[k].kind == TRACE_REFLECTION && e->list[k].km < last)
			zone(b, trace_zone_from(b, &e->list[k]) * km,
			     (trace_zone_to(&e->list[k]) + TRACE_ZONE_MORE) * km,
			     TRACE_ZONE_REFLECTION);
	zone(b, last, e->has_end ? e->end_km : end,
	     e->has_end && b->clear * km > e->end_km - 1 ? TRACE_ZONE_END : TRACE_ZONE_NOISE);
	if (!e->has_end)
		zone(b, end, b->mean.points * km, TRACE_ZONE_NOISE);
}

/*
 * How far windows stray beyond what noise explains: each trace against the mean of all, which
 * holds it too, so its variance is (1 - 1 / traces) of what another trace's would be.
 */
static void learn(struct trace_baseline *b, const struct trace *traces)
{
	double sum = 0, weight = 0;

	for (unsigned int k = 0; k < b->traces; k++) {
		trace_statistics(b, &traces[k], 1 - 1.0 / b->traces);
		for (uint32_t c = 0; c < b->cells; c++) {
			struct trace_step step;

			if (!trace_step_at(&b->series, b->cell_at[c], &step))
				continue;
			sum += step.db * step.db - step.noise_var;
			weight += step.geometry;
		}
	}
	sum /= weight > 0 ? weight * (1 - 1.0 / b->traces) : 1;
	b->changing_var = sum > 0 ? sum : 0;
	/* What the cells' deviations are for a trace to come. */
	trace_statistics(b, &b->mean, 1 + 1.0 / b->traces);
}

int trace_baseline_make(struct trace_baseline *b, const struct trace *traces, unsigned int count,
                        struct err *err)
{
	int rc;

	memset(b, 0, sizeof(*b));
	rc = check(traces, count, err);
	if (rc < 0)
		return rc;
	b->traces = count;
	if (reserve(b, &traces[0]) < 0) {
		trace_baseline_free(b);
		return err_set(err, ENOMEM, "baseline: out of memory");
	}
	average(b, traces);
	rc = trace_events_find(&b->mean, THRESHOLD_DB, &b->events, err);
	if (rc == 0) {
		choose(b);
		size_windows(b);
		learn(b, traces);
		list_zones(b);
		if (b->cells == 0)
			rc = err_set(err, EINVAL,
			             "baseline: its fibre is shorter than two windows "
			             "of %.0f m outside its dead zones",
			             b->series.window * 1e3 * trace_km_per_point(&b->mean));
	}
	if (rc < 0)
		trace_baseline_free(b);
	return rc;
}
