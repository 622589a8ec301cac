/* SPDX-License-Identifier: BSD-3-Clause */

/* Reading .sor: every byte through a cursor that knows its end. */

#include "drivers/sor.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS_MAX 64
#define NAME_MAX_  32 /* of a block */

/* The bytes of one block. Once it is short, everything reads 0. */
struct cursor {
	const uint8_t *p;
	size_t left;
	bool is_short;
};

struct block {
	char name[NAME_MAX_];
	uint16_t version;
	const uint8_t *data;
	size_t bytes;
};

static const uint8_t *take(struct cursor *c, size_t n)
{
	const uint8_t *p = c->p;

	if (c->is_short || n > c->left) {
		c->is_short = true;
		return NULL;
	}
	c->p += n;
	c->left -= n;
	return p;
}

static uint16_t u16(struct cursor *c)
{
	const uint8_t *p = take(c, 2);

	return p == NULL ? 0 : (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t u32(struct cursor *c)
{
	uint32_t low = u16(c);

	return low | (uint32_t)u16(c) << 16;
}

static int16_t i16(struct cursor *c)
{
	return (int16_t)u16(c);
}

static int32_t i32(struct cursor *c)
{
	return (int32_t)u32(c);
}

/* N characters without a NUL. */
static void letters(struct cursor *c, char *out, size_t n)
{
	const uint8_t *p = take(c, n);

	memset(out, 0, n + 1);
	if (p != NULL)
		memcpy(out, p, n);
}

/* Up to and with its NUL; what does not fit is cut. */
static void text(struct cursor *c, char *out, size_t size)
{
	const uint8_t *end = c->is_short ? NULL : memchr(c->p, 0, c->left);
	size_t n;

	out[0] = '\0';
	if (end == NULL) {
		c->is_short = true;
		return;
	}
	n = (size_t)(end - c->p);
	memcpy(out, c->p, n < size ? n : size - 1);
	out[n < size ? n : size - 1] = '\0';
	take(c, n + 1);
}

/* Where blocks lie; those of a version 2 map begin with their names. */
static int read_map(const uint8_t *data, size_t n, struct block *blocks, unsigned int *count,
                    uint16_t *version, struct err *err)
{
	struct cursor c = {data, n, false};
	bool named = n >= 4 && memcmp(data, "Map", 4) == 0;
	uint32_t map_bytes, listed;
	size_t at;

	if (named)
		take(&c, 4);
	*version = u16(&c);
	map_bytes = u32(&c);
	listed = u16(&c);
	if (c.is_short || *version < 100 || *version > 299)
		return err_set(err, EINVAL, "Map: not the beginning of a .sor file");
	if (listed < 1 || listed > BLOCKS_MAX || map_bytes > n)
		return err_set(err, EINVAL, "Map: %u blocks in %u bytes cannot be", listed,
		               map_bytes);
	at = map_bytes;
	*count = listed - 1; /* it counts itself */
	for (unsigned int i = 0; i < *count; i++) {
		struct block *b = &blocks[i];
		uint32_t bytes;
		size_t name;

		text(&c, b->name, sizeof(b->name));
		b->version = u16(&c);
		bytes = u32(&c);
		if (c.is_short || (size_t)(c.p - data) > map_bytes)
			return err_set(err, EINVAL, "Map: ends within the entry of block %u",
			               i + 1);
		if (bytes > n - at)
			return err_set(err, EINVAL, "%.31s: %u bytes, but the file has %zu left",
			               b->name, bytes, n - at);
		b->data = data + at;
		b->bytes = bytes;
		at += bytes;
		name = strlen(b->name) + 1;
		if (!named)
			continue;
		if (bytes < name || memcmp(b->data, b->name, name) != 0)
			return err_set(err, EINVAL, "%.31s: the block does not begin with its name",
			               b->name);
		b->data += name;
		b->bytes -= name;
	}
	return 0;
}

static void read_general(struct cursor *c, struct sor *s, bool v2)
{
	letters(c, s->language, 2);
	text(c, s->cable, sizeof(s->cable));
	text(c, s->fibre, sizeof(s->fibre));
	if (v2)
		s->fibre_type = u16(c);
	s->nominal_nm = u16(c);
	text(c, s->from, sizeof(s->from));
	text(c, s->to, sizeof(s->to));
	text(c, s->cable_code, sizeof(s->cable_code));
	letters(c, s->condition, 2);
	s->user_offset = i32(c);
	if (v2)
		s->user_offset_distance = i32(c);
	text(c, s->operator_name, sizeof(s->operator_name));
	text(c, s->comment, sizeof(s->comment));
}

static void read_supplier(struct cursor *c, struct sor *s)
{
	text(c, s->supplier, sizeof(s->supplier));
	text(c, s->otdr, sizeof(s->otdr));
	text(c, s->otdr_serial, sizeof(s->otdr_serial));
	text(c, s->module, sizeof(s->module));
	text(c, s->module_serial, sizeof(s->module_serial));
	text(c, s->software, sizeof(s->software));
	text(c, s->other, sizeof(s->other));
}

/* Version 1 lacks the distances, the time of averaging and what follows the thresholds. */
static int read_fixed(struct cursor *c, struct sor *s, bool v2, uint32_t *points, struct err *err)
{
	uint16_t pulses;

	s->date = u32(c);
	letters(c, s->unit, 2);
	s->wavelength = u16(c);
	s->offset = i32(c);
	s->offset_distance = v2 ? i32(c) : 0;
	pulses = u16(c);
	if (!c->is_short && pulses != 1)
		return err_set(err, ENOTSUP, "FxdParams: %u pulse widths, not one", pulses);
	s->pulse_ns = u16(c);
	s->spacing = u32(c);
	*points = u32(c);
	s->group_index = u32(c);
	s->backscatter = u16(c);
	s->averages = u32(c);
	s->average_time = v2 ? u16(c) : 0;
	s->range = u32(c);
	s->range_distance = v2 ? u32(c) : 0;
	s->front_panel_offset = i32(c);
	s->noise_floor = u16(c);
	s->noise_scale = i16(c);
	s->power_offset = u16(c);
	s->loss_threshold = u16(c);
	s->reflectance_threshold = u16(c);
	s->end_threshold = u16(c);
	if (!v2)
		return 0;
	letters(c, s->trace_type, 2);
	s->x1 = i32(c);
	s->y1 = i32(c);
	s->x2 = i32(c);
	s->y2 = i32(c);
	return 0;
}

static int read_events(struct cursor *c, struct sor *s, bool v2, struct err *err)
{
	unsigned int n = u16(c);

	if (n > SOR_EVENTS_MAX)
		return err_set(err, ENOTSUP, "KeyEvents: %u are more than %d", n, SOR_EVENTS_MAX);
	s->events = calloc(n > 0 ? n : 1, sizeof(*s->events));
	if (s->events == NULL)
		return err_set(err, ENOMEM, "KeyEvents: out of memory");
	s->event_count = n;
	for (unsigned int i = 0; i < n && !c->is_short; i++) {
		struct sor_event *e = &s->events[i];

		e->number = u16(c);
		e->time = u32(c);
		e->slope = i16(c);
		e->loss = i16(c);
		e->reflectance = i32(c);
		letters(c, e->type, 8);
		if (v2) {
			e->end_previous = u32(c);
			e->start = u32(c);
			e->end = u32(c);
			e->start_next = u32(c);
			e->peak = u32(c);
		}
		text(c, e->comment, sizeof(e->comment));
	}
	s->total_loss = i32(c);
	s->loss_start = i32(c);
	s->loss_end = u32(c);
	s->return_loss = u16(c);
	s->return_start = i32(c);
	s->return_end = u32(c);
	return 0;
}

static int read_points(struct cursor *c, struct sor *s, struct err *err)
{
	uint32_t all = u32(c), n;
	uint16_t traces = u16(c);

	n = u32(c);
	s->scale = u16(c);
	if (c->is_short)
		return 0; /* the caller says so */
	if (traces != 1)
		return err_set(err, ENOTSUP, "DataPts: %u traces, not one", traces);
	if (n != all || n < 1 || n > SOR_POINTS_MAX || n > c->left / 2)
		return err_set(err, EINVAL, "DataPts: %u points of %u in %zu bytes cannot be", n,
		               all, c->left);
	s->points = malloc(n * sizeof(*s->points));
	if (s->points == NULL)
		return err_set(err, ENOMEM, "DataPts: out of memory");
	for (uint32_t i = 0; i < n; i++)
		s->points[i] = u16(c);
	s->point_count = n;
	return 0;
}

static void read_checksum(struct cursor *c, struct sor *s, const uint8_t *data)
{
	const uint8_t *value = c->p;
	uint16_t found = u16(c);

	if (!c->is_short)
		s->checksum = found == sor_crc16(data, (size_t)(value - data)) ? SOR_CHECKSUM_GOOD
		                                                               : SOR_CHECKSUM_OTHER;
}

enum { GENERAL, SUPPLIER, FIXED, EVENTS, POINTS, CHECKSUM, KINDS };

static int read_blocks(const uint8_t *data, const struct block *blocks, unsigned int count,
                       struct sor *s, struct err *err)
{
	static const char *const names[KINDS] = {"GenParams", "SupParams", "FxdParams",
	                                         "KeyEvents", "DataPts",   "Cksum"};
	bool v2 = s->version >= 200, seen[KINDS] = {false};
	uint32_t points = 0;

	for (unsigned int i = 0; i < count; i++) {
		struct cursor c = {blocks[i].data, blocks[i].bytes, false};
		int kind = 0, rc = 0;

		while (kind < KINDS && strcmp(blocks[i].name, names[kind]) != 0)
			kind++;
		if (kind == KINDS)
			continue; /* landmarks, and what makers add */
		if (seen[kind])
			return err_set(err, EINVAL, "%s: is there twice", names[kind]);
		seen[kind] = true;
		if (kind == GENERAL)
			read_general(&c, s, v2);
		else if (kind == SUPPLIER)
			read_supplier(&c, s);
		else if (kind == FIXED)
			rc = read_fixed(&c, s, v2, &points, err);
		else if (kind == EVENTS)
			rc = read_events(&c, s, v2, err);
		else if (kind == POINTS)
			rc = read_points(&c, s, err);
		else
			read_checksum(&c, s, data);
		if (rc < 0)
			return rc;
		if (c.is_short)
			return err_set(err, EINVAL, "%s: the block ends before its last field",
			               names[kind]);
	}
	for (int kind = 0; kind < KINDS; kind++)
		if (!seen[kind] && (kind == FIXED || kind == POINTS))
			return err_set(err, EINVAL, "%s: the file has no such block", names[kind]);
	if (points != s->point_count)
		return err_set(err, EINVAL, "DataPts: %u points, but FxdParams says %u",
		               s->point_count, points);
	return 0;
}

int sor_read(const void *data, size_t n, struct sor *out, struct err *err)
{
	struct block blocks[BLOCKS_MAX];
	unsigned int count = 0;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = read_map(data, n, blocks, &count, &out->version, err);
	if (rc == 0)
		rc = read_blocks(data, blocks, count, out, err);
	if (rc < 0)
		sor_free(out);
	return rc;
}
