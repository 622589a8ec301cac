/* SPDX-License-Identifier: BSD-3-Clause */

/* Writing .sor, version 2. */

#include "drivers/sor.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAP_VERSION 200

/* Counts first, with no memory, then writes: the same code in both passes. */
struct writer {
	uint8_t *out;
	size_t at;
};

static void bytes(struct writer *w, const void *p, size_t n)
{
	if (w->out != NULL)
		memcpy(w->out + w->at, p, n);
	w->at += n;
}

static void u16(struct writer *w, uint16_t v)
{
	const uint8_t b[2] = {(uint8_t)v, (uint8_t)(v >> 8)};

	bytes(w, b, 2);
}

static void u32(struct writer *w, uint32_t v)
{
	u16(w, (uint16_t)v);
	u16(w, (uint16_t)(v >> 16));
}

static void i32(struct writer *w, int32_t v)
{
	u32(w, (uint32_t)v);
}

static void text(struct writer *w, const char *s)
{
	bytes(w, s, strlen(s) + 1);
}

/* Exactly N characters: blanks where S has fewer. */
static void letters(struct writer *w, const char *s, size_t n)
{
	for (bool end = false; n > 0; n--) {
		end = end || *s == '\0';
		bytes(w, end ? " " : s++, 1);
	}
}

static void general(struct writer *w, const struct sor *s)
{
	letters(w, s->language, 2);
	text(w, s->cable);
	text(w, s->fibre);
	u16(w, s->fibre_type);
	u16(w, s->nominal_nm);
	text(w, s->from);
	text(w, s->to);
	text(w, s->cable_code);
	letters(w, s->condition, 2);
	i32(w, s->user_offset);
	i32(w, s->user_offset_distance);
	text(w, s->operator_name);
	text(w, s->comment);
}

static void supplier(struct writer *w, const struct sor *s)
{
	text(w, s->supplier);
	text(w, s->otdr);
	text(w, s->otdr_serial);
	text(w, s->module);
	text(w, s->module_serial);
	text(w, s->software);
	text(w, s->other);
}

static void fixed(struct writer *w, const struct sor *s)
{
	u32(w, s->date);
	letters(w, s->unit, 2);
	u16(w, s->wavelength);
	i32(w, s->offset);
	i32(w, s->offset_distance);
	u16(w, 1); /* pulse widths */
	u16(w, s->pulse_ns);
	u32(w, s->spacing);
	u32(w, s->point_count);
	u32(w, s->group_index);
	u16(w, s->backscatter);
	u32(w, s->averages);
	u16(w, s->average_time);
	u32(w, s->range);
	u32(w, s->range_distance);
	i32(w, s->front_panel_offset);
	u16(w, s->noise_floor);
	u16(w, (uint16_t)s->noise_scale);
	u16(w, s->power_offset);
	u16(w, s->loss_threshold);
	u16(w, s->reflectance_threshold);
	u16(w, s->end_threshold);
	letters(w, s->trace_type, 2);
	i32(w, s->x1);
	i32(w, s->y1);
	i32(w, s->x2);
	i32(w, s->y2);
}

static void events(struct writer *w, const struct sor *s)
{
	u16(w, (uint16_t)s->event_count);
	for (unsigned int i = 0; i < s->event_count; i++) {
		const struct sor_event *e = &s->events[i];

		u16(w, e->number);
		u32(w, e->time);
		u16(w, (uint16_t)e->slope);
		u16(w, (uint16_t)e->loss);
		i32(w, e->reflectance);
		letters(w, e->type, 8);
		u32(w, e->end_previous);
		u32(w, e->start);
		u32(w, e->end);
		u32(w, e->start_next);
		u32(w, e->peak);
		text(w, e->comment);
	}
	i32(w, s->total_loss);
	i32(w, s->loss_start);
	u32(w, s->loss_end);
	u16(w, s->return_loss);
	i32(w, s->return_start);
	u32(w, s->return_end);
}

static void points(struct writer *w, const struct sor *s)
{
	u32(w, s->point_count);
	u16(w, 1); /* traces */
	u32(w, s->point_count);
	u16(w, s->scale);
	for (uint32_t i = 0; i < s->point_count; i++)
		u16(w, s->points[i]);
}

static void checksum(struct writer *w, const struct sor *s)
{
	(void)s;
	u16(w, w->out != NULL ? sor_crc16(w->out, w->at) : 0);
}

static const struct {
	const char *name;
	void (*write)(struct writer *w, const struct sor *s);
} blocks[] = {{"GenParams", general}, {"SupParams", supplier}, {"FxdParams", fixed},
              {"KeyEvents", events},  {"DataPts", points},     {"Cksum", checksum}};
#define BLOCKS (sizeof(blocks) / sizeof(blocks[0]))

static void file(struct writer *w, const struct sor *s, const uint32_t *sizes, uint32_t map_bytes)
{
	text(w, "Map");
	u16(w, MAP_VERSION);
	u32(w, map_bytes);
	u16(w, BLOCKS + 1); /* with the map itself */
	for (size_t i = 0; i < BLOCKS; i++) {
		text(w, blocks[i].name);
		u16(w, MAP_VERSION);
		u32(w, sizes[i]);
	}
	for (size_t i = 0; i < BLOCKS; i++) {
		text(w, blocks[i].name);
		blocks[i].write(w, s);
	}
}

int sor_write(const struct sor *s, uint8_t **out, size_t *n, struct err *err)
{
	struct writer w = {NULL, 0};
	uint32_t sizes[BLOCKS], map_bytes = 4 + 2 + 4 + 2;

	if (s->event_count > SOR_EVENTS_MAX)
		return err_set(err, EINVAL, "KeyEvents: %u are more than %d", s->event_count,
		               SOR_EVENTS_MAX);
	if (s->point_count < 1 || s->point_count > SOR_POINTS_MAX)
		return err_set(err, EINVAL, "DataPts: %u points are not 1 to %u", s->point_count,
		               SOR_POINTS_MAX);
	for (size_t i = 0; i < BLOCKS; i++) {
		size_t before = w.at;

		text(&w, blocks[i].name);
		blocks[i].write(&w, s);
		sizes[i] = (uint32_t)(w.at - before);
		map_bytes += (uint32_t)strlen(blocks[i].name) + 1 + 2 + 4;
	}
	*n = map_bytes + w.at;
	w = (struct writer){malloc(*n), 0};
	if (w.out == NULL)
		return err_set(err, ENOMEM, ".sor: out of memory");
	file(&w, s, sizes, map_bytes);
	*out = w.out;
	return 0;
}
