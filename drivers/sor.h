/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * OTDR result files ".sor": read in versions 1 and 2, written in version 2. The layout was
 * worked out from files and from public readers of them, as OpenSOD's RFC0001 describes it:
 * little-endian, a map of blocks, then the blocks in its order; strings end in NUL.
 *
 * Values are kept as they stand in a file, so that writing what was read loses nothing but
 * the blocks that are particular to a maker. Times are of one way: half of what the
 * instrument waited. Distance in km = time in us * 0.299792458 / group index.
 */

#ifndef DRIVERS_SOR_H
#define DRIVERS_SOR_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define SOR_TEXT        128 /* longer texts are cut to it, with their NUL */
#define SOR_EVENTS_MAX  1024
#define SOR_POINTS_MAX  (1u << 20)
#define SOR_DB_PER_UNIT 1e-3 /* of a point, at a scale of 1000 */

struct sor_event {
	uint16_t number;
	uint32_t time;       /* 1e-4 us */
	int16_t slope;       /* mdB/km, of the fibre before it */
	int16_t loss;        /* mdB */
	int32_t reflectance; /* mdB, negative; 0: none */
	/*
	 * [0] 0 loss, 1 reflection, 2 several; [1] F found, A added, E end, and others; then
	 * four digits of a landmark and two letters of the method, "LS" or "2P".
	 */
	char type[9];
	/* 1e-4 us; version 1 has none */
	uint32_t end_previous, start, end, start_next, peak;
	char comment[SOR_TEXT];
};

enum sor_checksum {
	SOR_CHECKSUM_NONE, /* no block for it */
	SOR_CHECKSUM_GOOD,
	SOR_CHECKSUM_OTHER, /* some makers count other bytes, or leave it 0 */
};

struct sor {
	uint16_t version; /* of the map: 100 to 299 */
	enum sor_checksum checksum;

	/* general */
	char language[3]; /* "EN" */
	char cable[SOR_TEXT], fibre[SOR_TEXT];
	uint16_t fibre_type; /* 652: ITU-T G.652; version 1: 0 */
	uint16_t nominal_nm;
	char from[SOR_TEXT], to[SOR_TEXT], cable_code[SOR_TEXT];
	char condition[3]; /* "BC", "CC", "RC" or "OT": as built, current, repaired, other */
	int32_t user_offset, user_offset_distance;
	char operator_name[SOR_TEXT], comment[SOR_TEXT];

	/* supplier */
	char supplier[SOR_TEXT], otdr[SOR_TEXT], otdr_serial[SOR_TEXT], module[SOR_TEXT],
	        module_serial[SOR_TEXT], software[SOR_TEXT], other[SOR_TEXT];

	/* fixed parameters */
	uint32_t date;       /* seconds since 1970 */
	char unit[3];        /* "km", "mt" and others: of what people see */
	uint16_t wavelength; /* 0.1 nm; some version 1 files: nm */
	int32_t offset;      /* of the first point, 1e-4 us */
	int32_t offset_distance;
	uint16_t pulse_ns;
	uint32_t spacing;     /* 1e-8 us, of one point to the next */
	uint32_t group_index; /* 1e-5 */
	uint16_t backscatter; /* -0.1 dB at 1 ns */
	uint32_t averages;
	uint16_t average_time; /* 0.1 s */
	uint32_t range;        /* 1e-4 us */
	uint32_t range_distance;
	int32_t front_panel_offset;
	uint16_t noise_floor; /* -mdB */
	int16_t noise_scale;
	uint16_t power_offset;
	uint16_t loss_threshold;        /* mdB */
	uint16_t reflectance_threshold; /* -mdB */
	uint16_t end_threshold;         /* mdB */
	char trace_type[3];             /* "ST" standard, "RT" reverse, "DT" and "RF" */
	int32_t x1, y1, x2, y2;

	/* key events */
	struct sor_event *events;
	unsigned int event_count;
	int32_t total_loss; /* mdB */
	int32_t loss_start;
	uint32_t loss_end;
	uint16_t return_loss; /* mdB */
	int32_t return_start;
	uint32_t return_end;

	/* points: loss in dB = value * scale * 1e-6, rising with distance */
	uint16_t *points;
	uint32_t point_count;
	uint16_t scale; /* 1000 */
};

/*
 * Read a whole file of N bytes. 0, or -EINVAL with the block and the reason, -ENOTSUP for
 * what no one-trace file has, -ENOMEM. On failure OUT holds nothing.
 */
int sor_read(const void *data, size_t n, struct sor *out, struct err *err);

/*
 * *OUT becomes a file of version 2, to be freed with free(). -EINVAL names the field that
 * does not fit, -ENOMEM.
 */
int sor_write(const struct sor *sor, uint8_t **out, size_t *n, struct err *err);

void sor_free(struct sor *sor);

/* CRC-16 of polynomial 0x1021 from 0xffff, not reflected: "123456789" gives 0x29b1. */
uint16_t sor_crc16(const void *data, size_t n);

/* In nm, whichever way the file has it. */
double sor_wavelength_nm(const struct sor *sor);

/* km of TIME in 1e-4 us, 0 without a group index. */
double sor_distance_km(const struct sor *sor, double time);

/* dB of point I. */
double sor_point_db(const struct sor *sor, uint32_t i);

#endif
