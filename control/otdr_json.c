/* SPDX-License-Identifier: BSD-3-Clause */

/* What the OTDR's watch shows. */

#include <math.h>

#include "common/clock.h"
#include "control/otdr_state.h"

#define HISTORY_MAX 1000

static double rounded(double v, double to)
{
	return round(v / to) * to;
}

static json_t *event_json(const struct trace_event *e)
{
	json_t *o =
	        json_pack("{s:s, s:f, s:f, s:f, s:f, s:f}", "kind", trace_event_name(e->kind), "km",
	                  rounded(e->km, 1e-4), "km_deviation", rounded(e->sd_km, 1e-4),
	                  "confidence", e->confidence, "dead_zone_km", rounded(e->dead_km, 1e-4),
	                  "slope_db_km", rounded(e->slope_db_km, 1e-4));

	if (e->sd_db > 0)
		json_object_update_new(o,
		                       json_pack("{s:f, s:f}", "loss_db", rounded(e->loss_db, 1e-4),
		                                 "loss_deviation_db", rounded(e->sd_db, 1e-4)));
	if (e->reflectance_db != 0)
		json_object_update_new(o, json_pack("{s:f, s:b}", "reflectance_db",
		                                    rounded(e->reflectance_db, 0.01), "saturated",
		                                    e->saturated));
	return o;
}

static json_t *change_json(const struct trace_change *c)
{
	json_t *o = json_pack("{s:s, s:f, s:f, s:f, s:f, s:b}", "kind", trace_change_name(c->kind),
	                      "km", rounded(c->km, 1e-4), "km_deviation", rounded(c->sd_km, 1e-4),
	                      "deviations", rounded(c->sigmas, 0.01), "confidence", c->confidence,
	                      "in_dead_zone", c->in_zone);

	if (c->kind == TRACE_CHANGE_REFLECTION)
		json_object_set_new(o, "reflectance_db",
		                    json_real(rounded(c->reflectance_db, 0.01)));
	else
		json_object_update_new(o,
		                       json_pack("{s:f, s:f}", "loss_db", rounded(c->loss_db, 1e-4),
		                                 "loss_deviation_db", rounded(c->sd_db, 1e-4)));
	return o;
}

/* A bend in words of events: what the baseline does not have. */
static bool is_bend(const struct otdr *o, const struct trace_event *e)
{
	if (!o->compared || e->kind != TRACE_SPLICE)
		return false;
	for (unsigned int i = 0; i < o->changes.count; i++)
		if (o->changes.list[i].kind == TRACE_CHANGE_BEND &&
		    fabs(o->changes.list[i].km - e->km) <
		            3 * hypot(e->sd_km, o->changes.list[i].sd_km) + 0.02)
			return true;
	return false;
}

json_t *otdr_report_json(const struct otdr *o, const struct trace *t, const struct trace_events *e)
{
	char when[32];
	json_t *events = json_array(), *r;

	for (unsigned int i = 0; i < e->count; i++) {
		struct trace_event event = e->list[i];

		if (is_bend(o, &event))
			event.kind = TRACE_BEND;
		json_array_append_new(events, event_json(&event));
	}
	r = json_pack("{s:s, s:f, s:b, s:f, s:f, s:I, s:I, s:f, s:b, s:f, s:f, s:f, s:f, s:f, s:o}",
	              "time", clock_format(t->time_ns, when), "seconds", rounded(t->seconds, 0.1),
	              "simulated", t->simulated, "wavelength_nm", t->wavelength_nm, "pulse_ns",
	              t->pulse_ns, "averages", (json_int_t)t->averages, "points",
	              (json_int_t)t->points, "spacing_km", trace_km_per_point(t), "has_end",
	              e->has_end, "end_km", rounded(e->end_km, 1e-4), "total_loss_db",
	              rounded(e->total_loss_db, 1e-3), "slope_db_km", rounded(e->slope_db_km, 1e-4),
	              "return_loss_db", rounded(e->return_loss_db, 0.01), "dynamic_range_db",
	              rounded(e->range_db, 0.01), "events", events);
	if (o->compared) {
		json_t *changes = json_array();

		for (unsigned int i = 0; i < o->changes.count; i++)
			json_array_append_new(changes, change_json(&o->changes.list[i]));
		json_object_update_new(r, json_pack("{s:o, s:I, s:f, s:f}", "changes", changes,
		                                    "cells", (json_int_t)o->changes.cells, "spread",
		                                    rounded(o->changes.spread, 1e-3), "largest",
		                                    rounded(o->changes.largest, 1e-3)));
	}
	return r;
}

