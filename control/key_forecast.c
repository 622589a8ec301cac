/* SPDX-License-Identifier: BSD-3-Clause */

#include "control/key_forecast.h"

#include "common/clock.h"

#define FOREVER_S (100.0 * 365 * 86400) /* beyond it, nobody believes a figure */

static void sample(struct key_forecast *f, uint64_t now_ns)
{
	f->sample[f->samples++ % KEY_FORECAST_SAMPLES] =
	        (struct key_forecast_sample){now_ns, f->available, f->used, f->used_ns};
}

/* The last sample, or the oldest that is kept. */
static const struct key_forecast_sample *at(const struct key_forecast *f, bool oldest)
{
	uint64_t n = f->samples;

	if (!oldest)
		return &f->sample[(n - 1) % KEY_FORECAST_SAMPLES];
	return &f->sample[n > KEY_FORECAST_SAMPLES ? n % KEY_FORECAST_SAMPLES : 0];
}

void key_forecast_look(struct key_forecast *f, uint64_t now_ns, uint64_t available, uint64_t came,
                       uint64_t gone)
{
	if (f->looked && came == f->came && gone >= f->gone) {
		uint64_t left = available + (gone - f->gone);

		f->used += f->available > left ? f->available - left : 0;
		f->used_ns += now_ns - f->time_ns;
	}
	f->available = available;
	f->came = came;
	f->gone = gone;
	f->time_ns = now_ns;
	f->looked = true;
	if (f->samples == 0 || now_ns - at(f, false)->time_ns >= KEY_FORECAST_STEP_S * NS_PER_S)
		sample(f, now_ns);
}

static bool seconds(double rate, uint64_t available, uint64_t *out)
{
	double s = rate > 0 ? (double)available / rate : FOREVER_S;

	*out = s < FOREVER_S ? (uint64_t)s : 0;
	return s < FOREVER_S;
}

void key_forecast_read(const struct key_forecast *f, struct key_forecast_view *out)
{
	const struct key_forecast_sample *first, *last;
	double window_s, used_s;

	*out = (struct key_forecast_view){.known = f->samples > 1};
	if (!out->known)
		return;
	first = at(f, true);
	last = at(f, false);
	window_s = (double)(last->time_ns - first->time_ns) / NS_PER_S;
	used_s = (double)(last->used_ns - first->used_ns) / NS_PER_S;
	if (used_s > 0)
		out->used_per_s = (double)(last->used - first->used) / used_s;
	out->net_per_s = ((double)last->available - (double)first->available) / window_s;
	out->lasts = seconds(out->used_per_s, f->available, &out->lasts_s);
	out->drains = seconds(-out->net_per_s, f->available, &out->empty_in_s);
}

void key_forecast_json(const struct key_forecast_view *v, json_t *out)
{
	json_object_set_new(out, "used_per_s", v->known ? json_real(v->used_per_s) : json_null());
	json_object_set_new(out, "net_per_s", v->known ? json_real(v->net_per_s) : json_null());
	json_object_set_new(out, "lasts_s",
	                    v->lasts ? json_integer((json_int_t)v->lasts_s) : json_null());
	json_object_set_new(out, "empty_in_s",
	                    v->drains ? json_integer((json_int_t)v->empty_in_s) : json_null());
}
