/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/trace_edges.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LIGHT_SIGMAS  6     /* a pulse's mean is light from so many deviations on */
#define FALLS_DB      0.3   /* a pulse's length; fibre falls by 0.02 dB in 100 m */
#define REFLECTION_DB 0.08  /* above the backscatter, at least */
#define REFLECTION_K  6     /* deviations */
#define SETTLE_NS     500   /* and over so long after what was bright, which is */
#define BRIGHT_DB     3     /* so much above the backscatter */
#define SETTLED_DB    0.015 /* from one half of a pulse to the next */
#define END_DB        2     /* the least that the end falls by until it is lost in noise */
#define CLIMB_NS      200   /* at a time, or a pulse */
#define CLEAR_DB      1     /* above where light is lost in noise */
#define CLEAR_SIGMAS  4     /* of noise below a sample that is of use by itself */
#define SLOPES_MAX    4096
#define SLOPE_SHARE   100 /* of the fibre: shorter than from splice to splice */

void trace_view_free(struct trace_view *v)
{
	free(v->db);
	memset(v, 0, sizeof(*v));
}

double trace_view_mean(const struct trace_view *v, uint32_t from, uint32_t to)
{
	double sum = 0;

	to = to < v->t->points ? to : v->t->points;
	if (from >= to)
		return v->db[v->t->points - 1];
	for (uint32_t i = from; i < to; i++)
		sum += v->db[i];
	return sum / (to - from);
}

static double mean_w(const struct trace_view *v, uint32_t from, uint32_t to)
{
	double sum = 0;

	for (uint32_t i = from; i < to; i++)
		sum += v->t->watts[i];
	return sum / (to - from);
}

double trace_view_sigma(const struct trace_view *v, uint32_t i)
{
	double w = pow(10, -v->db[i] / 5), noise = 5 / log(10) * v->noise_w / w;

	return sqrt(noise * noise + v->grain * v->grain);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *x, uint32_t n)
{
	if (n == 0)
		return 0;
	qsort(x, n, sizeof(*x), by_value);
	return x[n / 2];
}

/* Events are few: the typical fall over some distance is the fibre's. */
static void slope_and_grain(struct trace_view *v)
{
	static _Thread_local double x[SLOPES_MAX];
	uint32_t usable = v->clear, lag = usable / SLOPE_SHARE, stride, n = 0;

	lag = lag > 4 * v->pulse ? lag : 4 * v->pulse;
	if (lag >= usable)
		lag = usable / 2 > 0 ? usable / 2 : 1;
	stride = usable / SLOPES_MAX + 1;
	for (uint32_t i = v->gap; i + lag < usable && n < SLOPES_MAX; i += stride)
		x[n++] = (v->db[i + lag] - v->db[i]) / lag;
	v->slope = median(x, n);
	/* From one pulse to the next but one the grain is another; what is near has little noise.
	 */
	n = 0;
	for (uint32_t i = v->gap; i + 2 * v->pulse < usable / 2 && n < SLOPES_MAX; i += stride)
		x[n++] = fabs(v->db[i + 2 * v->pulse] - v->db[i] - 2 * v->slope * v->pulse);
	v->grain = median(x, n) / 0.6745 / sqrt(2);
}

int trace_view_make(struct trace_view *v, const struct trace *t, struct err *err)
{
	double least;

	memset(v, 0, sizeof(*v));
	if (t->points < TRACE_POINTS_MIN)
		return err_set(err, EINVAL, "trace: %u points are less than %d", t->points,
		               TRACE_POINTS_MIN);
	v->t = t;
	v->pulse = trace_pulse_points(t);
	v->gap = trace_gap_points(t);
	v->noise_w = trace_noise(t, &v->correlated);
	v->db = malloc(t->points * sizeof(*v->db));
	if (v->db == NULL)
		return err_set(err, ENOMEM, "trace: out of memory");
	for (uint32_t i = 0; i < t->points; i++)
		v->db[i] = trace_loss_db(t->watts[i], v->noise_w / 2 + 1e-30);
	least = LIGHT_SIGMAS * v->noise_w * sqrt(v->correlated / v->pulse);
	for (v->last = t->points; v->last > v->pulse; v->last--)
		if (mean_w(v, v->last - v->pulse, v->last) > least)
			break;
	if (v->last < 4 * v->gap) {
		trace_view_free(v);
		return err_set(err, EINVAL, "trace: no backscatter in it, only noise");
	}
	/* Decibels of what is mostly noise are of no use. */
	least = CLEAR_SIGMAS * v->noise_w;
	for (v->clear = 3 * v->gap; v->clear + v->pulse < v->last; v->clear += v->pulse)
		if (mean_w(v, v->clear, v->clear + v->pulse) < least)
			break;
	slope_and_grain(v);
	return 0;
}

