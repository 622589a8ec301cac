/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/watch/loss.h"

#include <math.h>
#include <string.h>

#include "common/tail.h"
#include "drivers/watch/monitors.h"

#define CLICKS_MIN 10000         /* so that a count is normal as far as it matters */
#define DB         (10 / M_LN10) /* of a relative change */

#define LEARN_S 300.0  /* before the first test */
#define KNOWN_S 3600.0 /* from then on what was learnt may grow no more than GROWTH */
#define TIME_S  7200.0 /* constant of what is learnt */
#define GROWTH  4.0
#define SUSPECT 4.0 /* deviations: nothing is learnt of such a difference */
/* Of a walk of variance q a second, the difference of means over S and T has q (S + T) / 3. */
#define WALK 3.0
/* A step is found with 99.9 % so many deviations above the threshold. */
#define SURELY 3.09

/* Windows after and before; the last for long links that lie still. */
static const struct width {
	unsigned int after, before;
} widths[WATCH_LOSS_SCALES] = {{1, 1}, {2, 2}, {4, 4}, {6, 6}, {10, 30}};

static const struct baseline_params params = {.learn_s = LEARN_S,
                                              .time_s = 60,
                                              .slope = 4e-4,
                                              .bound = 0.5,
                                              .spread_floor = 0.002,
                                              .growth = 4};

void watch_loss_init(struct watch_loss *w)
{
	memset(w, 0, sizeof(*w));
	baseline_init(&w->base, &params);
}

struct difference {
	double db, variance; /* by statistics alone */
	double seconds, gap; /* in all, gaps besides */
};

static bool difference(const struct watch_loss *w, const struct width *width, struct difference *d)
{
	unsigned int all = width->after + width->before;

	*d = (struct difference){0};
	if (w->count < all)
		return false;
	for (unsigned int i = 0; i < all; i++) {
		const struct watch_loss_window *v = &w->ring[i];
		double share = i < width->after ? 1.0 / width->after : -1.0 / width->before;

		d->db += share * v->db;
		d->variance += share * share * v->variance;
		d->seconds += v->seconds;
		d->gap += i + 1 < all ? v->gap : 0;
	}
	return true;
}

/* Correlations within the width leave about two independent differences of it. */
static double freedom(const struct watch_loss_scale *s, const struct difference *d)
{
	return fmin(s->seconds, TIME_S) / (d->seconds / 2);
}

static double variance(const struct watch_loss_scale *s, const struct difference *d)
{
	double v = s->variance;

	if (s->most > 0)
		v = fmin(v, s->most);
	return fmax(v, d->variance) * (1 + WALK * d->gap / d->seconds);
}

static double budget(enum watch_monitor m)
{
	return -watch_nats(m) - log(WATCH_LOSS_SCALES);
}

static void learn(struct watch_loss_scale *s, const struct difference *d)
{
	bool tested = s->seconds >= LEARN_S * (1 - 1e-9);

	if (d->gap > 0 || (tested && d->db * d->db > SUSPECT * SUSPECT * variance(s, d)))
		return;
	/* One window more, of all that its width overlaps. */
	s->seconds += WATCH_LOSS_WINDOW_S;
	s->variance +=
	        (d->db * d->db - s->variance) * WATCH_LOSS_WINDOW_S / fmin(s->seconds, TIME_S);
	if (s->most == 0 && s->seconds >= KNOWN_S)
		s->most = GROWTH * fmax(s->variance, d->variance);
}

static double mean(const struct watch_loss *w, unsigned int from, unsigned int n)
{
	double sum = 0;

	for (unsigned int i = from; i < from + n; i++)
		sum += w->ring[i].db / n;
	return sum;
}

/* Whether what was found is still there: it is over when the half of it is gone. */
static void watch_over(struct watch_loss *w, struct watch_loss_step *step)
{
	unsigned int n = step->width < w->count ? step->width : w->count;
	double db = mean(w, 0, n) - step->level;

	/* It may have begun within the windows that found it. */
	if (fabs(db) > fabs(step->db))
		step->db = db;
	if (!step->over || fabs(db) > fabs(step->db) / 2)
		return;
	step->over = false;
	w->count = 0; /* the way back is no step of its own */
}