static json_t *baseline_json(const struct otdr *o)
{
	const struct trace_baseline *b = &o->baseline;
	json_t *zones = json_array();
	double most = 0;
	char when[32];

	for (unsigned int i = 0; i < b->zone_count; i++)
		json_array_append_new(zones, json_pack("{s:f, s:f, s:s}", "from_km",
		                                       rounded(b->zones[i].from_km, 1e-4), "to_km",
		                                       rounded(b->zones[i].to_km, 1e-4), "why",
		                                       trace_zone_name(b->zones[i].why)));
	for (uint32_t c = 0; c < b->cells; c++)
		most = fmax(most, b->sigma[c]);
	return json_pack("{s:i, s:s, s:f, s:f, s:f, s:I, s:o}", "traces", (int)b->traces, "newest",
	                 clock_format(b->mean.time_ns, when), "deviation_most_db",
	                 rounded(most, 1e-5), "found_from_db", rounded(most * TRACE_K_ONE, 1e-4),
	                 "window_km",
	                 rounded(b->series.window * trace_km_per_point(&b->mean), 1e-4), "cells",
	                 (json_int_t)b->cells, "dead_zones", zones);
}

json_t *otdr_state(const struct otdr *o)
{
	uint32_t done = o->running ? optics_otdr_done(o->card) : 0;
	json_t *s = json_pack("{s:b, s:b, s:I, s:I, s:f, s:I, s:I, s:s, s:s}", "running",
	                      o->running || o->commanded, "card", o->card != NULL, "averages_done",
	                      (json_int_t)done, "averages",
	                      (json_int_t)(o->running ? o->set.averages : 0), "progress",
	                      o->running ? (double)done / o->set.averages : 0.0, "traces",
	                      (json_int_t)o->traces, "failures", (json_int_t)o->failures,
	                      "last_error", o->last_error, "baseline_error", o->baseline_error);

	json_object_set_new(s, "baseline", o->has_baseline ? baseline_json(o) : json_null());
	return s;
}

json_t *otdr_summary(const struct otdr *o)
{
	json_t *s = json_pack("{s:b, s:I, s:I, s:s, s:i}", "running", o->running || o->commanded,
	                      "traces", (json_int_t)o->traces, "failures", (json_int_t)o->failures,
	                      "last_error", o->last_error, "baseline_traces",
	                      o->has_baseline ? (int)o->baseline.traces : 0);

	if (o->compared)
		json_object_update_new(s, json_pack("{s:i, s:f, s:f}", "changes",
		                                    (int)o->changes.count, "largest_deviations",
		                                    rounded(o->changes.largest, 1e-3), "spread",
		                                    rounded(o->changes.spread, 1e-3)));
	return s;
}

json_t *otdr_history(struct otdr *o, unsigned int count)
{
	static int64_t ids[HISTORY_MAX];
	unsigned int n = otdr_store_ids(o->store, ids, count < HISTORY_MAX ? count : HISTORY_MAX);
	json_t *list = json_array();

	for (unsigned int i = 0; i < n; i++) {
		struct err err;
		json_t *r, *line;

		if (otdr_store_read(o->store, ids[i], NULL, &r, &err) < 0)
			continue;
		line = json_pack(
		        "{s:I, s:O?, s:O?, s:O?, s:I, s:I}", "trace", (json_int_t)ids[i], "time",
		        json_object_get(r, "time"), "end_km", json_object_get(r, "end_km"),
		        "total_loss_db", json_object_get(r, "total_loss_db"), "events",
		        (json_int_t)json_array_size(json_object_get(r, "events")), "changes",
		        (json_int_t)json_array_size(json_object_get(r, "changes")));
		json_array_append_new(list, line);
		json_decref(r);
	}
	return list;
}