/* The first place from I on where the trace lies flat over some windows of N samples. */
static uint32_t flat_from(const struct trace_view *v, uint32_t i, uint32_t n)
{
	double grains = n < v->pulse ? 1 : sqrt((double)v->pulse / n);
	unsigned int calm = 0;

	for (; i + 3 * n < v->last; i += n / 4 + 1) {
		double step = trace_view_mean(v, i, i + n) - trace_view_mean(v, i + n, i + 2 * n) +
		              n * v->slope;
		double by = 3 * trace_view_sigma(v, i + n) * sqrt(2 * v->correlated / n) +
		            2 * v->grain * grains;

		calm = fabs(step) < SETTLED_DB + by ? calm + 1 : 0;
		if (calm == 3)
			return i;
	}
	return v->last;
}

/* After what stood out by HEIGHT dB: what was bright leaves the receiver slowly. */
static uint32_t settled(const struct trace_view *v, uint32_t i, double height)
{
	uint32_t half = v->pulse / 2 > 4 ? v->pulse / 2 : 4;
	uint32_t wide = (uint32_t)(SETTLE_NS / v->t->spacing_ns);

	i = flat_from(v, i, half);
	wide = wide > 2 * v->pulse ? wide : 2 * v->pulse;
	return height > BRIGHT_DB ? flat_from(v, i, wide) : i;
}

/* Between samples: where the power first passes LEVEL from FROM on; TO when it does not. */
static double crossing(const struct trace_view *v, uint32_t from, uint32_t to, double level,
                       bool up)
{
	const double *w = v->t->watts;

	for (uint32_t i = from + 1; i < to; i++)
		if (up ? w[i] >= level : w[i] <= level) {
			double rise = w[i] - w[i - 1];

			return rise == 0 ? i : i - 1 + (level - w[i - 1]) / rise;
		}
	return to;
}

/*
 * Samples from where a reflection begins to where it crosses its half: lower down the edge bends
 * within a sample. One that saturates is steep.
 */
static double rise_points(const struct trace_view *v, bool saturated)
{
	return saturated ? 0.5 : v->t->response_ns * log(2) / v->t->spacing_ns;
}

/* From the height above the backscatter of the same pulse. */
static double reflectance(const struct trace_view *v, double height_db)
{
	return v->t->backscatter_db + 10 * log10(v->t->pulse_ns) +
	       10 * log10(pow(10, height_db / 5) - 1);
}

static uint32_t top_of(const struct trace_view *v, uint32_t from, uint32_t to)
{
	uint32_t top = from;

	for (uint32_t i = from; i < to && i < v->t->points; i++)
		if (v->t->watts[i] > v->t->watts[top])
			top = i;
	return top;
}

/* A receiver that saturates shows the same value over and over, less its noise. */
static bool flat_top(const struct trace_view *v, uint32_t top)
{
	unsigned int same = 0;

	for (uint32_t i = top; i < v->t->points && i < top + v->pulse; i++)
		same += v->t->watts[i] > v->t->watts[top] * (1 - 1e-6);
	return same >= 3;
}

/* Deviation in km of an edge that crosses its half between samples X and the one before. */
static double edge_sd(const struct trace_view *v, double x, double base)
{
	uint32_t i = x >= 1 ? (uint32_t)ceil(x) : 1;
	double rise, sigma, point = trace_km_per_point(v->t);

	i = i < v->t->points ? i : v->t->points - 1;
	rise = fabs(v->t->watts[i] - v->t->watts[i - 1]);
	sigma = hypot(v->noise_w, base * v->grain * log(10) / 5);
	return hypot(point / sqrt(12), rise > 0 ? sigma / rise * point : v->gap * point);
}

/* Probability that chance makes nothing of so many deviations, one test a pulse. */
static double sure(const struct trace_view *v, double sigmas)
{
	double p = 1 - (double)v->last / v->pulse * erfc(fabs(sigmas) / sqrt(2));

	return p > 0 ? p : 0;
}

void trace_edge_start(struct trace_view *v, struct trace_event *out)
{
	uint32_t top = top_of(v, 0, 3 * v->gap), flat = settled(v, v->gap, 0);
	double height;

	v->loss0 = trace_view_mean(v, flat, flat + 4 * v->pulse) - (flat + 2 * v->pulse) * v->slope;
	height = v->loss0 + top * v->slope - v->db[top];
	*out = (struct trace_event){.kind = TRACE_REFLECTION,
	                            .sd_km = trace_km_per_point(v->t) / sqrt(12),
	                            .confidence = sure(v, height / trace_view_sigma(v, flat)),
	                            .saturated = flat_top(v, top),
	                            .from = 0,
	                            .to = flat,
	                            .dead_km = trace_km(v->t, flat)};
	if (height > REFLECTION_DB)
		out->reflectance_db = reflectance(v, height);
}

