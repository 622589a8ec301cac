/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/sor.h"
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What other programs read in other makers' files (pyOTDR): km, loss dB, reflectance dB. */
static const struct {
	const char *name;
	uint16_t version, pulse_ns;
	uint32_t points;
	double nm;
	enum sor_checksum checksum;
	double total_db;
	unsigned int events;
	struct {
		double km, loss, reflectance;
	} event[6];
} samples[] = {
        {"M200_Sample_005_S13.sor",
         100,
         100,
         16000,
         1310,
         SOR_CHECKSUM_GOOD,
         2.564,
         5,
         {{0, .168, -44.5},
          {.091, .791, -38.5},
          {.395, .045, -52.0},
          {.796, .347, -58.1},
          {3.787, NAN, -30.8}}},
        {"demo_ab.sor",
         100,
         1000,
         11776,
         1310,
         SOR_CHECKSUM_GOOD,
         NAN,
         5,
         {{0, 0, -50.0},
          {12.711, .209, 0},
          {25.351, .087, -51.5},
          {38.047, .149, 0},
          {50.728, 13.2, -16.7}}},
        {"example1-noyes-ofl280.sor",
         200,
         30,
         30000,
         1550,
         SOR_CHECKSUM_GOOD,
         .576,
         3,
         {{0, NAN, NAN}, {.011, .374, NAN}, {3.734, NAN, -23.0}}},
        {"sample1310_lowDR.sor",
         200,
         1000,
         15736,
         1310,
         SOR_CHECKSUM_OTHER,
         6.390,
         3,
         {{0, NAN, NAN}, {2.020, .557, -40.6}, {17.065, 22.8, -38.4}}},
};

static uint8_t *load(const char *dir, const char *name, size_t *n)
{
	char path[512];
	uint8_t *data = malloc(1 << 20);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "rb");
	*n = 0;
	if (f != NULL) {
		*n = fread(data, 1, 1 << 20, f);
		fclose(f);
	}
	return data;
}

static bool near(double got, double want, double by)
{
	bool ok = isnan(want) || fabs(got - want) <= by;

	if (!ok)
		printf("got %g, want %g\n", got, want);
	return ok;
}

static void test_others_files(void)
{
	const char *dir = getenv("LUMENGATE_SAMPLES");

	if (dir == NULL) {
		puts("LUMENGATE_SAMPLES is not set: skipped");
		return;
	}
	for (size_t k = 0; k < sizeof(samples) / sizeof(samples[0]); k++) {
		struct err err = {0};
		struct sor s;
		size_t n;
		uint8_t *data = load(dir, samples[k].name, &n);

		puts(samples[k].name);
		CU_ASSERT_EQUAL_FATAL(sor_read(data, n, &s, &err), 0);
		CU_ASSERT_EQUAL(s.version, samples[k].version);
		CU_ASSERT_EQUAL(s.pulse_ns, samples[k].pulse_ns);
		CU_ASSERT_EQUAL(s.point_count, samples[k].points);
		CU_ASSERT_EQUAL(s.checksum, samples[k].checksum);
		CU_ASSERT(near(sor_wavelength_nm(&s), samples[k].nm, 1));
		CU_ASSERT(near(s.total_loss * 1e-3, samples[k].total_db, 6e-4));
		CU_ASSERT_EQUAL_FATAL(s.event_count, samples[k].events);
		for (unsigned int i = 0; i < s.event_count; i++) {
			const struct sor_event *e = &s.events[i];

			CU_ASSERT(near(sor_distance_km(&s, e->time), samples[k].event[i].km, 6e-4));
			CU_ASSERT(near(e->loss * 1e-3, samples[k].event[i].loss, 6e-2));
			CU_ASSERT(
			        near(e->reflectance * 1e-3, samples[k].event[i].reflectance, 6e-2));
		}
		sor_free(&s);
		free(data);
	}
}

static struct sor example(void)
{
	struct sor s = {
	        .language = "EN",
	        .cable = "C1",
	        .fibre = "dc-a-dc-b",
	        .fibre_type = 652,
	        .nominal_nm = 1625,
	        .from = "A",
	        .to = "B",
	        .condition = "CC",
	        .user_offset = -7,
	        .operator_name = "op",
	        .comment = "a comment",
	        .supplier = "Lumengate",
	        .otdr_serial = "4d4f444c",
	        .date = 1764115200,
	        .unit = "km",
	        .wavelength = 16250,
	        .offset = -12,
	        .offset_distance = -24,
	        .pulse_ns = 500,
	        .spacing = 2446000,
	        .group_index = 146800,
	        .backscatter = 828,
	        .averages = 50000,
	        .average_time = 300,
	        .range = 2446000,
	        .range_distance = 500000,
	        .noise_floor = 32000,
	        .noise_scale = 1000,
	        .loss_threshold = 20,
	        .reflectance_threshold = 65000,
	        .end_threshold = 3000,
	        .trace_type = "ST",
	        .x2 = 5,
	        .y2 = -5,
	        .event_count = 2,
	        .total_loss = 10400,
	        .loss_end = 2448000,
	        .return_loss = 31000,
	        .return_end = 2448000,
	        .point_count = 1000,
	        .scale = 1000,
	};

