/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/trace_sor.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "drivers/trace_edges.h"

#define LIGHT_M_PER_US 299.792458
#define FLOOR_MDB      65535
#define TOP_DB         0.5 /* of room above the brightest point */

static double clamp(double v, double low, double high)
{
	return v < low ? low : v > high ? high : v;
}

/* One way, 1e-4 us. */
static uint32_t time_of(const struct trace *t, double km)
{
	return (uint32_t)lrint(clamp(km * 1e3 * t->group_index / LIGHT_M_PER_US * 1e4, 0, 4e9));
}

static void put_event(struct sor_event *out, const struct trace *t, const struct trace_event *e,
                      unsigned int number)
{
	double km = trace_km_per_point(t);

	*out = (struct sor_event){
	        .number = (uint16_t)number,
	        .time = time_of(t, e->km),
	        .slope = (int16_t)lrint(clamp(e->slope_db_km * 1e3, INT16_MIN, INT16_MAX)),
	        .loss = (int16_t)lrint(clamp(e->loss_db * 1e3, INT16_MIN, INT16_MAX)),
	        .reflectance = (int32_t)lrint(e->reflectance_db * 1e3),
	        .start = time_of(t, e->km),
	        .peak = time_of(t, e->km),
	        .end = time_of(t, e->kind == TRACE_END ? e->km : e->to * km),
	};
	snprintf(out->type, sizeof(out->type), "%c%c9999LS",
	         e->saturated             ? '2'
	         : e->reflectance_db != 0 ? '1'
	                                  : '0',
	         e->kind == TRACE_END ? 'E' : 'F');
	snprintf(out->comment, sizeof(out->comment), "%s", trace_event_name(e->kind));
}

/* Every event says where those beside it end and begin. */
static void put_neighbours(struct sor *out)
{
	for (unsigned int i = 0; i < out->event_count; i++) {
		struct sor_event *e = &out->events[i];

		e->end_previous = i > 0 ? out->events[i - 1].end : 0;
		e->start_next = i + 1 < out->event_count ? out->events[i + 1].start : e->end;
	}
}

int trace_to_sor(const struct trace *t, const struct trace_events *e,
                 const struct trace_sor_names *names, struct sor *out, struct err *err)
{
	double brightest = 0, top, noise, correlated;

	if (t->points > SOR_POINTS_MAX)
		return err_set(err, EINVAL, "trace: %u points are more than %u", t->points,
		               SOR_POINTS_MAX);
	*out = (struct sor){.language = "EN", .condition = "CC", .unit = "km", .trace_type = "ST"};
	out->points = malloc(t->points * sizeof(*out->points));
	out->events = calloc(e->count > 0 ? e->count : 1, sizeof(*out->events));
	if (out->points == NULL || out->events == NULL) {
		sor_free(out);
		return err_set(err, ENOMEM, "trace: out of memory");
	}
	snprintf(out->fibre, sizeof(out->fibre), "%s", names->fibre);
	snprintf(out->from, sizeof(out->from), "%s", names->from);
	snprintf(out->to, sizeof(out->to), "%s", names->to);
	snprintf(out->supplier, sizeof(out->supplier), "Lumengate");
	snprintf(out->otdr, sizeof(out->otdr), "optical card");
	snprintf(out->otdr_serial, sizeof(out->otdr_serial), "%s", names->serial);
	snprintf(out->software, sizeof(out->software), "%s", names->software);
	snprintf(out->comment, sizeof(out->comment), "%s", t->simulated ? "simulated card" : "");
	out->fibre_type = 652;
	out->nominal_nm = (uint16_t)lrint(t->wavelength_nm);
	out->wavelength = (uint16_t)lrint(t->wavelength_nm * 10);
	out->date = (uint32_t)(t->time_ns / 1000000000u);
	/* The middle of a sample's interval; files state one-way times. */
	out->offset = (int32_t)lrint(t->spacing_ns / 4 * 10);
	out->pulse_ns = (uint16_t)lrint(t->pulse_ns);
	out->spacing = (uint32_t)lrint(t->spacing_ns / 2 * 1e5);
	out->group_index = (uint32_t)lrint(t->group_index * 1e5);
	out->backscatter = (uint16_t)lrint(-t->backscatter_db * 10);
	out->averages = t->averages;
	out->average_time = (uint16_t)clamp(t->seconds * 10, 0, UINT16_MAX);
	out->range = (uint32_t)lrint(t->points * t->spacing_ns / 2 * 10);
	out->range_distance = (uint32_t)lrint(t->points * trace_km_per_point(t) * 1e4);
	out->noise_scale = 1000;
	out->loss_threshold = (uint16_t)lrint(names->threshold_db * 1e3);
	out->reflectance_threshold = FLOOR_MDB;
	out->end_threshold = 3000;
	for (uint32_t i = 0; i < t->points; i++)
		brightest = t->watts[i] > brightest ? t->watts[i] : brightest;
	top = trace_loss_db(brightest, 1e-30) - TOP_DB;
	noise = trace_noise(t, &correlated);
	out->noise_floor =
	        (uint16_t)lrint(clamp((trace_loss_db(noise, 1e-30) - top) * 1e3, 0, FLOOR_MDB));
	out->scale = 1000;
	out->point_count = t->points;
	for (uint32_t i = 0; i < t->points; i++)
		out->points[i] = (uint16_t)lrint(
		        clamp((trace_loss_db(t->watts[i], 1e-30) - top) * 1e3, 0, FLOOR_MDB));
	out->event_count = e->count;
	for (unsigned int i = 0; i < e->count; i++)
		put_event(&out->events[i], t, &e->list[i], i + 1);
	put_neighbours(out);
	out->total_loss = (int32_t)lrint(e->total_loss_db * 1e3);
	out->loss_end = out->return_end = time_of(t, e->end_km);
	out->return_loss = (uint16_t)lrint(clamp(e->return_loss_db * 1e3, 0, UINT16_MAX));
	out->x2 = (int32_t)out->range_distance;
	out->y2 = FLOOR_MDB;
	return 0;
}