/* The time that a step takes to show its half, in samples. */
static double half_way(const struct trace *t)
{
	double low = 0, high = t->pulse_ns + 10 * t->response_ns;

	for (int i = 0; i < 50; i++) {
		double middle = (low + high) / 2;

		if (trace_step_response(t, middle) < 0.5)
			low = middle;
		else
			high = middle;
	}
	return low / t->spacing_ns;
}

/* Loss of the mean power of N samples from I on. */
static double level(const struct trace_view *v, uint32_t i, uint32_t n)
{
	return trace_loss_db(mean_w(v, i, i + n), v->noise_w / 2 + 1e-30);
}

/* Of half pulses within the last part of what has light. */
static double lowest_loss(const struct trace_view *v, uint32_t to)
{
	uint32_t half = v->pulse / 2 > 2 ? v->pulse / 2 : 2, reach = 4 * v->gap;
	uint32_t km = (uint32_t)(1 / trace_km_per_point(v->t));
	double least = INFINITY;

	reach = reach > km ? reach : km;
	for (uint32_t i = to > reach ? to - reach : 0; i < to; i += half) {
		double db = level(v, i, half);

		least = db < least ? db : least;
	}
	return least;
}

bool trace_edge_end(const struct trace_view *v, struct trace_event *out)
{
	uint32_t p = v->pulse, t = v->last, top;
	uint32_t far = (uint32_t)(CLIMB_NS / v->t->spacing_ns);
	double before, base_w, height, crossed, point, near_noise;

	if (v->last + p >= v->t->points - v->t->points / 20)
		return false;
	far = far > p ? far : p;
	near_noise = level(v, t - far, far);
	if (near_noise - lowest_loss(v, t) < END_DB)
		return false;
	/*
	 * Climb out of the noise to where it no longer falls: to the end, or to the top of its
	 * reflection.
	 */
	while (t > 6 * p + v->gap && (level(v, t, far) - level(v, t - 2 * far, far) > FALLS_DB ||
	                              near_noise - level(v, t, far) < CLEAR_DB))
		t -= p / 4 + 1;
	before = trace_view_mean(v, t - 5 * p, t - 2 * p) + 3.5 * p * v->slope;
	top = top_of(v, t - 2 * p, t + 2 * far);
	height = before - v->db[top];
	base_w = pow(10, -before / 5);
	*out = (struct trace_event){.kind = TRACE_END,
	                            .confidence =
	                                    sure(v, base_w / v->noise_w * sqrt(p / v->correlated))};
	if (height > REFLECTION_DB + REFLECTION_K * trace_view_sigma(v, t - 2 * p)) {
		out->saturated = flat_top(v, top);
		out->reflectance_db = reflectance(v, height);
		crossed = crossing(v, t - 2 * p, top + 1, (base_w + v->t->watts[top]) / 2, true);
		point = crossed - rise_points(v, out->saturated);
	} else {
		crossed = crossing(v, t - p, v->last + p, base_w / 2, false);
		point = crossed - half_way(v->t);
	}
	out->km = trace_km(v->t, point);
	out->sd_km = edge_sd(v, crossed, base_w);
	out->from = point > 1 ? (uint32_t)point - 1 : 0;
	out->to = v->t->points;
	return true;
}

bool trace_edge_reflection(const struct trace_view *v, uint32_t from, uint32_t to,
                           struct trace_event *out)
{
	uint32_t p = v->pulse, m = p > 16 ? p : 16;

	for (uint32_t i = from + m + v->gap; i + 3 * p < to; i++) {
		double base = trace_view_mean(v, i - v->gap - m, i - v->gap) +
		              (v->gap + m / 2.0) * v->slope;
		double by = REFLECTION_DB + REFLECTION_K * trace_view_sigma(v, i), height, base_w,
		       crossed, point;
		uint32_t top, flat;
		bool saturated;

		if (base - v->db[i] < by)
			continue;
		top = top_of(v, i, i + 2 * p);
		height = base - v->db[top];
		flat = settled(v, top + p, height);
		/* Without a fall behind the top it is a step. */
		if (trace_view_mean(v, flat, flat + p) - v->db[top] < by / 2)
			continue;
		base_w = pow(10, -base / 5);
		saturated = flat_top(v, top);
		crossed = crossing(v, i - v->gap, top + 1, (base_w + v->t->watts[top]) / 2, true);
		point = crossed - rise_points(v, saturated);
		*out = (struct trace_event){.kind = TRACE_REFLECTION,
		                            .km = trace_km(v->t, point),
		                            .sd_km = edge_sd(v, crossed, base_w),
		                            .reflectance_db = reflectance(v, height),
		                            .saturated = saturated,
		                            .confidence = sure(v, height / trace_view_sigma(v, i)),
		                            .from = point > 1 ? (uint32_t)point - 1 : 0,
		                            .to = flat};
		out->dead_km = (out->to - point) * trace_km_per_point(v->t);
		return true;
	}
	return false;
}