	s.events = calloc(2, sizeof(*s.events));
	s.points = calloc(1000, sizeof(*s.points));
	s.events[0] = (struct sor_event){.number = 1,
	                                 .time = 612000,
	                                 .slope = 210,
	                                 .loss = 104,
	                                 .reflectance = 0,
	                                 .type = "0F9999LS",
	                                 .end_previous = 1,
	                                 .start = 2,
	                                 .end = 3,
	                                 .start_next = 4,
	                                 .peak = 5,
	                                 .comment = "splice"};
	s.events[1] = (struct sor_event){
	        .number = 2, .time = 2448000, .reflectance = -14700, .type = "1E9999LS"};
	for (int i = 0; i < 1000; i++)
		s.points[i] = (uint16_t)(dice(65536));
	return s;
}

static void test_round_trip(void)
{
	struct sor s = example(), back;
	struct err err = {0};
	uint8_t *file;
	size_t n;

	CU_ASSERT_EQUAL_FATAL(sor_write(&s, &file, &n, &err), 0);
	CU_ASSERT_EQUAL_FATAL(sor_read(file, n, &back, &err), 0);
	CU_ASSERT_EQUAL(back.version, 200);
	CU_ASSERT_EQUAL(back.checksum, SOR_CHECKSUM_GOOD);
	CU_ASSERT_EQUAL(memcmp(back.events, s.events, 2 * sizeof(*s.events)), 0);
	CU_ASSERT_EQUAL(memcmp(back.points, s.points, 1000 * sizeof(*s.points)), 0);
	/* All else by its bytes. */
	free(s.events);
	free(s.points);
	s.events = back.events;
	s.points = back.points;
	s.version = back.version;
	s.checksum = back.checksum;
	CU_ASSERT_EQUAL(memcmp(&s, &back, sizeof(s)), 0);
	CU_ASSERT(near(sor_distance_km(&back, back.events[0].time), 12.4984, 1e-3));
	CU_ASSERT(near(sor_wavelength_nm(&back), 1625, 1e-9));

	/* A bit that turned over shows in the checksum. */
	file[n - 100] ^= 1;
	sor_free(&back);
	CU_ASSERT_EQUAL_FATAL(sor_read(file, n, &back, &err), 0);
	CU_ASSERT_EQUAL(back.checksum, SOR_CHECKSUM_OTHER);
	sor_free(&back);
	free(file);
}

/* Whatever is cut off, the reader says which block is short, and nothing is left behind. */
static void test_cut_short(void)
{
	struct sor s = example(), back;
	struct err err;
	uint8_t *file, *exact;
	size_t n;

	CU_ASSERT_EQUAL_FATAL(sor_write(&s, &file, &n, &err), 0);
	for (size_t cut = 0; cut < n; cut++) {
		err.text[0] = '\0';
		exact = malloc(cut > 0 ? cut : 1);
		memcpy(exact, file, cut);
		CU_ASSERT(sor_read(exact, cut, &back, &err) < 0);
		CU_ASSERT_PTR_NULL(back.points);
		CU_ASSERT(strchr(err.text, ':') != NULL);
		free(exact);
	}
	free(file);
	sor_free(&s);
}

static void put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, 4);
}

static void test_refused(void)
{
	struct sor s = example(), back;
	struct err err = {0};
	uint8_t *file, *name;
	size_t n;

	CU_ASSERT_EQUAL_FATAL(sor_write(&s, &file, &n, &err), 0);
	put32(file + 6, 0xffffffff); /* bytes of the map */
	CU_ASSERT_EQUAL(sor_read(file, n, &back, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "Map"));
	free(file);

	CU_ASSERT_EQUAL_FATAL(sor_write(&s, &file, &n, &err), 0);
	name = memmem(file, n, "SupParams", 9);
	memcpy(name, "GenParams", 9);
	CU_ASSERT_EQUAL(sor_read(file, n, &back, &err), -EINVAL);
	free(file);

	CU_ASSERT_EQUAL_FATAL(sor_write(&s, &file, &n, &err), 0);
	name = memmem(file + 200, n - 200, "DataPts", 8);
	put32(name + 8, 0x7fffffff);
	put32(name + 14, 0x7fffffff);
	CU_ASSERT_EQUAL(sor_read(file, n, &back, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "DataPts"));
	free(file);

	s.point_count = 0;
	CU_ASSERT_EQUAL(sor_write(&s, &file, &n, &err), -EINVAL);
	s.point_count = 1000;
	s.event_count = SOR_EVENTS_MAX + 1;
	CU_ASSERT_EQUAL(sor_write(&s, &file, &n, &err), -EINVAL);
	s.event_count = 2;
	sor_free(&s);
}

static void test_crc(void)
{
	CU_ASSERT_EQUAL(sor_crc16("123456789", 9), 0x29b1);
}

UNIT_MAIN(UNIT(test_crc), UNIT(test_round_trip), UNIT(test_cut_short), UNIT(test_refused),
          UNIT(test_others_files))