static uint32_t test(struct watch_loss *w)
{
	struct watch_loss_step *step = NULL;
	struct difference d;
	double least = 0;

	for (unsigned int i = 0; i < WATCH_LOSS_SCALES; i++) {
		const struct watch_loss_scale *s = &w->scale[i];
		double limit, t, tail;

		if (!difference(w, &widths[i], &d) || s->seconds < LEARN_S * (1 - 1e-9))
			continue;
		limit = fmin(budget(d.db < 0 ? WATCH_LOSS : WATCH_GAIN), least);
		t = fabs(d.db) / sqrt(variance(s, &d));
		/* The normal tail is above this, and Student's above that. */
		if (-t * t / 2 - log1p(t) - 1 >= limit)
			continue;
		tail = tail_student(t, freedom(s, &d));
		if (tail >= limit)
			continue;
		least = tail;
		step = d.db < 0 ? &w->loss : &w->gain;
		*step = (struct watch_loss_step){.over = true,
		                                 .db = d.db,
		                                 .level =
		                                         mean(w, widths[i].after, widths[i].before),
		                                 .width = widths[i].after};
	}
	if (step == NULL)
		return 0;
	return 1u << (step == &w->loss ? WATCH_LOSS : WATCH_GAIN);
}

static void push(struct watch_loss *w)
{
	memmove(&w->ring[1], &w->ring[0], sizeof(w->ring) - sizeof(w->ring[0]));
	w->ring[0] = (struct watch_loss_window){.db = w->last,
	                                        .variance = DB * DB / w->clicks,
	                                        .seconds = w->seconds,
	                                        .gap = w->gap};
	w->count += w->count < WATCH_LOSS_RING;
}

static uint32_t window(struct watch_loss *w)
{
	struct baseline *b = &w->base;
	struct difference d;
	uint32_t over = 0;
	bool before = w->loss.over || w->gain.over;

	w->last = 10 * log10(w->clicks / w->exposure);
	push(w);
	watch_over(w, &w->loss);
	watch_over(w, &w->gain);
	if (!w->loss.over && !w->gain.over)
		over = test(w);
	if (over == 0 && !before)
		for (unsigned int i = 0; i < WATCH_LOSS_SCALES; i++)
			if (difference(w, &widths[i], &d))
				learn(&w->scale[i], &d);
	baseline_take(b, w->last, DB * DB / w->clicks, w->seconds, w->loss.over || w->gain.over);
	if (b->edge && !w->drifted)
		over |= 1u << WATCH_LOSS_DRIFT;
	w->drifted = b->edge;
	return over;
}

uint32_t watch_loss_add(struct watch_loss *w, uint64_t clicks, double live_slots, double power,
                        double seconds)
{
	uint32_t over = 0;

	if (!(seconds > 0))
		return 0; /* nothing came yet */
	if (!(live_slots > 0 && power > 0 && clicks > 0)) {
		watch_loss_gap(w, seconds);
		return 0;
	}
	w->clicks += (double)clicks;
	w->exposure += live_slots * power;
	w->seconds += seconds;
	if (w->seconds >= WATCH_LOSS_WINDOW_S * (1 - 1e-9) && w->clicks >= CLICKS_MIN) {
		over = window(w);
		w->clicks = w->exposure = w->seconds = w->gap = 0;
	}
	return over;
}

void watch_loss_gap(struct watch_loss *w, double seconds)
{
	/* A window holds nothing of both sides. */
	w->gap += seconds + w->seconds;
	w->clicks = w->exposure = w->seconds = 0;
}

void watch_loss_clear(struct watch_loss *w)
{
	w->loss.over = w->gain.over = false;
	w->count = 0;
	w->gap = 0;
}

void watch_loss_accept(struct watch_loss *w)
{
	watch_loss_clear(w);
	w->drifted = false;
	baseline_init(&w->base, &params);
}

double watch_loss_finds(const struct watch_loss *w)
{
	double least = 0;

	for (unsigned int i = 0; i < WATCH_LOSS_SCALES; i++) {
		const struct watch_loss_scale *s = &w->scale[i];
		struct difference d;
		double db;

		if (!difference(w, &widths[i], &d) || s->seconds < LEARN_S * (1 - 1e-9))
			continue;
		d.gap = 0;
		db = sqrt(variance(s, &d)) *
		     (tail_student_quantile(budget(WATCH_LOSS), freedom(s, &d)) + SURELY);
		least = least == 0 || db < least ? db : least;
	}
	return least;
}
